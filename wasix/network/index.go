package network

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// verdict is what rules say of an address.
type verdict uint8

const (
	undecided verdict = iota // neither granted nor denied
	granted
	denied
)

// index is rules in a form that decides fast, whatever their number.
type index struct {
	v4, v6 prefixes
	// serve4 and serve6 are the ports of rules that name a wildcard address
	// itself: who may serve on all addresses may serve all peers.
	serve4, serve6 portSet
	names          names
}

// The directions of traffic, as indices.
const (
	in = iota
	out
)

func newIndex(rules []Rule) *index {
	x := &index{names: names{exact: map[string]nameRule{}, endings: map[string]nameRule{}}}
	nodes := map[netip.Prefix]*prefixNode{}
	for i := range rules {
		r := &rules[i]
		if r.Domain != "" {
			x.names.add(r)
			continue
		}
		if !r.Prefix.IsValid() {
			continue
		}
		p := r.Prefix.Masked()
		if nodes[p] == nil {
			nodes[p] = &prefixNode{prefix: p}
		}
		nodes[p].add(r)
		x.addServing(r)
	}
	for _, n := range nodes {
		n.normalize()
		if n.prefix.Addr().Is4() {
			x.v4 = append(x.v4, *n)
		} else {
			x.v6 = append(x.v6, *n)
		}
	}
	x.v4.link()
	x.v6.link()
	x.serve4.normalize()
	x.serve6.normalize()
	return x
}

func (x *index) addServing(r *Rule) {
	if r.Deny || r.Direction == Outbound || !r.Prefix.IsSingleIP() || !r.Prefix.Addr().IsUnspecified() {
		return
	}
	if r.Prefix.Addr().Is4() {
		x.serve4 = append(x.serve4, r.Ports)
	} else {
		x.serve6 = append(x.serve6, r.Ports)
	}
}

// decide says what the rules make of addr. A denial wins.
func (x *index) decide(use Use, addr netip.AddrPort) verdict {
	ip, also := effective(use, addr.Addr())
	direction := in
	if Outbound.covers(use) {
		direction = out
	}
	v := x.tree(ip).decide(ip, direction, addr.Port())
	if also != ip && v != denied && x.tree(also).decide(also, direction, addr.Port()) == denied {
		return denied
	}
	if v == undecided && (use == UseAccept || use == UseRecvFrom) && x.serving(ip).contains(addr.Port()) {
		return granted
	}
	return v
}

// deniedEverywhere reports whether ip may be connected to on no port at all.
func (x *index) deniedEverywhere(ip netip.Addr) bool {
	ip, also := effective(UseConnect, ip)
	return x.tree(ip).deniesAll(ip, out) || also != ip && x.tree(also).deniesAll(also, out)
}

func (x *index) tree(ip netip.Addr) prefixes {
	if ip.Is4() {
		return x.v4
	}
	return x.v6
}

func (x *index) serving(ip netip.Addr) portSet {
	if ip.Is4() {
		return x.serve4
	}
	return x.serve6
}

// prefixes are the prefixes of one family that rules are about, by address and
// length, so that each comes after those that contain it.
type prefixes []prefixNode

type prefixNode struct {
	prefix          netip.Prefix
	parent          int        // the longest prefix that contains this one; -1: none
	grants, denials [2]portSet // by direction
}

func (n *prefixNode) add(r *Rule) {
	sets := &n.grants
	if r.Deny {
		sets = &n.denials
	}
	if r.Direction != Outbound {
		sets[in] = append(sets[in], r.Ports)
	}
	if r.Direction != Inbound {
		sets[out] = append(sets[out], r.Ports)
	}
}

func (n *prefixNode) normalize() {
	for d := range 2 {
		n.grants[d].normalize()
		n.denials[d].normalize()
	}
}

// link sorts the prefixes and finds their parents.
func (t prefixes) link() {
	slices.SortFunc(t, func(a, b prefixNode) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()))
	})
	for i := range t {
		t[i].parent = t.containing(i-1, t[i].prefix.Addr())
	}
}

// containing returns the longest prefix with ip in it among i and what contains
// that; -1 when there is none.
func (t prefixes) containing(i int, ip netip.Addr) int {
	for i >= 0 && !t[i].prefix.Contains(ip) {
		i = t[i].parent
	}
	return i
}

// find returns the longest prefix with ip in it: it, or one inside it, is the
// last that begins at or before ip.
func (t prefixes) find(ip netip.Addr) int {
	first, after := 0, len(t)
	for first < after {
		middle := (first + after) / 2
		if t[middle].prefix.Addr().Compare(ip) <= 0 {
			first = middle + 1
		} else {
			after = middle
		}
	}
	return t.containing(first-1, ip)
}

func (t prefixes) decide(ip netip.Addr, direction int, port uint16) (v verdict) {
	for i := t.find(ip); i >= 0; i = t[i].parent {
		if t[i].denials[direction].contains(port) {
			return denied
		}
		if v == undecided && t[i].grants[direction].contains(port) {
			v = granted
		}
	}
	return v
}

func (t prefixes) deniesAll(ip netip.Addr, direction int) bool {
	for i := t.find(ip); i >= 0; i = t[i].parent {
		if d := t[i].denials[direction]; len(d) == 1 && d[0] == AllPorts {
			return true
		}
	}
	return false
}

// portSet is a set of ports: once normalized, ranges in order and apart.
type portSet []PortRange

func (s *portSet) normalize() {
	slices.SortFunc(*s, func(a, b PortRange) int { return cmp.Compare(a.First, b.First) })
	kept := (*s)[:0]
	for _, r := range *s {
		if n := len(kept); n > 0 && int(r.First) <= int(kept[n-1].Last)+1 {
			kept[n-1].Last = max(kept[n-1].Last, r.Last)
		} else {
			kept = append(kept, r)
		}
	}
	*s = kept
}

func (s portSet) contains(port uint16) bool {
	first, after := 0, len(s)
	for first < after {
		middle := (first + after) / 2
		switch {
		case port < s[middle].First:
			after = middle
		case port > s[middle].Last:
			first = middle + 1
		default:
			return true
		}
	}
	return false
}

// names are the rules about names.
type names struct {
	exact   map[string]nameRule
	endings map[string]nameRule // by what follows the asterisk
}

type nameRule struct {
	deny  bool
	ports []PortRange
}

func (n *names) add(r *Rule) {
	pattern, rules := canonicalName(r.Domain), n.exact
	if ending, ok := strings.CutPrefix(pattern, "*"); ok {
		pattern, rules = ending, n.endings
	}
	rule := rules[pattern]
	rule.deny = rule.deny || r.Deny
	if !r.Deny {
		rule.ports = append(rule.ports, r.Ports)
	}
	rules[pattern] = rule
}

// ports returns the ports that the rules grant on the addresses of host, none
// when it must not be looked up.
func (n *names) ports(host string) []PortRange {
	granted, _ := n.decide(host)
	return granted
}

// denies reports whether a rule forbids host, granted or not.
func (n *names) denies(host string) bool {
	_, deny := n.decide(host)
	return deny
}

func (n *names) decide(host string) (granted []PortRange, deny bool) {
	host = canonicalName(host)
	rule := n.exact[host]
	granted = slices.Clip(rule.ports)
	for i := 0; i <= len(host) && !rule.deny; i++ {
		rule = n.endings[host[i:]]
		granted = append(granted, rule.ports...)
	}
	if rule.deny {
		return nil, true
	}
	return granted, false
}
