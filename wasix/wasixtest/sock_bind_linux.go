package wasixtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

var openCases = []sockCase{
	{"family, type and protocol go together", openTable, nil},
	{"the descriptor is the lowest that is free", openLowest, every},
	{"a result outside memory leaves no descriptor", openFault, every},
	{"no network is EPERM", openNone, inet},
	{"a pair of UNIX sockets is connected", openPair, []abi.AddressFamily{local}},
}

func openTable(g *sockGuest) {
	const tcp, udp, seqpacket = uint64(abi.SockProtoTcp), uint64(abi.SockProtoUdp), uint64(abi.SockTypeSeqpacket)
	const i4, i6, ux, str, dgr = uint64(inet4), uint64(inet6), uint64(local), uint64(stream), uint64(dgram)
	for _, c := range []struct {
		family, typ, proto uint64
		want               abi.Errno
	}{
		{i4, str, 0, 0}, {i4, str, tcp, 0}, {i6, str, tcp, 0}, {ux, str, 0, 0},
		{i4, dgr, 0, 0}, {i4, dgr, udp, 0}, {i6, dgr, udp, 0}, {ux, dgr, 0, 0},
		{ux, seqpacket, 0, 0},
		{ux, str, tcp, 0}, {ux, dgr, udp, 0}, // what the C library makes of 0
		{i4, 0, udp, 0}, // what DGRAM was once
		{i4, str, udp, abi.EPROTONOSUPPORT}, {i6, dgr, tcp, abi.EPROTONOSUPPORT}, {ux, str, udp, abi.EPROTONOSUPPORT},
		{i4, str, 200, abi.EPROTONOSUPPORT},
		{i4, 5, 0, abi.EINVAL}, {i4, 255, 0, abi.EINVAL},
		{0, str, 0, abi.EAFNOSUPPORT}, {4, str, 0, abi.EAFNOSUPPORT}, {255, str, 0, abi.EAFNOSUPPORT},
	} {
		args := []uint64{c.family, c.typ, c.proto, fdAt}
		if c.want != abi.ESUCCESS {
			g.wants(c.want, nil, "sock_open", args...)
			continue
		}
		g.close(g.newFD("sock_open", args...))
	}
}

func openLowest(g *sockGuest) {
	first, second := g.open(stream), g.open(dgram)
	if first != root+1 || second != root+2 {
		g.t.Errorf("descriptors %d and %d", first, second)
	}
	g.close(first)
	if again := g.open(stream); again != first {
		g.t.Errorf("descriptor %d is free, and %d was taken", first, again)
	}
}

func openFault(g *sockGuest) {
	for _, at := range []uint64{outside - 2, outside + 1, 1<<32 - 1} {
		g.wants(abi.EFAULT, nil, "sock_open", uint64(g.family), uint64(stream), 0, at)
	}
	if fd := g.open(stream); fd != root+1 {
		g.t.Errorf("descriptor %d", fd)
	}
}

func openNone(g *sockGuest) {
	g = g.another(func(cmd *wasix.Cmd) { cmd.Network = nil })
	g.wants(abi.EPERM, nil, "sock_open", uint64(g.family), uint64(stream), 0, fdAt)
}

func openPair(g *sockGuest) {
	if got := g.Call("sock_pair", uint64(local), uint64(stream), 0, fdAt, lenAt); got != abi.ESUCCESS {
		g.t.Fatal(got)
	}
	g.Wrote(Write{fdAt, le32(root + 1)}, Write{lenAt, le32(root + 2)})
	g.talk(root+1, insidePeer{g, root + 2})
	g.wants(abi.ENOTSUP, nil, "sock_pair", uint64(inet4), uint64(stream), 0, fdAt, lenAt)
}

var bindCases = []sockCase{
	{"a descriptor that is not open cannot", binding(abi.EBADF, func(*sockGuest) uint64 { return notOpen }), nil},
	{"a directory cannot", binding(abi.ENOTSOCK, func(*sockGuest) uint64 { return root }), nil},
	{"a socket without the right cannot", binding(abi.EACCES, withoutRight(abi.RightsSockBind)), every},
	{"a bound socket cannot again", binding(abi.EINVAL, func(g *sockGuest) uint64 {
		fd := g.open(stream)
		g.bind(fd)
		return fd
	}), every},
	{"the address is taken at once", bindTakes, inet},
	{"an address that is taken leaves the socket usable", bindTaken, every},
	{"an address of another family leaves the socket usable", bindOtherFamily, every},
	{"an address of another host leaves the socket usable", bindOtherHost, inet},
	{"an address outside memory is EFAULT", bindFault, every},
	{"a port is stored as it was given", bindPort, inet},
	{"REUSEPORT lets two listen", bindReusePort, inet},
	{"an IPv6 listener takes IPv4 peers unless it is V6ONLY", bindV6Only, inet[1:]},
	{"a policy's no is EPERM and takes no port", bindDenied, inet},
}

