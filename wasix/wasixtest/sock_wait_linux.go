package wasixtest

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
)

// wait is a call that waits without end, on a socket of its own.
type wait struct {
	name     string
	families []abi.AddressFamily
	// prepare returns the socket, the arguments of the call, and the peer, if
	// there is one that will see the end of the socket.
	prepare func(*sockGuest) (fd uint64, args []uint64, p peer)
	sends   bool
}

var waits = []wait{
	{"sock_accept_v2", every, func(g *sockGuest) (uint64, []uint64, peer) {
		fd, _ := g.listener(1)
		return fd, []uint64{fd, 0, fdAt, fromAt}, nil
	}, false},
	{"sock_connect", inet, func(g *sockGuest) (uint64, []uint64, peer) {
		g.listener(0)
		g.fill(1)
		fd := g.open(stream)
		return fd, []uint64{fd, addrAt}, nil
	}, false},
	{"sock_recv", every, func(g *sockGuest) (uint64, []uint64, peer) {
		fd, p := g.connection()
		at, n := g.iovs(8)
		return fd, []uint64{fd, at, n, 0, lenAt, flagsAt}, p
	}, false},
	{"fd_read", every, func(g *sockGuest) (uint64, []uint64, peer) {
		fd, p := g.connection()
		at, n := g.iovs(8)
		return fd, []uint64{fd, at, n, lenAt}, p
	}, false},
	{"sock_recv_from", every, func(g *sockGuest) (uint64, []uint64, peer) {
		fd, _ := g.datagrams()
		at, n := g.iovs(8)
		return fd, []uint64{fd, at, n, 0, lenAt, flagsAt, fromAt}, nil
	}, false},
	{"sock_send", every, func(g *sockGuest) (uint64, []uint64, peer) {
		fd, p := g.connection()
		g.stuff(fd)
		at, n := g.iovs(8)
		return fd, []uint64{fd, at, n, 0, lenAt}, p
	}, true},
	{"sock_send_file", every, func(g *sockGuest) (uint64, []uint64, peer) {
		fd, p := g.connection()
		file := g.openFile()
		g.stuff(fd)
		return fd, []uint64{fd, file, 2, 1 << 40, valueAt}, p
	}, true},
}

// stuff sends until poll_oneoff waits in vain for room and still nothing fits. A peer
// takes in what was sent when it gets to it, and then there is some again, be it less
// than poll_oneoff tells of.
func (g *sockGuest) stuff(fd uint64) {
	g.t.Helper()
	const room, settled = 0, 10_000_000 // the subscription's index; nanoseconds
	for full := false; !full; {
		full = true
		for _, size := range []uint32{0x4000, 1} {
			at, n := g.iovs(size)
			for g.Call("sock_send", fd, at, n, uint64(abi.SiflagsDontWait), lenAt) == abi.ESUCCESS {
				full = false
			}
		}
		waits := g.subscribe([]subscription{room: {abi.EventtypeFdWrite, fd}, 1: {abi.EventtypeClock, settled}})
		if errno := g.Call("poll_oneoff", waits...); errno != abi.ESUCCESS {
			g.t.Fatal(errno)
		}
		full = full && g.Bytes(eventAt, 1)[0] != room
		g.Mask()
	}
}

// waitCases has each wait end in each of the ways there are.
func waitCases() (rows []sockCase) {
	ends := []struct {
		name string
		run  func(*sockGuest, wait)
	}{
		{"ends with EBADF when another thread closes the socket", waitClosed},
		{"ends with EBADF also when the descriptor is another socket by then", waitReplaced},
		{"ends when the process is killed", waitKilled},
		{"ends when the context of the process is done", waitCancelled},
		{"of the main thread ends when the process is killed", waitKilledMain},
	}
	for _, w := range waits {
		for _, end := range ends {
			rows = append(rows, sockCase{w.name + " " + end.name, func(g *sockGuest) { end.run(g, w) }, w.families})
		}
	}
	return append(rows,
		sockCase{"poll_oneoff ends when the process is killed", pollKilled, every},
		sockCase{"a socket with two descriptors lives until both are closed", waitDuplicated, every})
}

