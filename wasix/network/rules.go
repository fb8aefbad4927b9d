package network

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// ParseRules reads a policy in the rule language of Wasmer's --net option:
//
//	rules     = rule { "," rule }
//	rule      = kind ":" action "=" list(address) ":" list(port) [ "/in" | "/out" ]
//	          | "dns" ":" action "=" list(domain) ":" list(port)
//	kind      = "ipv4" | "ipv6" | "ip"        (ip is both)
//	action    = "allow" | "deny"
//	list(x)   = x | "{" x { "," x } "}"
//	address   = "*" | IP | IP "/" bits | preset   (IPv6 may stand in brackets)
//	preset    = "loopback" | "link-local" | "private" | "multicast" | "metadata"
//	port      = "*" | number | number "-" number | service
//	domain    = "*" | name | "*" ending
//
// Wasmer does not know ip, the presets (see [Preset]) and services, such as
// https. White space counts nowhere. Without rules nothing is granted. The error
// is a *[RuleError].
func ParseRules(s string) (*Policy, error) {
	p := &Policy{}
	s = strings.Join(strings.Fields(s), "")
	if s == "" {
		return p, nil
	}
	for _, text := range splitOutside(s) {
		rules, err := parseRule(text)
		if err != nil {
			err.Rule = text
			return nil, err
		}
		p.Rules = append(p.Rules, rules...)
	}
	return p, nil
}

// RuleError is a rule that cannot be read.
type RuleError struct {
	Rule   string // the rule, without white space
	Part   string // the part of it that is wrong
	Reason string // what is wrong with the part
}

func (e *RuleError) Error() string {
	return fmt.Sprintf("network rule %q: %q %s", e.Rule, e.Part, e.Reason)
}

func wrong(part, reason string) *RuleError { return &RuleError{Part: part, Reason: reason} }

