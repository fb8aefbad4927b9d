package network

import (
	"net/netip"
	"strings"

	"github.com/gowasix/gowasix/wasix/abi"
)

// Use is what a guest wants an address or a name for.
type Use uint8

// The uses that a policy is asked about. UseAccept is asked with the peer's
// address and the local port, for connections and for datagrams that come in.
const (
	UseBind Use = iota + 1
	UseListen
	UseAccept
	UseConnect
	UseSendTo
	UseResolve
)

var useNames = [...]string{"?", "bind", "listen", "accept", "connect", "send to", "resolve"}

// String returns the name of the use: "bind", "send to".
func (u Use) String() string {
	if int(u) < len(useNames) {
		return useNames[u]
	}
	return useNames[0]
}

// Direction is which way traffic flows. The zero value is both.
type Direction uint8

// The directions. The port of an inbound rule is the guest's own, that of an
// outbound one the peer's.
const (
	BothWays Direction = iota
	Inbound            // bind, listen, accept
	Outbound           // connect, send to
)

func (d Direction) covers(u Use) bool {
	switch d {
	case Inbound:
		return u == UseBind || u == UseListen || u == UseAccept
	case Outbound:
		return u == UseConnect || u == UseSendTo
	}
	return true
}

// PortRange is the ports from First to Last. Port 0, an ephemeral port to be
// chosen, is in a range that begins with 0 only.
type PortRange struct{ First, Last uint16 }

// AllPorts is every port.
var AllPorts = PortRange{0, 65535}

func (r PortRange) contains(port uint16) bool { return r.First <= port && port <= r.Last }

// Rule grants something or, with Deny, takes it away. It is about either names
// or addresses.
type Rule struct {
	Deny bool
	// Domain, unless empty, is a name, or "*" and how names end: "*.example.com".
	// It may be resolved, and the addresses found may be connected and sent to
	// on Ports. A name that is denied is not looked up whatever the port.
	Domain string
	// Prefix is the addresses of a rule without Domain. IPv4 addresses match IPv4
	// prefixes only, in whatever IPv6 form they come.
	Prefix    netip.Prefix
	Ports     PortRange
	Direction Direction // of a rule without Domain
}

// Policy says what a guest may reach: what some rule grants and no rule denies.
// The zero Policy grants nothing. It must not be changed while in use.
type Policy struct {
	Rules []Rule
	// OnDeny, unless nil, is told of all that is refused. It may be called
	// concurrently, and the guest waits for it.
	OnDeny func(Denial)
}

// Denial is something refused: Host for UseResolve, Addr for all other uses.
type Denial struct {
	Use  Use
	Addr netip.AddrPort
	Host string
}

// Rule returns a rule that would have granted it, as narrow as can be: for
// telling the user.
func (d Denial) Rule() Rule {
	if d.Use == UseResolve {
		return Rule{Domain: canonicalName(d.Host), Ports: AllPorts}
	}
	ip, _ := effective(d.Use, d.Addr.Addr())
	r := Rule{Prefix: netip.PrefixFrom(ip, ip.BitLen()), Ports: PortRange{d.Addr.Port(), d.Addr.Port()}, Direction: Inbound}
	if d.Addr.Port() == 0 {
		r.Ports = AllPorts
	}
	if Outbound.covers(d.Use) {
		r.Direction = Outbound
	}
	return r
}

// AllowAll returns the policy that grants everything.
func AllowAll() *Policy {
	return &Policy{Rules: []Rule{
		{Prefix: anyIPv4, Ports: AllPorts},
		{Prefix: anyIPv6, Ports: AllPorts},
		{Domain: "*", Ports: AllPorts},
	}}
}

var (
	anyIPv4 = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	anyIPv6 = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
)

