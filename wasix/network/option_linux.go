package network

import (
	"math"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
)

// sockopt is where the kernel has an option.
type sockopt struct {
	level, name int
	flag        bool // 0 or 1
	readOnly    bool
}

// sockopts4 are the options of IPv4 sockets, by WASIX name.
var sockopts4 = map[abi.SockOption]sockopt{
	abi.SockOptionReusePort:       {unix.SOL_SOCKET, unix.SO_REUSEPORT, true, false},
	abi.SockOptionReuseAddr:       {unix.SOL_SOCKET, unix.SO_REUSEADDR, true, false},
	abi.SockOptionNoDelay:         {unix.IPPROTO_TCP, unix.TCP_NODELAY, true, false},
	abi.SockOptionDontRoute:       {unix.SOL_SOCKET, unix.SO_DONTROUTE, true, false},
	abi.SockOptionOnlyV6:          {unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, true, false},
	abi.SockOptionBroadcast:       {unix.SOL_SOCKET, unix.SO_BROADCAST, true, false},
	abi.SockOptionMulticastLoopV4: {unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, true, false},
	abi.SockOptionMulticastLoopV6: {unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, true, false},
	abi.SockOptionListening:       {unix.SOL_SOCKET, unix.SO_ACCEPTCONN, true, true},
	abi.SockOptionKeepAlive:       {unix.SOL_SOCKET, unix.SO_KEEPALIVE, true, false},
	abi.SockOptionOobInline:       {unix.SOL_SOCKET, unix.SO_OOBINLINE, true, false},
	abi.SockOptionRecvBufSize:     {unix.SOL_SOCKET, unix.SO_RCVBUF, false, false},
	abi.SockOptionSendBufSize:     {unix.SOL_SOCKET, unix.SO_SNDBUF, false, false},
	abi.SockOptionRecvLowat:       {unix.SOL_SOCKET, unix.SO_RCVLOWAT, false, false},
	abi.SockOptionSendLowat:       {unix.SOL_SOCKET, unix.SO_SNDLOWAT, false, false},
	abi.SockOptionTtl:             {unix.IPPROTO_IP, unix.IP_TTL, false, false},
	abi.SockOptionMulticastTtlV4:  {unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, false, false},
}

// sockopts6 are those that IPv6 sockets have elsewhere.
var sockopts6 = map[abi.SockOption]sockopt{
	abi.SockOptionTtl:            {unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, false, false},
	abi.SockOptionMulticastTtlV4: {unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, false, false},
}

func (s *hostSocket) sockopt(opt abi.SockOption) (sockopt, bool) {
	if s.family == abi.AddressFamilyInet6 {
		if o, ok := sockopts6[opt]; ok {
			return o, true
		}
	}
	o, ok := sockopts4[opt]
	return o, ok
}

// Option returns an option as the kernel reports it: sizes of buffers are what
// it reserves, twice what was set. PROMISCUOUS and NOOP are ENOPROTOOPT.
func (s *hostSocket) Option(opt abi.SockOption) (int64, error) {
	switch opt {
	case abi.SockOptionLinger:
		return s.linger()
	case abi.SockOptionType:
		return int64(s.typ), nil
	case abi.SockOptionProto:
		return int64(s.proto), nil
	}
	o, ok := s.sockopt(opt)
	if !ok {
		return 0, syscall.ENOPROTOOPT
	}
	v, err := unix.GetsockoptInt(s.SysFD(), o.level, o.name)
	if err != nil {
		return 0, err
	}
	if o.flag && v != 0 {
		v = 1
	}
	return int64(v), nil
}

// SetOption sets an option; values that an int does not hold become the
// nearest that it does.
func (s *hostSocket) SetOption(opt abi.SockOption, value int64) error {
	if opt == abi.SockOptionLinger {
		return s.setLinger(value)
	}
	o, ok := s.sockopt(opt)
	if !ok || o.readOnly {
		return syscall.ENOPROTOOPT
	}
	if o.flag && value != 0 {
		value = 1
	}
	v := int(max(math.MinInt32, min(value, math.MaxInt32)))
	return unix.SetsockoptInt(s.SysFD(), o.level, o.name, v)
}

func (s *hostSocket) linger() (int64, error) {
	l, err := unix.GetsockoptLinger(s.SysFD(), unix.SOL_SOCKET, unix.SO_LINGER)
	if err != nil {
		return 0, err
	}
	if l.Onoff == 0 {
		return -1, nil
	}
	return int64(l.Linger) * int64(time.Second), nil
}

// setLinger rounds up to seconds, which is what the kernel counts in.
func (s *hostSocket) setLinger(ns int64) error {
	var l unix.Linger
	if ns >= 0 {
		seconds := ns / int64(time.Second)
		if ns%int64(time.Second) != 0 {
			seconds++
		}
		l = unix.Linger{Onoff: 1, Linger: int32(min(seconds, math.MaxInt32))}
	}
	return unix.SetsockoptLinger(s.SysFD(), unix.SOL_SOCKET, unix.SO_LINGER, &l)
}

// JoinGroup joins a multicast group. Returns EINVAL when group is none,
// ENODEV or EADDRNOTAVAIL when there is no such interface, EADDRINUSE when
// already joined.
func (s *hostSocket) JoinGroup(group, iface netip.Addr, index uint32) error {
	return s.membership(group, iface, index, unix.IP_ADD_MEMBERSHIP, unix.IPV6_JOIN_GROUP)
}

// LeaveGroup leaves a multicast group. Returns EADDRNOTAVAIL when not joined.
func (s *hostSocket) LeaveGroup(group, iface netip.Addr, index uint32) error {
	return s.membership(group, iface, index, unix.IP_DROP_MEMBERSHIP, unix.IPV6_LEAVE_GROUP)
}

func (s *hostSocket) membership(group, iface netip.Addr, index uint32, opt4, opt6 int) error {
	switch {
	case group.Is4():
		mreq := unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(index)}
		if iface.Is4() {
			mreq.Address = iface.As4()
		}
		return unix.SetsockoptIPMreqn(s.SysFD(), unix.IPPROTO_IP, opt4, &mreq)
	case group.Is6():
		mreq := unix.IPv6Mreq{Multiaddr: group.As16(), Interface: index}
		return unix.SetsockoptIPv6Mreq(s.SysFD(), unix.IPPROTO_IPV6, opt6, &mreq)
	}
	return syscall.EINVAL
}
