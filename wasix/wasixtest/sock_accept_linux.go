package wasixtest

import (
	"bytes"
	"errors"
	"slices"
	"syscall"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

var acceptCases = []sockCase{
	{"a descriptor that is not open has none", accepting(abi.EBADF, func(*sockGuest) uint64 { return notOpen }), nil},
	{"a directory has none", accepting(abi.ENOTSOCK, func(*sockGuest) uint64 { return root }), nil},
	{"a socket without the right gives none", accepting(abi.EACCES, withoutRight(abi.RightsSockAccept)), every},
	{"a datagram socket has none", accepting(abi.ENOTSUP, func(g *sockGuest) uint64 { return g.open(dgram) }), every},
	{"a bound stream that does not listen has none", accepting(abi.EINVAL, func(g *sockGuest) uint64 {
		fd := g.open(stream)
		g.bind(fd)
		return fd
	}), every},
	{"a connected stream has none", accepting(abi.EINVAL, connected), every},
	{"a non-blocking listener says that none is there", accepting(abi.EAGAIN, func(g *sockGuest) uint64 {
		fd, _ := g.listener(1)
		g.setNonblock(fd)
		return fd
	}), every},
	{"a timeout ends the wait", acceptTimeout, every},
	{"a wait ends with a peer", acceptWaits, every},
	{"each of several waits ends with a peer of its own", acceptMany, every},
	{"connections come in their order", acceptOrder, every},
	{"results outside memory lose no connection", acceptFaults, every},
	{"unknown flags lose no connection", acceptFlags, every},
	{"without a free descriptor the connection waits on", acceptNoDescriptor, every},
	{"the listener's non-blocking mode is not inherited", acceptInherits, every},
	{"the flag makes only the new socket non-blocking", acceptNonblock, every},
	{"a peer that has come and gone is accepted", acceptGone, every},
	{"the older name does the same", acceptOlder, every},
	{"a program of preview1 accepts at the socket that it was given", acceptPreview1, inet},
}

func accepting(want abi.Errno, socket func(*sockGuest) uint64) func(*sockGuest) {
	return func(g *sockGuest) { g.wants(want, nil, "sock_accept_v2", socket(g), 0, fdAt, fromAt) }
}

func acceptTimeout(g *sockGuest) {
	fd, addr := g.listener(1)
	g.setTime(fd, abi.SockOptionAcceptTimeout, 1e6)
	g.wants(abi.EAGAIN, nil, "sock_accept_v2", fd, 0, fdAt, fromAt)
	p := g.dial(addr)
	g.pollsReadable(fd)
	g.talk(g.accept(fd, p.name()), p)
}

// acceptWaits looks at what a waiting thread stores.
func acceptWaits(g *sockGuest) {
	l, addr := g.listener(1)
	w := g.spawn("sock_accept_v2", l, 0, fdAt, fromAt)
	p := g.dial(addr)
	if got := w.join(); got != abi.ESUCCESS {
		g.t.Fatal(got)
	}
	g.talk(g.storedFD(fdAt, Write{fromAt, p.name()}), p)
}

func acceptMany(g *sockGuest) {
	const many = 3
	l, addr := g.listener(many)
	var waits [many]*waitingCall
	for i := range waits {
		waits[i] = g.spawn("sock_accept_v2", l, 0, uint64(fdAt+0x1000*(i+1)), uint64(fromAt+0x1000*(i+1)))
	}
	var peers [many]peer
	for i := range peers {
		peers[i] = g.dial(addr)
	}
	accepted := map[uint64]bool{}
	for i, w := range waits {
		if got := w.join(); got != abi.ESUCCESS {
			g.t.Fatal(got)
		}
		fd := uint64(g.Bytes(uint32(fdAt+0x1000*(i+1)), 1)[0])
		accepted[fd] = true
	}
	if len(accepted) != many {
		g.t.Fatalf("%d waits found %v", many, accepted)
	}
	for fd := range accepted {
		g.close(fd)
	}
	for _, p := range peers {
		wantEOF(g.t, p)
	}
}

func acceptOrder(g *sockGuest) {
	l, addr := g.listener(3)
	var peers []peer
	for range 3 {
		peers = append(peers, g.dial(addr))
	}
	for _, p := range peers {
		g.talk(g.accept(l, p.name()), p)
	}
}

func acceptFaults(g *sockGuest) {
	l, addr := g.listener(1)
	p := g.dial(addr)
	short := uint64(outside + 2 - len(g.unbound()))
	for _, args := range [][2]uint64{{outside - 2, fromAt}, {outside + 1, fromAt}, {1<<32 - 4, fromAt}, {fdAt, short}, {fdAt, 1<<32 - 1}} {
		g.wants(abi.EFAULT, nil, "sock_accept_v2", l, 0, args[0], args[1])
	}
	g.talk(g.accept(l, p.name()), p)
}

func acceptFlags(g *sockGuest) {
	l, addr := g.listener(1)
	p := g.dial(addr)
	for _, flags := range []abi.Fdflags{abi.FdflagsAppend, abi.FdflagsSync | abi.FdflagsNonblock, 0x8000} {
		g.wants(abi.EINVAL, nil, "sock_accept_v2", l, uint64(flags), fdAt, fromAt)
	}
	g.talk(g.accept(l, p.name()), p)
}

func acceptNoDescriptor(g *sockGuest) {
	const limit = 16
	g = g.another(func(cmd *wasix.Cmd) { cmd.MaxDescriptors = limit })
	l, addr := g.listener(1)
	p := g.dial(addr)
	var spare uint64
	for spare != limit-1 {
		spare = g.open(dgram)
	}
	g.wants(abi.EMFILE, nil, "sock_open", uint64(g.family), uint64(stream), 0, fdAt)
	g.wants(abi.EMFILE, nil, "sock_accept_v2", l, 0, fdAt, fromAt)
	g.close(spare)
	fd := g.accept(l, p.name())
	if fd != spare {
		g.t.Errorf("descriptor %d was free, and %d is taken", spare, fd)
	}
	g.talk(fd, p)
}

// isNonblock looks at the flags of a descriptor.
func (g *sockGuest) isNonblock(fd uint64) bool {
	g.t.Helper()
	const fdstatAt, flagsAt, size = 0x500, 0x502, abi.SizeofFdstat
	before := bytes.Clone(g.Bytes(fdstatAt, size))
	if got := g.Call("fd_fdstat_get", fd, fdstatAt); got != abi.ESUCCESS {
		g.t.Fatalf("fd_fdstat_get: %v", got)
	}
	nonblock := g.Bytes(flagsAt, 1)[0]&byte(abi.FdflagsNonblock) != 0
	g.Put(fdstatAt, before...)
	return nonblock
}

func acceptInherits(g *sockGuest) {
	l, addr := g.listener(1)
	g.setNonblock(l)
	p := g.dial(addr)
	g.pollsReadable(l)
	fd := g.accept(l, p.name())
	if g.isNonblock(fd) {
		g.t.Error("the new socket is non-blocking")
	}
	at, n := g.iovs(8)
	w := g.spawn("sock_recv", fd, at, n, 0, lenAt, flagsAt)
	if _, err := p.Write([]byte("later")); err != nil {
		g.t.Fatal(err)
	}
	g.joins(w, abi.ESUCCESS, Write{lenAt, le32(5)}, Write{flagsAt, le16(0)}, Write{dataAt, []byte("later")})
}

func acceptNonblock(g *sockGuest) {
	l, addr := g.listener(1)
	p := g.dial(addr)
	if got := g.Call("sock_accept_v2", l, uint64(abi.FdflagsNonblock), fdAt, fromAt); got != abi.ESUCCESS {
		g.t.Fatal(got)
	}
	fd := g.storedFD(fdAt, Write{fromAt, p.name()})
	if !g.isNonblock(fd) || g.isNonblock(l) {
		g.t.Errorf("non-blocking: the new socket %v, the listener %v", g.isNonblock(fd), g.isNonblock(l))
	}
	at, n := g.iovs(8)
	g.wants(abi.EAGAIN, nil, "sock_recv", fd, at, n, 0, lenAt, flagsAt)
}

func acceptGone(g *sockGuest) {
	l, addr := g.listener(1)
	p := g.dial(addr)
	name := p.name()
	if _, err := p.Write([]byte("last words")); err != nil {
		g.t.Fatal(err)
	}
	_ = p.Close()
	fd := g.accept(l, name)
	g.receives(fd, "last words")
	g.receives(fd, "")
}

func acceptOlder(g *sockGuest) {
	l, addr := g.listener(1)
	p := g.dial(addr)
	if got := g.Call("sock_accept", l, 0, fdAt, fromAt); got != abi.ESUCCESS {
		g.t.Fatal(got)
	}
	g.talk(g.storedFD(fdAt, Write{fromAt, p.name()}), p)
}

// setTime sets an option that is a time in nanoseconds.
func (g *sockGuest) setTime(fd uint64, opt abi.SockOption, nanoseconds uint64) {
	g.t.Helper()
	g.Put(valueAt, cat([]byte{byte(abi.OptionSome), 0, 0, 0, 0, 0, 0, 0}, le64(nanoseconds))...)
	g.wants(abi.ESUCCESS, nil, "sock_set_opt_time", fd, uint64(opt), valueAt)
}

// acceptPreview1 has a guest that knows no call of WASIX.
func acceptPreview1(g *sockGuest) {
	l := g.hostListener()
	addr, err := l.LocalAddr()
	if err != nil {
		g.t.Fatal(err)
	}
	calls := slices.DeleteFunc(wasix.Syscalls(), func(c *wasix.Syscall) bool { return c.Module != "wasi_snapshot_preview1" })
	m := compile(g.t, g.engine, Passthrough(guestPages, calls...))
	g = g.anotherOf(m, func(cmd *wasix.Cmd) { cmd.Sockets = []network.Socket{l} })
	p := g.dial(encodeInet(addr.AddrPort))
	g.wants(abi.EFAULT, nil, "sock_accept", 3, 0, outside-2)
	g.talk(g.newFD("sock_accept", 3, 0, fdAt), p)
}

// hostListener returns a listening socket that the host has opened.
func (g *sockGuest) hostListener() network.Socket {
	g.t.Helper()
	s, err := g.network.Socket(g.family, stream, 0)
	if errors.Is(err, syscall.EPERM) {
		g.t.Fatal(abi.EPERM)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	if err := s.Bind(network.Addr{AddrPort: decodeInet(g.loopback())}); err != nil {
		g.t.Fatal(err)
	}
	if err := s.Listen(1); err != nil {
		g.t.Fatal(err)
	}
	return s
}
