package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

// The ways by which programs have been led, or have found, to where they must
// not. One test each.

// internet is what a careful operator grants.
const internet = "ip:allow=*:*/out,dns:allow=*:*,ip:deny={loopback,link-local,private,metadata,multicast}:*"

func TestSecurityFormsOfAddresses(t *testing.T) {
	p := rules(t, internet)
	for _, addr := range []string{
		"127.0.0.1:80", "127.255.255.254:80", "0.0.0.0:80", "[::]:80", "[::1]:80", "10.0.0.1:80", "172.31.255.255:80",
		"192.168.0.1:80", "100.64.0.1:80", "169.254.0.1:80", "[fe80::1%1]:80", "[fc00::1]:80", "[fdff::1]:80",
		"169.254.169.254:80", "[fd00:ec2::254]:80", "168.63.129.16:80", "224.0.0.1:80", "[ff02::1]:80",
		"[::ffff:169.254.169.254]:80", "[64:ff9b::169.254.169.254]:80", "[64:ff9b:1::169.254.169.254]:80",
		"[::169.254.169.254]:80", "[::ffff:0:169.254.169.254]:80", "[2002:a9fe:a9fe::1]:80", "[2002:7f00:1::]:80",
	} {
		for _, use := range []Use{UseConnect, UseSendTo} {
			if p.Allows(use, netip.MustParseAddrPort(addr)) {
				t.Errorf("%v %s", use, addr)
			}
		}
	}
	for _, addr := range []string{"8.8.8.8:53", "[2001:4860:4860::8888]:53", "[64:ff9b::8.8.8.8]:53", "172.32.0.1:80"} {
		if !p.Allows(UseConnect, netip.MustParseAddrPort(addr)) {
			t.Errorf("%s is refused", addr)
		}
	}
}

// Some resolvers take a number for an address.
func TestSecurityDecimalNames(t *testing.T) {
	lookedUp := 0
	n := WithPolicy(resolving(func(string) []netip.Addr {
		lookedUp++
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	}), rules(t, "dns:allow=*:*"))
	for _, host := range []string{"2130706433", "0x7f000001", "017700000001", "127.1", "0x7f.1", "127.0.0.0x1", "99999999999999999999", "a.0b1."} {
		_, err := n.Resolve(t.Context(), host)
		check(t, host, err, syscall.ENOENT)
	}
	if lookedUp != 0 {
		t.Error("a number was looked up")
	}
	for _, host := range []string{"1.example", "0xg", "a-1", "4chan.org"} {
		must[[]netip.Addr](t)(n.Resolve(t.Context(), host))
	}
}

// resolving is a network with the answers of a function, and the host's sockets.
type resolving func(host string) []netip.Addr

