package wasix

import (
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/socket"
)

// level is what poll(2) says of a descriptor.
type level struct{ in, out, err, hup bool }

// kernelLevel asks poll(2), for both directions.
func kernelLevel(t *testing.T, fd int) level {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLOUT}}
	if _, err := unix.Poll(fds, 0); err != nil {
		t.Fatal(err)
	}
	re := fds[0].Revents
	l := level{in: re&unix.POLLIN != 0, out: re&unix.POLLOUT != 0, err: re&unix.POLLERR != 0, hup: re&unix.POLLHUP != 0}
	// POLLERR and POLLHUP answer every question, so both subscriptions.
	l.in, l.out = l.in || l.err || l.hup, l.out || l.err || l.hup
	return l
}

// guestLevel asks poll_oneoff, for both directions.
func guestLevel(t *testing.T, th *Thread, fd uint32) (l level) {
	t.Helper()
	for _, e := range pollFor(t, th, &pollWasix, readOf(1, fd), writeOf(2, fd), after(3, 1)) {
		switch e.userdata {
		case 1:
			l.in = true
		case 2:
			l.out = true
		case 3:
			continue
		}
		l.err = l.err || e.errno != abi.ESUCCESS
		l.hup = l.hup || e.flags&abi.EventrwflagsHangup != 0
	}
	return l
}

// hostPoller is a guest thread that polls sockets of the kernel.
type hostPoller struct {
	*testing.T
	thread *Thread
}

// newHostPoller checks that all descriptors of the kernel are closed again at
// the end of the test.
func newHostPoller(t *testing.T) *hostPoller {
	startPoller()
	before := kernelDescriptors(t)
	g := &hostPoller{t, newTestThread(t)}
	t.Cleanup(func() {
		g.thread.proc.fds.CloseAll()
		if now := kernelDescriptors(t); now != before {
			t.Errorf("descriptors %d -> %d", before, now)
		}
	})
	return g
}

// socket opens a socket and returns the guest's descriptor of it.
func (g *hostPoller) socket(typ abi.SockType) uint32 {
	g.Helper()
	s, err := socket.Open(network.Host(), inet4, typ, 0)
	if err != nil {
		g.Fatal(err)
	}
	return insertFile(g.T, g.thread, s.File(), ^abi.Rights(0))
}

// sys returns the kernel's descriptor behind one of the guest's.
func (g *hostPoller) sys(fd uint32) int {
	g.Helper()
	d, _, err := g.thread.proc.fds.Acquire(fd)
	if err != nil {
		g.Fatal(err)
	}
	defer d.Release()
	return d.File.(ready.SysSource).SysFD()
}

// bound returns a socket bound to a port of the loopback interface.
func (g *hostPoller) bound(typ abi.SockType) (uint32, unix.Sockaddr) {
	g.Helper()
	fd := g.socket(typ)
	if err := unix.Bind(g.sys(fd), &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		g.Fatal(err)
	}
	name, err := unix.Getsockname(g.sys(fd))
	if err != nil {
		g.Fatal(err)
	}
	return fd, name
}

func (g *hostPoller) listener() (uint32, unix.Sockaddr) {
	g.Helper()
	fd, name := g.bound(stream)
	if err := unix.Listen(g.sys(fd), 8); err != nil {
		g.Fatal(err)
	}
	return fd, name
}

// connected returns a socket that is connected, or connecting, to name.
func (g *hostPoller) connected(typ abi.SockType, name unix.Sockaddr) uint32 {
	g.Helper()
	fd := g.socket(typ)
	if err := unix.Connect(g.sys(fd), name); err != nil && err != syscall.EINPROGRESS {
		g.Fatal(err)
	}
	return fd
}

// connection returns the ends of a TCP connection.
func (g *hostPoller) connection() (client, server uint32) {
	g.Helper()
	l, name := g.listener()
	client = g.connected(stream, name)
	g.settle(l, unix.POLLIN)
	d, _, err := g.thread.proc.fds.Acquire(l)
	if err != nil {
		g.Fatal(err)
	}
	s, _, err := socket.Of(d.File).Accept(d, g.thread.waiter)
	if err != nil {
		g.Fatal(err)
	}
	_ = d.Release()
	return client, insertFile(g.T, g.thread, s.File(), ^abi.Rights(0))
}

// settle waits until poll(2) reports what the test has brought about.
func (g *hostPoller) settle(fd uint32, event int16) {
	g.Helper()
	fds := []unix.PollFd{{Fd: int32(g.sys(fd)), Events: event}}
	if n, err := unix.Poll(fds, 10_000); n != 1 || err != nil || fds[0].Revents&event == 0 {
		g.Fatalf("poll(2): %d, %v, %#x; want %#x", n, err, fds[0].Revents, event)
	}
}

func (g *hostPoller) write(fd uint32, n int) {
	g.Helper()
	if _, err := unix.Write(g.sys(fd), make([]byte, n)); err != nil {
		g.Fatal(err)
	}
}

func (g *hostPoller) shutdown(fd uint32, how int) {
	g.Helper()
	if err := unix.Shutdown(g.sys(fd), how); err != nil {
		g.Fatal(err)
	}
}

