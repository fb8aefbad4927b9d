package virtual

import (
	"net/netip"
	"slices"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"

	"github.com/gowasix/gowasix/wasix/network"
)

// multicast and limited broadcast leave by the cable.
var everywhere = []network.Route{
	{Prefix: netip.MustParsePrefix("224.0.0.0/4")},
	{Prefix: netip.MustParsePrefix("255.255.255.255/32")},
	{Prefix: netip.MustParsePrefix("ff00::/8")},
}

// setRoutes tells the stack and the port of the host's addresses and routes. h is
// locked.
func (h *Host) setRoutes() {
	table := []tcpip.Route{
		{Destination: subnet(netip.PrefixFrom(loopback4, 8)), NIC: loopbackNIC},
		{Destination: subnet(netip.PrefixFrom(loopback6, 128)), NIC: loopbackNIC},
	}
	var broadcasts []netip.Addr
	routes := slices.Clone(everywhere)
	for _, p := range h.addrs {
		routes = append(routes, network.Route{Prefix: p})
		if p.Addr().Is4() && p.Bits() < 31 {
			broadcasts = append(broadcasts, lastAddr(p))
		}
	}
	h.dropExpired()
	routes = append(routes, h.routes...)
	slices.SortStableFunc(routes, func(a, b network.Route) int { return b.Prefix.Bits() - a.Prefix.Bits() })
	for _, r := range routes {
		if !h.port.down.Load() {
			table = append(table, tcpip.Route{Destination: subnet(r.Prefix), Gateway: stackAddr(r.Router), NIC: cableNIC})
		}
	}
	h.stack.SetRouteTable(table)
	h.awaitExpiry()
	h.port.mu.Lock()
	h.port.broadcasts = broadcasts
	h.port.mu.Unlock()
}

// awaitExpiry has the routes set anew when the first of them expires. h is locked.
func (h *Host) awaitExpiry() {
	if h.expiry != nil {
		h.expiry.Stop()
		h.expiry = nil
	}
	var first time.Time
	for _, r := range h.routes {
		if !r.Expires.IsZero() && (first.IsZero() || r.Expires.Before(first)) {
			first = r.Expires
		}
	}
	if !first.IsZero() {
		h.expiry = time.AfterFunc(time.Until(first), func() { _ = (*eth0)(h).look((*Host).setRoutes) })
	}
}
