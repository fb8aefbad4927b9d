package wasixnet

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"structs"
	"syscall"
)

// addrPort is WASIX's address with a port: a tag, the port in little-endian
// order at 2, the octets of the address from 4.
type addrPort struct {
	_    structs.HostLayout
	data [110]byte
}

// addrIP is WASIX's address without a port: a tag and the octets from 2.
type addrIP struct {
	_    structs.HostLayout
	data [18]byte
}

// maxAddrs is how many addresses of a name are tried.
const maxAddrs = 16

func encode(ap netip.AddrPort) *addrPort {
	var a addrPort
	a.data[0] = byte(family(ap.Addr()))
	binary.LittleEndian.PutUint16(a.data[2:], ap.Port())
	copy(a.data[4:], ap.Addr().AsSlice())
	return &a
}

func (a *addrPort) decode() netip.AddrPort {
	ip := decodeIP(a.data[0], a.data[4:])
	if !ip.IsValid() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip.Unmap(), binary.LittleEndian.Uint16(a.data[2:]))
}

func decodeIP(tag byte, octets []byte) netip.Addr {
	switch tag {
	case familyInet4:
		return netip.AddrFrom4([4]byte(octets))
	case familyInet6:
		return netip.AddrFrom16([16]byte(octets))
	}
	return netip.Addr{}
}

func family(ip netip.Addr) uint32 {
	if ip.Is4() {
		return familyInet4
	}
	return familyInet6
}

// tcpAddr asks for an address of a socket, as net.Conn has it.
func tcpAddr(get func(int32, *addrPort) uint32, fd int32) *net.TCPAddr {
	var a addrPort
	if get(fd, &a) != 0 {
		return &net.TCPAddr{}
	}
	return net.TCPAddrFromAddrPort(a.decode())
}

// lookup returns the addresses that network and address mean, never none. The
// empty host is the wildcard.
func lookup(network, address string) ([]netip.AddrPort, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, net.UnknownNetworkError(network)
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, &net.AddrError{Err: "invalid port", Addr: address}
	}
	ips, err := lookupIP(host)
	if err != nil {
		return nil, err
	}
	var list []netip.AddrPort
	for _, ip := range ips {
		if network == "tcp" || ip.Is4() == (network == "tcp4") {
			list = append(list, netip.AddrPortFrom(ip, uint16(port)))
		}
	}
	if len(list) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: host}
	}
	return list, nil
}

func lookupIP(host string) ([]netip.Addr, error) {
	if host == "" {
		return []netip.Addr{netip.IPv6Unspecified(), netip.IPv4Unspecified()}, nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.Unmap()}, nil
	}
	var addrs [maxAddrs]addrIP
	var n uint32
	if err := errno(resolve(host, 0, &addrs, maxAddrs, &n)); err != nil {
		return nil, &net.DNSError{Err: err.Error(), Name: host, IsNotFound: err == syscall.ENOENT}
	}
	var ips []netip.Addr
	for _, a := range addrs[:min(n, maxAddrs)] {
		if ip := decodeIP(a.data[0], a.data[2:]); ip.IsValid() {
			ips = append(ips, ip.Unmap())
		}
	}
	return ips, nil
}

// opError wraps err as package net does.
func opError(op, network string, addr net.Addr, err error) error {
	if err == nil || err == context.Canceled {
		return err
	}
	return &net.OpError{Op: op, Net: network, Addr: addr, Err: err}
}
