package virtual

import (
	"net/netip"
	"slices"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// multicast and limited broadcast leave by the cable.
var everywhere = []netip.Prefix{
	netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("255.255.255.255/32"), netip.MustParsePrefix("ff00::/8"),
}

// setRoutes tells the stack and the port of the host's addresses. Nobody
// else knows the host yet.
func (h *Host) setRoutes() {
	table := []tcpip.Route{
		{Destination: subnet(netip.PrefixFrom(loopback4, 8)), NIC: loopbackNIC},
		{Destination: subnet(netip.PrefixFrom(loopback6, 128)), NIC: loopbackNIC},
	}
	var broadcasts []netip.Addr
	prefixes := slices.Clone(everywhere)
	for _, p := range h.addrs {
		prefixes = append(prefixes, p)
		if p.Addr().Is4() && p.Bits() < 31 {
			broadcasts = append(broadcasts, lastAddr(p))
		}
	}
	slices.SortStableFunc(prefixes, func(a, b netip.Prefix) int { return b.Bits() - a.Bits() })
	for _, p := range prefixes {
		table = append(table, tcpip.Route{Destination: subnet(p), NIC: cableNIC})
	}
	h.stack.SetRouteTable(table)
	h.port.mu.Lock()
	h.port.broadcasts = broadcasts
	h.port.mu.Unlock()
}