// allowsAll reports whether nothing is to be asked.
func (p *Policy) allowsAll() bool {
	var v4, v6, names bool
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Deny {
			return false
		}
		if r.Ports == AllPorts {
			names = names || r.Domain == "*"
			v4 = v4 || r.Prefix == anyIPv4 && r.Direction == BothWays && r.Domain == ""
			v6 = v6 || r.Prefix == anyIPv6 && r.Direction == BothWays && r.Domain == ""
		}
	}
	return v4 && v6 && names
}

// Allows reports whether the rules grant use of addr. For UseAccept, addr is
// the peer's address with the local port. Addresses that lead to others are
// taken for those: see [WithPolicy].
func (p *Policy) Allows(use Use, addr netip.AddrPort) bool {
	ip, also := effective(use, addr.Addr())
	granted := false
	for i := range p.Rules {
		r := &p.Rules[i]
		switch {
		case r.Domain != "" || !r.Direction.covers(use) || !r.Ports.contains(addr.Port()):
		case r.Deny:
			if r.Prefix.Contains(ip) || r.Prefix.Contains(also) {
				return false
			}
		case !granted:
			granted = r.Prefix.Contains(ip) || use == UseAccept && r.servesAll(ip)
		}
	}
	return granted
}

// denies reports whether a rule forbids addr, granted or not.
func (p *Policy) denies(use Use, addr netip.AddrPort) bool {
	ip, also := effective(use, addr.Addr())
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Deny && r.Domain == "" && r.Direction.covers(use) && r.Ports.contains(addr.Port()) &&
			(r.Prefix.Contains(ip) || r.Prefix.Contains(also)) {
			return true
		}
	}
	return false
}

// servesAll reports whether the rule names the wildcard address itself: who
// may serve on all addresses may serve all peers.
func (r *Rule) servesAll(peer netip.Addr) bool {
	return r.Prefix.IsSingleIP() && r.Prefix.Addr().IsUnspecified() && r.Prefix.Addr().Is4() == peer.Is4()
}

// AllowsName reports whether the rules grant looking up host.
func (p *Policy) AllowsName(host string) bool { return len(p.namePorts(host)) > 0 }

// namePorts returns the ports that the rules grant on the addresses of host,
// none when it must not be looked up.
func (p *Policy) namePorts(host string) (ports []PortRange) {
	host = canonicalName(host)
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Domain == "" || !matchesName(r.Domain, host) {
			continue
		}
		if r.Deny {
			return nil
		}
		ports = append(ports, r.Ports)
	}
	return ports
}

func canonicalName(host string) string {
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// matchesName matches a canonical name.
func matchesName(pattern, host string) bool {
	pattern = canonicalName(pattern)
	if ending, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(host, ending)
	}
	return pattern == host
}

// Prefixes of IPv6 addresses that hold an IPv4 address at the end.
var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	compatible = netip.MustParsePrefix("::/96")
)

// effective returns the address that addr leads to, and another form of it that
// a denial counts for as well. An IPv4-mapped address is the IPv4 address;
// NAT64 and IPv4-compatible ones lead to theirs; and the wildcard, as a
// destination, is the host itself.
func effective(use Use, addr netip.Addr) (ip, also netip.Addr) {
	addr = addr.Unmap().WithZone("")
	if addr.IsUnspecified() {
		if !Outbound.covers(use) {
			return addr, addr
		}
		if addr.Is4() {
			return netip.AddrFrom4([4]byte{127, 0, 0, 1}), addr
		}
		return netip.IPv6Loopback(), addr
	}
	if addr == netip.IPv6Loopback() {
		return addr, addr
	}
	if nat64.Contains(addr) || compatible.Contains(addr) {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:])), addr
	}
	return addr, addr
}

// portless reports whether ports mean nothing to the protocol, so that a rule
// must grant all of them.
func portless(typ abi.SockType, proto abi.SockProto) bool {
	return typ == abi.SockTypeRaw || proto == abi.SockProtoIcmp || proto == abi.SockProtoIcmpv6
}
