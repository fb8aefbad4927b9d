package wasixtest

import (
	"net"
	"net/netip"
	"strings"

	"github.com/gowasix/gowasix/wasix/abi"
)

var datagramCases = []sockCase{
	{"what is no socket cannot be written to or read", datagramWrong, nil},
	{"a socket without the right cannot", datagramRights, every},
	{"each call sends one datagram, whatever the buffers", datagramSends, inet},
	{"each call receives one datagram and who sent it", datagramReceives, inet},
	{"datagrams go between UNIX sockets", datagramUnix, []abi.AddressFamily{local}},
	{"a datagram can be empty", datagramEmpty, inet},
	{"one that does not fit is cut, and told", datagramCut, every},
	{"PEEK leaves the datagram", datagramPeek, every},
	{"one that is too long is MSGSIZE", datagramTooLong, inet},
	{"a wait ends with a datagram", datagramWaits, inet},
	{"a connected socket hears its peer alone, and waits on", datagramFilter, inet},
	{"without a peer it does not know where to send", datagramNowhere, inet},
	{"an address of another family is refused", datagramOtherFamily, every},
	{"nobody there is CONNREFUSED afterwards", datagramRefused, inet},
	{"results outside memory lose no datagram", datagramFaults, every},
	{"a policy's no is EPERM", datagramDenied, inet},
	{"a datagram socket can be told to wait no longer than a time", datagramTimeout, every},
	{"a stream tells no sender", datagramOfStream, every},
}

// udp returns a socket of the host's, and leaves its address at addrAt.
func (g *sockGuest) udp() (net.PacketConn, netip.AddrPort) {
	g.t.Helper()
	c, err := g.peers.ListenPacket("udp", decodeInet(g.loopback()).String())
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = c.Close() })
	addr := c.LocalAddr().(*net.UDPAddr).AddrPort()
	g.Put(addrAt, encodeInet(addr)...)
	return c, addr
}

// wantDatagram reads a datagram on the host, and compares.
func (g *sockGuest) wantDatagram(c net.PacketConn, data string, from []byte) {
	g.t.Helper()
	b := make([]byte, 1<<16)
	n, addr, err := c.ReadFrom(b)
	if err != nil || string(b[:n]) != data || string(encodeInet(addr.(*net.UDPAddr).AddrPort())) != string(from) {
		g.t.Fatalf("the peer gets %q from %v, %v; want %q", b[:n], addr, err, data)
	}
}

// tell sends a datagram of the host's.
func (g *sockGuest) tell(c net.PacketConn, to []byte, data string) {
	g.t.Helper()
	if _, err := c.WriteTo([]byte(data), net.UDPAddrFromAddrPort(decodeInet(to))); err != nil {
		g.t.Fatal(err)
	}
}

// hears has the guest receive a datagram into 8 bytes.
func (g *sockGuest) hears(fd uint64, flags abi.Riflags, data string, from []byte) {
	g.t.Helper()
	g.Put(dataAt, []byte("????????")...)
	at, n := g.iovs(3, 5)
	g.wants(abi.ESUCCESS, append(received(data), Write{fromAt, from}),
		"sock_recv_from", fd, at, n, uint64(flags), lenAt, flagsAt, fromAt)
}

// sendsTo has the guest send a datagram to the address at addrAt.
func (g *sockGuest) sendsTo(fd uint64, data string) {
	g.t.Helper()
	g.Put(dataAt, []byte(data)...)
	at, n := g.iovs(uint32(len(data)))
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(uint32(len(data)))}}, "sock_send_to", fd, at, n, 0, addrAt, lenAt)
}

func datagramWrong(g *sockGuest) {
	g.Put(addrAt, g.loopback()...)
	at, n := g.iovs(8)
	for fd, want := range map[uint64]abi.Errno{notOpen: abi.EBADF, root: abi.ENOTSOCK} {
		g.wants(want, nil, "sock_send_to", fd, at, n, 0, addrAt, lenAt)
		g.wants(want, nil, "sock_recv_from", fd, at, n, 0, lenAt, flagsAt, fromAt)
	}
}

