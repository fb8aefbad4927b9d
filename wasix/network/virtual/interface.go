package virtual

import (
	"cmp"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/gowasix/gowasix/wasix/network"
)

// How many addresses and routes a guest may give its interface.
const (
	maxAddrs  = 256
	maxRoutes = 1024
)

// Interface returns eth0, which guests of this host see and change. All hosts are
// on one segment: a route opens the way to the addresses of its prefix, and packets
// go to the host that has the address, not to the router.
func (h *Host) Interface() network.Interface { return (*eth0)(h) }

type eth0 Host

// look calls f with the host locked, unless that is down.
func (e *eth0) look(f func(*Host)) error {
	h := (*Host)(e)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stack == nil || h.closed {
		return syscall.ENETDOWN
	}
	f(h)
	return nil
}

// change is look, and has what f changes take effect.
func (e *eth0) change(f func(*Host) error) (err error) {
	down := e.look(func(h *Host) {
		err = f(h)
		h.setRoutes()
	})
	return cmp.Or(down, err)
}

func (e *eth0) HardwareAddr() (mac [6]byte, err error) {
	return mac, e.look(func(h *Host) { copy(mac[:], h.port.mac()) })
}

func (e *eth0) Prefixes() (addrs []netip.Prefix, err error) {
	return addrs, e.look(func(h *Host) { addrs = slices.Clone(h.addrs) })
}

func (e *eth0) AddAddr(p netip.Prefix) error {
	return e.change(func(h *Host) error {
		ip := p.Addr()
		switch {
		case !p.IsValid() || ip.IsUnspecified() || ip.IsLoopback() || ip.IsMulticast() || ip.Is4In6() || ip == broadcast,
			ip.Is4() && p.Bits() < 31 && ip == lastAddr(p):
			return syscall.EINVAL
		case h.has(ip):
			return syscall.EEXIST
		case len(h.addrs) >= maxAddrs:
			return syscall.ENOBUFS
		case !h.network.wire.claim(&h.port, ip):
			return syscall.EADDRINUSE
		}
		h.take(p)
		return nil
	})
}

// has reports whether ip is an address of eth0. h is locked.
func (h *Host) has(ip netip.Addr) bool {
	return slices.ContainsFunc(h.addrs, func(p netip.Prefix) bool { return p.Addr() == ip })
}

// take makes an address that the port has one of the stack. h is locked.
func (h *Host) take(p netip.Prefix) {
	h.assign(cableNIC, p)
	h.addrs = append(h.addrs, p)
}

func (e *eth0) RemoveAddr(ip netip.Addr) error {
	return e.change(func(h *Host) error {
		if !h.has(ip) {
			return syscall.EADDRNOTAVAIL
		}
		h.dropAddrs(func(p netip.Prefix) bool { return p.Addr() == ip })
		return nil
	})
}

func (e *eth0) ClearAddrs() error {
	return e.change(func(h *Host) error {
		h.dropAddrs(func(netip.Prefix) bool { return true })
		return nil
	})
}

// dropAddrs gives addresses back. Routes by routers that are no longer on the
// segment go as well. h is locked.
func (h *Host) dropAddrs(which func(netip.Prefix) bool) {
	h.addrs = slices.DeleteFunc(h.addrs, func(p netip.Prefix) bool {
		if !which(p) {
			return false
		}
		_ = h.stack.RemoveAddress(cableNIC, wireAddr(p.Addr()))
		h.network.wire.release(p.Addr())
		return true
	})
	h.routes = slices.DeleteFunc(h.routes, func(r network.Route) bool { return r.Router.IsValid() && !h.near(r.Router) })
}

func (e *eth0) AcquireAddrs() error {
	return e.change(func(h *Host) error {
		if h.port.down.Load() {
			return syscall.ENETDOWN
		}
		for _, prefix := range h.network.config.prefixes {
			if slices.ContainsFunc(h.addrs, func(p netip.Prefix) bool { return prefix.Contains(p.Addr()) }) {
				continue
			}
			p := h.network.wire.lease(&h.port, prefix)
			if !p.IsValid() {
				return syscall.EADDRNOTAVAIL
			}
			h.take(p)
		}
		return nil
	})
}

func (e *eth0) Routes() (routes []network.Route, err error) {
	return routes, e.look(func(h *Host) {
		h.dropExpired()
		for _, p := range h.addrs {
			if r := (network.Route{Prefix: p.Masked()}); !slices.Contains(routes, r) {
				routes = append(routes, r)
			}
		}
		routes = append(routes, h.routes...)
	})
}

func (e *eth0) AddRoute(r network.Route) error {
	return e.change(func(h *Host) error { return h.addRoute(r) })
}

// addRoute adds a route. h is locked.
func (h *Host) addRoute(r network.Route) error {
	h.dropExpired()
	r.Prefix = r.Prefix.Masked()
	switch {
	case !r.Prefix.IsValid() || r.Router.IsValid() && r.Router.Is4() != r.Prefix.Addr().Is4() || expired(r):
		return syscall.EINVAL
	case r.Router.IsValid() && !h.near(r.Router):
		return syscall.ENETUNREACH
	case slices.ContainsFunc(h.routes, func(o network.Route) bool { return o.Prefix == r.Prefix }):
		return syscall.EEXIST
	case len(h.routes) >= maxRoutes:
		return syscall.ENOBUFS
	}
	h.routes = append(h.routes, r)
	return nil
}

// near reports whether ip is in one network with an address of eth0.
func (h *Host) near(ip netip.Addr) bool {
	return slices.ContainsFunc(h.addrs, func(p netip.Prefix) bool { return p.Contains(ip) })
}

func expired(r network.Route) bool { return !r.Expires.IsZero() && !r.Expires.After(time.Now()) }

func (h *Host) dropExpired() { h.routes = slices.DeleteFunc(h.routes, expired) }

func (e *eth0) RemoveRoute(to netip.Addr) error {
	return e.change(func(h *Host) error {
		before := len(h.routes)
		h.routes = slices.DeleteFunc(h.routes, func(r network.Route) bool { return r.Prefix.Addr() == to })
		if len(h.routes) == before {
			return syscall.ESRCH
		}
		return nil
	})
}

func (e *eth0) ClearRoutes() error {
	return e.change(func(h *Host) error {
		h.routes = nil
		return nil
	})
}

func (e *eth0) SetGateway(router netip.Addr) error {
	return e.change(func(h *Host) error {
		if !router.IsValid() {
			return syscall.EINVAL
		}
		if !h.near(router) {
			return syscall.ENETUNREACH
		}
		all := netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		if router.Is4() {
			all = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		}
		h.routes = slices.DeleteFunc(h.routes, func(r network.Route) bool { return r.Prefix == all })
		return h.addRoute(network.Route{Prefix: all, Router: router})
	})
}

func (e *eth0) Plug(name string) error {
	return e.change(func(h *Host) error {
		if name != h.network.config.name {
			return syscall.ENOENT
		}
		h.port.down.Store(false)
		return nil
	})
}

func (e *eth0) Unplug() error {
	return e.change(func(h *Host) error {
		h.port.down.Store(true)
		return nil
	})
}
