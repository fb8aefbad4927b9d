package network

import "net/netip"

// presets are the addresses that rules know by name.
var presets = map[string][]netip.Prefix{
	"loopback":   prefixList("127.0.0.0/8", "::1/128"),
	"link-local": prefixList("169.254.0.0/16", "fe80::/10"),
	// RFC 1918, RFC 6598 (shared with the provider) and RFC 4193.
	"private":   prefixList("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
	"multicast": prefixList("224.0.0.0/4", "ff00::/8"),
	// Where clouds tell their machines of credentials.
	"metadata": prefixList("169.254.169.254/32", "169.254.170.2/32", "168.63.129.16/32",
		"100.100.100.200/32", "192.0.0.192/32", "fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128"),
}

func prefixList(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, s := range texts {
		list[i] = netip.MustParsePrefix(s)
	}
	return list
}

// Preset returns the addresses that the language of [ParseRules] has a name
// for: "loopback", "link-local", "private", "multicast", or "metadata", the
// services that tell a cloud's machines of their credentials. nil for others.
func Preset(name string) []netip.Prefix { return append([]netip.Prefix(nil), presets[name]...) }

// nearby reports whether ip is of those that no name may lead to unless a rule
// grants the address: whoever runs a name server could point it there.
func nearby(ip netip.Addr) bool {
	ip, _ = effective(UseConnect, ip)
	for _, name := range [...]string{"loopback", "link-local", "multicast", "metadata"} {
		for _, p := range presets[name] {
			if p.Contains(ip) {
				return true
			}
		}
	}
	return false
}

// Prefixes of IPv6 addresses that hold an IPv4 address, and where.
var holders = [...]struct {
	prefix netip.Prefix
	offset int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},    // NAT64
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12},  // NAT64 of local use
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12}, // IPv4-translated
	{netip.MustParsePrefix("::/96"), 12},           // IPv4-compatible
	{netip.MustParsePrefix("2002::/16"), 2},        // 6to4
}

// effective returns the address that addr leads to, and another form of it that
// a denial counts for as well. An IPv4-mapped address is the IPv4 address;
// NAT64, 6to4 and their like lead to the one that they hold; and the wildcard,
// as a destination, is the host itself.
func effective(use Use, addr netip.Addr) (ip, also netip.Addr) {
	addr = addr.Unmap().WithZone("")
	switch {
	case addr.IsUnspecified() && !Outbound.covers(use):
		return addr, addr
	case addr.IsUnspecified() && addr.Is4():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), addr
	case addr.IsUnspecified():
		return netip.IPv6Loopback(), addr
	case addr.Is4(), addr == netip.IPv6Loopback():
		return addr, addr
	}
	for i := range holders {
		if h := &holders[i]; h.prefix.Contains(addr) {
			b := addr.As16()
			return netip.AddrFrom4([4]byte(b[h.offset:])), addr
		}
	}
	return addr, addr
}