// socketStates bring a socket to a state and return it.
var socketStates = []struct {
	name string
	make func(*hostPoller) uint32
}{
	{"fresh stream", func(g *hostPoller) uint32 { return g.socket(stream) }},
	{"bound stream", func(g *hostPoller) uint32 { fd, _ := g.bound(stream); return fd }},
	{"listener", func(g *hostPoller) uint32 { fd, _ := g.listener(); return fd }},
	{"listener with a connection", func(g *hostPoller) uint32 {
		l, name := g.listener()
		g.connected(stream, name)
		g.settle(l, unix.POLLIN)
		return l
	}},
	{"listener shut down", func(g *hostPoller) uint32 {
		l, _ := g.listener()
		g.shutdown(l, unix.SHUT_RD)
		return l
	}},
	{"connected", func(g *hostPoller) uint32 { c, _ := g.connection(); return c }},
	{"readable", func(g *hostPoller) uint32 {
		c, s := g.connection()
		g.write(c, 5)
		g.settle(s, unix.POLLIN)
		return s
	}},
	{"full", func(g *hostPoller) uint32 {
		c, _ := g.connection()
		for buf := make([]byte, 1<<16); ; {
			if _, err := unix.Write(g.sys(c), buf); err == syscall.EAGAIN {
				return c
			} else if err != nil {
				g.Fatal(err)
			}
		}
	}},
	{"peer shut down writing", func(g *hostPoller) uint32 {
		c, s := g.connection()
		g.shutdown(c, unix.SHUT_WR)
		g.settle(s, unix.POLLRDHUP)
		return s
	}},
	{"peer closed", func(g *hostPoller) uint32 {
		c, s := g.connection()
		_ = g.thread.proc.fds.Close(c)
		g.settle(s, unix.POLLRDHUP)
		return s
	}},
	{"shut down reading", func(g *hostPoller) uint32 {
		c, _ := g.connection()
		g.shutdown(c, unix.SHUT_RD)
		return c
	}},
	{"shut down writing", func(g *hostPoller) uint32 {
		c, _ := g.connection()
		g.shutdown(c, unix.SHUT_WR)
		return c
	}},
	{"both shut down", func(g *hostPoller) uint32 {
		c, s := g.connection()
		g.shutdown(c, unix.SHUT_WR)
		g.settle(s, unix.POLLRDHUP)
		g.shutdown(s, unix.SHUT_WR)
		g.settle(s, unix.POLLHUP)
		return s
	}},
	{"reset", func(g *hostPoller) uint32 {
		c, s := g.connection()
		if err := unix.SetsockoptLinger(g.sys(c), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
			g.Fatal(err)
		}
		_ = g.thread.proc.fds.Close(c)
		g.settle(s, unix.POLLERR)
		return s
	}},
	{"refused", func(g *hostPoller) uint32 {
		_, name := g.bound(stream)
		c := g.connected(stream, name)
		g.settle(c, unix.POLLERR)
		return c
	}},
	{"fresh datagram", func(g *hostPoller) uint32 { return g.socket(dgram) }},
	{"empty datagram", func(g *hostPoller) uint32 {
		s, name := g.bound(dgram)
		if err := unix.Sendto(g.sys(s), nil, 0, name); err != nil {
			g.Fatal(err)
		}
		g.settle(s, unix.POLLIN)
		return s
	}},
	{"datagram refused", func(g *hostPoller) uint32 {
		_, name := g.bound(stream) // no datagram socket is there
		s := g.connected(dgram, name)
		g.write(s, 1)
		g.settle(s, unix.POLLERR)
		return s
	}},
}

// TestPollSocketsAsLinux compares poll_oneoff with poll(2) on the same sockets.
func TestPollSocketsAsLinux(t *testing.T) {
	for _, c := range socketStates {
		t.Run(c.name, func(t *testing.T) {
			g := newHostPoller(t)
			fd := c.make(g)
			want := kernelLevel(t, g.sys(fd))
			if got := guestLevel(t, g.thread, fd); got != want {
				t.Errorf("%+v, on Linux %+v", got, want)
			}
		})
	}
}

