package wasixtest

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
)

var portCases = []sockCase{
	{"the interface has an address and a route to its network", portTells, inet},
	{"a list without room is OVERFLOW, and tells how many there are", portOverflow, nil},
	{"addresses come and go", portAddresses, inet},
	{"an address that cannot be is refused", portRefuses, nil},
	{"an address that was added can be bound to", portBinds, inet},
	{"a route opens a way until it goes", portRoutes, inet},
	{"a route that cannot be is refused", portRefusesRoutes, nil},
	{"the gateway is a default route", portGateway, inet},
	{"an unplugged interface reaches nobody", portUnplugged, inet},
	{"what lies outside memory is FAULT", portFaults, nil},
	{"the interface cannot be changed under a policy", portPolicy, nil},
}

// Where the interface cases have their things.
const (
	listAt   = 0x6000
	countAt  = 0x5ff0
	cidrAt   = 0x5f00
	routerAt = 0x5e00
	neverAt  = 0x5d00 // an option_timestamp
	untilAt  = 0x5d10 // another
)

// portLayout is how the structures of the interface calls lie in memory.
type portLayout struct{ cidr, prefix6, route, router, preferred, expires int }

var (
	portLayout2023  = portLayout{20, 18, 72, 20, 40, 56}
	portLayoutToday = portLayout{28, 26, 176, 28, 144, 160}
)

// cidrOf returns an addr_cidr as it is passed and, on a masked list, stored.
func (l portLayout) cidrOf(p netip.Prefix) []byte {
	b := append(addrOf(p.Addr()), byte(p.Bits()))
	if p.Addr().Is6() {
		b = append(append(addrOf(p.Addr()), make([]byte, l.prefix6-18)...), byte(p.Bits()))
	}
	return append(b, bytes.Repeat([]byte{mask}, l.cidr-len(b))...)
}

// addrOf returns an addr, as far as the family has it.
func addrOf(ip netip.Addr) []byte {
	family := inet4
	if ip.Is6() {
		family = inet6
	}
	return append([]byte{byte(family), 0}, ip.AsSlice()...)
}

// routeOf returns a route as it is stored.
func (l portLayout) routeOf(to netip.Prefix, router netip.Addr, expires time.Time) []byte {
	b := make([]byte, l.route)
	copy(b, bytes.ReplaceAll(l.cidrOf(to), []byte{mask}, []byte{0}))
	copy(b[l.router:], addrOf(router))
	if !expires.IsZero() {
		copy(b[l.expires:], someTime(expires))
	}
	return b
}

func someTime(at time.Time) []byte {
	return cat([]byte{byte(abi.OptionSome), 0, 0, 0, 0, 0, 0, 0}, le64(uint64(at.UnixNano())))
}

