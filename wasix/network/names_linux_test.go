package network

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
)

// table is a Resolver that knows a few names, and notes what it is asked.
type table struct {
	hosts map[string]string
	asked []string
}

func (r *table) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	r.asked = append(r.asked, host)
	var list []netip.Addr
	for _, ip := range strings.Fields(r.hosts[host]) {
		list = append(list, netip.MustParseAddr(ip))
	}
	if network != "ip" || list == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return list, nil
}

func addrs(texts ...string) (list []netip.Addr) {
	for _, s := range texts {
		list = append(list, netip.MustParseAddr(s))
	}
	return list
}

func TestNames(t *testing.T) {
	hosts, err := ParseHosts(strings.NewReader("# the guest's\n192.0.2.7 Printer printer.lan # both\n2001:db8::7\tprinter\n\n"))
	check(t, "hosts", err, nil)
	r := &table{hosts: map[string]string{
		"db.corp.test": "::ffff:192.0.2.1", "www": "192.0.2.2 2001:db8::2", "a.b": "192.0.2.3", "a.b.corp.test": "192.0.2.4",
	}}
	n := WithNames(None(), Names{Hosts: hosts, Resolver: r, Search: []string{"lan.test", ".corp.test."}})
	for _, c := range []struct {
		host  string
		want  []netip.Addr
		asked []string
	}{
		{"PRINTER", addrs("192.0.2.7", "2001:db8::7"), []string{"PRINTER.lan.test", "PRINTER.corp.test"}},
		{"printer.lan", addrs("192.0.2.7"), nil},
		{"db", addrs("192.0.2.1"), []string{"db.lan.test", "db.corp.test"}},
		{"a.b", addrs("192.0.2.3"), []string{"a.b"}},
		{"db.", nil, []string{"db."}},
		{"10.0.0.1", addrs("10.0.0.1"), nil},
		{"none", nil, []string{"none.lan.test", "none.corp.test", "none"}},
	} {
		r.asked = nil
		got, err := n.Resolve(t.Context(), c.host)
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) || err != nil && err != syscall.ENOENT {
			t.Errorf("%s: %v, %v, want %v", c.host, got, err, c.want)
		}
		if !slices.Equal(r.asked, c.asked) {
			t.Errorf("%s: asked for %q, want %q", c.host, r.asked, c.asked)
		}
	}
	dots := WithNames(n, Names{Search: []string{"corp.test"}, Dots: 2})
	if got := must[[]netip.Addr](t)(dots.Resolve(t.Context(), "a.b")); !slices.Equal(got, addrs("192.0.2.4")) {
		t.Errorf("of two dots: %v", got)
	}
	for family, want := range map[abi.AddressFamily]string{inet4: "192.0.2.2", inet6: "2001:db8::2"} {
		only := WithNames(n, Names{Family: family})
		if got := must[[]netip.Addr](t)(only.Resolve(t.Context(), "www")); !slices.Equal(got, addrs(want)) {
			t.Errorf("%v only: %v", family, got)
		}
	}
	_, err = WithNames(n, Names{Family: inet6}).Resolve(t.Context(), "db")
	check(t, "no address of the family", err, syscall.ENOENT)
	for _, bad := range []string{"192.0.2.1", "printer 192.0.2.1", "1.2.3 a"} {
		if _, err := ParseHosts(strings.NewReader("\n" + bad)); err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// silent is a Resolver that never answers.
type silent struct{}

func (silent) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, &net.DNSError{Err: ctx.Err().Error(), IsTimeout: true}
}

func TestNamesEnd(t *testing.T) {
	n := WithNames(None(), Names{Resolver: silent{}, Timeout: time.Millisecond})
	_, err := n.Resolve(t.Context(), "slow.test")
	check(t, "timeout", err, syscall.EAGAIN)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	_, err = WithNames(None(), Names{Resolver: silent{}}).Resolve(ctx, "slow.test")
	check(t, "cancelled", err, syscall.ECANCELED)
}

