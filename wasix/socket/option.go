package socket

import (
	"math"
	"net/netip"
	"sync/atomic"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
)

// class is the type of an option's value.
type class uint8

const (
	classNone class = iota
	classFlag
	classSize
	classTime
)

// classes holds the options that exist, by their WASIX numbers.
var classes = [...]class{
	abi.SockOptionReusePort:       classFlag,
	abi.SockOptionReuseAddr:       classFlag,
	abi.SockOptionNoDelay:         classFlag,
	abi.SockOptionDontRoute:       classFlag,
	abi.SockOptionOnlyV6:          classFlag,
	abi.SockOptionBroadcast:       classFlag,
	abi.SockOptionMulticastLoopV4: classFlag,
	abi.SockOptionMulticastLoopV6: classFlag,
	abi.SockOptionPromiscuous:     classFlag,
	abi.SockOptionListening:       classFlag,
	abi.SockOptionLastError:       classFlag,
	abi.SockOptionKeepAlive:       classFlag,
	abi.SockOptionLinger:          classTime,
	abi.SockOptionOobInline:       classFlag,
	abi.SockOptionRecvBufSize:     classSize,
	abi.SockOptionSendBufSize:     classSize,
	abi.SockOptionRecvLowat:       classSize,
	abi.SockOptionSendLowat:       classSize,
	abi.SockOptionRecvTimeout:     classTime,
	abi.SockOptionSendTimeout:     classTime,
	abi.SockOptionConnectTimeout:  classTime,
	abi.SockOptionAcceptTimeout:   classTime,
	abi.SockOptionTtl:             classSize,
	abi.SockOptionMulticastTtlV4:  classSize,
	abi.SockOptionType:            classSize,
	abi.SockOptionProto:           classSize,
}

// check returns ENOPROTOOPT when opt does not exist, EINVAL when its value is
// of another type.
func (c class) check(opt abi.SockOption) error {
	switch {
	case int(opt) >= len(classes) || classes[opt] == classNone:
		return syscall.ENOPROTOOPT
	case classes[opt] != c:
		return syscall.EINVAL
	}
	return nil
}

// checkSet is check for setting: some options can only be read.
func (c class) checkSet(opt abi.SockOption) error {
	if err := c.check(opt); err != nil {
		return err
	}
	switch opt {
	case abi.SockOptionListening, abi.SockOptionLastError, abi.SockOptionType, abi.SockOptionProto:
		return syscall.ENOPROTOOPT
	}
	return nil
}

// Flag returns an option that is on or off, as getsockopt(2). LAST_ERROR is on
// when an error is pending, and cleared by the call: see [Socket.TakeError] for
// the error. Returns nil except:
//   - EINVAL: the option is of another type
//   - ENOPROTOOPT: the socket has no such option
func (s *Socket) Flag(opt abi.SockOption) (bool, error) {
	if err := classFlag.check(opt); err != nil {
		return false, err
	}
	if opt == abi.SockOptionLastError {
		return s.TakeError() != nil, nil
	}
	v, err := s.net.Option(opt)
	return v != 0, err
}

// SetFlag switches an option on or off, as setsockopt(2). Errors are those of
// Flag and of the network; options that can only be read give ENOPROTOOPT.
func (s *Socket) SetFlag(opt abi.SockOption, on bool) error {
	if err := classFlag.checkSet(opt); err != nil {
		return err
	}
	var v int64
	if on {
		v = 1
	}
	return s.net.SetOption(opt, v)
}

// Size returns an option that is a number: of bytes, of hops, or an enum's.
// Errors are those of Flag.
func (s *Socket) Size(opt abi.SockOption) (uint64, error) {
	if err := classSize.check(opt); err != nil {
		return 0, err
	}
	switch _, typ, proto := s.net.Type(); opt {
	case abi.SockOptionType:
		return uint64(typ), nil
	case abi.SockOptionProto:
		return uint64(proto), nil
	}
	v, err := s.net.Option(opt)
	return uint64(v), err
}

// SetSize sets an option that is a number. What exceeds a C int on Linux is
// clamped to one; negative numbers arrive in two's complement. Errors are those
// of SetFlag.
func (s *Socket) SetSize(opt abi.SockOption, v uint64) error {
	if err := classSize.checkSet(opt); err != nil {
		return err
	}
	err := s.net.SetOption(opt, min(max(int64(v), math.MinInt32), math.MaxInt32))
	if err == nil && opt == abi.SockOptionRecvLowat {
		n, _ := s.net.Option(opt)
		s.lowat.Store(n)
	}
	return err
}

// Time returns an option that is a duration in nanoseconds; set is false when
// there is none. Errors are those of Flag.
func (s *Socket) Time(opt abi.SockOption) (d uint64, set bool, err error) {
	if err := classTime.check(opt); err != nil {
		return 0, false, err
	}
	if t := s.timeout(opt); t != nil {
		d = t.Load()
		return d, d != 0, nil
	}
	v, err := s.net.Option(opt)
	if err != nil || v < 0 {
		return 0, false, err
	}
	return uint64(v), true, nil
}

// SetTime sets an option that is a duration in nanoseconds, or takes it away. A
// timeout of 0 is none; LINGER of 0 is a reset on close, as on Linux, any other
// does not make Close wait. Errors are those of SetFlag.
func (s *Socket) SetTime(opt abi.SockOption, d uint64, set bool) error {
	if err := classTime.checkSet(opt); err != nil {
		return err
	}
	if !set {
		d = 0
	}
	if t := s.timeout(opt); t != nil {
		t.Store(d)
		return nil
	}
	v := int64(-1)
	if set {
		v = int64(min(d, math.MaxInt64))
	}
	err := s.net.SetOption(opt, v)
	if err == nil {
		s.lingers.Store(v > 0)
	}
	return err
}

// timeout returns where the table keeps the option, nil when the network does.
func (s *Socket) timeout(opt abi.SockOption) *atomic.Uint64 {
	switch opt {
	case abi.SockOptionRecvTimeout:
		return &s.recvTimeout
	case abi.SockOptionSendTimeout:
		return &s.sendTimeout
	case abi.SockOptionConnectTimeout:
		return &s.connectTimeout
	case abi.SockOptionAcceptTimeout:
		return &s.acceptTimeout
	}
	return nil
}

// JoinGroup joins a multicast group: iface is the address of an interface for
// INET4, the unspecified one for any, and index its number for INET6, 0 for
// any. Returns nil except:
//   - EADDRINUSE: already a member
//   - EINVAL: group is no multicast address
//   - ENODEV: there is no such interface
//   - ENOPROTOOPT: the socket is of another family
//   - EPERM: not granted
func (s *Socket) JoinGroup(group, iface netip.Addr, index uint32) error {
	return s.net.JoinGroup(group, iface, index)
}

// LeaveGroup leaves a multicast group. Errors are those of JoinGroup, but
// EADDRNOTAVAIL when the socket is not a member.
func (s *Socket) LeaveGroup(group, iface netip.Addr, index uint32) error {
	return s.net.LeaveGroup(group, iface, index)
}
