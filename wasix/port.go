package wasix

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// portLayout is how the structures of the interface calls lie in memory. They grew
// in September 2023.
type portLayout struct {
	cidr, prefix6                          uint64 // size, and where the length of an IPv6 prefix is
	route, router, preferredUntil, expires uint64
}

var (
	portLayoutToday = portLayout{
		cidr: abi.SizeofAddrCidr, prefix6: abi.OffsetofAddrCidrU + abi.OffsetofAddrIp6CidrPrefix,
		route: abi.SizeofRoute, router: abi.OffsetofRouteViaRouter,
		preferredUntil: abi.OffsetofRoutePreferredUntil, expires: abi.OffsetofRouteExpiresAt,
	}
	portLayout2023 = portLayout{
		cidr: abi.SizeofAddrCidr202303, prefix6: abi.OffsetofAddrCidrU + 16,
		route: abi.SizeofRoute202303, router: 20, preferredUntil: 40, expires: 56,
	}
)

const (
	portIP      = abi.OffsetofAddrU // in an addr, and in a cidr
	portPrefix4 = abi.OffsetofAddrCidrU + abi.OffsetofAddrIp4CidrPrefix
)

// portLayout returns that of the program: the smaller one where it may be either.
func (p *Process) portLayout() *portLayout {
	if p.longAddrs {
		return &portLayoutToday
	}
	return &portLayout2023
}

// port returns the interface of the guest.
func (t *Thread) port() network.Interface { return network.InterfaceOf(t.proc.network) }

// ipAt returns the addr at ptr; of the family UNSPEC it is the zero Addr.
// Returns ESUCCESS except:
//   - EAFNOSUPPORT: neither INET4 nor INET6
//   - EFAULT: it lies outside memory
func (t *Thread) ipAt(ptr uint32) (netip.Addr, abi.Errno) {
	tag, ok := t.bytes(ptr, 1)
	if !ok {
		return netip.Addr{}, abi.EFAULT
	}
	var size uint64
	switch abi.AddressFamily(tag[0]) {
	case abi.AddressFamilyUnspec:
		return netip.Addr{}, abi.ESUCCESS
	case abi.AddressFamilyInet4:
		size = 4
	case abi.AddressFamilyInet6:
		size = 16
	default:
		return netip.Addr{}, abi.EAFNOSUPPORT
	}
	b, ok := t.bytes(ptr, portIP+size)
	if !ok {
		return netip.Addr{}, abi.EFAULT
	}
	ip, _ := netip.AddrFromSlice(b[portIP:])
	return ip, abi.ESUCCESS
}

// cidrAt returns the addr_cidr at ptr; not valid when its prefix is too long.
func (t *Thread) cidrAt(ptr uint32) (netip.Prefix, abi.Errno) {
	ip, errno := t.ipAt(ptr)
	if errno != abi.ESUCCESS {
		return netip.Prefix{}, errno
	}
	if !ip.IsValid() {
		return netip.Prefix{}, abi.EAFNOSUPPORT
	}
	at := uint64(portPrefix4)
	if ip.Is6() {
		at = t.proc.portLayout().prefix6
	}
	b, ok := t.bytes(ptr, at+1)
	if !ok {
		return netip.Prefix{}, abi.EFAULT
	}
	return netip.PrefixFrom(ip, int(b[at])), abi.ESUCCESS
}

// putCidr stores a prefix in b, an addr_cidr. What belongs to neither family stays.
func (l *portLayout) putCidr(b []byte, p netip.Prefix) {
	putIP(b, p.Addr())
	at := uint64(portPrefix4)
	if p.Addr().Is6() {
		at = l.prefix6
		clear(b[portIP+16 : at]) // flow and scope
	}
	b[at] = byte(p.Bits())
}

// putIP stores ip in b, an addr.
func putIP(b []byte, ip netip.Addr) {
	b[0], b[1] = byte(abi.AddressFamilyInet4), 0
	if ip.Is6() {
		b[0] = byte(abi.AddressFamilyInet6)
	}
	copy(b[portIP:], ip.AsSlice())
}

// timeAt returns the option_timestamp at ptr; the zero Time is none.
func (t *Thread) timeAt(ptr uint32) (time.Time, abi.Errno) {
	b, ok := t.bytes(ptr, abi.SizeofOptionTimestamp)
	switch {
	case !ok:
		return time.Time{}, abi.EFAULT
	case b[0] == byte(abi.OptionNone):
		return time.Time{}, abi.ESUCCESS
	case b[0] != byte(abi.OptionSome):
		return time.Time{}, abi.EINVAL
	}
	ns := binary.LittleEndian.Uint64(b[abi.OffsetofOptionTimestampU:])
	return time.Unix(int64(ns/1e9), int64(ns%1e9)), abi.ESUCCESS
}

func putTime(b []byte, at time.Time) {
	clear(b[:abi.SizeofOptionTimestamp])
	b[0] = byte(abi.OptionNone)
	if !at.IsZero() {
		b[0] = byte(abi.OptionSome)
		binary.LittleEndian.PutUint64(b[abi.OffsetofOptionTimestampU:], uint64(at.UnixNano()))
	}
}

