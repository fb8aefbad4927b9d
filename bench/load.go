//go:build linux

package main

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// workload is a pattern of echo round trips.
type workload struct {
	name        string
	program     string // of the guest and native variants
	connections int
	size        int // bytes of a message
}

var echoWorkloads = []workload{
	{"1 connection, 64 B", "echo-threads", 1, 64},
	{"1 connection, 16 KiB", "echo-threads", 1, 16 << 10},
	{"64 connections, 64 B, a thread each", "echo-threads", 64, 64},
	{"64 connections, 16 KiB, a thread each", "echo-threads", 64, 16 << 10},
	{"64 connections, 64 B, poll", "echo-poll", 64, 64},
	{"64 connections, 16 KiB, poll", "echo-poll", 64, 16 << 10},
	{"1 connection, 64 B, epoll", "echo-epoll", 1, 64},
	{"64 connections, 64 B, epoll", "echo-epoll", 64, 64},
}

// sample is what one variant did in one round.
type sample struct {
	rate float64 // operations per second
	cpu  float64 // server processor seconds per operation
}

// warmup is how long a variant runs before it is measured.
const warmup = 60 * time.Millisecond

// load drives s for the measured time, from the load generator's processor.
func load(s *server, w workload) (sample, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore, err := pin(loadCPU)
	if err != nil {
		return sample{}, err
	}
	defer restore()
	g, err := newGenerator(s.addr, w)
	if err != nil {
		return sample{}, err
	}
	defer g.close()
	if _, err := g.run(warmup); err != nil {
		return sample{}, err
	}
	cpu, start := s.cpu(), time.Now()
	n, err := g.run(*slice)
	if err != nil {
		return sample{}, err
	}
	if n == 0 {
		return sample{}, fmt.Errorf("no round trip in %v", *slice)
	}
	took, used := time.Since(start), s.cpu()-cpu
	return sample{float64(n) / took.Seconds(), used.Seconds() / float64(n)}, nil
}

// generator keeps one message in flight on each connection.
type generator struct {
	epfd    int
	conns   []int
	missing map[int32]int // bytes of the echo still to come, by descriptor
	message []byte
	buf     []byte
}

func newGenerator(addr *unix.SockaddrInet4, w workload) (*generator, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	g := &generator{
		epfd: epfd, missing: map[int32]int{},
		message: make([]byte, w.size), buf: make([]byte, 64<<10),
	}
	for range w.connections {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			g.close()
			return nil, err
		}
		g.conns = append(g.conns, fd)
		if err := g.connect(fd, addr); err != nil {
			g.close()
			return nil, err
		}
	}
	return g, nil
}

func (g *generator) connect(fd int, addr *unix.SockaddrInet4) error {
	if err := unix.Connect(fd, addr); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if err := unix.EpollCtl(g.epfd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		return err
	}
	return g.send(fd)
}

// send starts a round trip; the socket's buffer holds a message.
func (g *generator) send(fd int) error {
	for sent := 0; sent < len(g.message); {
		n, err := unix.Write(fd, g.message[sent:])
		if err != nil {
			return err
		}
		sent += n
	}
	g.missing[int32(fd)] = len(g.message)
	return nil
}

// run makes round trips for d and returns how many ended.
func (g *generator) run(d time.Duration) (n int, err error) {
	events := make([]unix.EpollEvent, 64)
	for end := time.Now().Add(d); time.Now().Before(end); {
		ready, err := unix.EpollWait(g.epfd, events, 1000)
		if err != nil && err != unix.EINTR {
			return n, err
		}
		if ready == 0 {
			return n, fmt.Errorf("no answer for a second")
		}
		for _, ev := range events[:max(ready, 0)] {
			done, err := g.receive(ev.Fd)
			if err != nil {
				return n, err
			}
			if done {
				n++
			}
		}
	}
	return n, nil
}

// receive takes a part of an echo, and starts the next round trip after the last.
func (g *generator) receive(fd int32) (done bool, err error) {
	n, err := unix.Read(int(fd), g.buf)
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, fmt.Errorf("the server closed a connection")
	}
	g.missing[fd] -= n
	if g.missing[fd] > 0 {
		return false, nil
	}
	return true, g.send(int(fd))
}

func (g *generator) close() {
	for _, fd := range g.conns {
		_ = unix.Close(fd)
	}
	_ = unix.Close(g.epfd)
}
