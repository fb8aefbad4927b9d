package wasix

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/socket"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// An addr_port as it lies in guest memory: the family, a byte of padding, then
// by family
//
//	INET4  port u16, four octets
//	INET6  port u16, sixteen octets, and in newer headers flow and scope
//	UNIX   108 bytes of path, NUL-terminated or full
//
// The port is little-endian, the octets are in network order. Its size was 20,
// 112 and 110 bytes over time, so no more is stored than the family needs, and
// flow and scope only where there is room for them: see [hasLongAddrs]. The oldest
// guests know no UNIX.
const (
	addrBody  = abi.OffsetofAddrPortU
	addrInet  = addrBody + 2 // the octets, after the port
	addrFlow  = addrInet + 16
	addrScope = addrFlow + 4

	sizeofAddrUnspec = addrBody
	sizeofAddrInet4  = addrInet + 4
	sizeofAddrInet6  = addrFlow
	sizeofAddrScoped = addrScope + 4
	sizeofAddrUnix   = abi.SizeofAddrPort
)

// addrSize returns the most that storing an address of the family may write.
func addrSize(family abi.AddressFamily) uint64 {
	switch family {
	case abi.AddressFamilyInet4:
		return sizeofAddrInet4
	case abi.AddressFamilyInet6:
		return sizeofAddrInet6
	case abi.AddressFamilyUnix:
		return sizeofAddrUnix
	}
	return sizeofAddrUnspec
}

// addrSize returns the most that storing an address of the family may write in
// the memory of the process: more for a program of today than for older ones.
func (p *Process) addrSize(family abi.AddressFamily) uint64 {
	if family == abi.AddressFamilyInet6 && p.longAddrs {
		return sizeofAddrScoped
	}
	return addrSize(family)
}

// hasLongAddrs reports whether the program's C library is known to be of the
// time when an addr_port has room for flow and scope (since September 2023),
// and so to read them. This import is in every program since February 2025.
func hasLongAddrs(info *wasmfile.Info) bool {
	return slices.ContainsFunc(info.Functions, func(f wasmfile.Import) bool {
		return f.Name == "proc_signals_get"
	})
}

// addrAt returns the address at ptr; of the family UNSPEC it is the zero Addr.
// Returns ESUCCESS except:
//   - EAFNOSUPPORT: there is no such family
//   - EFAULT: it lies outside memory
func (t *Thread) addrAt(ptr uint32) (network.Addr, abi.Errno) {
	return decodeAddr(t.mem[min(uint64(ptr), uint64(len(t.mem))):])
}

// decodeAddr returns the address that b begins with.
func decodeAddr(b []byte) (network.Addr, abi.Errno) {
	if len(b) < sizeofAddrUnspec {
		return network.Addr{}, abi.EFAULT
	}
	family := abi.AddressFamily(b[0])
	if family == abi.AddressFamilyUnix {
		return decodeUnixAddr(b)
	}
	if family > abi.AddressFamilyUnix {
		return network.Addr{}, abi.EAFNOSUPPORT
	}
	if uint64(len(b)) < addrSize(family) {
		return network.Addr{}, abi.EFAULT
	}
	var ip netip.Addr
	switch family {
	case abi.AddressFamilyInet4:
		ip = netip.AddrFrom4([4]byte(b[addrInet:]))
	case abi.AddressFamilyInet6:
		ip = decodeInet6(b)
	default:
		return network.Addr{}, abi.ESUCCESS
	}
	port := binary.LittleEndian.Uint16(b[addrBody:])
	return network.Addr{AddrPort: netip.AddrPortFrom(ip, port)}, abi.ESUCCESS
}

// decodeInet6 returns the IPv6 address in b. The scope is looked at only where
// the address means nothing without: older guests have other data in its place.
func decodeInet6(b []byte) netip.Addr {
	ip := netip.AddrFrom16([16]byte(b[addrInet:]))
	if !ip.IsLinkLocalUnicast() && !ip.IsLinkLocalMulticast() || len(b) < addrScope+4 {
		return ip
	}
	high := binary.LittleEndian.Uint16(b[addrScope:])
	low := binary.LittleEndian.Uint16(b[addrScope+2:])
	if scope := uint32(high)<<16 | uint32(low); scope != 0 {
		return ip.WithZone(strconv.FormatUint(uint64(scope), 10))
	}
	return ip
}

