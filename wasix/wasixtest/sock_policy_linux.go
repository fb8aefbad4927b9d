package wasixtest

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

var policyCases = []sockCase{
	{"a duplicated descriptor may not do more", policyDuplicate, nil},
	{"an option does not open what is denied", policyOptions, nil},
	{"another form of an address is denied as well", policyForms, inet[1:]},
	{"a refused client is closed before the guest sees it", policyClient, inet},
	{"raw sockets are refused", policyRaw, inet},
	{"Unix sockets of the host cannot be reached", policyUnix, nil},
	{"the C library's probe succeeds, and opens nothing", policyProbe, nil},
}

// under returns a guest on the host's network as far as the rules grant it.
func (g *sockGuest) under(rules string) *sockGuest {
	g.t.Helper()
	p, err := network.ParseRules(rules)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.another(func(cmd *wasix.Cmd) {
		cmd.Network = network.WithPolicy(g.network, p)
	})
}

// silentListener returns a listener of the host's that nobody may reach, and its
// address.
func (g *sockGuest) silentListener() netip.AddrPort {
	g.t.Helper()
	l, err := g.peers.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func policyDuplicate(g *sockGuest) {
	to := g.silentListener()
	g = g.under("ipv4:allow=192.0.2.1:*")
	fd := g.open(stream)
	g.Put(addrAt, encodeInet(to)...)
	g.wants(abi.EPERM, nil, "sock_connect", fd, addrAt)
	dup := g.newFD("fd_dup", fd, fdAt)
	g.wants(abi.ESUCCESS, nil, "fd_renumber", dup, dup+1)
	for _, also := range []uint64{fd, dup + 1} {
		g.wants(abi.EPERM, nil, "sock_connect", also, addrAt)
		g.wants(abi.EPERM, nil, "sock_bind", also, addrAt)
		g.wants(abi.EPERM, nil, "sock_listen", also, 1)
	}
}

func policyOptions(g *sockGuest) {
	to := g.silentListener()
	g = g.under("ipv4:allow=192.0.2.1:*")
	fd := g.open(stream)
	for _, opt := range []abi.SockOption{abi.SockOptionReuseAddr, abi.SockOptionReusePort, abi.SockOptionDontRoute} {
		g.wants(abi.ESUCCESS, nil, "sock_set_opt_flag", fd, uint64(opt), 1)
	}
	g.Put(addrAt, encodeInet(to)...)
	g.wants(abi.EPERM, nil, "sock_bind", fd, addrAt)
	g.wants(abi.EPERM, nil, "sock_connect", fd, addrAt)
}

func policyForms(g *sockGuest) {
	to := g.silentListener()
	g = g.under("ip:allow=*:*,ipv4:deny=127.0.0.0/8:*")
	v4 := to.Addr().As4()
	for _, prefix := range []string{"::ffff:0:0", "64:ff9b::", "::ffff:0:0:0", "::"} {
		ip := netip.MustParseAddr(prefix).As16()
		copy(ip[12:], v4[:])
		fd := g.open(stream)
		g.wants(abi.ESUCCESS, nil, "sock_set_opt_flag", fd, uint64(abi.SockOptionOnlyV6), 0)
		g.Put(addrAt, encodeInet(netip.AddrPortFrom(netip.AddrFrom16(ip), to.Port()))...)
		g.wants(abi.EPERM, nil, "sock_connect", fd, addrAt)
	}
}

func policyClient(g *sockGuest) {
	g = g.under("ip:allow=*:*,ip:deny={127.0.0.1,::1}:1-65535/in")
	fd := g.open(stream)
	g.wants(abi.ESUCCESS, nil, "sock_listen", fd, 4)
	g.setNonblock(fd)
	at := decodeInet(g.name(fd))
	loopback := netip.MustParseAddr("127.0.0.1")
	if g.family == inet6 {
		loopback = netip.IPv6Loopback()
	}
	p := g.dial(encodeInet(netip.AddrPortFrom(loopback, at.Port())))
	err := os.ErrDeadlineExceeded
	for n := 0; errors.Is(err, os.ErrDeadlineExceeded); {
		g.wants(abi.EAGAIN, nil, "sock_accept_v2", fd, 0, fdAt, fromAt)
		_ = p.(hostPeer).SetReadDeadline(time.Now().Add(time.Millisecond)) // it may not have come yet
		if n, err = p.Read(make([]byte, 1)); n != 0 || err == nil {
			g.t.Fatalf("the client reads %d bytes, %v", n, err)
		}
	}
	if err != io.EOF {
		g.t.Logf("the client's connection ends with %v", err)
	}
}

func policyRaw(g *sockGuest) {
	for _, g := range []*sockGuest{g, g.under("ip:allow=*:*,dns:allow=*:*")} {
		g.wants(abi.EPERM, nil, "sock_open", uint64(g.family), uint64(abi.SockTypeRaw), uint64(abi.SockProtoTcp), fdAt)
		g.wants(abi.EPERM, nil, "sock_open", uint64(g.family), uint64(abi.SockTypeRaw), 255, fdAt)
	}
}

func policyUnix(g *sockGuest) {
	dir := g.t.TempDir()
	for path, want := range map[string]abi.Errno{
		filepath.Join(dir, "socket"):     abi.ENOENT,
		"@gowasix-" + filepath.Base(dir): abi.ECONNREFUSED,
	} {
		l, err := net.Listen("unix", path)
		if err != nil {
			g.t.Fatal(err)
		}
		defer l.Close()
		name := []byte(path)
		if name[0] == '@' {
			name[0] = 0
		}
		if len(name) > 100 {
			g.t.Fatalf("%s is too long", path)
		}
		fd := g.newFD("sock_open", uint64(local), uint64(stream), 0, fdAt)
		g.Put(addrAt, encodeUnix(string(name))...)
		if got := g.Call("sock_connect", fd, addrAt); got != want {
			g.t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

func policyProbe(g *sockGuest) {
	g = g.denied()
	fd := g.open(stream)
	probe := encodeInet(netip.MustParseAddrPort("0.0.0.0:10275"))
	g.Put(addrAt, probe...)
	g.wants(abi.ESUCCESS, nil, "sock_bind", fd, addrAt)
	g.wants(abi.ESUCCESS, []Write{{nameAt, probe}}, "sock_addr_local", fd, nameAt)
	g.wants(abi.EPERM, nil, "sock_listen", fd, 1)
}
