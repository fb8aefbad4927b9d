package network

import (
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
)

// FromListener returns a listening stream socket that accepts the connections
// of l, whatever they are: TLS, in memory, wrapped. The listener is the socket's
// from then on, and is closed with it. A listener of the kernel's (a
// *net.TCPListener or *net.UnixListener) becomes a socket of the kernel's; for
// others a goroutine accepts, as many connections ahead as the guest's backlog.
func FromListener(l net.Listener) (Socket, error) {
	if s, err := fromKernel(l); s != nil || err != nil {
		return s, err
	}
	return newGivenListener(l), nil
}

// Dup returns another socket on the same open listener or connection, as dup(2):
// each is closed for itself, and the last close is the end. It is under the same
// policies. Returns EOPNOTSUPP where the network cannot do so; sockets of the
// kernel's and listeners of [FromListener] can.
func Dup(s Socket) (Socket, error) {
	if d, ok := s.(interface{ dup() (Socket, error) }); ok {
		return d.dup()
	}
	return nil, syscall.EOPNOTSUPP
}

// FromConn returns a connected stream socket over c, which is the socket's from
// then on and is closed with it, after what was sent: at the latest half a minute
// later. Shutting down the sending half needs a method CloseWrite. A connection
// of the kernel's (*net.TCPConn, *net.UnixConn) becomes a socket of the kernel's;
// for others two goroutines copy.
func FromConn(c net.Conn) (Socket, error) {
	if s, err := fromKernel(c); s != nil || err != nil {
		return s, err
	}
	return newGivenConn(c, addrOf(c.LocalAddr()).Family()), nil
}

// FromPacketConn returns a bound datagram socket over c, which is the socket's
// from then on and is closed with it. One of the kernel's (*net.UDPConn,
// *net.UnixConn) becomes a socket of the kernel's; for others two goroutines
// copy, and addresses are those of UDP: peers of other kinds cannot be answered.
func FromPacketConn(c net.PacketConn) (Socket, error) {
	if s, err := fromKernel(c); s != nil || err != nil {
		return s, err
	}
	return newGivenPackets(c), nil
}

// addrOf returns the socket address of a. What is not of IP is the family's
// wildcard: guests know the families of IP only.
func addrOf(a net.Addr) Addr {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	case nil:
	default:
		ap, _ = netip.ParseAddrPort(a.String())
	}
	if !ap.IsValid() {
		ap = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	}
	return Addr{AddrPort: netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())}
}

// inFamily returns a as an address of the family.
func inFamily(a Addr, family abi.AddressFamily) Addr {
	switch {
	case a.Family() == family:
		return a
	case family == abi.AddressFamilyInet6:
		return Addr{AddrPort: netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())}
	}
	return Addr{AddrPort: netip.AddrPortFrom(netip.IPv4Unspecified(), a.Port())}
}

// givenOptions are the options of sockets that the kernel knows nothing of: they
// are kept, and have no effect.
type givenOptions struct {
	typ   abi.SockType
	proto abi.SockProto
	mu    sync.Mutex
	set   map[abi.SockOption]int64
}

func (o *givenOptions) option(opt abi.SockOption, listening bool) (int64, error) {
	switch opt {
	case abi.SockOptionType:
		return int64(o.typ), nil
	case abi.SockOptionProto:
		return int64(o.proto), nil
	case abi.SockOptionListening:
		if listening {
			return 1, nil
		}
		return 0, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if v, ok := o.set[opt]; ok {
		return v, nil
	}
	v, ok := givenDefaults[opt]
	if !ok {
		return 0, syscall.ENOPROTOOPT
	}
	return v, nil
}

func (o *givenOptions) setOption(opt abi.SockOption, value int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, ok := givenDefaults[opt]
	if !ok {
		return syscall.ENOPROTOOPT
	}
	switch {
	case v == 0: // a flag
		value = min(max(value, -value), 1)
	case opt == abi.SockOptionLinger:
		value = wholeSeconds(value)
	case opt == abi.SockOptionRecvBufSize, opt == abi.SockOptionSendBufSize:
		value = bufferSize(value, minBuffer)
	}
	if o.set == nil {
		o.set = map[abi.SockOption]int64{}
	}
	o.set[opt] = value
	return nil
}

// givenDefaults are the options and their values at first.
var givenDefaults = map[abi.SockOption]int64{
	abi.SockOptionReuseAddr: 0, abi.SockOptionReusePort: 0, abi.SockOptionNoDelay: 0,
	abi.SockOptionDontRoute: 0, abi.SockOptionBroadcast: 0, abi.SockOptionKeepAlive: 0,
	abi.SockOptionOobInline: 0, abi.SockOptionLinger: -1, abi.SockOptionTtl: 64,
	abi.SockOptionRecvBufSize: defaultBuffer, abi.SockOptionSendBufSize: defaultBuffer,
	abi.SockOptionRecvLowat: 1, abi.SockOptionSendLowat: 1,
}

// noGroups is for sockets without multicast.
type noGroups struct{}

// JoinGroup returns EOPNOTSUPP.
func (noGroups) JoinGroup(_, _ netip.Addr, _ uint32) error { return syscall.EOPNOTSUPP }

// LeaveGroup returns EOPNOTSUPP.
func (noGroups) LeaveGroup(_, _ netip.Addr, _ uint32) error { return syscall.EOPNOTSUPP }
