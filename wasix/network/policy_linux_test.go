package network

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

func TestPolicyAllows(t *testing.T) {
	for _, c := range []struct {
		rules, addr string
		use         Use
		want        bool
	}{
		{"", "127.0.0.1:80", UseConnect, false},
		{"", "127.0.0.1:80", UseBind, false},
		{"ipv4:allow=127.0.0.1:80", "127.0.0.1:80", UseConnect, true},
		{"ipv4:allow=127.0.0.1:80", "127.0.0.1:80", UseListen, true},
		{"ipv4:allow=127.0.0.1:80", "127.0.0.1:81", UseConnect, false},
		{"ipv4:allow=127.0.0.1:80", "127.0.0.2:80", UseConnect, false},
		{"ipv4:allow=127.0.0.1:80/in", "127.0.0.1:80", UseConnect, false},
		{"ipv4:allow=127.0.0.1:80/in", "127.0.0.1:80", UseSendTo, false},
		{"ipv4:allow=127.0.0.1:80/in", "127.0.0.1:80", UseBind, true},
		{"ipv4:allow=127.0.0.1:80/in", "127.0.0.1:80", UseAccept, true},
		{"ipv4:allow=127.0.0.1:80/out", "127.0.0.1:80", UseConnect, true},
		{"ipv4:allow=127.0.0.1:80/out", "127.0.0.1:80", UseSendTo, true},
		{"ipv4:allow=127.0.0.1:80/out", "127.0.0.1:80", UseBind, false},
		{"ipv4:allow=127.0.0.1:80/out", "127.0.0.1:80", UseAccept, false},
		{"ipv4:allow=*:*", "8.8.8.8:53", UseConnect, true},
		{"ipv4:allow=*:*", "[2001:db8::1]:53", UseConnect, false},
		{"ipv6:allow=*:*", "8.8.8.8:53", UseConnect, false},
		{"ipv6:allow=*:*", "[2001:db8::1]:53", UseConnect, true},
		{"ipv4:allow=10.0.0.0/8:1000-2000", "10.9.8.7:1000", UseConnect, true},
		{"ipv4:allow=10.0.0.0/8:1000-2000", "10.9.8.7:2001", UseConnect, false},
		{"ipv4:allow=10.0.0.0/8:1000-2000", "11.0.0.0:1000", UseConnect, false},
		{"dns:allow=*:*", "127.0.0.1:80", UseConnect, false},
		// Denials win, in whatever order.
		{"ipv4:allow=*:*,ipv4:deny=127.0.0.0/8:*", "127.0.0.1:80", UseConnect, false},
		{"ipv4:deny=127.0.0.0/8:*,ipv4:allow=*:*", "127.0.0.1:80", UseConnect, false},
		{"ipv4:deny=127.0.0.0/8:80/in,ipv4:allow=*:*", "127.0.0.1:80", UseConnect, true},
		{"ipv4:deny=127.0.0.0/8:80/in,ipv4:allow=*:*", "127.0.0.1:80", UseAccept, false},
		// Port 0 is any port.
		{"ipv4:allow=*:80", "0.0.0.0:0", UseBind, false},
		{"ipv4:allow=*:*", "0.0.0.0:0", UseListen, true},
		// The wildcard takes in every address.
		{"ipv4:allow=127.0.0.1:80/in", "0.0.0.0:80", UseBind, false},
		{"ipv4:allow=0.0.0.0:80/in", "0.0.0.0:80", UseBind, true},
		{"ipv4:allow=0.0.0.0:80/in", "10.1.2.3:80", UseAccept, true},
		{"ipv4:allow=0.0.0.0:80/in", "10.1.2.3:81", UseAccept, false},
		{"ipv4:allow=0.0.0.0:80", "10.1.2.3:80", UseConnect, false},
		{"ipv6:allow=[::]:80/in", "10.1.2.3:80", UseAccept, false},
	} {
		if got := rules(t, c.rules).Allows(c.use, netip.MustParseAddrPort(c.addr)); got != c.want {
			t.Errorf("%s: %v %s: %v, want %v", c.rules, c.use, c.addr, got, c.want)
		}
	}
}

