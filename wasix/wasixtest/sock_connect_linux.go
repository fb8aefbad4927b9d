package wasixtest

import (
	"bytes"
	"net"
	"net/netip"

	"github.com/gowasix/gowasix/wasix/abi"
)

var connectCases = []sockCase{
	{"a descriptor that is not open cannot connect", connects(abi.EBADF, func(*sockGuest) uint64 { return notOpen }), nil},
	{"a directory cannot connect", connects(abi.ENOTSOCK, func(*sockGuest) uint64 { return root }), nil},
	{"a socket without the right cannot", connects(abi.EACCES, withoutRight(abi.RightsSockConnect)), every},
	{"a connected stream cannot again", connects(abi.EISCONN, connected), every},
	{"a listener cannot", connectListener, every},
	{"the peer sees who connects", connectSeen, inet},
	{"the bound address is kept", connectBound, inet},
	{"where nobody listens it is refused, and can be tried again", connectRefused, every},
	{"a UNIX name that there is not is ENOENT", connectNoName, []abi.AddressFamily{local}},
	{"an address of another family is refused", connectOtherFamily, every},
	{"an address outside memory is EFAULT", connectFault, every},
	{"a non-blocking socket is in progress, then writable, then connected", connectProgress, inet},
	{"a non-blocking socket tells by poll that it was refused", connectRefusedLater, inet},
	{"SO_ERROR tells that it was refused, once", connectLastError, inet},
	{"a timeout gives up", connectTimeout, inet},
	{"a policy's no is EPERM", connectDenied, inet},
	{"the status tells how far a socket is", connectStatus, every},
	{"a datagram socket has a peer until it connects to none", connectDatagram, inet},
}

// connects has a socket connect to a listener.
func connects(want abi.Errno, socket func(*sockGuest) uint64) func(*sockGuest) {
	return func(g *sockGuest) {
		fd := socket(g)
		g.listener(1)
		g.wants(want, nil, "sock_connect", fd, addrAt)
	}
}

func connectListener(g *sockGuest) {
	want := abi.EISCONN
	if g.family == local {
		want = abi.EINVAL
	}
	fd, addr := g.listener(1)
	g.listener(1)
	g.wants(want, nil, "sock_connect", fd, addrAt)
	g.serve(fd, addr)
}

// server returns a listener of the host's, whose address is at addrAt.
func (g *sockGuest) server() net.Listener {
	g.t.Helper()
	l, err := g.peers.Listen("tcp", decodeInet(g.loopback()).String())
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = l.Close() })
	g.Put(addrAt, encodeInet(l.Addr().(*net.TCPAddr).AddrPort())...)
	return l
}

// accepts returns the connection that the host finds for a socket of the guest.
func (g *sockGuest) accepts(l net.Listener, fd uint64) peer {
	g.t.Helper()
	c, err := l.Accept()
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = c.Close() })
	if from := encodeInet(c.RemoteAddr().(*net.TCPAddr).AddrPort()); !bytes.Equal(from, g.name(fd)) {
		g.t.Errorf("the peer sees % x, the guest says % x", from, g.name(fd))
	}
	return hostPeer{c.(hostConn)}
}

func connectSeen(g *sockGuest) {
	l := g.server()
	fd := g.open(stream)
	g.wants(abi.ESUCCESS, nil, "sock_connect", fd, addrAt)
	p := g.accepts(l, fd)
	g.wants(abi.ESUCCESS, []Write{{nameAt, bytes.Clone(g.Bytes(addrAt, uint32(len(g.unbound()))))}}, "sock_addr_peer", fd, nameAt)
	g.talk(fd, p)
	g.close(fd)
	wantEOF(g.t, p)
}

func connectBound(g *sockGuest) {
	fd := g.open(stream)
	own := g.bind(fd)
	l := g.server()
	g.wants(abi.ESUCCESS, nil, "sock_connect", fd, addrAt)
	g.accepts(l, fd)
	g.wants(abi.ESUCCESS, []Write{{nameAt, own}}, "sock_addr_local", fd, nameAt)
}

func connectRefused(g *sockGuest) {
	silent := g.open(stream)
	addr := g.bind(silent)
	fd := g.open(stream)
	g.wants(abi.ECONNREFUSED, nil, "sock_connect", fd, addrAt)
	g.wants(abi.ENOTCONN, nil, "sock_addr_peer", fd, nameAt)
	g.wants(abi.ESUCCESS, nil, "sock_listen", silent, 1)
	g.wants(abi.ESUCCESS, nil, "sock_connect", fd, addrAt)
	g.wants(abi.ESUCCESS, []Write{{nameAt, addr}}, "sock_addr_peer", fd, nameAt)
}

func connectNoName(g *sockGuest) {
	g.Put(addrAt, encodeUnix("/nowhere")...)
	g.wants(abi.ENOENT, nil, "sock_connect", g.open(stream), addrAt)
}

func connectOtherFamily(g *sockGuest) {
	want, other := abi.EINVAL, encodeInet(netip.MustParseAddrPort("127.0.0.1:9"))
	if g.family == inet4 {
		want, other = abi.EAFNOSUPPORT, encodeInet(netip.MustParseAddrPort("[::1]:9"))
	}
	fd := g.open(stream)
	g.Put(addrAt, other...)
	g.wants(want, nil, "sock_connect", fd, addrAt)
	g.Put(addrAt, 9, 0)
	g.wants(abi.EAFNOSUPPORT, nil, "sock_connect", fd, addrAt)
}

