package wasixtest

import (
	"bytes"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
)

var listenCases = []sockCase{
	{"a descriptor that is not open cannot", listening(abi.EBADF, func(*sockGuest) uint64 { return notOpen }), nil},
	{"a directory cannot", listening(abi.ENOTSOCK, func(*sockGuest) uint64 { return root }), nil},
	{"standard input cannot", listening(abi.ENOTSOCK, func(*sockGuest) uint64 { return 0 }), nil},
	{"a socket without the right cannot", listening(abi.EACCES, withoutRight(abi.RightsSockListen)), every},
	{"a datagram socket cannot", listening(abi.ENOTSUP, func(g *sockGuest) uint64 { return g.open(dgram) }), every},
	{"a bound stream does, and peers are served", listenBound, every},
	{"an unbound stream does at a port of its own", listenUnbound, inet},
	{"an unbound UNIX stream cannot", listening(abi.EINVAL, func(g *sockGuest) uint64 { return g.open(stream) }),
		[]abi.AddressFamily{local}},
	{"a listener does again, with another backlog", listenAgain, every},
	{"a connected stream cannot", listening(abi.EINVAL, connected), every},
	{"an accepted stream cannot", listening(abi.EINVAL, func(g *sockGuest) uint64 { fd, _ := g.connection(); return fd }), every},
	{"a connecting stream cannot", listening(abi.EINVAL, connecting), inet},
	{"the second at an address cannot", listenTaken, inet},
	{"the queue is as long as the backlog says", listenBacklog, every},
	{"the queue is never longer than the host allows", listenCapped, every},
	{"the host's limit holds for every backlog", listenExtremes, every},
	{"a policy's no is EPERM and takes no port", listenDenied, inet},
	{"a listener that was shut down can be made one again", listenShutdown, inet},
	{"a closed listener refuses its peers", listenClosed, inet},
}

// listening has a socket in some state answer sock_listen.
func listening(want abi.Errno, socket func(*sockGuest) uint64) func(*sockGuest) {
	return func(g *sockGuest) { g.wants(want, nil, "sock_listen", socket(g), 8) }
}

// withoutRight returns a bound stream without one of its rights.
func withoutRight(right abi.Rights) func(*sockGuest) uint64 {
	return func(g *sockGuest) uint64 {
		fd := g.open(stream)
		g.bind(fd)
		const fdstatAt, baseAt = 0x500, 0x508
		if got := g.Call("fd_fdstat_get", fd, fdstatAt); got != abi.ESUCCESS {
			g.t.Fatalf("fd_fdstat_get: %v", got)
		}
		base := uint64(0)
		for i, b := range g.Bytes(baseAt, 8) {
			base |= uint64(b) << (8 * i)
		}
		if base&uint64(right) == 0 {
			g.t.Fatalf("the rights of a socket are %#x", base)
		}
		g.wants(abi.ESUCCESS, nil, "fd_fdstat_set_rights", fd, base&^uint64(right), 0)
		return fd
	}
}

// connected returns a stream of the guest that is connected to another.
func connected(g *sockGuest) uint64 {
	g.listener(1)
	fd := g.open(stream)
	g.wants(abi.ESUCCESS, nil, "sock_connect", fd, addrAt)
	return fd
}

// connecting returns a stream whose peer's queue is full.
func connecting(g *sockGuest) uint64 {
	g.listener(0)
	g.fill(1)
	fd := g.open(stream)
	g.setNonblock(fd)
	g.wants(abi.EINPROGRESS, nil, "sock_connect", fd, addrAt)
	return fd
}

func listenBound(g *sockGuest) {
	fd := g.open(stream)
	addr := g.bind(fd)
	g.wants(abi.ESUCCESS, nil, "sock_listen", fd, 128)
	if got := g.name(fd); !bytes.Equal(got, addr) {
		g.t.Errorf("the address is % x, and was % x", got, addr)
	}
	g.serve(fd, addr)
}

// serve has a peer connect to a listener and talk with the guest.
func (g *sockGuest) serve(listener uint64, addr []byte) {
	g.t.Helper()
	p := g.dial(addr)
	fd := g.accept(listener, p.name())
	g.talk(fd, p)
	g.close(fd)
	wantEOF(g.t, p)
	_ = p.Close()
}

// talk moves something in both directions.
func (g *sockGuest) talk(fd uint64, p peer) {
	g.t.Helper()
	g.sends(fd, "question")
	wantRead(g.t, p, "question")
	if _, err := p.Write([]byte("answer")); err != nil {
		g.t.Fatal(err)
	}
	g.receives(fd, "answer")
}