// A denial names the rule that would do.
func TestDenialRule(t *testing.T) {
	for _, c := range []struct {
		d    Request
		want string
	}{
		{Request{Use: UseResolve, Host: "Example.com."}, "dns:allow=example.com:*"},
		{Request{Use: UseConnect, Addr: netip.MustParseAddrPort("[::ffff:10.0.0.1]:80")}, "ipv4:allow=10.0.0.1:80/out"},
		{Request{Use: UseSendTo, Addr: netip.MustParseAddrPort("[fe80::1%2]:80")}, "ipv6:allow=[fe80::1]:80/out"},
		{Request{Use: UseBind, Addr: netip.MustParseAddrPort("127.0.0.1:0")}, "ipv4:allow=127.0.0.1:*/in"},
		{Request{Use: UseListen, Addr: netip.MustParseAddrPort("0.0.0.0:80")}, "ipv4:allow=0.0.0.0:80/in"},
		{Request{Use: UseAccept, Addr: netip.MustParseAddrPort("[::1]:80")}, "ipv6:allow=[::1]:80/in"},
		{Request{Use: UseRecvFrom, Addr: netip.MustParseAddrPort("10.0.0.1:80")}, "ipv4:allow=10.0.0.1:80/in"},
		{Request{Use: UseJoin, Addr: netip.MustParseAddrPort("[ff02::fb]:5353")}, "ipv6:allow=[ff02::fb]:5353/in"},
	} {
		if got := c.d.Rule().String(); got != c.want {
			t.Errorf("%v: %s, want %s", c.d, got, c.want)
		}
		p := rules(t, c.d.Rule().String())
		if c.d.Use == UseResolve && !p.AllowsName(c.d.Host) || c.d.Use != UseResolve && !p.Allows(c.d.Use, c.d.Addr) {
			t.Errorf("%s does not grant %v", p, c.d)
		}
	}
}

// Ways round a rule that other hosts have left open.
func TestPolicyBypasses(t *testing.T) {
	const p = "ipv4:allow=*:*,ipv6:allow=*:*,ipv4:deny=127.0.0.0/8:*,ipv4:deny=169.254.169.254:*,ipv6:deny={::1,fe80::/10}:*"
	for _, addr := range []string{
		"127.0.0.1:80", "127.9.9.9:80", "0.0.0.0:80",
		"[::ffff:127.0.0.1]:80", "[::ffff:0.0.0.0]:80", "[::ffff:169.254.169.254]:80",
		"[64:ff9b::127.0.0.1]:80", "[64:ff9b::a9fe:a9fe]:80", "[::127.0.0.1]:80",
		"[::1]:80", "[::]:80", "[fe80::1]:80", "[fe80::1%1]:80", "[fe80::1%lo]:80",
	} {
		for _, use := range []Use{UseConnect, UseSendTo} {
			if rules(t, p).Allows(use, netip.MustParseAddrPort(addr)) {
				t.Errorf("%v %s gets past", use, addr)
			}
		}
	}
	// What only IPv6 is granted does not give IPv4, nor the other way round.
	for addr, want := range map[string]bool{
		"[::ffff:8.8.8.8]:80": false, "[64:ff9b::8.8.8.8]:80": false, "[2001:db8::1]:80": true,
	} {
		if got := rules(t, "ipv6:allow=*:*").Allows(UseConnect, netip.MustParseAddrPort(addr)); got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
		if got := rules(t, "ipv4:allow=*:*").Allows(UseConnect, netip.MustParseAddrPort(addr)); got == want {
			t.Errorf("IPv4 only, %s: %v", addr, got)
		}
	}
	if !rules(t, "ipv6:allow=[::ffff:10.0.0.0/104]:*").Allows(UseConnect, netip.MustParseAddrPort("10.1.2.3:1")) {
		t.Error("a rule in IPv4-mapped form is one for IPv4")
	}
	if rules(t, "ipv4:allow=*:*,ipv6:deny=[64:ff9b::/96]:*").Allows(UseConnect, netip.MustParseAddrPort("[64:ff9b::8.8.8.8]:1")) {
		t.Error("the translated form is not denied")
	}
}