// deaf is a Resolver, and a Network, that heeds no context: each look-up waits for
// the channel.
type deaf struct {
	Network
	end chan struct{}
}

func (d deaf) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	<-d.end
	return addrs("192.0.2.1"), nil
}

func (d deaf) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return d.LookupNetIP(ctx, "ip", name)
}

// No look-up outlasts its timeout or its context, though the embedder's code does;
// what that is in ends with it.
func TestDeafResolver(t *testing.T) {
	before := runtime.NumGoroutine()
	d := deaf{None(), make(chan struct{})}
	for name, n := range map[string]Network{
		"resolver": WithNames(None(), Names{Resolver: d, Timeout: time.Millisecond}),
		"network":  WithNames(d, Names{Timeout: time.Millisecond}),
	} {
		_, err := n.Resolve(t.Context(), "slow.test")
		check(t, name+": timeout", err, syscall.EAGAIN)
	}
	for name, n := range map[string]Network{
		"resolver": WithNames(None(), Names{Resolver: d, Search: []string{"lan.test"}}),
		"network":  WithPolicy(WithNames(d, Names{}), rules(t, "dns:allow=*:*")),
		"host":     Host(WithResolver(d)),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, err := n.Resolve(ctx, "slow.test")
		check(t, name+": cancelled", err, syscall.ECANCELED)
	}
	close(d.end)
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}

// Names inside a policy are under it, and it learns their addresses.
func TestNamesUnderPolicy(t *testing.T) {
	l, at := listener(t, Host(), inet4)
	port := PortRange{at.Port(), at.Port()}.String()
	names := Names{Hosts: map[string][]netip.Addr{"app.localhost": addrs("127.0.0.1"), "Meta.Test": addrs("169.254.169.254")}}
	n := WithPolicy(WithNames(Host(), names), rules(t, "dns:allow={app.localhost,meta.test}:"+port))
	must[[]netip.Addr](t)(n.Resolve(t.Context(), "APP.localhost"))
	connectTo(t, open(t, n, inet4, stream), at)
	accepted(t, l)
	must[[]netip.Addr](t)(n.Resolve(t.Context(), "meta.test"))
	check(t, "metadata", open(t, n, inet4, stream).Connect(Addr{AddrPort: netip.AddrPortFrom(addrs("169.254.169.254")[0], at.Port())}), syscall.EPERM)
	_, err := n.Resolve(t.Context(), "other.test")
	check(t, "not granted", err, syscall.EPERM)
	if _, _, err := WithNames(Unix(), names).(Pairer).Pair(stream); err != nil {
		t.Error("pairs are lost")
	}
}

// serveNames answers questions for IPv4 addresses, whatever the name, with ip.
func serveNames(t *testing.T, ip netip.Addr) netip.AddrPort {
	c := must[net.PacketConn](t)(net.ListenPacket("udp", "127.0.0.1:0"))
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			end := 12 // of the question, after the header
			for b[end] != 0 {
				end += 1 + int(b[end])
			}
			end += 5
			isA := n >= end && binary.BigEndian.Uint16(b[end-4:]) == 1
			answer := slices.Clone(b[:end])
			copy(answer[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}) // an answer, of one question
			if isA {
				answer[7] = 1
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
				answer = append(answer, ip.AsSlice()...)
			}
			_, _ = c.WriteTo(answer, from)
		}
	}()
	return inet(c.LocalAddr().String()).AddrPort
}

func TestNameServers(t *testing.T) {
	server := serveNames(t, netip.MustParseAddr("192.0.2.9"))
	n := Host(WithResolver(NameServers(server)))
	if got := must[[]netip.Addr](t)(n.Resolve(t.Context(), "host.gowasix.test.")); !slices.Equal(got, addrs("192.0.2.9")) {
		t.Errorf("got %v", got)
	}
}
