package virtual

import (
	"net/netip"
	"strconv"
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// The interfaces of a host, by the numbers that IPv6 zones have.
const (
	loopbackNIC tcpip.NICID = 1
	cableNIC    tcpip.NICID = 2
)

var (
	loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback6 = netip.IPv6Loopback()
	broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
)

// stackAddr returns ip as the netstack has it, where no address is the wildcard.
func stackAddr(ip netip.Addr) tcpip.Address {
	switch {
	case !ip.IsValid() || ip.IsUnspecified():
		return tcpip.Address{}
	case ip.Is4():
		return tcpip.AddrFrom4(ip.As4())
	}
	return tcpip.AddrFrom16(ip.As16())
}

// netAddr is the inverse of stackAddr; no address is the zero Addr.
func netAddr(a tcpip.Address) netip.Addr {
	switch a.Len() {
	case header.IPv4AddressSize:
		return netip.AddrFrom4(a.As4())
	case header.IPv6AddressSize:
		return netip.AddrFrom16(a.As16())
	}
	return netip.Addr{}
}

// fullAddr returns EINVAL for a zone that does not exist.
func fullAddr(addr netip.AddrPort) (tcpip.FullAddress, error) {
	full := tcpip.FullAddress{Addr: stackAddr(addr.Addr()), Port: addr.Port()}
	switch zone := addr.Addr().Zone(); zone {
	case "":
	case "lo":
		full.NIC = loopbackNIC
	case "eth0":
		full.NIC = cableNIC
	default:
		id, err := strconv.ParseInt(zone, 10, 32)
		if err != nil || id < int64(loopbackNIC) || id > int64(cableNIC) {
			return full, syscall.EINVAL
		}
		full.NIC = tcpip.NICID(id)
	}
	return full, nil
}

// destination is fullAddr of where to send to: the wildcard is the loopback
// address.
func destination(addr netip.AddrPort) (tcpip.FullAddress, error) {
	switch ip := addr.Addr(); {
	case ip == netip.IPv4Unspecified():
		addr = netip.AddrPortFrom(loopback4, addr.Port())
	case ip.IsUnspecified():
		addr = netip.AddrPortFrom(loopback6, addr.Port())
	case ip.Is4In6() && ip.Unmap().IsUnspecified():
		addr = netip.AddrPortFrom(loopback4, addr.Port())
	}
	return fullAddr(addr)
}

// guestAddr returns an address as a socket of family shows it.
func guestAddr(family abi.AddressFamily, a tcpip.FullAddress) network.Addr {
	ip := netAddr(a.Addr)
	if family == abi.AddressFamilyInet6 {
		switch {
		case !ip.IsValid():
			ip = netip.IPv6Unspecified()
		case ip.Is4():
			ip = netip.AddrFrom16(ip.As16())
		}
	} else if !ip.IsValid() {
		ip = netip.IPv4Unspecified()
	}
	return network.Addr{AddrPort: netip.AddrPortFrom(ip, a.Port)}
}

// netProto returns the network protocol of a family.
func netProto(family abi.AddressFamily) tcpip.NetworkProtocolNumber {
	if family == abi.AddressFamilyInet6 {
		return header.IPv6ProtocolNumber
	}
	return header.IPv4ProtocolNumber
}

func protoOf(ip netip.Addr) tcpip.NetworkProtocolNumber {
	if ip.Is4() {
		return header.IPv4ProtocolNumber
	}
	return header.IPv6ProtocolNumber
}

// subnet returns p as the netstack has it.
func subnet(p netip.Prefix) tcpip.Subnet {
	p = p.Masked()
	return tcpip.AddressWithPrefix{Address: wireAddr(p.Addr()), PrefixLen: p.Bits()}.Subnet()
}

// wireAddr is stackAddr, but the wildcard is an address.
func wireAddr(ip netip.Addr) tcpip.Address {
	if ip.Is4() {
		return tcpip.AddrFrom4(ip.As4())
	}
	return tcpip.AddrFrom16(ip.As16())
}

// lastAddr returns the last address of a prefix: the broadcast address of an
// IPv4 one.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	ip, _ := netip.AddrFromSlice(b)
	return ip
}