func TestPolicyNames(t *testing.T) {
	const p = "dns:allow={example.com,*.example.org,*EDU}:{80,443},dns:deny=bad.example.org:80"
	for name, want := range map[string]bool{
		"example.com": true, "EXAMPLE.com.": true, "www.example.com": false, "notexample.com": false,
		"example.org": false, "a.b.example.org": true, "mit.edu": true,
		"bad.example.org": false, "BAD.example.org.": false, "": false, "com": false,
	} {
		if got := rules(t, p).AllowsName(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

func TestAllowAllCostsNothing(t *testing.T) {
	n := Host()
	if WithPolicy(n, AllowAll()) != n {
		t.Error("a policy that grants everything must not be in the way")
	}
	for _, some := range []string{
		"", "ipv4:allow=*:*", "ipv4:allow=*:*,ipv6:allow=*:*", "ipv4:allow=*:*/in,ipv6:allow=*:*,dns:allow=*:*",
		AllowAll().String() + ",ipv4:deny=1.2.3.4:5", "ipv4:allow=*:*,ipv6:allow=*:1-65535,dns:allow=*:*",
	} {
		if WithPolicy(n, rules(t, some)) == n {
			t.Errorf("%q: does not grant everything", some)
		}
	}
	if WithPolicy(n, rules(t, AllowAll().String())) != n {
		t.Error("parsed differently")
	}
}

// refusals collects what a policy refuses.
type refusals struct {
	mu   sync.Mutex
	uses []Use
}

func (d *refusals) hook(x Request, _ uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.uses = append(d.uses, x.Use)
}

func (d *refusals) take() []Use {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() { d.uses = nil }()
	return d.uses
}

func guarded(t testing.TB, s string) (Network, *refusals) {
	t.Helper()
	p, d := rules(t, s), new(refusals)
	p.OnDeny = d.hook
	return WithPolicy(Host(), p), d
}

func TestNilPolicyGrantsNothing(t *testing.T) {
	s := open(t, WithPolicy(Host(), nil), inet4, stream)
	check(t, "bind", s.Bind(loopback(inet4)), syscall.EPERM)
}

// A flood of refused clients leaves the guest interruptible.
func TestGuardFlood(t *testing.T) {
	n, _ := guarded(t, "ipv4:allow=127.0.0.1:*/in")
	l := open(t, n, inet4, stream)
	check(t, "bind", l.Bind(loopback(inet4)), nil)
	check(t, "listen", l.Listen(2*maxRefused), nil)
	at := must[Addr](t)(l.LocalAddr())
	for range maxRefused {
		c := open(t, Host(), inet4, stream)
		check(t, "bind", c.Bind(inet("127.0.0.2:0")), nil)
		connectTo(t, c, at)
	}
	good := open(t, Host(), inet4, stream)
	connectTo(t, good, at)
	check(t, "arm", l.(ready.SysSource).Arm(), nil)
	seq := l.Queue().Seq()
	_, _, err := l.Accept()
	check(t, "accept", err, syscall.EAGAIN)
	if l.Queue().Seq() == seq {
		t.Error("the next client would not be seen")
	}
	accepted(t, l)
}

func TestGuardRefuses(t *testing.T) {
	n, d := guarded(t, "")
	other, at := listener(t, Host(), inet4)
	told := func(want ...Use) {
		t.Helper()
		if got := d.take(); !slices.Equal(got, want) {
			t.Errorf("told of %v, want %v", got, want)
		}
	}
	s := open(t, n, inet4, stream)
	check(t, "bind", s.Bind(loopback(inet4)), syscall.EPERM)
	told(UseBind)
	check(t, "listen", s.Listen(1), syscall.EPERM)
	told(UseListen)
	if local := must[Addr](t)(s.LocalAddr()); local.Port() != 0 {
		t.Errorf("something was opened: %v", local)
	}
	check(t, "connect", s.Connect(at), syscall.EPERM)
	told(UseConnect)
	_, _, err := other.Accept()
	check(t, "accept", err, syscall.EAGAIN)
	u := open(t, n, inet4, dgram)
	_, err = u.Sendmsg([][]byte{{1}}, &at)
	check(t, "send", err, syscall.EPERM)
	told(UseSendTo)
	check(t, "connect", u.Connect(at), syscall.EPERM)
	told(UseConnect)
	check(t, "listen on datagrams", u.Listen(1), syscall.EOPNOTSUPP)
	check(t, "join", u.JoinGroup(netip.MustParseAddr("224.0.0.251"), netip.MustParseAddr("127.0.0.1"), 0), syscall.EPERM)
	told(UseJoin)
	_, err = n.Resolve(t.Context(), "localhost")
	check(t, "resolve", err, syscall.EPERM)
	told(UseResolve)
	if got := must[[]netip.Addr](t)(n.Resolve(t.Context(), "10.0.0.1")); len(got) != 1 {
		t.Error("an address needs no lookup")
	}
	told()
}

// A group is joined if its address is granted with the local port, and no other is.
func TestGuardJoinsGrantedGroups(t *testing.T) {
	n, d := guarded(t, "ipv4:allow=127.0.0.1:*/in,ipv4:allow=224.0.0.251:1-65535/in,ipv4:allow=224.0.0.252:*/out,ipv4:allow=224.0.0.253:0/in")
	u, lo := open(t, n, inet4, dgram), netip.MustParseAddr("127.0.0.1")
	check(t, "bind", u.Bind(loopback(inet4)), nil)
	join := func(group string) error { return u.JoinGroup(netip.MustParseAddr(group), lo, 0) }
	check(t, "join", join("224.0.0.251"), nil)
	check(t, "join what may be sent to", join("224.0.0.252"), syscall.EPERM)
	check(t, "join with another port", join("224.0.0.253"), syscall.EPERM)
	if got := d.take(); !slices.Equal(got, []Use{UseJoin, UseJoin}) {
		t.Errorf("told of %v", got)
	}
	check(t, "leave", u.LeaveGroup(netip.MustParseAddr("224.0.0.251"), lo, 0), nil)
}

// A socket that lost its connection must not get a new one unasked.
func TestGuardAsksAgain(t *testing.T) {
	l, at := listener(t, Host(), inet4)
	_, forbidden := listener(t, Host(), inet4)
	n, _ := guarded(t, "ipv4:allow=127.0.0.1:"+PortRange{at.Port(), at.Port()}.String()+"/out")
	c := open(t, n, inet4, stream)
	connectTo(t, c, at)
	accepted(t, l)
	check(t, "listen while connected", c.Listen(1), syscall.EINVAL)
	check(t, "disconnect", c.Connect(Addr{}), nil)
	check(t, "connect elsewhere", c.Connect(forbidden), syscall.EPERM)
	check(t, "listen", c.Listen(1), syscall.EPERM)
	check(t, "bind", c.Bind(loopback(inet4)), syscall.EPERM)
}

func TestGuardAcceptsGrantedPeersOnly(t *testing.T) {
	n, d := guarded(t, "ipv4:allow=127.0.0.1:*")
	l, at := listener(t, n, inet4)
	refused := open(t, Host(), inet4, stream)
	check(t, "bind", refused.Bind(inet("127.0.0.2:0")), nil)
	connectTo(t, refused, at)
	granted := open(t, Host(), inet4, stream)
	connectTo(t, granted, at)
	s, from := accepted(t, l)
	if want := must[Addr](t)(granted.LocalAddr()); from != want {
		t.Errorf("accepted %v, want %v", from, want)
	}
	if got := d.take(); !slices.Equal(got, []Use{UseAccept}) {
		t.Errorf("told of %v", got)
	}
	if got := recvString(t, refused); got != "" {
		t.Errorf("the refused client got %q, not the end", got)
	}
	check(t, "connect from an accepted socket", firstError(s.Connect(Addr{}), s.Connect(inet("127.0.0.3:1"))), syscall.EPERM)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// What is bound to the wildcard is not served at an address that is denied.
func TestGuardDeniedLocalAddress(t *testing.T) {
	n, _ := guarded(t, "ipv4:allow=*:*,ipv4:deny=127.0.0.2:*/in")
	l := open(t, n, inet4, stream)
	check(t, "listen", l.Listen(4), nil)
	port := must[Addr](t)(l.LocalAddr()).Port()
	c := open(t, Host(), inet4, stream)
	check(t, "bind", c.Bind(inet("127.0.0.1:0")), nil)
	connectTo(t, c, Addr{AddrPort: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port)})
	if got := func() error { _, _, err := l.Accept(); return err }(); got != syscall.EAGAIN {
		t.Errorf("accept: %v", got)
	}
}

func TestGuardDualStackPeers(t *testing.T) {
	if !slices.Contains(families(t), inet6) {
		return
	}
	n, _ := guarded(t, "ipv6:allow=*:*,ipv4:allow=127.0.0.1:*/in")
	l := open(t, n, inet6, stream)
	check(t, "both families", l.SetOption(abi.SockOptionOnlyV6, 0), nil)
	check(t, "listen", l.Listen(4), nil)
	port := must[Addr](t)(l.LocalAddr()).Port()
	for from, want := range map[string]bool{"127.0.0.1:0": true, "127.0.0.2:0": false} {
		c := open(t, Host(), inet4, stream)
		check(t, "bind", c.Bind(inet(from)), nil)
		connectTo(t, c, Addr{AddrPort: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)})
		if want {
			accepted(t, l)
		} else {
			_, _, err := l.Accept()
			check(t, from, err, syscall.EAGAIN)
		}
	}
}

func TestGuardDatagrams(t *testing.T) {
	n, d := guarded(t, "ipv4:allow=127.0.0.1:*/in,ipv4:allow=127.0.0.9:9/out")
	u := open(t, n, inet4, dgram)
	check(t, "bind", u.Bind(loopback(inet4)), nil)
	at := must[Addr](t)(u.LocalAddr())
	good, bad := open(t, Host(), inet4, dgram), open(t, Host(), inet4, dgram)
	check(t, "bind", good.Bind(loopback(inet4)), nil)
	check(t, "bind", bad.Bind(inet("127.0.0.2:0")), nil)
	fromGood, fromBad := must[Addr](t)(good.LocalAddr()), must[Addr](t)(bad.LocalAddr())

	_, err := u.Sendmsg([][]byte{{1}}, &fromGood)
	check(t, "send to one that was not met", err, syscall.EPERM)
	for range 2 * maxRefused {
		sendString(t, bad, "bad", &at)
	}
	sendString(t, good, "good", &at)
	b := make([]byte, 16)
	var from Addr
	check(t, "peek", await(t, u, ready.In, func() error {
		_, _, err := u.Recvmsg([][]byte{b}, MsgPeek, nil)
		return err
	}), nil)
	if n, _ := recvAll(t, u, [][]byte{b}, &from); string(b[:n]) != "good" || from != fromGood {
		t.Errorf("got %q from %v", b[:n], from)
	}
	d.take()
	sendString(t, u, "answer", &fromGood)
	if got := recvString(t, good); got != "answer" {
		t.Errorf("got %q", got)
	}
	_, err = u.Sendmsg([][]byte{{1}}, &fromBad)
	check(t, "send to one that was dropped", err, syscall.EPERM)
	if allocs := testing.AllocsPerRun(100, func() {
		sendString(t, good, "again", &at)
		if n, _, err := u.Recvmsg([][]byte{b}, 0, nil); n != 5 || err != nil {
			t.Fatal(n, err)
		}
	}); allocs > 3 { // those of sendString and the iovecs here
		t.Errorf("%v allocations for a datagram", allocs)
	}
}

// Who may be sent to may answer, wherever the answer goes.
func TestGuardAnswers(t *testing.T) {
	server := open(t, Host(), inet4, dgram)
	check(t, "bind", server.Bind(loopback(inet4)), nil)
	at := must[Addr](t)(server.LocalAddr())
	n, _ := guarded(t, "ipv4:allow=127.0.0.1:"+PortRange{at.Port(), at.Port()}.String()+"/out")
	u := open(t, n, inet4, dgram)
	sendString(t, u, "question", &at)
	b := make([]byte, 16)
	var from Addr
	recvAll(t, server, [][]byte{b}, &from)
	stranger := open(t, Host(), inet4, dgram)
	sendString(t, stranger, "false", &from)
	sendString(t, server, "answer", &from)
	if got := recvString(t, u); got != "answer" {
		t.Errorf("got %q", got)
	}
	check(t, "connect", u.Connect(at), nil)
	sendString(t, u, "question", nil)
	sendString(t, server, "answer", &from)
	if got := recvString(t, u); got != "answer" {
		t.Errorf("connected: got %q", got)
	}
}

func TestGuardPeersAreBounded(t *testing.T) {
	var p peers
	for i := range 3 * maxPeers {
		p.add(netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(i)))
	}
	if len(p.set) > maxPeers || !p.has(netip.AddrPortFrom(netip.IPv4Unspecified(), 3*maxPeers-1)) {
		t.Errorf("%d peers", len(p.set))
	}
	var l learned
	for i := range 2 * maxNames {
		l.add(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), []PortRange{AllPorts})
	}
	if len(l.ports) != maxNames || len(l.order) != maxNames {
		t.Errorf("%d names, %d in order", len(l.ports), len(l.order))
	}
	if l.has(netip.MustParseAddrPort("10.0.0.0:1")) || !l.has(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, (2*maxNames - 1) >> 8, 255}), 1)) {
		t.Error("the oldest go first")
	}
}