// wantGone checks that a peer finds the end of the stream, or a reset where the
// guest had not read everything.
func (g *sockGuest) wantGone(p peer) {
	g.t.Helper()
	if p == nil {
		return
	}
	if _, err := io.Copy(io.Discard, p); err != nil && !isReset(err) {
		g.t.Errorf("the peer sees %v", err)
	}
}

// closeUnderWait prepares w, has a thread wait in it, closes the socket, does
// what comes next, and checks that the wait ends with EBADF. A call that sends
// may succeed: the kernel makes room in a full stream when it likes. Then all of it
// is done again.
func closeUnderWait(g *sockGuest, w wait, next func(fd uint64) []Write) (fd uint64, p peer) {
	g.t.Helper()
	const attempts = 20
	for range attempts {
		var args []uint64
		fd, args, p = w.prepare(g)
		call := g.spawn(w.name, args...)
		g.close(fd)
		writes := next(fd)
		errno := call.join()
		if errno == abi.EBADF {
			g.Wrote(writes...)
			return fd, p
		}
		if errno != abi.ESUCCESS || !w.sends {
			g.t.Fatalf("the waiting call returns %v, want EBADF", errno)
		}
		g.Mask()
	}
	g.t.Fatalf("%d times the kernel made room", attempts)
	return 0, nil
}

func waitClosed(g *sockGuest, w wait) {
	fd, p := closeUnderWait(g, w, func(uint64) []Write { return nil })
	g.wants(abi.EBADF, nil, "sock_addr_local", fd, nameAt)
	g.wantGone(p)
}

// waitReplaced opens sockets until one has the number of the closed one. It must
// be untouched by the end of the wait.
func waitReplaced(g *sockGuest, w wait) {
	const againAt = 0x600
	fd, p := closeUnderWait(g, w, func(fd uint64) []Write {
		for again := uint32(0); again != uint32(fd); again = binary.LittleEndian.Uint32(g.Bytes(againAt, 4)) {
			g.wants(abi.ESUCCESS, nil, "sock_open", uint64(g.family), uint64(stream), 0, againAt)
		}
		return []Write{{againAt, le32(uint32(fd))}}
	})
	g.usable(fd)
	g.wantGone(p)
}

// ends waits for the end of the process, which was no end of its own.
func (g *sockGuest) ends(cause error) {
	g.t.Helper()
	<-g.Process.Done()
	err := g.wait()
	var exit *wasix.ExitError
	if !errors.As(err, &exit) || exit.Signal() != abi.SignalKill || cause != nil && !errors.Is(err, cause) {
		g.t.Errorf("%v, want death by SIGKILL, because of %v", err, cause)
	}
}

func waitKilled(g *sockGuest, w wait) {
	_, args, p := w.prepare(g)
	g.spawn(w.name, args...)
	g.Process.Kill()
	g.ends(nil)
	g.wantGoneOnHost(p)
}

func waitCancelled(g *sockGuest, w wait) {
	_, args, p := w.prepare(g)
	g.spawn(w.name, args...)
	g.cancel()
	g.ends(context.Canceled)
	g.wantGoneOnHost(p)
}

// wantGoneOnHost is wantGone after the end of the guest.
func (g *sockGuest) wantGoneOnHost(p peer) {
	g.t.Helper()
	if p, ok := p.(hostPeer); ok {
		g.wantGone(p)
	}
}

func waitKilledMain(g *sockGuest, w wait) {
	_, args, p := w.prepare(g)
	ended := make(chan error)
	go func() {
		_, err := g.Process.Call(w.name, args...)
		ended <- err
	}()
	g.Process.Kill()
	if err := <-ended; err == nil && !w.sends { // for which the kernel may have made room before
		g.t.Error("the call returned to the guest")
	}
	g.ends(nil)
	g.wantGoneOnHost(p)
}

func pollKilled(g *sockGuest) {
	fd, _ := g.listener(1)
	g.spawn("poll_oneoff", g.subscribe([]subscription{{abi.EventtypeFdRead, fd}})...)
	g.Process.Kill()
	g.ends(nil)
}

