package network

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func rules(t testing.TB, s string) *Policy {
	t.Helper()
	return must[*Policy](t)(ParseRules(s))
}

// plainly decides as the documentation reads, rule by rule.
func plainly(rules []Rule, use Use, addr netip.AddrPort) verdict {
	ip, also := effective(use, addr.Addr())
	v := undecided
	for _, r := range rules {
		if r.Domain != "" || !r.Direction.covers(use) || addr.Port() < r.Ports.First || addr.Port() > r.Ports.Last {
			continue
		}
		serves := (use == UseAccept || use == UseRecvFrom) && r.Prefix.IsSingleIP() &&
			r.Prefix.Addr().IsUnspecified() && r.Prefix.Addr().Is4() == ip.Is4()
		switch {
		case r.Deny && (r.Prefix.Contains(ip) || r.Prefix.Contains(also)):
			return denied
		case !r.Deny && (r.Prefix.Contains(ip) || serves):
			v = granted
		}
	}
	return v
}

// randomAddr returns one of few addresses, so that rules and requests meet.
func randomAddr(r *rand.Rand) netip.Addr {
	few := [...]byte{0, 1, 127, 128, 255}
	switch v4 := [4]byte{few[r.IntN(5)], few[r.IntN(5)], few[r.IntN(5)], few[r.IntN(5)]}; r.IntN(4) {
	case 0:
		v6 := [16]byte{0: 0x20, 1: few[r.IntN(5)], 7: few[r.IntN(5)], 15: few[r.IntN(5)]}
		return netip.AddrFrom16(v6)
	case 1:
		holder := holders[r.IntN(len(holders))]
		v6 := holder.prefix.Addr().As16()
		copy(v6[holder.offset:], v4[:])
		return netip.AddrFrom16(v6)
	default:
		return netip.AddrFrom4(v4)
	}
}

func randomRule(r *rand.Rand) Rule {
	ip := randomAddr(r)
	first := uint16(r.IntN(8))
	rule := Rule{
		Deny: r.IntN(4) == 0, Direction: Direction(r.IntN(3)),
		Prefix: netip.PrefixFrom(ip, r.IntN(ip.BitLen()+1)),
		Ports:  PortRange{first, first + uint16(r.IntN(4))},
	}
	if r.IntN(4) == 0 {
		rule.Ports = AllPorts
	}
	return rule
}

func TestIndexAgainstPlainReading(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		list := make([]Rule, r.IntN(40))
		for i := range list {
			list[i] = randomRule(r)
		}
		x := newIndex(list)
		for range 500 {
			use, addr := Use(1+r.IntN(int(UseJoin))), netip.AddrPortFrom(randomAddr(r), uint16(r.IntN(12)))
			if use == UseResolve {
				continue
			}
			if got, want := x.decide(use, addr), plainly(list, use, addr); got != want {
				t.Fatalf("seed %d: %v %v: %d, want %d, of\n%v", seed, use, addr, got, want, &Policy{Rules: list})
			}
		}
	}
}

// Names may not be denied by what merely ends alike, nor granted.
func TestIndexNames(t *testing.T) {
	p := rules(t, "dns:allow=*:1,dns:allow=a.test:2,dns:allow=*.test:3,dns:deny=b.test:*,dns:deny=*.c.test:*")
	for host, want := range map[string][]PortRange{
		"x": {{1, 1}}, "A.test.": {{2, 2}, {3, 3}, {1, 1}}, "bb.test": {{3, 3}, {1, 1}}, "c.test": {{3, 3}, {1, 1}},
		"b.test": nil, "x.c.test": nil,
	} {
		if got := p.index().names.ports(host); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
	}
	if !p.index().names.denies("x.c.test") || p.index().names.denies("c.test") {
		t.Error("denials")
	}
}

// manyRules returns n rules of all kinds.
func manyRules(n int) string {
	var b strings.Builder
	b.WriteString("ipv4:allow=10.0.0.0/8:*,ipv6:allow=[2001:db8::/32]:*")
	for i := range n - 2 {
		var ip [4]byte
		binary.BigEndian.PutUint32(ip[:], uint32(i)*2654435761)
		switch i % 4 {
		case 0:
			fmt.Fprintf(&b, ",ipv4:allow=%v/%d:%d/out", netip.AddrFrom4(ip), 8+i%25, 1+i)
		case 1:
			fmt.Fprintf(&b, ",ipv4:deny=10.%d.%d.0/24:80", i%256, i/256)
		case 2:
			fmt.Fprintf(&b, ",ipv6:deny=[2001:db8:%x::/48]:%d-%d", i, i, 2*i)
		case 3:
			fmt.Fprintf(&b, ",dns:allow=host%d.example.com:443", i)
		}
	}
	return b.String()
}

// BenchmarkPolicy is the cost of one decision by 1,000 rules.
func BenchmarkPolicy(b *testing.B) {
	for _, n := range []int{10, 1000} {
		p := rules(b, manyRules(n))
		for _, c := range []struct{ name, addr string }{
			{"granted4", "10.200.201.202:443"}, {"granted6", "[2001:db8:fff0::1]:1"}, {"neither", "203.0.113.9:9"}, {"held", "[64:ff9b::10.9.9.9]:443"},
		} {
			addr := netip.MustParseAddrPort(c.addr)
			b.Run(fmt.Sprintf("rules=%d/%s", n, c.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p.Allows(UseConnect, addr)
				}
			})
		}
		b.Run(fmt.Sprintf("rules=%d/name", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.AllowsName("host3.example.com")
			}
		})
	}
}
