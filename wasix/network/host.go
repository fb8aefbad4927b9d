package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
)

// HostOption changes what [Host] offers.
type HostOption func(*host)

// AllowRaw lets guests open raw sockets. The host process needs CAP_NET_RAW.
func AllowRaw() HostOption { return func(h *host) { h.raw = true } }

// WithResolver makes r look up names, instead of [net.DefaultResolver].
func WithResolver(r Resolver) HostOption { return func(h *host) { h.resolver = r } }

// Host returns the network of the kernel. It grants everything that the host
// process may do: see [WithPolicy]. Its sockets are IPv4 and IPv6 only, and no
// guest makes the kernel load a protocol: stream sockets are TCP, datagram
// sockets UDP, UDP-Lite or ICMP. On systems other than Linux, Socket returns
// ENOSYS.
func Host(opts ...HostOption) Network {
	h := &host{resolver: net.DefaultResolver}
	for _, o := range opts {
		o(h)
	}
	return h
}

type host struct {
	resolver Resolver
	raw      bool
}

// MaxProto is the highest protocol number that Linux has.
const MaxProto = 262

// Socket opens a kernel socket, non-blocking and closed on exec. A protocol of
// 0 is the type's own. Returns, as socket(2):
//   - EAFNOSUPPORT: neither INET4 nor INET6
//   - EINVAL: a protocol out of range
//   - EPERM: a raw socket, without [AllowRaw] or the privilege
//   - EPROTONOSUPPORT: a protocol that the type does not have
//   - ESOCKTNOSUPPORT: a type that the family does not have
//   - EACCES: ICMP, where net.ipv4.ping_group_range does not allow it
//   - EMFILE, ENFILE, ENOBUFS, ENOMEM: the host is short of these
func (h *host) Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (Socket, error) {
	if family != abi.AddressFamilyInet4 && family != abi.AddressFamilyInet6 {
		return nil, syscall.EAFNOSUPPORT
	}
	if proto > MaxProto {
		return nil, syscall.EINVAL
	}
	if err := h.checkProto(family, typ, proto); err != nil {
		return nil, err
	}
	return openHost(family, typ, proto)
}

func (h *host) checkProto(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) error {
	switch typ {
	case abi.SockTypeStream:
		if proto == 0 || proto == abi.SockProtoTcp {
			return nil
		}
		return syscall.EPROTONOSUPPORT
	case abi.SockTypeDgram:
		switch proto {
		case 0, abi.SockProtoUdp, abi.SockProtoUdplite:
			return nil
		case abi.SockProtoIcmp:
			if family == abi.AddressFamilyInet4 {
				return nil
			}
		case abi.SockProtoIcmpv6:
			if family == abi.AddressFamilyInet6 {
				return nil
			}
		}
		return syscall.EPROTONOSUPPORT
	case abi.SockTypeRaw:
		if !h.raw {
			return syscall.EPERM
		}
		return nil
	}
	return syscall.ESOCKTNOSUPPORT
}

// Resolve looks host up in the host's files and name servers. Addresses and
// localhost need neither. Returns ENOENT, EAGAIN, and ECANCELED when ctx is done.
func (h *host) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{a}, nil
	}
	return lookup(ctx, ctx, h.resolver, name)
}

// fallback knows localhost where the host's files do not.
func fallback(name string, err error) ([]netip.Addr, error) {
	if err == syscall.ENOENT && strings.EqualFold(strings.TrimSuffix(name, "."), "localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	return nil, err
}

func resolveErrno(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return syscall.ECANCELED
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return syscall.ENOENT
	}
	return syscall.EAGAIN
}