// splitOutside splits s at the commas outside braces.
func splitOutside(s string) (parts []string) {
	depth, start := 0, 0
	for i, c := range s {
		switch {
		case c == '{':
			depth++
		case c == '}':
			depth--
		case c == ',' && depth <= 0:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

func parseRule(text string) ([]Rule, *RuleError) {
	kind, rest, ok := strings.Cut(text, ":")
	if !ok || kind != "dns" && !isAddressKind(kind) {
		return nil, wrong(kind, "is neither dns, ip, ipv4 nor ipv6")
	}
	action, expr, ok := strings.Cut(rest, "=")
	if !ok || action != "allow" && action != "deny" {
		return nil, wrong(action, "is neither allow nor deny")
	}
	rules, err := parseExpr(kind, expr)
	for i := range rules {
		rules[i].Deny = action == "deny"
	}
	return rules, err
}

func isAddressKind(kind string) bool { return kind == "ipv4" || kind == "ipv6" || kind == "ip" }

// maxRules is how many rules one with lists may stand for.
const maxRules = 4096

// parseExpr makes one rule of each pair of an address or domain and a port.
func parseExpr(kind, expr string) ([]Rule, *RuleError) {
	colon := strings.LastIndex(expr, ":")
	if kind == "dns" || kind == "ipv4" {
		colon = strings.Index(expr, ":")
	}
	if colon < 0 {
		return nil, wrong(expr, `lacks ":" and ports, such as ":*"`)
	}
	left, right := expr[:colon], expr[colon+1:]
	var direction Direction
	if kind != "dns" {
		var err *RuleError
		if right, direction, err = cutDirection(right); err != nil {
			return nil, err
		}
	}
	lists, err := parseList(left, targetParser(kind))
	if err != nil {
		return nil, err
	}
	targets := slices.Concat(lists...)
	ports, err := parseList(right, parsePorts)
	if err != nil {
		return nil, err
	}
	if len(targets)*len(ports) > maxRules {
		return nil, wrong(expr, "stands for too many rules")
	}
	var rules []Rule
	for _, r := range targets {
		for _, r.Ports = range ports {
			r.Direction = direction
			rules = append(rules, r)
		}
	}
	return rules, nil
}

func cutDirection(ports string) (string, Direction, *RuleError) {
	ports, name, ok := strings.Cut(ports, "/")
	switch {
	case !ok:
		return ports, BothWays, nil
	case name == "in":
		return ports, Inbound, nil
	case name == "out":
		return ports, Outbound, nil
	}
	return "", 0, wrong("/"+name, "is neither /in nor /out")
}

func parseList[T any](s string, parse func(string) (T, *RuleError)) ([]T, *RuleError) {
	items := []string{s}
	if inner, ok := strings.CutPrefix(s, "{"); ok {
		if inner, ok = strings.CutSuffix(inner, "}"); !ok {
			return nil, wrong(s, `lacks "}"`)
		}
		items = strings.Split(inner, ",")
	}
	list := make([]T, len(items))
	for i, item := range items {
		var err *RuleError
		if list[i], err = parse(item); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// targetParser returns what parses a domain or an address of the kind, which
// may stand for several rules.
func targetParser(kind string) func(string) ([]Rule, *RuleError) {
	switch kind {
	case "dns":
		return parseDomain
	case "ipv4":
		return func(s string) ([]Rule, *RuleError) { return parseAddress(s, "IPv4", anyIPv4) }
	case "ipv6":
		return func(s string) ([]Rule, *RuleError) { return parseAddress(s, "IPv6", anyIPv6) }
	}
	return func(s string) ([]Rule, *RuleError) { return parseAddress(s, "IP", anyIPv4, anyIPv6) }
}

// parseAddress parses an address, a range or a preset of the families given by
// all their addresses.
func parseAddress(s, family string, wholes ...netip.Prefix) ([]Rule, *RuleError) {
	if s == "*" {
		return prefixRules(wholes, wholes), nil
	}
	if preset, ok := presets[s]; ok {
		return prefixRules(preset, wholes), nil
	}
	prefix, err := parsePrefix(s)
	rules := prefixRules([]netip.Prefix{prefix}, wholes)
	if err != nil || len(rules) == 0 {
		return nil, wrong(s, "is no "+family+" address, range, preset or *")
	}
	rules[0].Prefix = unmapPrefix(prefix)
	return rules, nil
}

// prefixRules returns rules about the prefixes that are of the families.
func prefixRules(list, families []netip.Prefix) (rules []Rule) {
	for _, p := range list {
		for _, whole := range families {
			if p.Addr().BitLen() == whole.Addr().BitLen() {
				rules = append(rules, Rule{Prefix: p})
			}
		}
	}
	return rules
}

// parsePrefix parses an address or a range; an IPv6 one may stand in brackets.
func parsePrefix(s string) (netip.Prefix, error) {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		if p, err := parsePrefix(inner); closed && err == nil && p.Addr().Is6() {
			return p, nil
		}
		return netip.Prefix{}, strconv.ErrSyntax
	}
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err
	}
	ip, err := netip.ParseAddr(s)
	if err != nil || ip.Zone() != "" {
		return netip.Prefix{}, strconv.ErrSyntax
	}
	return ip.Prefix(ip.BitLen())
}

// unmapPrefix returns the IPv4 range of IPv4-mapped addresses.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

func parseDomain(s string) ([]Rule, *RuleError) {
	name := strings.TrimPrefix(s, "*")
	if s == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != "" {
		return nil, wrong(s, "is no domain name, *ending or *")
	}
	domain := canonicalName(s)
	if slices.Contains(strings.Split(domain, "."), "") {
		return nil, wrong(s, "is no domain name, *ending or *")
	}
	return []Rule{{Domain: domain}}, nil
}

func parsePorts(s string) (PortRange, *RuleError) {
	if s == "*" {
		return AllPorts, nil
	}
	if port, err := ServicePort(s); err == nil {
		return PortRange{port, port}, nil
	}
	first, last, _ := strings.Cut(s, "-")
	from, err1 := strconv.ParseUint(first, 10, 16)
	to, err2 := strconv.ParseUint(last, 10, 16)
	if err1 != nil || err2 != nil {
		return PortRange{}, wrong(s, "is no port, service, range of ports or *")
	}
	if from > to {
		return PortRange{}, wrong(s, "is an empty range of ports")
	}
	return PortRange{uint16(from), uint16(to)}, nil
}

// ServicePort returns the port that s is: a number, or the name of a service of
// TCP that the host's files know, such as "https".
func ServicePort(s string) (uint16, error) {
	if port, err := strconv.ParseUint(s, 10, 16); err == nil {
		return uint16(port), nil
	}
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return 0, strconv.ErrSyntax
	}
	port, err := (&net.Resolver{PreferGo: true}).LookupPort(context.Background(), "tcp", s)
	return uint16(port), err
}

// String returns the rules in the language of [ParseRules], one for each.
func (p *Policy) String() string {
	parts := make([]string, len(p.Rules))
	for i, r := range p.Rules {
		parts[i] = r.String()
	}
	return strings.Join(parts, ",")
}

// String returns the rule in the language of [ParseRules].
func (r Rule) String() string {
	kind, target, direction := "ipv4", r.Prefix.String(), ""
	switch {
	case r.Domain != "":
		return "dns:" + r.action() + "=" + r.Domain + ":" + r.Ports.String()
	case r.Prefix.Bits() == 0:
		target = "*"
	case r.Prefix.IsSingleIP():
		target = r.Prefix.Addr().String()
	}
	if r.Prefix.Addr().Is6() {
		kind = "ipv6"
		if target != "*" {
			target = "[" + target + "]"
		}
	}
	switch r.Direction {
	case Inbound:
		direction = "/in"
	case Outbound:
		direction = "/out"
	}
	return kind + ":" + r.action() + "=" + target + ":" + r.Ports.String() + direction
}

func (r Rule) action() string {
	if r.Deny {
		return "deny"
	}
	return "allow"
}

// String returns the range as in the language of [ParseRules].
func (r PortRange) String() string {
	switch {
	case r == AllPorts:
		return "*"
	case r.First == r.Last:
		return strconv.Itoa(int(r.First))
	}
	return strconv.Itoa(int(r.First)) + "-" + strconv.Itoa(int(r.Last))
}