func (resolving) Socket(f abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (Socket, error) {
	return Host().Socket(f, typ, proto)
}

func (r resolving) Resolve(_ context.Context, host string) ([]netip.Addr, error) { return r(host), nil }

// A name that leads elsewhere the second time does not lead there by the first.
func TestSecurityRebinding(t *testing.T) {
	first, second := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("127.0.0.1")
	answers := []netip.Addr{first, second}
	n := WithPolicy(resolving(func(string) []netip.Addr {
		a := answers[0]
		answers = answers[1:]
		return []netip.Addr{a}
	}), rules(t, "dns:allow=rebind.test:*"))
	l, at := listener(t, Host(), inet4)
	must[[]netip.Addr](t)(n.Resolve(t.Context(), "rebind.test"))
	check(t, "connect to what was not answered", open(t, n, inet4, stream).Connect(at), syscall.EPERM)
	must[[]netip.Addr](t)(n.Resolve(t.Context(), "rebind.test"))
	check(t, "connect to the second answer", open(t, n, inet4, stream).Connect(at), syscall.EPERM)
	_, _, err := l.Accept()
	check(t, "accept", err, syscall.EAGAIN)
	if len(answers) != 0 {
		t.Errorf("%d answers were not asked for", len(answers))
	}
}

// A server that may be reached can send the guest on; the new address is asked
// about as any other.
func TestSecurityRedirects(t *testing.T) {
	n, d := guarded(t, "dns:allow=*:*,ipv4:allow=192.0.2.0/24:80/out")
	for _, to := range []string{"169.254.169.254:80", "127.0.0.1:80", "192.0.2.1:81"} {
		check(t, to, open(t, n, inet4, stream).Connect(inet(to)), syscall.EPERM)
	}
	if slices.Contains(families(t), inet6) {
		check(t, "mapped", open(t, n, inet6, stream).Connect(inet("[::ffff:169.254.169.254]:80")), syscall.EPERM)
		check(t, "NAT64", open(t, n, inet6, stream).Connect(inet("[64:ff9b::169.254.169.254]:80")), syscall.EPERM)
		d.take()
		return
	}
	d.take()
}

// Options change what a socket does, not what it may.
func TestSecurityOptions(t *testing.T) {
	_, at := listener(t, Host(), inet4)
	n, _ := guarded(t, "ipv6:allow=[::1]:*,ipv4:allow=127.0.0.1:1")
	s := open(t, n, inet4, stream)
	for _, opt := range []abi.SockOption{abi.SockOptionReuseAddr, abi.SockOptionReusePort, abi.SockOptionDontRoute, abi.SockOptionBroadcast} {
		check(t, opt.String(), s.SetOption(opt, 1), nil)
	}
	check(t, "bind to what is used", s.Bind(at), syscall.EPERM)
	check(t, "connect", s.Connect(at), syscall.EPERM)
	if !slices.Contains(families(t), inet6) {
		return
	}
	both := open(t, n, inet6, stream)
	check(t, "both families", both.SetOption(abi.SockOptionOnlyV6, 0), nil)
	mapped := Addr{AddrPort: netip.AddrPortFrom(netip.AddrFrom16(at.Addr().As16()), at.Port())}
	check(t, "connect by the other family", both.Connect(mapped), syscall.EPERM)
	check(t, "bind by the other family", both.Bind(inet("[::ffff:127.0.0.1]:0")), syscall.EPERM)
}

// What the guest gets from accept, and a socket whose association is dissolved,
// stay under the policy.
func TestSecuritySocketsStayGuarded(t *testing.T) {
	_, forbidden := listener(t, Host(), inet4)
	n, _ := guarded(t, "ipv4:allow=127.0.0.1:*/in")
	l, at := listener(t, n, inet4)
	c := open(t, Host(), inet4, stream)
	connectTo(t, c, at)
	s, _ := accepted(t, l)
	check(t, "connect anew", firstError(s.Connect(Addr{}), s.Connect(forbidden)), syscall.EPERM)
	u := open(t, n, inet4, dgram)
	check(t, "dissolve", u.Connect(Addr{}), nil)
	_, err := u.Sendmsg([][]byte{{1}}, &forbidden)
	check(t, "send", err, syscall.EPERM)
}

// Raw sockets are refused unless the host allows them, and those that write
// their own headers whenever there is a policy.
func TestSecurityRawSockets(t *testing.T) {
	for _, n := range []Network{Host(), WithPolicy(Host(), rules(t, internet))} {
		for _, proto := range []abi.SockProto{abi.SockProtoIcmp, abi.SockProtoTcp, protoRaw} {
			_, err := n.Socket(inet4, abi.SockTypeRaw, proto)
			check(t, fmt.Sprint("protocol ", proto), err, syscall.EPERM)
		}
	}
	n := WithPolicy(Host(AllowRaw()), rules(t, internet))
	_, err := n.Socket(inet4, abi.SockTypeRaw, protoRaw)
	check(t, "own headers", err, syscall.EPERM)
}

// Names of Unix sockets are the guest's own, those of the host unknown.
func TestSecurityUnixSockets(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "socket"), "@gowasix-" + filepath.Base(t.TempDir())} {
		l, err := net.Listen("unix", name)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c, err := net.Dial("unix", name)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		path := name
		if name[0] == '@' {
			path = "\x00" + name[1:]
		}
		for _, n := range []Network{Unix(), Host(), WithPolicy(Host(), AllowAll())} {
			s, err := n.Socket(abi.AddressFamilyUnix, stream, 0)
			if err == syscall.EAFNOSUPPORT {
				continue // the host's network has none at all
			}
			check(t, "socket", err, nil)
			defer s.Close()
			if err := s.Connect(Addr{Unix: true, Path: path}); err != syscall.ENOENT && err != syscall.ECONNREFUSED {
				t.Errorf("%s can be reached: %v", name, err)
			}
		}
	}
}

