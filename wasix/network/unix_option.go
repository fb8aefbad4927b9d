package network

import (
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
)

// unixOptions are the options that Linux keeps for AF_UNIX. Most have no effect
// there either.
type unixOptions struct {
	mu     sync.Mutex
	flags  map[abi.SockOption]int64
	linger int64 // ns, -1 for off
	recv   int64
	lowat  int64
	send   atomic.Int64
}

func (o *unixOptions) init() {
	o.linger, o.recv, o.lowat = -1, defaultBuffer, 1
	o.send.Store(defaultBuffer)
}

// sendBuffer returns how much this socket may have under way.
func (o *unixOptions) sendBuffer() int { return int(o.send.Load()) }

func unixFlag(opt abi.SockOption) bool {
	switch opt {
	case abi.SockOptionReuseAddr, abi.SockOptionBroadcast, abi.SockOptionDontRoute,
		abi.SockOptionKeepAlive, abi.SockOptionOobInline:
		return true
	}
	return false
}

// Option returns an option, EOPNOTSUPP for those of other families.
func (s *unixSocket) Option(opt abi.SockOption) (int64, error) {
	o := &s.opts
	o.mu.Lock()
	defer o.mu.Unlock()
	switch opt {
	case abi.SockOptionListening:
		if s.state.Load() == unixListening {
			return 1, nil
		}
		return 0, nil
	case abi.SockOptionReusePort, abi.SockOptionProto:
		return 0, nil
	case abi.SockOptionType:
		return int64(s.typ), nil
	case abi.SockOptionLinger:
		return o.linger, nil
	case abi.SockOptionSendBufSize:
		return o.send.Load(), nil
	case abi.SockOptionRecvBufSize:
		return o.recv, nil
	case abi.SockOptionRecvLowat:
		return o.lowat, nil
	case abi.SockOptionSendLowat:
		return 1, nil
	}
	if unixFlag(opt) {
		return o.flags[opt], nil
	}
	return 0, syscall.EOPNOTSUPP
}

// SetOption sets an option. Returns ENOPROTOOPT for one that is only read,
// EOPNOTSUPP for those of other families.
func (s *unixSocket) SetOption(opt abi.SockOption, value int64) error {
	o := &s.opts
	o.mu.Lock()
	defer o.mu.Unlock()
	switch opt {
	case abi.SockOptionListening, abi.SockOptionType, abi.SockOptionProto, abi.SockOptionSendLowat:
		return syscall.ENOPROTOOPT
	case abi.SockOptionLinger:
		o.linger = wholeSeconds(value)
		return nil
	case abi.SockOptionSendBufSize:
		o.send.Store(bufferSize(value, minBuffer))
		return nil
	case abi.SockOptionRecvBufSize:
		o.recv = bufferSize(value, minBuffer/2)
		return nil
	case abi.SockOptionRecvLowat:
		o.lowat = max(value, 1)
		return nil
	}
	if !unixFlag(opt) {
		return syscall.EOPNOTSUPP
	}
	if o.flags == nil {
		o.flags = map[abi.SockOption]int64{}
	}
	o.flags[opt] = 0
	if value != 0 {
		o.flags[opt] = 1
	}
	return nil
}

// bufferSize doubles what is asked for, between the limits that Linux has.
func bufferSize(value, least int64) int64 {
	if value < 0 || value > defaultBuffer {
		value = defaultBuffer
	}
	return max(2*value, least)
}

func wholeSeconds(ns int64) int64 {
	const second = 1e9
	if ns < 0 {
		return -1
	}
	return (ns/second + min(ns%second, 1)) * second
}