// TestPollPipesAsLinux compares pipes in memory with the kernel's.
func TestPollPipesAsLinux(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(write func(int), closeEnd func(reader bool))
	}{
		{"empty", func(func(int), func(bool)) {}},
		{"data", func(write func(int), _ func(bool)) { write(3) }},
		{"full", func(write func(int), _ func(bool)) { write(64 << 10) }},
		{"almost full", func(write func(int), _ func(bool)) { write(64<<10 - 4096) }},
		{"no writer", func(_ func(int), closeEnd func(bool)) { closeEnd(false) }},
		{"no writer, data", func(write func(int), closeEnd func(bool)) { write(3); closeEnd(false) }},
		{"no reader", func(_ func(int), closeEnd func(bool)) { closeEnd(true) }},
		{"no reader, full", func(write func(int), closeEnd func(bool)) { write(64 << 10); closeEnd(true) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			th := newTestThread(t)
			r, w := newPipe(t, th)
			closed := map[uint32]bool{}
			c.change(func(n int) { writeTo(t, th, w, string(make([]byte, n))) }, func(reader bool) {
				fd := w
				if reader {
					fd = r
				}
				closed[fd] = true
				_ = th.proc.fds.Close(fd)
			})
			var pipe [2]int
			if err := unix.Pipe2(pipe[:], unix.O_NONBLOCK); err != nil {
				t.Fatal(err)
			}
			open := [2]bool{true, true}
			shut := func(i int) {
				if open[i] {
					open[i] = false
					_ = unix.Close(pipe[i])
				}
			}
			defer shut(0)
			defer shut(1)
			c.change(func(n int) { _, _ = unix.Write(pipe[1], make([]byte, n)) }, func(reader bool) {
				if reader {
					shut(0)
				} else {
					shut(1)
				}
			})
			if !closed[r] {
				if got, want := guestLevel(t, th, r), kernelLevel(t, pipe[0]); got != want {
					t.Errorf("reader: %+v, on Linux %+v", got, want)
				}
			}
			if !closed[w] {
				if got, want := guestLevel(t, th, w), kernelLevel(t, pipe[1]); got != want {
					t.Errorf("writer: %+v, on Linux %+v", got, want)
				}
			}
		})
	}
}

// What poll_oneoff told of an error is not lost: the next poll and the next call
// report it.
func TestPollTellsSocketErrors(t *testing.T) {
	g := newHostPoller(t)
	_, name := g.bound(stream)
	c := g.connected(stream, name)
	g.settle(c, unix.POLLERR)
	for range 2 {
		wantEvents(t, pollFor(t, g.thread, &pollPreview1, readOf(1, c), writeOf(2, c)),
			happened{userdata: 1, typ: abi.EventtypeFdRead, errno: abi.ECONNREFUSED, flags: abi.EventrwflagsHangup},
			happened{userdata: 2, typ: abi.EventtypeFdWrite, errno: abi.ECONNREFUSED, flags: abi.EventrwflagsHangup})
	}
	d, _, err := g.thread.proc.fds.Acquire(c)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Release()
	if err := socket.Of(d.File).TakeError(); err != syscall.ECONNREFUSED {
		t.Errorf("SO_ERROR after the polls: %v", err)
	}
}

// A socket that another thread closes while it is polled ends the poll, and the
// peer sees the end.
func TestPollOfClosedSocket(t *testing.T) {
	g := newHostPoller(t)
	idle, _ := g.listener()
	for i := range 20 {
		c, s := g.connection()
		closed := make(chan error)
		go func() {
			if i%2 == 0 {
				time.Sleep(200 * time.Microsecond)
			}
			closed <- g.thread.proc.fds.Close(s)
		}()
		wantEvents(t, pollFor(t, g.thread, &pollPreview1, readOf(1, s), readOf(2, idle)),
			happened{userdata: 1, typ: abi.EventtypeFdRead, errno: abi.EBADF})
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		wantEvents(t, pollFor(t, g.thread, &pollPreview1, readOf(1, c)),
			happened{userdata: 1, typ: abi.EventtypeFdRead})
	}
}

// A guest may name a descriptor more than once, and so subscribe to more than
// the host may have open.
func TestPollMoreThanTheHostMayOpen(t *testing.T) {
	g := newHostPoller(t)
	fd := g.socket(dgram)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 64
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}()
	subs := make([]subscribed, 100)
	for i := range subs {
		subs[i] = writeOf(uint64(i), fd)
	}
	if got := pollFor(t, g.thread, &pollPreview1, subs...); len(got) != len(subs) {
		t.Errorf("%d events, want %d", len(got), len(subs))
	}
}

// TestPollSocketsDoesNotAllocate polls sockets of the kernel, ready and not.
func TestPollSocketsDoesNotAllocate(t *testing.T) {
	g := newHostPoller(t)
	c, s := g.connection()
	for name, subs := range map[string][]subscribed{
		"ready":   {readOf(1, c), writeOf(2, c), readOf(3, s)},
		"waiting": {readOf(1, c), readOf(2, s), after(3, 200*time.Microsecond)},
	} {
		subscribeAll(g.thread, &pollPreview1, subs)
		params := make([]uint64, 4)
		allocs := testing.AllocsPerRun(100, func() {
			copy(params, []uint64{pollIn, pollOut, uint64(len(subs)), pollCount})
			if e := poll(g.thread, params); e != abi.ESUCCESS {
				t.Fatal(e)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// The count of bytes that can be read is that of FIONREAD.
func TestPollTellsBytes(t *testing.T) {
	g := newHostPoller(t)
	c, s := g.connection()
	g.write(c, 1234)
	g.settle(s, unix.POLLIN)
	wantEvents(t, pollFor(t, g.thread, &pollPreview1, readOf(1, s)),
		happened{userdata: 1, typ: abi.EventtypeFdRead, nbytes: 1234})
}

// Directories and regular files are always ready.
func TestPollDirectory(t *testing.T) {
	m, _ := hostMount(t, false)
	th := newFileThread(t, m)
	if got, want := guestLevel(t, th, 3), (level{in: true, out: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