// zone is a network with a fixed set of names.
type zone struct {
	Network
	hosts map[string][]netip.Addr
}

func (n zone) Resolve(_ context.Context, host string) ([]netip.Addr, error) {
	if a, ok := n.hosts[host]; ok {
		return a, nil
	}
	return nil, syscall.ENOENT
}

func TestGuardNames(t *testing.T) {
	l, at := listener(t, Host(), inet4)
	p := PortRange{at.Port(), at.Port()}.String()
	lo, mapped := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::ffff:127.0.0.1")
	hosts := zone{Host(), map[string][]netip.Addr{
		"svc.test":    {netip.MustParseAddr("169.254.169.254"), lo},
		"LOCALHOST.":  {lo},
		"mapped.test": {mapped},
		"evil.test":   {netip.MustParseAddr("::ffff:169.254.169.254")},
	}}
	n := WithPolicy(hosts, rules(t, "dns:allow={*.test,localhost}:"+p+",ipv4:deny=169.254.0.0/16:*"))
	c := open(t, n, inet4, stream)
	check(t, "connect before the lookup", c.Connect(at), syscall.EPERM)
	got := must[[]netip.Addr](t)(n.Resolve(t.Context(), "svc.test"))
	if !slices.Equal(got, []netip.Addr{lo}) {
		t.Errorf("got %v", got)
	}
	check(t, "loopback by somebody's name", c.Connect(at), syscall.EPERM)
	must[[]netip.Addr](t)(n.Resolve(t.Context(), "LOCALHOST."))
	connectTo(t, c, at)
	accepted(t, l)
	check(t, "another port", open(t, n, inet4, stream).Connect(inet("127.0.0.1:1")), syscall.EPERM)
	check(t, "bind", open(t, n, inet4, stream).Bind(loopback(inet4)), syscall.EPERM)
	_, err := n.Resolve(t.Context(), "evil.test")
	check(t, "only denied answers", err, syscall.EPERM)
	_, err = n.Resolve(t.Context(), "none.test")
	check(t, "no such name", err, syscall.ENOENT)
	_, err = n.Resolve(t.Context(), "other.org")
	check(t, "not granted", err, syscall.EPERM)
}

