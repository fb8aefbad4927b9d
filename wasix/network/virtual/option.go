package virtual

import (
	"math"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"github.com/gowasix/gowasix/wasix/abi"
)

// options are the values of a socket's options, as its user reads them. Linux's
// way to round and limit them is here; an endpoint is told what it is to do.
type options struct {
	values [abi.SockOptionProto + 1]int64
	// The buffers were set: then they do not grow by themselves.
	recvBuf, sendBuf bool
}

// The limits of Linux.
const (
	maxSetBuffer = 4 << 20 // net.core.rmem_max, and of wmem
	minRecvSize  = 2304
	minSendSize  = 4608
	defaultTTL   = 64
	maxTTL       = 255
)

func (o *options) init() {
	o.values[abi.SockOptionMulticastLoopV4] = 1
	o.values[abi.SockOptionMulticastLoopV6] = 1
	o.values[abi.SockOptionMulticastTtlV4] = 1
	o.values[abi.SockOptionRecvBufSize] = udpBuffer
	o.values[abi.SockOptionSendBufSize] = udpBuffer
	o.values[abi.SockOptionRecvLowat] = 1
	o.values[abi.SockOptionSendLowat] = 1
	o.values[abi.SockOptionTtl] = defaultTTL
	o.values[abi.SockOptionLinger] = -1
}

// Option returns an option as Linux reports it: sizes of buffers are twice what
// was set. Those of the other family, PROMISCUOUS and NOOP are ENOPROTOOPT.
func (s *stream) Option(opt abi.SockOption) (int64, error) {
	switch opt {
	case abi.SockOptionType:
		return int64(abi.SockTypeStream), nil
	case abi.SockOptionProto:
		return int64(abi.SockProtoTcp), nil
	case abi.SockOptionListening:
		if s.state.Load() == listening {
			return 1, nil
		}
		return 0, nil
	}
	return s.option(opt, true)
}

// SetOption sets an option; values that an int does not hold become the
// nearest that it does.
func (s *stream) SetOption(opt abi.SockOption, v int64) error {
	switch opt {
	case abi.SockOptionMulticastTtlV4: // ip(7) and ipv6(7): not for streams
		if s.family == abi.AddressFamilyInet4 {
			return syscall.EINVAL
		}
		return syscall.ENOPROTOOPT
	case abi.SockOptionOnlyV6:
		if s.tcp() != tcp.StateInitial {
			return s.tooLate()
		}
	}
	return s.setOption(opt, v, true)
}

// Option returns an option: see [stream.Option].
func (s *datagram) Option(opt abi.SockOption) (int64, error) {
	switch opt {
	case abi.SockOptionType:
		return int64(abi.SockTypeDgram), nil
	case abi.SockOptionProto:
		return int64(abi.SockProtoUdp), nil
	case abi.SockOptionListening:
		return 0, nil
	}
	return s.option(opt, false)
}

// SetOption sets an option: see [stream.SetOption].
func (s *datagram) SetOption(opt abi.SockOption, v int64) error {
	if opt == abi.SockOptionOnlyV6 {
		if a, err := s.ep().GetLocalAddress(); err == nil && a.Port != 0 {
			return s.tooLate()
		}
	}
	return s.setOption(opt, v, false)
}

// tooLate is the error of ONLY_V6 on a socket with an address.
func (s *socket) tooLate() error {
	if s.family == abi.AddressFamilyInet4 {
		return syscall.ENOPROTOOPT
	}
	return syscall.EINVAL
}

// has reports whether the socket has an option that can be set.
func (s *socket) has(opt abi.SockOption, tcp bool) bool {
	switch opt {
	case abi.SockOptionReusePort, abi.SockOptionReuseAddr, abi.SockOptionDontRoute, abi.SockOptionBroadcast,
		abi.SockOptionMulticastLoopV4, abi.SockOptionKeepAlive, abi.SockOptionLinger, abi.SockOptionOobInline,
		abi.SockOptionRecvBufSize, abi.SockOptionSendBufSize, abi.SockOptionRecvLowat, abi.SockOptionTtl,
		abi.SockOptionMulticastTtlV4:
		return true
	case abi.SockOptionNoDelay:
		return tcp
	case abi.SockOptionOnlyV6, abi.SockOptionMulticastLoopV6:
		return s.family == abi.AddressFamilyInet6
	}
	return false
}