// A Unix socket that the host hands over leads nowhere else.
func TestSecurityGivenUnixSocket(t *testing.T) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(pair[1])
	s, err := FromFD(pair[0])
	_ = syscall.Close(pair[0])
	check(t, "take over", err, nil)
	closeLater(t, s)
	path := filepath.Join(t.TempDir(), "socket")
	l, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	to := Addr{Unix: true, Path: path}
	if err := s.Connect(to); err == nil {
		t.Error("it can be connected to a path of the host")
	}
	if _, err := s.Sendmsg([][]byte{{1}}, &to); err == nil {
		t.Error("it can send to a path of the host")
	}
	if err := s.Bind(Addr{Unix: true, Path: path + "2"}); err == nil {
		t.Error("it can make a file on the host")
	}
}

// The callback has the word where no rule has one, and no more.
func TestPolicyAsk(t *testing.T) {
	l, at := listener(t, Host(), inet4)
	type key struct{}
	var asked []Request
	answer := error(nil)
	p := rules(t, "ipv4:deny=127.0.0.2:*,ipv4:allow=127.0.0.3:*,dns:deny=bad.test:*")
	p.Ask = func(ctx context.Context, r Request) error {
		if ctx.Value(key{}) != "the guest's" {
			t.Error("it gets another context")
		}
		asked = append(asked, r)
		return answer
	}
	n := WithContext(context.WithValue(t.Context(), key{}, "the guest's"), WithPolicy(resolving(func(string) []netip.Addr { return nil }), p))
	connectTo(t, open(t, n, inet4, stream), at)
	accepted(t, l)
	check(t, "denied", open(t, n, inet4, stream).Connect(inet("127.0.0.2:1")), syscall.EPERM)
	check(t, "granted", open(t, n, inet4, stream).Bind(inet("127.0.0.3:0")), nil)
	answer = errors.New("no")
	check(t, "refused", open(t, n, inet4, stream).Connect(at), syscall.EPERM)
	answer = syscall.ENETUNREACH
	check(t, "refused with an errno", open(t, n, inet4, stream).Connect(at), syscall.ENETUNREACH)
	answer = nil
	_, err := n.Resolve(t.Context(), "good.test")
	check(t, "name", err, nil)
	_, err = n.Resolve(t.Context(), "bad.test")
	check(t, "denied name", err, syscall.EPERM)
	connect := Request{Use: UseConnect, Addr: at.AddrPort}
	if want := []Request{connect, connect, connect, {Use: UseResolve, Host: "good.test"}}; !slices.Equal(asked, want) {
		t.Errorf("asked about %v, want %v", asked, want)
	}
	list, total := p.Denials()
	if want := (DenialCount{connect, 2}); total != 4 || len(list) != 3 || list[0] != want {
		t.Errorf("%d refusals: %v", total, list)
	}
}

// What is refused is told of with a count, however much it is.
func TestDenialsAreBounded(t *testing.T) {
	var d denials
	for i := range maxDenials + 1 {
		want := uint64(1)
		if i == maxDenials {
			want = 0
		}
		if got := d.add(Request{Use: UseAccept, Addr: netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(i))}); got != want {
			t.Fatalf("request %d: %d, want %d", i, got, want)
		}
	}
	if got := d.add(Request{Use: UseAccept, Addr: netip.AddrPortFrom(netip.IPv4Unspecified(), 0)}); got != 2 || d.total != maxDenials+2 {
		t.Errorf("%d times, %d in all", got, d.total)
	}
}

// A connected stream does not know of the policy, whatever its size.
func BenchmarkGuardedStream(b *testing.B) {
	for _, c := range []struct {
		name string
		n    Network
	}{{"plain", Host()}, {"guarded", WithPolicy(Host(), rules(b, "ipv4:allow=127.0.0.1:*,"+manyRules(1000)))}} {
		b.Run(c.name, func(b *testing.B) {
			client, server := connected(b, c.n, inet4)
			data, buf := [][]byte{make([]byte, 64)}, [][]byte{make([]byte, 64)}
			b.ReportAllocs()
			for b.Loop() {
				if n, err := client.Sendmsg(data, nil); n != 64 || err != nil {
					b.Fatal(n, err)
				}
				if n, _, err := server.Recvmsg(buf, 0, nil); n != 64 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}