// storeList carries out a call (list, n): stores what list tells, elements of that
// size, and how many there are at n, which tells how many have room.
func storeList[E any](t *Thread, p []uint64, size uint64, list func() ([]E, error), put func([]byte, E)) abi.Errno {
	ro, ok := t.bytes(uint32(p[1]), 4)
	if !ok {
		return abi.EFAULT
	}
	room, ok := t.bytes(uint32(p[0]), uint64(binary.LittleEndian.Uint32(ro))*size)
	if !ok {
		return abi.EFAULT
	}
	elements, err := list()
	if err != nil {
		return errnoOf(err)
	}
	binary.LittleEndian.PutUint32(ro, uint32(len(elements)))
	if uint64(len(elements))*size > uint64(len(room)) {
		return abi.EOVERFLOW
	}
	for i, e := range elements {
		put(room[uint64(i)*size:][:size], e)
	}
	return abi.ESUCCESS
}

// portAddrList is port_addr_list(addrs, naddrs): stores the addresses of the
// interface, and at naddrs, which tells how many have room, how many there are.
//
// returns 0 except:
//   - EFAULT: addrs or naddrs lies outside memory
//   - ENETDOWN: the host is closed
//   - ENOTSUP: the guest has no interface of its own
//   - EOVERFLOW: there are more; none is stored, but naddrs is
//   - EPERM: the guest has no network
func portAddrList(t *Thread, p []uint64) abi.Errno {
	l := t.proc.portLayout()
	return storeList(t, p, l.cidr, t.port().Prefixes, l.putCidr)
}

// portAddrAdd is port_addr_add(addr): gives the interface an address.
//
// returns 0 except:
//   - EADDRINUSE: another host of the network has it
//   - EAFNOSUPPORT: neither INET4 nor INET6
//   - EEXIST: the interface has it
//   - EFAULT: addr lies outside memory
//   - EINVAL: no host can have it, or the prefix is too long
//   - ENETDOWN: the host is closed
//   - ENOBUFS: there are too many
//   - EPERM: not the guest's to change
func portAddrAdd(t *Thread, p []uint64) abi.Errno {
	a, errno := t.cidrAt(uint32(p[0]))
	if errno != abi.ESUCCESS {
		return errno
	}
	return errnoOf(t.port().AddAddr(a))
}

// portAddrRemove is port_addr_remove(addr): takes an address from the interface.
//
// returns 0 except:
//   - EADDRNOTAVAIL: the interface has it not
//   - EAFNOSUPPORT: neither INET4 nor INET6
//   - EFAULT: addr lies outside memory
//   - ENETDOWN: the host is closed
//   - EPERM: not the guest's to change
func portAddrRemove(t *Thread, p []uint64) abi.Errno {
	ip, errno := t.ipAt(uint32(p[0]))
	if errno != abi.ESUCCESS {
		return errno
	}
	return errnoOf(t.port().RemoveAddr(ip))
}

// portAddrClear is port_addr_clear(): takes all addresses from the interface.
//
// returns 0 except:
//   - ENETDOWN: the host is closed
//   - EPERM: not the guest's to change
func portAddrClear(t *Thread, _ []uint64) abi.Errno { return errnoOf(t.port().ClearAddrs()) }

// portMac is port_mac(ro_mac): stores the MAC address of the interface.
//
// returns 0 except:
//   - EFAULT: ro_mac lies outside memory
//   - ENETDOWN: the host is closed
//   - ENOTSUP: the guest has no interface of its own
//   - EPERM: the guest has no network
func portMac(t *Thread, p []uint64) abi.Errno {
	ro, ok := t.bytes(uint32(p[0]), abi.SizeofHardwareAddress)
	if !ok {
		return abi.EFAULT
	}
	mac, err := t.port().HardwareAddr()
	if err != nil {
		return errnoOf(err)
	}
	copy(ro, mac[:])
	return abi.ESUCCESS
}

// portDhcpAcquire is port_dhcp_acquire(): gets an address of each prefix of the
// network that the interface has none of.
//
// returns 0 except:
//   - EADDRNOTAVAIL: none is free
//   - ENETDOWN: the host is closed, or unplugged
//   - EPERM: not the guest's to change
func portDhcpAcquire(t *Thread, _ []uint64) abi.Errno { return errnoOf(t.port().AcquireAddrs()) }

// portGatewaySet is port_gateway_set(addr): replaces the default route of a family.
//
// returns 0 except:
//   - EAFNOSUPPORT: neither INET4 nor INET6
//   - EFAULT: addr lies outside memory
//   - EINVAL: no address
//   - ENETDOWN: the host is closed
//   - ENETUNREACH: not in one network with an address of the interface
//   - EPERM: not the guest's to change
func portGatewaySet(t *Thread, p []uint64) abi.Errno {
	ip, errno := t.ipAt(uint32(p[0]))
	if errno != abi.ESUCCESS {
		return errno
	}
	return errnoOf(t.port().SetGateway(ip))
}

