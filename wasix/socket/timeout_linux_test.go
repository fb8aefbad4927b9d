package socket_test

import (
	"bytes"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

func TestTimeouts(t *testing.T) {
	noLeaks(t)
	l := listener(t, 1)
	for _, opt := range []abi.SockOption{abi.SockOptionRecvTimeout, abi.SockOptionAcceptTimeout} {
		wantErr(t, "set", l.SetTime(opt, moment, true), nil)
		_, _, err := l.Accept(l.d, l.w)
		wantErr(t, "accept", err, syscall.EAGAIN)
		wantErr(t, "unset", l.SetTime(opt, 0, false), nil)
	}

	c, s := connected(t, abi.SockTypeStream)
	for _, opt := range []abi.SockOption{abi.SockOptionRecvTimeout, abi.SockOptionSendTimeout} {
		wantErr(t, "set", s.SetTime(opt, moment, true), nil)
	}
	for _, flags := range []abi.Riflags{0, abi.RiflagsWaitall, abi.RiflagsWaitall | abi.RiflagsPeek} {
		_, err := s.recv(1, flags)
		wantErr(t, "recv", err, syscall.EAGAIN)
	}
	if _, err := c.send([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	for _, flags := range []abi.Riflags{abi.RiflagsWaitall | abi.RiflagsPeek, abi.RiflagsWaitall} {
		b, err := s.recv(9, flags)
		if string(b) != "abc" || err != nil {
			t.Errorf("recv what came in time: %q, %v", b, err)
		}
	}
	big := make([]byte, 16<<20)
	if n, err := s.send(big); n == 0 || n == len(big) || err != nil {
		t.Errorf("send what fitted in time: %d, %v", n, err)
	}
	if n, err := s.send(big); n == len(big) || n == 0 && err != syscall.EAGAIN {
		t.Errorf("send to a full socket: %d, %v", n, err)
	}
}

func TestAcceptedInheritsTimeouts(t *testing.T) {
	noLeaks(t)
	l := listener(t, 1)
	wantErr(t, "set", l.SetTime(abi.SockOptionRecvTimeout, 5e9, true), nil)
	wantErr(t, "set", l.SetTime(abi.SockOptionSendTimeout, 6e9, true), nil)
	connect(t, open(t, abi.SockTypeStream), l.name(t))
	s, _, err := l.Accept(l.d, l.w)
	if err != nil {
		t.Fatal(err)
	}
	a := newEnd(t, s)
	for opt, want := range map[abi.SockOption]uint64{abi.SockOptionRecvTimeout: 5e9, abi.SockOptionSendTimeout: 6e9} {
		if d, set, err := a.Time(opt); d != want || !set || err != nil {
			t.Errorf("%v: %d, %v, %v", opt, d, set, err)
		}
	}
}

func TestConnectTimeouts(t *testing.T) {
	noLeaks(t)
	e, addr := stuck(t)
	wantStatus(t, e, abi.SockStatusOpening)
	wantErr(t, "set", e.SetTime(abi.SockOptionSendTimeout, moment, true), nil)
	wantErr(t, "connect", e.Connect(e.d, e.w, addr), syscall.EINPROGRESS)
	wantStatus(t, e, abi.SockStatusOpening)
	wantErr(t, "goes on", e.Connect(e.d, e.w, addr), syscall.EINPROGRESS)

	wantErr(t, "set", e.SetTime(abi.SockOptionConnectTimeout, moment, true), nil)
	wantErr(t, "connect", e.Connect(e.d, e.w, addr), syscall.ETIMEDOUT)
	wantStatus(t, e, abi.SockStatusFailed)
	l := listener(t, 1)
	wantErr(t, "usable", e.Connect(e.d, e.w, l.name(t)), nil)
	wantStatus(t, e, abi.SockStatusOpened)
}

func TestInterrupt(t *testing.T) {
	noLeaks(t)
	l := listener(t, 1)
	c, s := connected(t, abi.SockTypeStream)
	stuck, addr := stuck(t)
	for what, op := range map[string]func(*end) error{
		"accept":  func(*end) error { _, _, err := l.Accept(l.d, l.w); return err },
		"recv":    func(*end) error { _, err := s.recv(1, 0); return err },
		"all":     func(*end) error { _, err := s.recv(1, abi.RiflagsWaitall); return err },
		"peek":    func(*end) error { _, err := s.recv(1, abi.RiflagsWaitall|abi.RiflagsPeek); return err },
		"connect": func(*end) error { return stuck.Connect(stuck.d, stuck.w, addr) },
	} {
		for _, e := range []*end{l, s, stuck} {
			e.w.Attend()
			time.AfterFunc(time.Millisecond, e.w.Interrupt)
		}
		wantErr(t, what, op(nil), syscall.EINTR)
	}
	wantStatus(t, stuck, abi.SockStatusOpening)
	wantErr(t, "nothing is pending", s.TakeError(), nil)

	time.AfterFunc(time.Millisecond, c.w.Interrupt)
	data := make([]byte, 64<<20)
	if n, err := c.send(data); n == 0 || n == len(data) || err != nil {
		t.Errorf("send, interrupted: %d, %v", n, err)
	}
	c.w.Interrupt()
	for range 100 { // the kernel may take a little more at first
		n, err := c.send(data)
		if n == 0 {
			wantErr(t, "send", err, syscall.EINTR)
			return
		}
		c.w.Interrupt()
	}
	t.Error("send was never interrupted")
}

// TestCloseWhileWaiting closes a socket under every kind of waiter.
func TestCloseWhileWaiting(t *testing.T) {
	noLeaks(t)
	_, addr := stuck(t)
	tab := newTable(network.Host())
	r := &run{system: tab, t: t, family: unix.AF_INET}
	l, _ := r.listener(1)
	c, s := r.pair()
	d, _ := r.bound(unix.SOCK_DGRAM)
	going := r.open(unix.SOCK_STREAM)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	until := func(what string, fd int, op func() error) {
		wg.Go(func() {
			for err := error(nil); ; {
				if err = op(); err == nil {
					select {
					case <-stop:
						t.Errorf("%s: no end", what)
						return
					default:
						continue
					}
				}
				wantErr(t, what, err, syscall.EBADF)
				return
			}
		})
	}
	until("accept", l, func() error { _, _, err := r.accept(l); return err })
	until("recv", s, func() error { _, err := r.recv(s, 1, 0); return err })
	until("peek", s, func() error { _, err := r.recv(s, 1, unix.MSG_PEEK|unix.MSG_WAITALL); return err })
	until("send", c, func() error { _, err := r.send(c, string(make([]byte, 1<<20)), 0); return err })
	until("recvfrom", d, func() error { _, err := r.recv(d, 1, 0); return err })
	until("connect", going, func() error { return r.connect(going, theirAddr(addr)) })
	time.Sleep(10 * time.Millisecond) // so that most of them wait by now
	for _, fd := range []int{l, c, d, going, s} {
		wantErr(t, "close", r.close(fd), nil)
	}
	watchdog := time.AfterFunc(30*time.Second, func() { close(stop) })
	wg.Wait()
	watchdog.Stop()
	tab.fds.CloseAll()
}

// TestManyThreads has threads of all sorts use the same sockets while these
// come and go: nothing may be lost, mixed up or left behind.
func TestManyThreads(t *testing.T) {
	noLeaks(t)
	tab := newTable(network.Host())
	r := &run{system: tab, t: t, family: unix.AF_INET}
	l, addr := r.listener(64)
	const clients, rounds = 8, 40
	var echoed atomic.Int64
	var servers, callers sync.WaitGroup
	for range 4 {
		servers.Go(func() {
			for {
				fd, _, err := tab.accept(l)
				if err != nil {
					wantErr(t, "accept", err, syscall.EBADF)
					return
				}
				servers.Go(func() {
					for {
						b, err := r.recv(fd, 100, 0)
						if len(b) == 0 || err != nil {
							break
						}
						if _, err := r.send(fd, string(b), 0); err != nil {
							break
						}
					}
					wantErr(t, "close", tab.close(fd), nil)
				})
			}
		})
	}
	for i := range clients {
		callers.Go(func() {
			for j := range rounds {
				fd, err := tab.socket(unix.AF_INET, unix.SOCK_STREAM)
				if err != nil {
					t.Error(err)
					return
				}
				word := bytes.Repeat([]byte{byte('a' + i), byte('a' + j%26)}, 20)
				wantErr(t, "connect", tab.connect(fd, addr), nil)
				if _, err := r.send(fd, string(word), 0); err != nil {
					t.Error(err)
				}
				if b, err := r.recv(fd, len(word), unix.MSG_WAITALL); !bytes.Equal(b, word) || err != nil {
					t.Errorf("echo of %q: %q, %v", word, b, err)
				}
				echoed.Add(1)
				wantErr(t, "close", tab.close(fd), nil)
			}
		})
	}
	callers.Wait()
	wantErr(t, "close", tab.close(l), nil)
	servers.Wait()
	if n := echoed.Load(); n != clients*rounds {
		t.Errorf("%d of %d were echoed", n, clients*rounds)
	}
}