// The addresses of the first guest of a virtual network, the gateway's, another
// that is free, and one that no route leads to.
func (g *sockGuest) portNet() (own netip.Prefix, gateway, free, far netip.Addr) {
	if g.family == inet6 {
		return netip.MustParsePrefix("fd00::2/64"), netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::77"), netip.MustParseAddr("2001:db8:1::1")
	}
	return netip.MustParsePrefix("10.0.0.2/16"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.7.7"), netip.MustParseAddr("203.0.113.1")
}

// lists has a call store a list of all elements of that size, as it did and what
// elements were of the family.
func (g *sockGuest) lists(name string, size int) (ofFamily [][]byte) {
	g.t.Helper()
	const room = 8
	g.Put(listAt, bytes.Repeat([]byte{mask}, room*size)...)
	g.Put(countAt, le32(room)...)
	if got := g.Call(name, listAt, countAt); got != abi.ESUCCESS {
		g.t.Fatalf("%s: %v", name, got)
	}
	n := binary.LittleEndian.Uint32(g.Bytes(countAt, 4))
	all := bytes.Clone(g.Bytes(listAt, n*uint32(size)))
	g.Wrote(Write{countAt, le32(n)}, Write{listAt, all})
	for ; len(all) > 0; all = all[size:] {
		if all[0] == byte(g.family) {
			ofFamily = append(ofFamily, all[:size])
		}
	}
	return ofFamily
}

// wantList checks what a call lists of the family.
func (g *sockGuest) wantList(name string, size int, want ...[]byte) {
	g.t.Helper()
	got := g.lists(name, size)
	if !bytes.Equal(bytes.Join(got, nil), bytes.Join(want, nil)) {
		g.t.Fatalf("%s: % x, want % x", name, got, want)
	}
}

// portTells looks as a program of 2023 and as one of today.
func portTells(g *sockGuest) {
	today := g.anotherOf(compile(g.t, g.engine, Passthrough(guestPages, guestCalls()...)), nil)
	for _, c := range []struct {
		g *sockGuest
		l portLayout
	}{{g, portLayout2023}, {today, portLayoutToday}} {
		own, _, _, _ := g.portNet()
		c.g.wantList("port_addr_list", c.l.cidr, c.l.cidrOf(own))
		c.g.wantList("port_route_list", c.l.route, c.l.routeOf(own.Masked(), g.wildcard(), time.Time{}))
		c.g.wants(abi.ESUCCESS, []Write{{valueAt, []byte{2, 0, 0, 0, 0, 2}}}, "port_mac", valueAt)
	}
}

func (g *sockGuest) wildcard() netip.Addr { return decodeInet(g.unbound()).Addr() }

func portOverflow(g *sockGuest) {
	for _, name := range []string{"port_addr_list", "port_route_list"} {
		g.Put(countAt, le32(1)...)
		g.wants(abi.EOVERFLOW, []Write{{countAt, le32(2)}}, name, listAt, countAt)
	}
}

func (g *sockGuest) put(at uint32, b []byte) uint64 {
	g.Put(at, b...)
	return uint64(at)
}

func portAddresses(g *sockGuest) {
	own, _, free, _ := g.portNet()
	l := portLayout2023
	more := netip.PrefixFrom(free, own.Bits())
	g.wants(abi.ESUCCESS, nil, "port_addr_add", g.put(cidrAt, l.cidrOf(more)))
	g.wants(abi.EEXIST, nil, "port_addr_add", cidrAt)
	g.wantList("port_addr_list", l.cidr, l.cidrOf(own), l.cidrOf(more))
	g.wantList("port_route_list", l.route, l.routeOf(own.Masked(), g.wildcard(), time.Time{}))
	g.wants(abi.ESUCCESS, nil, "port_addr_remove", g.put(cidrAt, addrOf(own.Addr())))
	g.wants(abi.EADDRNOTAVAIL, nil, "port_addr_remove", cidrAt)
	g.wantList("port_addr_list", l.cidr, l.cidrOf(more))
	g.wants(abi.ESUCCESS, nil, "port_dhcp_acquire")
	g.wantList("port_addr_list", l.cidr, l.cidrOf(more))
	g.wants(abi.ESUCCESS, nil, "port_addr_clear")
	g.wantList("port_addr_list", l.cidr)
	g.wants(abi.ESUCCESS, nil, "port_dhcp_acquire")
	if got := g.lists("port_addr_list", l.cidr); len(got) != 1 {
		g.t.Fatalf("% x", got)
	}
}

func portRefuses(g *sockGuest) {
	l := portLayout2023
	refused := func(address string, want abi.Errno) {
		g.wants(want, nil, "port_addr_add", g.put(cidrAt, l.cidrOf(netip.MustParsePrefix(address))))
	}
	refused("10.0.0.1/16", abi.EADDRINUSE)
	for _, address := range []string{
		"0.0.0.0/0", "127.0.0.2/8", "224.0.0.1/4", "255.255.255.255/32", "10.0.255.255/16",
		"::/0", "::1/128", "ff02::1/8", "::ffff:10.0.0.9/128",
	} {
		refused(address, abi.EINVAL)
	}
	long := l.cidrOf(netip.MustParsePrefix("10.0.9.9/32"))
	long[6] = 33
	g.wants(abi.EINVAL, nil, "port_addr_add", g.put(cidrAt, long))
	for _, family := range []byte{0, 3, 9} {
		g.wants(abi.EAFNOSUPPORT, nil, "port_addr_add", g.put(cidrAt, []byte{family}))
	}
}

func portBinds(g *sockGuest) {
	own, _, free, _ := g.portNet()
	fd := g.open(stream)
	at := g.put(addrAt, encodeInet(netip.AddrPortFrom(free, 7)))
	g.wants(abi.EADDRNOTAVAIL, nil, "sock_bind", fd, at)
	g.wants(abi.ESUCCESS, nil, "port_addr_add", g.put(cidrAt, portLayout2023.cidrOf(netip.PrefixFrom(free, own.Bits()))))
	g.wants(abi.ESUCCESS, nil, "sock_bind", fd, at)
	g.wants(abi.ESUCCESS, nil, "sock_listen", fd, 1)
	g.serve(fd, encodeInet(netip.AddrPortFrom(free, 7)))
}

// wantsWay checks that a datagram to an address finds a route, or none.
func (g *sockGuest) wantsWay(to netip.Addr, want abi.Errno) {
	g.t.Helper()
	fd := g.open(dgram)
	g.wants(want, nil, "sock_connect", fd, g.put(addrAt, encodeInet(netip.AddrPortFrom(to, 9))))
	g.close(fd)
}

func portRoutes(g *sockGuest) {
	own, gateway, _, far := g.portNet()
	l := portLayout2023
	to := netip.PrefixFrom(far, 24).Masked()
	add := func(want abi.Errno, expires []byte) {
		g.t.Helper()
		g.wants(want, nil, "port_route_add", g.put(cidrAt, l.cidrOf(to)), g.put(routerAt, addrOf(gateway)),
			g.put(neverAt, make([]byte, 16)), g.put(untilAt, expires))
	}
	direct := l.routeOf(own.Masked(), g.wildcard(), time.Time{})
	g.wants(abi.ESRCH, nil, "port_route_remove", g.put(cidrAt, addrOf(to.Addr())))
	g.wantsWay(far, abi.ENETUNREACH)
	add(abi.ESUCCESS, make([]byte, 16))
	add(abi.EEXIST, make([]byte, 16))
	g.wantsWay(far, abi.ESUCCESS)
	g.wantList("port_route_list", l.route, direct, l.routeOf(to, gateway, time.Time{}))
	g.wants(abi.ESUCCESS, nil, "port_route_remove", g.put(cidrAt, addrOf(to.Addr())))
	g.wants(abi.ESRCH, nil, "port_route_remove", cidrAt)
	g.wantsWay(far, abi.ENETUNREACH)
	later := time.Now().Add(time.Hour)
	add(abi.ESUCCESS, someTime(later))
	g.wantList("port_route_list", l.route, direct, l.routeOf(to, gateway, later))
	g.wants(abi.ESUCCESS, nil, "port_route_clear")
	add(abi.EINVAL, someTime(time.Now().Add(-time.Hour)))
	add(abi.ESUCCESS, someTime(time.Now().Add(50*time.Millisecond)))
	for len(g.lists("port_route_list", l.route)) > 1 {
		time.Sleep(time.Millisecond)
	}
	for { // the route is listed no longer before it is gone
		fd := g.open(dgram)
		got := g.Call("sock_connect", fd, g.put(addrAt, encodeInet(netip.AddrPortFrom(far, 9))))
		g.close(fd)
		if got == abi.ENETUNREACH {
			break
		}
	}
	g.wantList("port_route_list", l.route, direct)
}

func portRefusesRoutes(g *sockGuest) {
	_, gateway, _, far := g.portNet()
	l := portLayout2023
	to := l.cidrOf(netip.PrefixFrom(far, 32))
	six := addrOf(netip.MustParseAddr("fd00::1"))
	wrong := bytes.Clone(to)
	wrong[6] = 33
	never := make([]byte, 16)
	for _, c := range []struct {
		to, router, until []byte
		want              abi.Errno
	}{
		{wrong, addrOf(gateway), never, abi.EINVAL},
		{to, six, never, abi.EINVAL},
		{to, addrOf(gateway), []byte{2}, abi.EINVAL},
		{to, addrOf(far), never, abi.ENETUNREACH},
		{[]byte{9}, addrOf(gateway), never, abi.EAFNOSUPPORT},
		{to, []byte{3}, never, abi.EAFNOSUPPORT},
	} {
		g.wants(c.want, nil, "port_route_add", g.put(cidrAt, c.to), g.put(routerAt, c.router), g.put(neverAt, never), g.put(untilAt, c.until))
	}
}

func portGateway(g *sockGuest) {
	own, gateway, _, far := g.portNet()
	l := portLayout2023
	g.wants(abi.ENETUNREACH, nil, "port_gateway_set", g.put(routerAt, addrOf(far)))
	g.wantsWay(far, abi.ENETUNREACH)
	for range 2 {
		g.wants(abi.ESUCCESS, nil, "port_gateway_set", g.put(routerAt, addrOf(gateway)))
		g.wantsWay(far, abi.ESUCCESS)
	}
	g.wantList("port_route_list", l.route, l.routeOf(own.Masked(), g.wildcard(), time.Time{}),
		l.routeOf(netip.PrefixFrom(g.wildcard(), 0), gateway, time.Time{}))
	g.wants(abi.ESUCCESS, nil, "port_addr_clear")
	g.wantList("port_route_list", l.route)
}

func portUnplugged(g *sockGuest) {
	own, gateway, _, _ := g.portNet()
	plug := func(want abi.Errno, name string, security abi.StreamSecurity) {
		g.t.Helper()
		g.wants(want, nil, "port_bridge", g.put(dataAt, []byte(name)), uint64(len(name)), dataAt, 0, uint64(security))
	}
	g.wants(abi.ESUCCESS, nil, "port_unbridge")
	g.wantsWay(gateway, abi.ENETUNREACH)
	g.wants(abi.ENETDOWN, nil, "port_dhcp_acquire")
	g.wantList("port_addr_list", portLayout2023.cidr, portLayout2023.cidrOf(own))
	plug(abi.ENOENT, "another", abi.StreamSecurityUnencrypted)
	plug(abi.EINVAL, "virtual", 16)
	g.wantsWay(gateway, abi.ENETUNREACH)
	plug(abi.ESUCCESS, "virtual", abi.StreamSecurityAnyEncryption)
	g.wantsWay(gateway, abi.ESUCCESS)
}

func portFaults(g *sockGuest) {
	g.Put(outside, byte(inet4))
	for _, name := range []string{"port_addr_add", "port_addr_remove", "port_gateway_set", "port_route_remove", "port_mac"} {
		for _, at := range []uint64{outside, outside + 1, 1<<32 - 1} {
			g.wants(abi.EFAULT, nil, name, at)
		}
	}
	g.Put(countAt, le32(1<<31)...)
	for _, name := range []string{"port_addr_list", "port_route_list"} {
		g.wants(abi.EFAULT, nil, name, listAt, countAt)
		g.wants(abi.EFAULT, nil, name, listAt, outside)
	}
	g.wants(abi.EFAULT, nil, "port_route_add", outside, routerAt, neverAt, untilAt)
	g.wants(abi.EFAULT, nil, "port_bridge", outside, 2, dataAt, 0, 0)
	g.wants(abi.EFAULT, nil, "port_bridge", dataAt, 2, dataAt, 1<<32-1, 0)
}

func portPolicy(g *sockGuest) {
	g = g.under("ipv4:allow=10.0.0.0/8:*")
	_, gateway, free, _ := g.portNet()
	cidr := g.put(cidrAt, portLayout2023.cidrOf(netip.PrefixFrom(free, 16)))
	addr, never := g.put(routerAt, addrOf(gateway)), g.put(neverAt, make([]byte, 16))
	for name, args := range map[string][]uint64{
		"port_addr_add": {cidr}, "port_addr_remove": {addr}, "port_addr_clear": nil, "port_dhcp_acquire": nil,
		"port_gateway_set": {addr}, "port_route_add": {cidr, addr, never, never}, "port_route_remove": {addr},
		"port_route_clear": nil, "port_bridge": {dataAt, 1, dataAt, 1, 0}, "port_unbridge": nil,
	} {
		g.wants(abi.EPERM, nil, name, args...)
	}
}