func listenUnbound(g *sockGuest) {
	fd := g.open(stream)
	g.wants(abi.ESUCCESS, nil, "sock_listen", fd, 1)
	addr := g.name(fd)
	if decodeInet(addr).Port() == 0 || !decodeInet(addr).Addr().IsUnspecified() {
		g.t.Fatalf("the listener is at %v", decodeInet(addr))
	}
	copy(addr[4:], g.loopback()[4:])
	g.serve(fd, addr)
}

// fill makes n connections to the listener at addrAt, each as far as it is in
// the listener's queue.
func (g *sockGuest) fill(n int) {
	g.t.Helper()
	for range n {
		fd := g.open(stream)
		if g.family == local {
			g.wants(abi.ESUCCESS, nil, "sock_connect", fd, addrAt)
			continue
		}
		g.setNonblock(fd)
		g.wants(abi.EINPROGRESS, nil, "sock_connect", fd, addrAt)
		g.polls([]subscription{{abi.EventtypeFdWrite, fd}}, event{typ: abi.EventtypeFdWrite})
		g.wants(abi.ESUCCESS, nil, "sock_connect", fd, addrAt)
	}
}

// fills makes n connections to the listener at addrAt, and one more for which
// there is no room.
func (g *sockGuest) fills(n int) {
	g.t.Helper()
	g.fill(n)
	fd := g.open(stream)
	g.setNonblock(fd)
	if g.family == local {
		g.wants(abi.EAGAIN, nil, "sock_connect", fd, addrAt)
		return
	}
	g.wants(abi.EINPROGRESS, nil, "sock_connect", fd, addrAt)
	g.wants(abi.EALREADY, nil, "sock_connect", fd, addrAt)
}

func listenAgain(g *sockGuest) {
	fd, _ := g.listener(0)
	g.wants(abi.ESUCCESS, nil, "sock_listen", fd, 3)
	g.fills(4)
}

// listenBacklog counts as Linux does: one more than the backlog.
func listenBacklog(g *sockGuest) {
	for _, backlog := range []uint64{0, 1, 2} {
		fd, _ := g.listener(backlog)
		g.fills(int(backlog) + 1)
		g.close(fd)
	}
}

func listenCapped(g *sockGuest) {
	g = g.another(func(cmd *wasix.Cmd) { cmd.MaxBacklog = 1 })
	for _, backlog := range []uint64{2, 1 << 31, 1<<32 - 1} {
		fd, _ := g.listener(backlog)
		g.fills(2)
		g.close(fd)
	}
}

func listenExtremes(g *sockGuest) {
	fd := g.open(stream)
	addr := g.bind(fd)
	for _, backlog := range []uint64{0, 1, 128, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
		g.wants(abi.ESUCCESS, nil, "sock_listen", fd, backlog)
	}
	g.serve(fd, addr)
}

func listenTaken(g *sockGuest) {
	first, second := g.open(stream), g.open(stream)
	for _, fd := range []uint64{first, second} {
		g.wants(abi.ESUCCESS, nil, "sock_set_opt_flag", fd, uint64(abi.SockOptionReuseAddr), 1)
	}
	addr := g.bind(first)
	g.wants(abi.ESUCCESS, nil, "sock_bind", second, addrAt)
	g.wants(abi.ESUCCESS, nil, "sock_listen", first, 1)
	g.wants(abi.EADDRINUSE, nil, "sock_listen", second, 1)
	g.serve(first, addr)
	g.close(first)
	g.wants(abi.ESUCCESS, nil, "sock_listen", second, 1)
	g.serve(second, addr)
}

func listenDenied(g *sockGuest) {
	g = g.denied()
	fd := g.open(stream)
	g.wants(abi.EPERM, nil, "sock_listen", fd, 1)
	g.wants(abi.ESUCCESS, []Write{{nameAt, g.unbound()}}, "sock_addr_local", fd, nameAt)
	g.wants(abi.EINVAL, nil, "sock_accept_v2", fd, 0, fdAt, fromAt)
}

// listenShutdown looks at the address anew: the kernel gives back a port that
// it had chosen itself.
func listenShutdown(g *sockGuest) {
	fd, _ := g.listener(1)
	g.wants(abi.ESUCCESS, nil, "sock_shutdown", fd, uint64(abi.SdflagsRd|abi.SdflagsWr))
	g.wants(abi.EINVAL, nil, "sock_accept_v2", fd, 0, fdAt, fromAt)
	g.wants(abi.ESUCCESS, nil, "sock_listen", fd, 1)
	g.serve(fd, g.name(fd))
}

func listenClosed(g *sockGuest) {
	fd, addr := g.listener(1)
	g.close(fd)
	g.wants(abi.EBADF, nil, "sock_listen", fd, 1)
	if c, err := g.peers.Dial("tcp", decodeInet(addr).String()); err == nil {
		_ = c.Close()
		g.t.Error("the closed listener still takes connections")
	}
}