func waitDuplicated(g *sockGuest) {
	fd, p := g.connection()
	again := g.newFD("fd_dup", fd, fdAt)
	g.close(fd)
	g.talk(again, p)
	g.close(again)
	wantEOF(g.t, p)
}

var shutdownCases = []sockCase{
	{"what is no socket cannot", shutdownWrong, nil},
	{"a socket without the right cannot", shutdownRights, every},
	{"a stream that is not connected cannot", shutdownNotConnected, inet},
	{"an unknown direction is INVAL", shutdownUnknown, every},
	{"the peer sees the end of what is written, and can go on", shutdownWrite, every},
	{"reading finds the end", shutdownRead, every},
	{"a waiting read finds the end", shutdownWaiting, every},
	{"a waiting accept ends with EINVAL", shutdownAccept, every},
	{"both directions leave a socket that can only be closed", shutdownBoth, every},
}

func shutdownWrong(g *sockGuest) {
	g.wants(abi.EBADF, nil, "sock_shutdown", notOpen, uint64(abi.SdflagsWr))
	g.wants(abi.ENOTSOCK, nil, "sock_shutdown", root, uint64(abi.SdflagsWr))
}

func shutdownRights(g *sockGuest) {
	g.wants(abi.EACCES, nil, "sock_shutdown", withoutRight(abi.RightsSockShutdown)(g), uint64(abi.SdflagsWr))
}

func shutdownNotConnected(g *sockGuest) {
	for _, how := range []abi.Sdflags{abi.SdflagsRd, abi.SdflagsWr, abi.SdflagsRd | abi.SdflagsWr} {
		g.wants(abi.ENOTCONN, nil, "sock_shutdown", g.open(stream), uint64(how))
	}
}

func shutdownUnknown(g *sockGuest) {
	fd, p := g.connection()
	for _, how := range []uint64{0, 4, 7, 255, 256, 257, 1 << 31} {
		g.wants(abi.EINVAL, nil, "sock_shutdown", fd, how)
	}
	g.talk(fd, p)
}

func shutdownWrite(g *sockGuest) {
	fd, p := g.connection()
	g.sends(fd, "last words")
	g.wants(abi.ESUCCESS, nil, "sock_shutdown", fd, uint64(abi.SdflagsWr))
	wantRead(g.t, p, "last words")
	wantEOF(g.t, p)
	at, n := g.iovs(1)
	g.wants(abi.EPIPE, nil, "sock_send", fd, at, n, 0, lenAt)
	_, _ = p.Write([]byte("answer"))
	g.receives(fd, "answer")
}

func shutdownRead(g *sockGuest) {
	fd, p := g.connection()
	g.wants(abi.ESUCCESS, nil, "sock_shutdown", fd, uint64(abi.SdflagsRd))
	g.receives(fd, "")
	g.sends(fd, "data")
	wantRead(g.t, p, "data")
}

func shutdownWaiting(g *sockGuest) {
	fd, _ := g.connection()
	at, n := g.iovs(8)
	w := g.spawn("sock_recv", fd, at, n, 0, lenAt, flagsAt)
	g.wants(abi.ESUCCESS, nil, "sock_shutdown", fd, uint64(abi.SdflagsRd))
	g.joins(w, abi.ESUCCESS, received("")...)
}

func shutdownAccept(g *sockGuest) {
	fd, _ := g.listener(1)
	w := g.spawn("sock_accept_v2", fd, 0, fdAt, fromAt)
	g.wants(abi.ESUCCESS, nil, "sock_shutdown", fd, uint64(abi.SdflagsRd|abi.SdflagsWr))
	g.joins(w, abi.EINVAL)
}

func shutdownBoth(g *sockGuest) {
	fd, p := g.connection()
	g.wants(abi.ESUCCESS, nil, "sock_shutdown", fd, uint64(abi.SdflagsRd|abi.SdflagsWr))
	wantEOF(g.t, p)
	g.receives(fd, "")
	at, n := g.iovs(1)
	g.wants(abi.EPIPE, nil, "sock_send", fd, at, n, 0, lenAt)
	g.close(fd)
}