func datagramRights(g *sockGuest) {
	at, n := g.iovs(8)
	g.wants(abi.EACCES, nil, "sock_send_to", withoutRight(abi.RightsSockSendTo)(g), at, n, 0, addrAt, lenAt)
	g.wants(abi.EACCES, nil, "sock_recv_from", withoutRight(abi.RightsSockRecvFrom)(g), at, n, 0, lenAt, flagsAt, fromAt)
}

func datagramSends(g *sockGuest) {
	fd, own := g.datagrams()
	c, _ := g.udp()
	g.Put(dataAt, []byte("0123456789")...)
	at, n := g.iovs(3, 0, 5, 2)
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(10)}}, "sock_send_to", fd, at, n, 0, addrAt, lenAt)
	g.wantDatagram(c, "0123456789", own)
	g.wants(abi.ESUCCESS, nil, "sock_connect", fd, addrAt)
	for _, call := range []string{"sock_send", "fd_write"} {
		g.wants(abi.ESUCCESS, []Write{{lenAt, le32(10)}}, call, transfer(call, fd, at, n)...)
		g.wantDatagram(c, "0123456789", own)
	}
}

func datagramReceives(g *sockGuest) {
	fd, own := g.datagrams()
	c, from := g.udp()
	for _, data := range []string{"abcdefg", "x"} {
		g.tell(c, own, data)
	}
	g.hears(fd, 0, "abcdefg", encodeInet(from))
	g.receiving(fd, 0, abi.ESUCCESS, "x")
}

func datagramUnix(g *sockGuest) {
	a, _ := g.datagrams()
	b, from := g.datagrams()
	g.Put(addrAt, g.name(a)...)
	g.sendsTo(b, "data")
	g.hears(a, 0, "data", from)
	g.sendsTo(g.open(dgram), "nobody")
	g.hears(a, 0, "nobody", g.unbound())
}

func datagramEmpty(g *sockGuest) {
	fd, own := g.datagrams()
	c, from := g.udp()
	g.sendsTo(fd, "")
	g.wantDatagram(c, "", own)
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(0)}}, "sock_send_to", fd, 0, 0, 0, addrAt, lenAt)
	g.wantDatagram(c, "", own)
	g.tell(c, own, "")
	g.hears(fd, 0, "", encodeInet(from))
}

// datagramPair returns two sockets of the guest; the first one's address is at
// addrAt, the second one's is from.
func (g *sockGuest) datagramPair() (to, fd uint64, from []byte) {
	g.t.Helper()
	fd, from = g.datagrams()
	to, _ = g.datagrams()
	return to, fd, from
}

func datagramCut(g *sockGuest) {
	to, fd, from := g.datagramPair()
	g.sendsTo(fd, "0123456789")
	g.sendsTo(fd, "0123456789")
	g.sendsTo(fd, "next")
	g.Put(dataAt, []byte("??????????")...)
	at, n := g.iovs(2, 2)
	cut := le16(uint16(abi.RoflagsDataTruncated))
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(4)}, {flagsAt, cut}, {fromAt, from}, {dataAt, []byte("0123")}},
		"sock_recv_from", to, at, n, 0, lenAt, flagsAt, fromAt)
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(10)}, {flagsAt, cut}},
		"sock_recv", to, at, n, uint64(abi.RiflagsDataTruncated), lenAt, flagsAt)
	g.hears(to, 0, "next", from)
}

func datagramPeek(g *sockGuest) {
	to, fd, from := g.datagramPair()
	g.sendsTo(fd, "data")
	g.hears(to, abi.RiflagsPeek, "data", from)
	g.hears(to, 0, "data", from)
	g.receiving(to, abi.RiflagsDontWait, abi.EAGAIN, "")
}

// datagramTooLong sends one buffer twice, as memory holds no such datagram.
func datagramTooLong(g *sockGuest) {
	fd, _ := g.datagrams()
	g.udp()
	half := cat(le32(dataAt), le32(0x8000))
	g.Put(iovsAt, cat(half, half)...)
	g.wants(abi.EMSGSIZE, nil, "sock_send_to", fd, iovsAt, 2, 0, addrAt, lenAt)
}

func datagramWaits(g *sockGuest) {
	fd, own := g.datagrams()
	c, from := g.udp()
	at, n := g.iovs(8)
	w := g.spawn("sock_recv_from", fd, at, n, 0, lenAt, flagsAt, fromAt)
	g.tell(c, own, "later")
	g.joins(w, abi.ESUCCESS, append(received("later"), Write{fromAt, encodeInet(from)})...)
}