// The C library binds here to learn the byte order of ports.
func TestGuardProbe(t *testing.T) {
	n, d := guarded(t, "")
	s := open(t, n, inet4, stream)
	probe := inet("0.0.0.0:10275")
	check(t, "bind", s.Bind(probe), nil)
	if got := must[Addr](t)(s.LocalAddr()); got != probe {
		t.Errorf("bound to %v", got)
	}
	if real := must[Addr](t)(s.(*guardedKernelSocket).Socket.LocalAddr()); real.Port() != 0 {
		t.Errorf("a port was taken: %v", real)
	}
	if got := d.take(); len(got) != 0 {
		t.Errorf("told of %v", got)
	}
	check(t, "bind again", s.Bind(probe), syscall.EINVAL)
	check(t, "listen", s.Listen(1), syscall.EPERM)
	check(t, "connect", s.Connect(inet("127.0.0.1:1")), syscall.EPERM)
	for _, other := range []struct {
		s    Socket
		addr string
	}{
		{open(t, n, inet4, stream), "127.0.0.1:10275"},
		{open(t, n, inet4, stream), "0.0.0.0:10276"},
		{open(t, n, inet4, dgram), "0.0.0.0:10275"},
		{open(t, n, inet6, stream), "[::]:10275"},
	} {
		check(t, other.addr, other.s.Bind(inet(other.addr)), syscall.EPERM)
	}
	granted, _ := guarded(t, "ipv4:allow=*:*")
	s = open(t, granted, inet4, stream)
	check(t, "bind when granted", s.Bind(probe), nil)
	if real := must[Addr](t)(s.(*guardedKernelSocket).Socket.LocalAddr()); real != probe {
		t.Errorf("bound to %v", real)
	}
}

