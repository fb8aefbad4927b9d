package wasix

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/socket"
)

// waitSet is a guest with descriptors to wait for, the last of which is
// readable. kernel are the same on the host, where they are the kernel's.
type waitSet struct {
	*Thread
	fds    []uint32
	kernel []int
	params [4]uint64 // of poll_oneoff
}

const (
	waitEpollAt = 0x10
	waitCountAt = 0x20
	waitInAt    = 0x100
	waitMost    = 64 // events of one epoll_wait, as wasix-libc asks for
)

// newWaitSet makes the memory large enough for a subscription and an event of
// each, and for what epoll_wait may store.
func newWaitSet(t testing.TB, idle int) *waitSet {
	w := &waitSet{Thread: newTestThread(t)}
	w.mem = make([]byte, waitInAt+max(waitMost*abi.SizeofEpollEvent, (idle+1)*(abi.SizeofSubscription+abi.SizeofEvent)))
	return w
}

// sockets are datagram sockets, of which one has a datagram.
func sockets(t testing.TB, idle int) *waitSet {
	w := newWaitSet(t, idle)
	for range idle + 1 {
		s, err := socket.Open(network.Host(), inet4, abi.SockTypeDgram, 0)
		if err != nil {
			t.Fatal(err)
		}
		w.fds = append(w.fds, insertFile(t, w.Thread, s.File(), ^abi.Rights(0)))
		w.kernel = append(w.kernel, s.File().(ready.SysSource).SysFD())
	}
	last := w.kernel[idle]
	err := unix.Bind(last, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if err == nil {
		var to unix.Sockaddr
		if to, err = unix.Getsockname(last); err == nil {
			err = unix.Sendto(last, []byte("x"), 0, to)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// pipes are in memory, and one has a byte.
func pipes(t testing.TB, idle int) *waitSet {
	w := newWaitSet(t, idle)
	for i := range idle + 1 {
		r, wr := newPipe(t, w.Thread)
		w.fds = append(w.fds, r)
		if i == idle {
			writeTo(t, w.Thread, wr, "x")
		}
	}
	return w
}

// watch makes an epoll instance that watches all.
func (w *waitSet) watch(t testing.TB) {
	if errno := epollCreate(w.Thread, []uint64{waitEpollAt}); errno != abi.ESUCCESS {
		t.Fatal(errno)
	}
	ep := uint64(binary.LittleEndian.Uint32(w.mem[waitEpollAt:]))
	binary.LittleEndian.PutUint32(w.mem[waitInAt:], uint32(abi.EpollTypeIn))
	for _, fd := range w.fds {
		if errno := epollCtl(w.Thread, []uint64{ep, uint64(abi.EpollCtlAdd), uint64(fd), waitInAt}); errno != abi.ESUCCESS {
			t.Fatal(errno)
		}
	}
}

// epollWait waits once, for the one that is ready.
func (w *waitSet) epollWait(t testing.TB) {
	ep := uint64(binary.LittleEndian.Uint32(w.mem[waitEpollAt:]))
	params := [...]uint64{ep, waitInAt, waitMost, 1<<64 - 1, waitCountAt}
	if errno := epollWait(w.Thread, params[:]); errno != abi.ESUCCESS || w.mem[waitCountAt] != 1 {
		t.Fatal(errno, w.mem[waitCountAt])
	}
}

// subscribeAll asks for all of them.
func (w *waitSet) subscribeAll() {
	for i, fd := range w.fds {
		readOf(uint64(i), fd).store(&pollPreview1, w.mem[waitInAt+i*abi.SizeofSubscription:])
	}
}

// pollOnce polls once, for the one that is ready.
func (w *waitSet) pollOnce(t testing.TB) {
	n := uint64(len(w.fds))
	w.params = [...]uint64{waitInAt, waitInAt + n*abi.SizeofSubscription, n, waitCountAt}
	if errno := poll(w.Thread, w.params[:]); errno != abi.ESUCCESS || w.mem[waitCountAt] != 1 {
		t.Fatal(errno, w.mem[waitCountAt])
	}
}

var waitSets = map[string]func(testing.TB, int) *waitSet{"sockets": sockets, "pipes": pipes}

// A wait allocates nothing, however many descriptors there are.
func TestWaitingDoesNotAllocate(t *testing.T) {
	for name, newSet := range waitSets {
		for _, idle := range []int{0, 99, 999} {
			w := newSet(t, idle)
			w.watch(t)
			if n := testing.AllocsPerRun(20, func() { w.epollWait(t) }); n != 0 {
				t.Errorf("%d %s: %v allocations in epoll_wait", idle, name, n)
			}
			w.subscribeAll()
			if n := testing.AllocsPerRun(20, func() { w.pollOnce(t) }); n != 0 {
				t.Errorf("%d %s: %v allocations in poll_oneoff", idle, name, n)
			}
		}
	}
}

// BenchmarkWait waits for one that is ready among idle ones, as a guest does and
// as a program of the host.
func BenchmarkWait(b *testing.B) {
	for _, idle := range []int{0, 99, 9999} {
		for name, newSet := range waitSets {
			w := newSet(b, idle)
			b.Run(fmt.Sprintf("epoll_wait/%s/%d", name, idle+1), func(b *testing.B) {
				w.watch(b)
				b.ReportAllocs()
				for b.Loop() {
					w.epollWait(b)
				}
			})
			b.Run(fmt.Sprintf("poll_oneoff/%s/%d", name, idle+1), func(b *testing.B) {
				w.subscribeAll()
				b.ReportAllocs()
				for b.Loop() {
					w.pollOnce(b)
				}
			})
			if w.kernel != nil {
				b.Run(fmt.Sprintf("epoll_wait/host/%d", idle+1), func(b *testing.B) { waitOnHost(b, w.kernel) })
				b.Run(fmt.Sprintf("poll_oneoff/host/%d", idle+1), func(b *testing.B) { pollOnHost(b, w.kernel) })
			}
			w.proc.fds.CloseAll()
		}
	}
}

func waitOnHost(b *testing.B, fds []int) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(ep)
	for _, fd := range fds {
		if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
			b.Fatal(err)
		}
	}
	events := make([]unix.EpollEvent, 64)
	for b.Loop() {
		if n, err := unix.EpollWait(ep, events, -1); n != 1 {
			b.Fatal(n, err)
		}
	}
}

func pollOnHost(b *testing.B, fds []int) {
	polled := make([]unix.PollFd, len(fds))
	for i, fd := range fds {
		polled[i] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	}
	for b.Loop() {
		if n, err := unix.Poll(polled, -1); n != 1 {
			b.Fatal(n, err)
		}
	}
}