func (s *socket) option(opt abi.SockOption, tcp bool) (int64, error) {
	if !s.has(opt, tcp) && opt != abi.SockOptionSendLowat {
		return 0, s.hasNot(opt)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch opt {
	case abi.SockOptionRecvBufSize:
		if !s.opts.recvBuf && tcp {
			return tcpRecvBuffer, nil
		}
	case abi.SockOptionSendBufSize:
		if !s.opts.sendBuf && tcp {
			return tcpSendBuffer, nil
		}
	}
	return s.opts.values[opt], nil
}

// hasNot is the error of asking for an option of another protocol.
func (s *socket) hasNot(opt abi.SockOption) error {
	switch opt {
	case abi.SockOptionNoDelay, abi.SockOptionOnlyV6, abi.SockOptionMulticastLoopV6:
		if s.family == abi.AddressFamilyInet4 {
			return syscall.EOPNOTSUPP
		}
	}
	return syscall.ENOPROTOOPT
}

func (s *socket) setOption(opt abi.SockOption, v int64, tcp bool) error {
	if !s.has(opt, tcp) {
		return syscall.ENOPROTOOPT
	}
	if opt != abi.SockOptionLinger {
		v = max(math.MinInt32, min(v, math.MaxInt32))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.opts.round(opt, v, s.family, tcp)
	if err != nil {
		return err
	}
	s.opts.values[opt] = v
	s.opts.apply(s.ep(), s.family)
	return nil
}

// round returns what Linux makes of a value.
func (o *options) round(opt abi.SockOption, v int64, family abi.AddressFamily, tcp bool) (int64, error) {
	switch opt {
	case abi.SockOptionLinger:
		return roundLinger(v), nil
	case abi.SockOptionRecvBufSize:
		o.recvBuf = true
		return roundBuffer(v, minRecvSize), nil
	case abi.SockOptionSendBufSize:
		o.sendBuf = true
		return roundBuffer(v, minSendSize), nil
	case abi.SockOptionRecvLowat:
		return o.roundLowat(v, tcp), nil
	case abi.SockOptionTtl:
		return roundTTL(v, ttlLeast(family), defaultTTL)
	case abi.SockOptionMulticastTtlV4:
		return roundTTL(v, 0, 1)
	}
	return min(v&math.MaxUint32, 1), nil
}

// ttlLeast: ipv6(7) lets a packet be sent with a limit of no hops.
func ttlLeast(family abi.AddressFamily) int64 {
	if family == abi.AddressFamilyInet6 {
		return 0
	}
	return 1
}

// roundLinger rounds up to seconds.
func roundLinger(ns int64) int64 {
	if ns < 0 {
		return -1
	}
	seconds := ns / int64(time.Second)
	if ns%int64(time.Second) != 0 {
		seconds++
	}
	return min(seconds, math.MaxInt32) * int64(time.Second)
}

// roundBuffer doubles; a negative size is a large one.
func roundBuffer(v, least int64) int64 {
	if v < 0 {
		v = maxSetBuffer
	}
	return max(2*min(v, maxSetBuffer), least)
}

func (o *options) roundLowat(v int64, tcp bool) int64 {
	if v < 0 {
		v = math.MaxInt32
	}
	if tcp {
		most := int64(tcpMaxRecv / 2)
		if o.recvBuf {
			most = o.values[abi.SockOptionRecvBufSize] / 2
		}
		v = min(v, most)
	}
	return max(v, 1)
}

// roundTTL takes -1 for the default.
func roundTTL(v, least, standard int64) (int64, error) {
	switch {
	case v == -1:
		return standard, nil
	case v < least || v > maxTTL:
		return 0, syscall.EINVAL
	}
	return v, nil
}

// apply tells an endpoint what to do.
func (o *options) apply(ep *endpoint, family abi.AddressFamily) {
	on := func(opt abi.SockOption) bool { return o.values[opt] != 0 }
	so := ep.SocketOptions()
	so.SetReuseAddress(on(abi.SockOptionReuseAddr))
	so.SetReusePort(on(abi.SockOptionReusePort))
	so.SetDelayOption(!on(abi.SockOptionNoDelay))
	so.SetBroadcast(on(abi.SockOptionBroadcast))
	so.SetKeepAlive(on(abi.SockOptionKeepAlive))
	loop := abi.SockOptionMulticastLoopV4
	if family == abi.AddressFamilyInet6 {
		loop = abi.SockOptionMulticastLoopV6
		so.SetV6Only(on(abi.SockOptionOnlyV6))
	}
	so.SetMulticastLoop(on(loop))
	linger := o.values[abi.SockOptionLinger]
	so.SetLinger(tcpip.LingerOption{Enabled: linger >= 0, Timeout: time.Duration(max(linger, 0))})
	o.applySizes(ep)
}

// applySizes sets buffers to what was asked for: only Linux counts its overhead.
func (o *options) applySizes(ep *endpoint) {
	so := ep.SocketOptions()
	if o.recvBuf {
		so.SetReceiveBufferSize(o.values[abi.SockOptionRecvBufSize]/2, true)
	}
	if o.sendBuf {
		so.SetSendBufferSize(o.values[abi.SockOptionSendBufSize]/2, true)
	}
	ttl := int(o.values[abi.SockOptionTtl])
	_ = ep.SetSockOptInt(tcpip.IPv4TTLOption, max(ttl, 1))
	_ = ep.SetSockOptInt(tcpip.IPv6HopLimitOption, ttl)
	_ = ep.SetSockOptInt(tcpip.MulticastTTLOption, int(o.values[abi.SockOptionMulticastTtlV4]))
}