func TestAdopt(t *testing.T) {
	n, _ := guarded(t, "")
	host, at := listener(t, Host(), inet4)
	l := Adopt(n, must[Socket](t)(FromFD(host.(*hostSocket).SysFD())))
	closeLater(t, l)
	c := open(t, Host(), inet4, stream)
	connectTo(t, c, at)
	s, _ := accepted(t, l)
	sendString(t, s, "served", nil)
	if got := recvString(t, c); got != "served" {
		t.Errorf("got %q", got)
	}
	check(t, "connect from an adopted socket", firstError(l.Shutdown(abi.SdflagsRd), l.Connect(inet("127.0.0.1:1"))), syscall.EPERM)
	fresh := must[Socket](t)(Host().Socket(inet4, stream, 0))
	f := Adopt(n, fresh)
	closeLater(t, f)
	check(t, "bind one that was not", f.Bind(loopback(inet4)), syscall.EPERM)
	if Adopt(Host(), fresh) != fresh {
		t.Error("without a policy there is nothing to wrap")
	}
}

// Of what a socket sends to its peer and receives from it, a policy is not asked,
// and it costs no memory.
func TestGuardConnectedSocketsAreNotAsked(t *testing.T) {
	asked := 0
	p := rules(t, "")
	p.Ask = func(context.Context, Request) error {
		asked++
		return nil
	}
	n := WithPolicy(Host(), p)
	c, s := connected(t, n, inet4)
	u, peer := open(t, n, inet4, dgram), open(t, Host(), inet4, dgram)
	check(t, "bind", firstError(u.Bind(loopback(inet4)), peer.Bind(loopback(inet4))), nil)
	check(t, "connect", firstError(u.Connect(must[Addr](t)(peer.LocalAddr())), peer.Connect(must[Addr](t)(u.LocalAddr()))), nil)
	before := asked
	if before == 0 {
		t.Fatal("it was not asked at all")
	}
	b := [][]byte{make([]byte, 64)}
	for name, ends := range map[string][2]Socket{"stream": {c, s}, "stream back": {s, c}, "datagrams": {u, peer}, "datagrams back": {peer, u}} {
		n := testing.AllocsPerRun(100, func() {
			if n, err := ends[0].Sendmsg(b, nil); n != 64 || err != nil {
				t.Fatal(name, n, err)
			}
			n, _, err := ends[1].Recvmsg(b, 0, nil)
			for err == syscall.EAGAIN { // on its way
				n, _, err = ends[1].Recvmsg(b, 0, nil)
			}
			if n != 64 || err != nil {
				t.Fatal(name, n, err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if asked != before {
		t.Errorf("it was asked %d times", asked-before)
	}
}

// Another thread receives a datagram that may not come in after a peek has found it:
// the one behind it is not dropped in its place.
func TestGuardDropsWhatItSaw(t *testing.T) {
	p := rules(t, "ipv4:allow=127.0.0.1:*/in")
	s := open(t, WithPolicy(Host(), p), inet4, dgram)
	check(t, "bind", s.Bind(loopback(inet4)), nil)
	at := must[Addr](t)(s.LocalAddr())
	inner := s.(*guardedKernelSocket).Socket
	denied := 0
	p.OnDeny = func(Request, uint64) {
		if denied++; denied > 1 {
			_, _, err := inner.Recvmsg(nil, 0, nil)
			check(t, "another thread", err, nil)
		}
	}
	for _, from := range []string{"127.0.0.2:0", "127.0.0.2:0", "127.0.0.1:0"} {
		sender := open(t, Host(), inet4, dgram)
		check(t, "bind", sender.Bind(inet(from)), nil)
		sendString(t, sender, from, &at)
	}
	b := make([]byte, 20)
	for _, flags := range []MsgFlags{MsgPeek, 0} {
		n := 0
		check(t, "receive", await(t, s, ready.In, func() (err error) {
			n, _, err = s.Recvmsg([][]byte{b}, flags, nil)
			return err
		}), nil)
		if string(b[:n]) != "127.0.0.1:0" {
			t.Errorf("received %q", b[:n])
		}
	}
	if denied != 2 {
		t.Errorf("%d were denied, want 2", denied)
	}
}