func binding(want abi.Errno, socket func(*sockGuest) uint64) func(*sockGuest) {
	return func(g *sockGuest) {
		fd := socket(g)
		g.Put(addrAt, g.loopback()...)
		g.wants(want, nil, "sock_bind", fd, addrAt)
	}
}

func bindTakes(g *sockGuest) {
	fd := g.open(stream)
	addr := g.bind(fd)
	if decodeInet(addr).Port() == 0 {
		g.t.Fatal("the socket has no port")
	}
	if l, err := g.peers.Listen("tcp", decodeInet(addr).String()); !errors.Is(err, syscall.EADDRINUSE) {
		g.t.Errorf("the host takes it too: %v, %v", l, err)
	}
	g.close(fd)
	l, err := g.peers.Listen("tcp", decodeInet(addr).String())
	if err != nil {
		g.t.Fatal(err)
	}
	_ = l.Close()
}

func bindTaken(g *sockGuest) {
	_, addr := g.listener(1)
	fd := g.open(stream)
	g.Put(addrAt, addr...)
	g.wants(abi.EADDRINUSE, nil, "sock_bind", fd, addrAt)
	g.usable(fd)
}

// usable checks that a socket is as it was opened.
func (g *sockGuest) usable(fd uint64) {
	g.t.Helper()
	g.wants(abi.ESUCCESS, []Write{{nameAt, g.unbound()}}, "sock_addr_local", fd, nameAt)
	addr := g.bind(fd)
	g.wants(abi.ESUCCESS, nil, "sock_listen", fd, 1)
	g.serve(fd, addr)
}

func bindOtherFamily(g *sockGuest) {
	want, other := abi.EINVAL, encodeInet(netip.MustParseAddrPort("127.0.0.1:0"))
	if g.family == inet4 {
		want, other = abi.EAFNOSUPPORT, encodeInet(netip.MustParseAddrPort("[::1]:0"))
	}
	fd := g.open(stream)
	g.Put(addrAt, other...)
	g.wants(want, nil, "sock_bind", fd, addrAt)
	g.Put(addrAt, 9, 0)
	g.wants(abi.EAFNOSUPPORT, nil, "sock_bind", fd, addrAt)
	g.usable(fd)
}

func bindOtherHost(g *sockGuest) {
	fd := g.open(stream)
	g.Put(addrAt, encodeInet(elsewhere(g.family))...)
	g.wants(abi.EADDRNOTAVAIL, nil, "sock_bind", fd, addrAt)
	g.usable(fd)
}

// elsewhere is an address that no host has.
func elsewhere(family abi.AddressFamily) netip.AddrPort {
	if family == inet6 {
		return netip.MustParseAddrPort("[2001:db8::1]:9")
	}
	return netip.MustParseAddrPort("192.0.2.1:9")
}

// bindFault has an address that ends with the memory, and one a byte on.
func bindFault(g *sockGuest) {
	fd := g.open(stream)
	addr := g.loopback()
	if g.family == local {
		addr = encodeUnix(strings.Repeat("x", 108))
	}
	at := uint32(outside + 1 - len(addr))
	g.Put(at+1, addr[:len(addr)-1]...)
	for _, at := range []uint64{uint64(at) + 1, outside, outside + 1, 1<<32 - 1} {
		g.wants(abi.EFAULT, nil, "sock_bind", fd, at)
	}
	g.Put(at, addr...)
	g.wants(abi.ESUCCESS, nil, "sock_bind", fd, uint64(at))
}

func bindPort(g *sockGuest) {
	fd := g.open(stream)
	addr := g.bind(fd)
	g.close(fd)
	fd = g.open(stream)
	g.wants(abi.ESUCCESS, nil, "sock_bind", fd, addrAt)
	if got := g.name(fd); !bytes.Equal(got, addr) {
		g.t.Errorf("bound to % x, stored is % x", addr, got)
	}
}

func bindReusePort(g *sockGuest) {
	for i := range 2 {
		fd := g.open(stream)
		g.wants(abi.ESUCCESS, nil, "sock_set_opt_flag", fd, uint64(abi.SockOptionReusePort), 1)
		if i == 0 {
			g.bind(fd)
		} else {
			g.wants(abi.ESUCCESS, nil, "sock_bind", fd, addrAt)
		}
		g.wants(abi.ESUCCESS, nil, "sock_listen", fd, 1)
	}
}

