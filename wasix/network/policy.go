package network

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gowasix/gowasix/wasix/abi"
)

// Use is what a guest wants an address or a name for.
type Use uint8

// The uses that a policy is asked about. UseAccept and UseRecvFrom are asked
// with the peer's address and the local port, UseJoin with the group's address
// and the local port.
const (
	UseBind Use = iota + 1
	UseListen
	UseAccept
	UseConnect
	UseSendTo
	UseRecvFrom
	UseResolve
	UseJoin
)

var useNames = [...]string{"?", "bind", "listen on", "accept", "connect to", "send to", "receive from", "resolve", "join"}

// String returns the name of the use as before its object: "bind", "send to".
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
	Inbound            // bind, listen, accept, receive from, join
	Outbound           // connect, send to
)

func (d Direction) covers(u Use) bool {
	switch d {
	case Inbound:
		return u == UseBind || u == UseListen || u == UseAccept || u == UseRecvFrom || u == UseJoin
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
// The zero Policy grants nothing. Its fields must not be changed, nor the Policy
// copied, once it is in use.
type Policy struct {
	Rules []Rule
	// Ask, unless nil, decides on what no rule grants or denies: nil grants it.
	// The guest gets the error's syscall.Errno, or else EPERM. ctx ends with the
	// guest's first process, and so must Ask: but for look-ups of names, guest threads
	// wait for it until it returns. They call it concurrently; what they do on
	// connected sockets is not asked about.
	Ask func(ctx context.Context, r Request) error
	// OnDeny, unless nil, is told of all that is refused, and how often the very
	// same was so far: 1 the first time, 0 when there were too many different
	// ones to remember. It may be called concurrently, and the guest waits for it.
	OnDeny func(r Request, times uint64)

	compiled atomic.Pointer[index]
	denials  denials
}

// Request is something that a guest wants to do: Host is what it is about for
// UseResolve, Addr for all other uses.
type Request struct {
	Use  Use
	Addr netip.AddrPort
	Host string
}

// String returns the request as in "connect to 10.0.0.1:80".
func (r Request) String() string {
	if r.Use == UseResolve {
		return r.Use.String() + " " + strconv.Quote(r.Host)
	}
	return r.Use.String() + " " + r.Addr.String()
}

// Rule returns a rule that would grant it, as narrow as can be: for telling the
// user.
func (r Request) Rule() Rule {
	if r.Use == UseResolve {
		return Rule{Domain: canonicalName(r.Host), Ports: AllPorts}
	}
	ip, _ := effective(r.Use, r.Addr.Addr())
	rule := Rule{Prefix: netip.PrefixFrom(ip, ip.BitLen()), Ports: PortRange{r.Addr.Port(), r.Addr.Port()}, Direction: Inbound}
	if r.Addr.Port() == 0 {
		rule.Ports = AllPorts
	}
	if Outbound.covers(r.Use) {
		rule.Direction = Outbound
	}
	return rule
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

// Allows reports whether the rules grant use of addr, in a time that hardly
// grows with their number. Addresses that lead to others are taken for those:
// see [WithPolicy].
func (p *Policy) Allows(use Use, addr netip.AddrPort) bool {
	return p.index().decide(use, addr) == granted
}

// AllowsName reports whether the rules grant looking up host.
func (p *Policy) AllowsName(host string) bool { return len(p.index().names.ports(host)) > 0 }

// index returns the rules compiled.
func (p *Policy) index() *index {
	if x := p.compiled.Load(); x != nil {
		return x
	}
	x := newIndex(p.Rules)
	p.compiled.Store(x)
	return x
}

func canonicalName(host string) string {
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// portless reports whether ports mean nothing to the protocol, so that a rule
// must grant all of them.
func portless(typ abi.SockType, proto abi.SockProto) bool {
	return typ == abi.SockTypeRaw || proto == abi.SockProtoIcmp || proto == abi.SockProtoIcmpv6
}