// portRouteAdd is port_route_add(cidr, via_router, preferred_until, expires_at):
// adds a route. A router of the family UNSPEC is none, and the times are the
// clock REALTIME's.
//
// returns 0 except:
//   - EAFNOSUPPORT: an address is neither INET4 nor INET6
//   - EEXIST: there is a route to the prefix
//   - EFAULT: a parameter lies outside memory
//   - EINVAL: the prefix is too long, the router of another family, a time no
//     option_timestamp, or over
//   - ENETDOWN: the host is closed
//   - ENETUNREACH: the router is not in one network with an address of the interface
//   - ENOBUFS: there are too many
//   - EPERM: not the guest's to change
func portRouteAdd(t *Thread, p []uint64) abi.Errno {
	prefix, errno1 := t.cidrAt(uint32(p[0]))
	router, errno2 := t.ipAt(uint32(p[1]))
	preferred, errno3 := t.timeAt(uint32(p[2]))
	expires, errno4 := t.timeAt(uint32(p[3]))
	for _, errno := range []abi.Errno{errno1, errno2, errno3, errno4} {
		if errno != abi.ESUCCESS {
			return errno
		}
	}
	if router.IsValid() && router.IsUnspecified() {
		router = netip.Addr{}
	}
	return errnoOf(t.port().AddRoute(network.Route{Prefix: prefix, Router: router, PreferredUntil: preferred, Expires: expires}))
}

// portRouteRemove is port_route_remove(addr): removes the routes that were added
// to prefixes of that address.
//
// returns 0 except:
//   - EAFNOSUPPORT: neither INET4 nor INET6
//   - EFAULT: addr lies outside memory
//   - ENETDOWN: the host is closed
//   - EPERM: not the guest's to change
//   - ESRCH: there is none
func portRouteRemove(t *Thread, p []uint64) abi.Errno {
	ip, errno := t.ipAt(uint32(p[0]))
	if errno != abi.ESUCCESS {
		return errno
	}
	return errnoOf(t.port().RemoveRoute(ip))
}

// portRouteClear is port_route_clear(): removes all routes that were added.
//
// returns 0 except:
//   - ENETDOWN: the host is closed
//   - EPERM: not the guest's to change
func portRouteClear(t *Thread, _ []uint64) abi.Errno { return errnoOf(t.port().ClearRoutes()) }

// portRouteList is port_route_list(routes, nroutes): stores the routes by the
// interface, and at nroutes, which tells how many have room, how many there are.
// Where there is no router it is the wildcard.
//
// returns 0 except:
//   - EFAULT: routes or nroutes lies outside memory
//   - ENETDOWN: the host is closed
//   - ENOTSUP: the guest has no interface of its own
//   - EOVERFLOW: there are more; none is stored, but nroutes is
//   - EPERM: the guest has no network
func portRouteList(t *Thread, p []uint64) abi.Errno {
	l := t.proc.portLayout()
	return storeList(t, p, l.route, t.port().Routes, l.putRoute)
}

// putRoute stores a route in b.
func (l *portLayout) putRoute(b []byte, r network.Route) {
	clear(b)
	l.putCidr(b, r.Prefix)
	if !r.Router.IsValid() {
		r.Router = netip.IPv4Unspecified()
		if r.Prefix.Addr().Is6() {
			r.Router = netip.IPv6Unspecified()
		}
	}
	putIP(b[l.router:], r.Router)
	putTime(b[l.preferredUntil:], r.PreferredUntil)
	putTime(b[l.expires:], r.Expires)
}

// allSecurity are the flags of stream_security.
const allSecurity = abi.StreamSecurityUnencrypted | abi.StreamSecurityAnyEncryption |
	abi.StreamSecurityClassicEncryption | abi.StreamSecurityDoubleEncryption

// portBridge is port_bridge(network, network_len, token, token_len, security): plugs
// the interface into a network, by the name of that. A network in memory asks for
// no token, and has nothing to encrypt.
//
// returns 0 except:
//   - EFAULT: network or token lies outside memory
//   - EINVAL: security is none of its flags
//   - ENETDOWN: the host is closed
//   - ENOENT: not the name of the network that the interface belongs to
//   - EPERM: not the guest's to change
func portBridge(t *Thread, p []uint64) abi.Errno {
	name, ok1 := t.bytes(uint32(p[0]), uint64(uint32(p[1])))
	_, ok2 := t.bytes(uint32(p[2]), uint64(uint32(p[3])))
	switch {
	case !ok1 || !ok2:
		return abi.EFAULT
	case uint32(p[4])&^uint32(allSecurity) != 0:
		return abi.EINVAL
	case len(name) > maxHostName:
		return abi.ENOENT
	}
	return errnoOf(t.port().Plug(string(name)))
}

// portUnbridge is port_unbridge(): unplugs the interface, which keeps its addresses
// but reaches nobody.
//
// returns 0 except:
//   - ENETDOWN: the host is closed
//   - EPERM: not the guest's to change
func portUnbridge(t *Thread, _ []uint64) abi.Errno { return errnoOf(t.port().Unplug()) }