func bindV6Only(g *sockGuest) {
	for _, only := range []uint64{0, 1} {
		fd := g.open(stream)
		g.wants(abi.ESUCCESS, nil, "sock_set_opt_flag", fd, uint64(abi.SockOptionOnlyV6), only)
		g.Put(addrAt, g.unbound()...)
		g.wants(abi.ESUCCESS, nil, "sock_bind", fd, addrAt)
		g.wants(abi.ESUCCESS, nil, "sock_listen", fd, 1)
		port := decodeInet(g.name(fd)).Port()
		c, err := g.peers.Dial("tcp4", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			peer := c.LocalAddr().(*net.TCPAddr).AddrPort()
			mapped := netip.AddrPortFrom(netip.AddrFrom16(peer.Addr().As16()), peer.Port())
			g.accept(fd, encodeInet(mapped))
			_ = c.Close()
		}
		if refused := errors.Is(err, syscall.ECONNREFUSED); refused != (only == 1) {
			g.t.Errorf("V6ONLY is %d, and an IPv4 peer gets %v", only, err)
		}
	}
}

// denied returns a guest that may do nothing.
func (g *sockGuest) denied() *sockGuest {
	return g.another(func(cmd *wasix.Cmd) {
		cmd.Network = network.WithPolicy(g.network, &network.Policy{})
	})
}

func bindDenied(g *sockGuest) {
	g = g.denied()
	for _, typ := range []abi.SockType{stream, dgram} {
		fd := g.open(typ)
		g.Put(addrAt, g.loopback()...)
		g.wants(abi.EPERM, nil, "sock_bind", fd, addrAt)
		g.wants(abi.ESUCCESS, []Write{{nameAt, g.unbound()}}, "sock_addr_local", fd, nameAt)
	}
}

var addrCases = []sockCase{
	{"what is no socket has no address", addrWrong, nil},
	{"a socket without the right tells none", addrRights, every},
	{"an unbound socket has the wildcard", addrUnbound, every},
	{"a socket that is not connected has no peer", addrNoPeer, every},
	{"each end has the other's address", addrPeer, every},
	{"no more is stored than the family has", addrSizes, every},
	{"programs of today get the scope of IPv6", addrScope, inet[1:]},
}

func addrWrong(g *sockGuest) {
	for _, call := range []string{"sock_addr_local", "sock_addr_peer"} {
		g.wants(abi.EBADF, nil, call, notOpen, nameAt)
		g.wants(abi.ENOTSOCK, nil, call, root, nameAt)
	}
}

func addrRights(g *sockGuest) {
	g.wants(abi.EACCES, nil, "sock_addr_local", withoutRight(abi.RightsSockAddrLocal)(g), nameAt)
	g.wants(abi.EACCES, nil, "sock_addr_peer", withoutRight(abi.RightsSockAddrRemote)(g), nameAt)
}

func addrUnbound(g *sockGuest) {
	for _, typ := range []abi.SockType{stream, dgram} {
		g.wants(abi.ESUCCESS, []Write{{nameAt, g.unbound()}}, "sock_addr_local", g.open(typ), nameAt)
	}
}

func addrNoPeer(g *sockGuest) {
	g.wants(abi.ENOTCONN, nil, "sock_addr_peer", g.open(stream), nameAt)
	l, _ := g.listener(1)
	g.wants(abi.ENOTCONN, nil, "sock_addr_peer", l, nameAt)
	fd, _ := g.datagrams()
	g.wants(abi.ENOTCONN, nil, "sock_addr_peer", fd, nameAt)
}

func addrPeer(g *sockGuest) {
	l, addr := g.listener(1)
	p := g.dial(addr)
	fd := g.accept(l, p.name())
	g.wants(abi.ESUCCESS, []Write{{nameAt, addr}}, "sock_addr_local", fd, nameAt)
	g.wants(abi.ESUCCESS, []Write{{nameAt, p.name()}}, "sock_addr_peer", fd, nameAt)
	if p, ok := p.(hostPeer); ok && p.RemoteAddr().(*net.TCPAddr).AddrPort() != decodeInet(addr) {
		g.t.Errorf("the peer's peer is %v", p.RemoteAddr())
	}
}

func addrSizes(g *sockGuest) {
	fd := g.open(stream)
	last := uint32(outside + 1 - len(g.unbound()))
	g.wants(abi.ESUCCESS, []Write{{last, g.unbound()}}, "sock_addr_local", fd, uint64(last))
	for _, at := range []uint64{uint64(last) + 1, outside + 1, 1<<32 - 1} {
		g.wants(abi.EFAULT, nil, "sock_addr_local", fd, at)
	}
}

// addrScope has a program that imports what only programs of today do.
func addrScope(g *sockGuest) {
	m := compile(g.t, g.engine, Passthrough(guestPages, guestCalls()...))
	g = g.anotherOf(m, nil)
	g.wants(abi.ESUCCESS, []Write{{nameAt, append(g.unbound(), make([]byte, 8)...)}},
		"sock_addr_local", g.open(stream), nameAt)
}