// decodeUnixAddr returns the path in b: up to the first NUL, or a name that
// begins with one (Linux's abstract names) without those at its end.
func decodeUnixAddr(b []byte) (network.Addr, abi.Errno) {
	whole := len(b) >= sizeofAddrUnix
	path := b[addrBody:min(sizeofAddrUnix, len(b))]
	if len(path) > 0 && path[0] == 0 {
		path = bytes.TrimRight(path, "\x00")
	} else if end := bytes.IndexByte(path, 0); end >= 0 {
		path, whole = path[:end], true
	}
	if !whole {
		return network.Addr{}, abi.EFAULT
	}
	return network.Addr{Path: string(path), Unix: true}, abi.ESUCCESS
}

// encodeAddr stores addr in b, which has the size that addrSize tells.
func encodeAddr(b []byte, addr *network.Addr) {
	family := addr.Family()
	if uint64(len(b)) < addrSize(family) {
		family = abi.AddressFamilyUnspec
	}
	b[0], b[1] = byte(family), 0
	switch family {
	case abi.AddressFamilyInet4:
		ip := addr.Addr().As4()
		binary.LittleEndian.PutUint16(b[addrBody:], addr.Port())
		copy(b[addrInet:], ip[:])
	case abi.AddressFamilyInet6:
		ip := addr.Addr().As16()
		binary.LittleEndian.PutUint16(b[addrBody:], addr.Port())
		copy(b[addrInet:], ip[:])
		if len(b) == sizeofAddrScoped {
			encodeScope(b, addr.Addr().Zone())
		}
	case abi.AddressFamilyUnix:
		n := copy(b[addrBody:sizeofAddrUnix], addr.Path)
		clear(b[addrBody+n : sizeofAddrUnix])
	}
}

// encodeScope stores no flow, and the scope that a zone, a number, stands for.
func encodeScope(b []byte, zone string) {
	clear(b[addrFlow:addrScope])
	scope, _ := strconv.ParseUint(zone, 10, 32)
	binary.LittleEndian.PutUint16(b[addrScope:], uint16(scope>>16))
	binary.LittleEndian.PutUint16(b[addrScope+2:], uint16(scope))
}

// sockAddrLocal is sock_addr_local(sock, ro_addr): stores the address the
// socket is bound to, as getsockname(2); the wildcard and port 0 before it is.
//
// returns 0 except:
//   - EACCES: the right SOCK_ADDR_LOCAL was dropped
//   - EBADF: sock is not open
//   - EFAULT: ro_addr lies outside memory
//   - ENOTSOCK: sock is not a socket
func sockAddrLocal(t *Thread, p []uint64) abi.Errno {
	return t.storeSockAddr(p, abi.RightsSockAddrLocal, (*socket.Socket).LocalAddr)
}

// sockAddrPeer is sock_addr_peer(sock, ro_addr): stores the address of the
// peer, as getpeername(2).
//
// returns 0 except:
//   - EACCES: the right SOCK_ADDR_REMOTE was dropped
//   - EBADF: sock is not open
//   - EFAULT: ro_addr lies outside memory
//   - ENOTCONN: not connected
//   - ENOTSOCK: sock is not a socket
func sockAddrPeer(t *Thread, p []uint64) abi.Errno {
	return t.storeSockAddr(p, abi.RightsSockAddrRemote, (*socket.Socket).PeerAddr)
}

// storeSockAddr carries out a call (sock, ro_addr) that stores the address which
// addr tells.
func (t *Thread) storeSockAddr(p []uint64, need abi.Rights, addr func(*socket.Socket) (network.Addr, error)) abi.Errno {
	s, d, errno := t.socket(p[0], need)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	ro, ok := t.bytes(uint32(p[1]), t.proc.addrSize(s.Family()))
	if !ok {
		return abi.EFAULT
	}
	a, err := addr(s)
	if err != nil {
		return errnoOf(err)
	}
	encodeAddr(ro, &a)
	return abi.ESUCCESS
}