func connectFault(g *sockGuest) {
	fd := g.open(stream)
	g.Put(outside, byte(g.family))
	for _, at := range []uint64{outside, outside + 1, 1<<32 - 1} {
		g.wants(abi.EFAULT, nil, "sock_connect", fd, at)
	}
}

func connectProgress(g *sockGuest) {
	l := g.server()
	fd := g.open(stream)
	g.setNonblock(fd)
	g.wants(abi.EINPROGRESS, nil, "sock_connect", fd, addrAt)
	g.polls([]subscription{{abi.EventtypeFdWrite, fd}}, event{typ: abi.EventtypeFdWrite})
	g.wants(abi.ESUCCESS, []Write{{valueAt, []byte{0}}}, "sock_get_opt_flag", fd, uint64(abi.SockOptionLastError), valueAt)
	g.wants(abi.ESUCCESS, nil, "sock_connect", fd, addrAt)
	g.wants(abi.EISCONN, nil, "sock_connect", fd, addrAt)
	g.accepts(l, fd)
}

// refusedLater returns a non-blocking socket whose attempt has failed.
func (g *sockGuest) refusedLater() uint64 {
	g.t.Helper()
	g.bind(g.open(stream))
	fd := g.open(stream)
	g.setNonblock(fd)
	g.wants(abi.EINPROGRESS, nil, "sock_connect", fd, addrAt)
	g.polls([]subscription{{abi.EventtypeFdWrite, fd}},
		event{typ: abi.EventtypeFdWrite, errno: abi.ECONNREFUSED, hangup: true})
	return fd
}

func connectRefusedLater(g *sockGuest) {
	fd := g.refusedLater()
	g.wants(abi.ECONNREFUSED, nil, "sock_connect", fd, addrAt)
	fd = g.refusedLater()
	at, n := g.iovs(8)
	g.wants(abi.ECONNREFUSED, nil, "sock_recv", fd, at, n, 0, lenAt, flagsAt)
}

func connectLastError(g *sockGuest) {
	fd := g.refusedLater()
	for _, errno := range []abi.Errno{abi.ECONNREFUSED, abi.ESUCCESS} {
		g.wants(abi.ESUCCESS, []Write{{valueAt, []byte{byte(errno)}}}, "sock_get_opt_flag",
			fd, uint64(abi.SockOptionLastError), valueAt)
	}
}

func connectTimeout(g *sockGuest) {
	g.listener(0)
	g.fill(1)
	fd := g.open(stream)
	g.setTime(fd, abi.SockOptionConnectTimeout, 1e6)
	g.wants(abi.ETIMEDOUT, nil, "sock_connect", fd, addrAt)
}

func connectDenied(g *sockGuest) {
	l := g.server()
	to := encodeInet(l.Addr().(*net.TCPAddr).AddrPort())
	g = g.denied()
	g.Put(addrAt, to...)
	for _, typ := range []abi.SockType{stream, dgram} {
		fd := g.open(typ)
		g.wants(abi.EPERM, nil, "sock_connect", fd, addrAt)
		g.wants(abi.ENOTCONN, nil, "sock_addr_peer", fd, nameAt)
		g.wants(abi.ESUCCESS, []Write{{nameAt, g.unbound()}}, "sock_addr_local", fd, nameAt)
	}
}

func connectDatagram(g *sockGuest) {
	_, addr := g.datagrams()
	fd := g.open(dgram)
	g.wants(abi.ESUCCESS, nil, "sock_connect", fd, addrAt)
	g.wants(abi.ESUCCESS, []Write{{nameAt, addr}}, "sock_addr_peer", fd, nameAt)
	g.Put(addrAt, 0, 0)
	g.wants(abi.ESUCCESS, nil, "sock_connect", fd, addrAt)
	g.wants(abi.ENOTCONN, nil, "sock_addr_peer", fd, nameAt)
}

// wantStatus checks the one byte that sock_status stores.
func (g *sockGuest) wantStatus(fd uint64, want abi.SockStatus) {
	g.t.Helper()
	g.wants(abi.ESUCCESS, []Write{{valueAt, []byte{byte(want)}}}, "sock_status", fd, valueAt)
}

func connectStatus(g *sockGuest) {
	g.wantStatus(g.open(dgram), abi.SockStatusOpened)
	fd := g.open(stream)
	g.wantStatus(fd, abi.SockStatusOpening)
	silent := g.open(stream)
	g.bind(silent)
	g.wants(abi.ECONNREFUSED, nil, "sock_connect", fd, addrAt)
	g.wantStatus(fd, abi.SockStatusFailed)
	fd, _ = g.connection()
	g.wantStatus(fd, abi.SockStatusOpened)
	g.wants(abi.ESUCCESS, nil, "sock_shutdown", fd, uint64(abi.SdflagsRd|abi.SdflagsWr))
	g.wantStatus(fd, abi.SockStatusClosed)
	g.wants(abi.ENOTSOCK, nil, "sock_status", root, valueAt)
	g.wants(abi.EFAULT, nil, "sock_status", fd, outside+1)
}
