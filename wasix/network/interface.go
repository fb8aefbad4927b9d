package network

import (
	"net/netip"
	"syscall"
	"time"
)

// Interface is a network interface that a guest has of its own, as on a virtual
// network. Its methods may be called concurrently. All return ENETDOWN when the
// host that has it is closed, and EPERM where they change what the guest may not.
type Interface interface {
	// HardwareAddr returns the MAC address. Returns EOPNOTSUPP when the interface
	// is not the guest's to see.
	HardwareAddr() ([6]byte, error)
	// Prefixes returns the addresses, each with the length of its prefix. Returns
	// EOPNOTSUPP as HardwareAddr.
	Prefixes() ([]netip.Prefix, error)
	// AddAddr adds an address. Returns EADDRINUSE when another host has it, EEXIST
	// when this one does, EINVAL for what cannot be a host's address, ENOBUFS when
	// there are too many.
	AddAddr(netip.Prefix) error
	// RemoveAddr removes an address. Returns EADDRNOTAVAIL when there is none.
	RemoveAddr(netip.Addr) error
	// ClearAddrs removes all addresses.
	ClearAddrs() error
	// AcquireAddrs gets an address of each prefix of the network that the interface
	// has none of. Returns ENETDOWN when unplugged, EADDRNOTAVAIL when none is free.
	AcquireAddrs() error
	// Routes returns those that addresses bring with them, and those that were
	// added. Returns EOPNOTSUPP as HardwareAddr.
	Routes() ([]Route, error)
	// AddRoute adds a route. Returns EEXIST when there is one to the prefix, EINVAL
	// when the router is of another family or the time is over, ENETUNREACH when
	// no address of this interface is in one network with the router, ENOBUFS when
	// there are too many.
	AddRoute(Route) error
	// RemoveRoute removes the added routes to prefixes of that address. Returns
	// ESRCH when there is none.
	RemoveRoute(netip.Addr) error
	// ClearRoutes removes all routes that were added.
	ClearRoutes() error
	// SetGateway replaces the default route of the router's family. Returns
	// ENETUNREACH as AddRoute.
	SetGateway(netip.Addr) error
	// Plug connects the interface to a network. Returns ENOENT when that is not the
	// one of this name that it belongs to.
	Plug(name string) error
	// Unplug disconnects the interface: it keeps its addresses, but reaches nobody.
	Unplug() error
}

// Route says by which router the addresses of a prefix are reached.
type Route struct {
	Prefix netip.Prefix
	Router netip.Addr // not valid where none is needed
	// PreferredUntil is kept and told. The route goes when it Expires. The zero
	// Time is never.
	PreferredUntil, Expires time.Time
}

// InterfaceOf returns the interface of guests that have n. Behind a policy it tells,
// and nothing can be changed: a guest with another address would be another one
// to others' policies. The host's interfaces are not shown (EOPNOTSUPP) and, as on
// Linux for who is not privileged, cannot be changed (EPERM). Without a network all
// is EPERM.
func InterfaceOf(n Network) Interface {
	guarded := false
	for {
		switch w := n.(type) {
		case none:
			return hidden{err: syscall.EPERM}
		case interface{ Interface() Interface }:
			if guarded {
				return fixed{of: w.Interface()}
			}
			return w.Interface()
		case *guard:
			guarded = true
		}
		w, ok := n.(interface{ inside() Network })
		if !ok {
			return hidden{err: syscall.EOPNOTSUPP}
		}
		n = w.inside()
	}
}

// unchanged are the methods of an interface that the guest may not change.
type unchanged struct{}

func (unchanged) AddAddr(netip.Prefix) error   { return syscall.EPERM }
func (unchanged) RemoveAddr(netip.Addr) error  { return syscall.EPERM }
func (unchanged) ClearAddrs() error            { return syscall.EPERM }
func (unchanged) AcquireAddrs() error          { return syscall.EPERM }
func (unchanged) AddRoute(Route) error         { return syscall.EPERM }
func (unchanged) RemoveRoute(netip.Addr) error { return syscall.EPERM }
func (unchanged) ClearRoutes() error           { return syscall.EPERM }
func (unchanged) SetGateway(netip.Addr) error  { return syscall.EPERM }
func (unchanged) Plug(string) error            { return syscall.EPERM }
func (unchanged) Unplug() error                { return syscall.EPERM }

// hidden is an interface that tells nothing, but err.
type hidden struct {
	unchanged
	err error
}

func (h hidden) HardwareAddr() ([6]byte, error)    { return [6]byte{}, h.err }
func (h hidden) Prefixes() ([]netip.Prefix, error) { return nil, h.err }
func (h hidden) Routes() ([]Route, error)          { return nil, h.err }

// fixed is an interface that tells, but does not change.
type fixed struct {
	unchanged
	of Interface
}

func (f fixed) HardwareAddr() ([6]byte, error)    { return f.of.HardwareAddr() }
func (f fixed) Prefixes() ([]netip.Prefix, error) { return f.of.Prefixes() }
func (f fixed) Routes() ([]Route, error)          { return f.of.Routes() }