// datagramFilter connects to one peer; another's datagram, which was there
// before and only may wake the wait, stays unheard.
func datagramFilter(g *sockGuest) {
	fd, own := g.datagrams()
	other, _ := g.udp()
	c, _ := g.udp()
	g.wants(abi.ESUCCESS, nil, "sock_connect", fd, addrAt)
	at, n := g.iovs(8)
	w := g.spawn("sock_recv", fd, at, n, 0, lenAt, flagsAt)
	g.tell(other, own, "other")
	g.tell(c, own, "peer")
	g.joins(w, abi.ESUCCESS, received("peer")...)
	g.receiving(fd, abi.RiflagsDontWait, abi.EAGAIN, "")
}

func datagramNowhere(g *sockGuest) {
	at, n := g.iovs(8)
	g.wants(abi.EDESTADDRREQ, nil, "sock_send", g.open(dgram), at, n, 0, lenAt)
}

func datagramOtherFamily(g *sockGuest) {
	other := encodeInet(netip.MustParseAddrPort("[::1]:9"))
	want := abi.EAFNOSUPPORT
	if g.family == local {
		want = abi.EINVAL
	}
	if g.family != inet6 {
		g.Put(addrAt, other...)
		at, n := g.iovs(8)
		g.wants(want, nil, "sock_send_to", g.open(dgram), at, n, 0, addrAt, lenAt)
	}
	for _, family := range []byte{0, 9} {
		g.Put(addrAt, family, 0)
		g.wants(abi.EAFNOSUPPORT, nil, "sock_send_to", g.open(dgram), 0, 0, 0, addrAt, lenAt)
	}
}

func datagramRefused(g *sockGuest) {
	fd, _ := g.datagrams()
	c, _ := g.udp()
	g.wants(abi.ESUCCESS, nil, "sock_connect", fd, addrAt)
	_ = c.Close()
	g.sends(fd, "anybody")
	g.receiving(fd, 0, abi.ECONNREFUSED, "")
	g.receiving(fd, abi.RiflagsDontWait, abi.EAGAIN, "")
}

func datagramFaults(g *sockGuest) {
	to, fd, from := g.datagramPair()
	g.sendsTo(fd, "data")
	at, n := g.iovs(8)
	for _, results := range [][3]uint64{
		{outside - 2, flagsAt, fromAt}, {lenAt, outside, fromAt}, {lenAt, flagsAt, uint64(outside + 2 - len(from))},
	} {
		g.wants(abi.EFAULT, nil, "sock_recv_from", to, at, n, 0, results[0], results[1], results[2])
	}
	g.wants(abi.EFAULT, nil, "sock_send_to", fd, at, n, 0, addrAt, outside-2)
	g.wants(abi.EFAULT, nil, "sock_send_to", fd, at, n, 0, outside, lenAt)
	g.hears(to, 0, "data", from)
	g.receiving(to, abi.RiflagsDontWait, abi.EAGAIN, "")
}

func datagramDenied(g *sockGuest) {
	_, to := g.udp()
	g = g.denied()
	g.Put(addrAt, encodeInet(to)...)
	fd := g.open(dgram)
	at, n := g.iovs(8)
	g.wants(abi.EPERM, nil, "sock_send_to", fd, at, n, 0, addrAt, lenAt)
	g.wants(abi.ESUCCESS, []Write{{nameAt, g.unbound()}}, "sock_addr_local", fd, nameAt)
}

func datagramTimeout(g *sockGuest) {
	fd, _ := g.datagrams()
	g.setTime(fd, abi.SockOptionRecvTimeout, 1e6)
	g.receiving(fd, 0, abi.EAGAIN, "")
}

// datagramOfStream stores the family UNSPEC, and no more, or the name of a UNIX
// socket.
func datagramOfStream(g *sockGuest) {
	fd, p := g.connection()
	_, _ = p.Write([]byte(strings.Repeat("x", 8)))
	from := []byte{0, 0}
	if g.family == local {
		from = p.name()
	}
	g.hears(fd, 0, strings.Repeat("x", 8), from)
}
