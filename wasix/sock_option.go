package wasix

import (
	"encoding/binary"
	"math"
	"net/netip"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/socket"
)

// sockGetOptFlag is sock_get_opt_flag(sock, opt, ro_flag): stores an option
// that is on (1) or off (0), as getsockopt(2). LAST_ERROR is the errno of the pending
// error, 0 for none, which the call clears.
//
// returns 0 except:
//   - EBADF: sock is not open
//   - EFAULT: ro_flag lies outside memory
//   - EINVAL: the option is not a flag
//   - ENOPROTOOPT: the socket has no such option
//   - ENOTSOCK: sock is not a socket
func sockGetOptFlag(t *Thread, p []uint64) abi.Errno {
	s, d, opt, errno := t.sockOption(p)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	ro, ok := t.bytes(uint32(p[2]), 1)
	if !ok {
		return abi.EFAULT
	}
	if opt == abi.SockOptionLastError {
		ro[0] = byte(errnoOf(s.TakeError()))
		return abi.ESUCCESS
	}
	on, err := s.Flag(opt)
	if err != nil {
		return errnoOf(err)
	}
	ro[0] = 0
	if on {
		ro[0] = 1
	}
	return abi.ESUCCESS
}

// sockSetOptFlag is sock_set_opt_flag(sock, opt, flag): switches an option on
// or off, as setsockopt(2).
//
// returns 0 except:
//   - EBADF: sock is not open
//   - EINVAL: the option is not a flag
//   - ENOPROTOOPT: the socket has no such option to set
//   - ENOTSOCK: sock is not a socket
func sockSetOptFlag(t *Thread, p []uint64) abi.Errno {
	s, d, opt, errno := t.sockOption(p)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	return errnoOf(s.SetFlag(opt, uint32(p[2]) != 0))
}

// sockGetOptSize is sock_get_opt_size(sock, opt, ro_size): stores an option
// that is a number, 8 bytes wide.
//
// returns 0 except:
//   - EBADF: sock is not open
//   - EFAULT: ro_size lies outside memory
//   - EINVAL: the option is not a size
//   - ENOPROTOOPT: the socket has no such option
//   - ENOTSOCK: sock is not a socket
func sockGetOptSize(t *Thread, p []uint64) abi.Errno {
	s, d, opt, errno := t.sockOption(p)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	ro, ok := t.bytes(uint32(p[2]), 8)
	if !ok {
		return abi.EFAULT
	}
	v, err := s.Size(opt)
	if err != nil {
		return errnoOf(err)
	}
	binary.LittleEndian.PutUint64(ro, v)
	return abi.ESUCCESS
}

// sockSetOptSize is sock_set_opt_size(sock, opt, size): sets an option that is
// a number; the network may round or clamp it.
//
// returns 0 except:
//   - EBADF: sock is not open
//   - EINVAL: the option is not a size, or size is out of its range
//   - ENOPROTOOPT: the socket has no such option to set
//   - ENOTSOCK: sock is not a socket
func sockSetOptSize(t *Thread, p []uint64) abi.Errno {
	s, d, opt, errno := t.sockOption(p)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	return errnoOf(s.SetSize(opt, p[2]))
}

// sockGetOptTime is sock_get_opt_time(sock, opt, ro_time): stores an option
// that is a duration in nanoseconds, or none, as an option_timestamp.
//
// returns 0 except:
//   - EBADF: sock is not open
//   - EFAULT: ro_time lies outside memory
//   - EINVAL: the option is not a time
//   - ENOPROTOOPT: the socket has no such option
//   - ENOTSOCK: sock is not a socket
func sockGetOptTime(t *Thread, p []uint64) abi.Errno {
	s, d, opt, errno := t.sockOption(p)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	ro, ok := t.bytes(uint32(p[2]), abi.SizeofOptionTimestamp)
	if !ok {
		return abi.EFAULT
	}
	v, set, err := s.Time(opt)
	if err != nil {
		return errnoOf(err)
	}
	tag := abi.OptionNone
	if set {
		tag = abi.OptionSome
	}
	// wasix-libc reads the value also where there is none.
	ro[abi.OffsetofOptionTimestampTag] = byte(tag)
	binary.LittleEndian.PutUint64(ro[abi.OffsetofOptionTimestampU:], v)
	return abi.ESUCCESS
}

// sockSetOptTime is sock_set_opt_time(sock, opt, time): sets an option that is
// a duration in nanoseconds, or takes it away. A timeout of 0 is none.
//
// returns 0 except:
//   - EBADF: sock is not open
//   - EFAULT: time lies outside memory
//   - EINVAL: the option is not a time, or time is neither none nor some
//   - ENOPROTOOPT: the socket has no such option to set
//   - ENOTSOCK: sock is not a socket
func sockSetOptTime(t *Thread, p []uint64) abi.Errno {
	s, d, opt, errno := t.sockOption(p)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	b, ok := t.bytes(uint32(p[2]), abi.SizeofOptionTimestamp)
	if !ok {
		return abi.EFAULT
	}
	tag := abi.Option(b[abi.OffsetofOptionTimestampTag])
	if tag != abi.OptionNone && tag != abi.OptionSome {
		return abi.EINVAL
	}
	v := binary.LittleEndian.Uint64(b[abi.OffsetofOptionTimestampU:])
	return errnoOf(s.SetTime(opt, v, tag == abi.OptionSome))
}

// sockOption returns the socket and the option that a call's first two
// parameters name; the caller releases the description.
func (t *Thread) sockOption(p []uint64) (*socket.Socket, *descriptor.Description, abi.SockOption, abi.Errno) {
	s, d, errno := t.socket(p[0], 0)
	if errno != abi.ESUCCESS {
		return nil, nil, 0, errno
	}
	if uint32(p[1]) > math.MaxUint8 { // what an option's number fits
		_ = d.Release()
		return nil, nil, 0, abi.ENOPROTOOPT
	}
	return s, d, abi.SockOption(p[1]), abi.ESUCCESS
}

// sockJoinMulticastV4 is sock_join_multicast_v4(sock, multiaddr, interface):
// joins a group at the interface that has the address, 0.0.0.0 for any.
//
// returns 0 except:
//   - EADDRINUSE: already a member
//   - EBADF: sock is not open
//   - EFAULT: an address lies outside memory
//   - EINVAL: multiaddr is no multicast address
//   - ENODEV: there is no such interface
//   - ENOPROTOOPT: sock is of another family
//   - ENOTSOCK: sock is not a socket
//   - EPERM: not granted
func sockJoinMulticastV4(t *Thread, p []uint64) abi.Errno { return t.multicastV4(p, true) }

// sockLeaveMulticastV4 is sock_leave_multicast_v4(sock, multiaddr, interface):
// leaves a group.
//
// returns 0 except what [sockJoinMulticastV4] returns, and:
//   - EADDRNOTAVAIL: not a member
func sockLeaveMulticastV4(t *Thread, p []uint64) abi.Errno { return t.multicastV4(p, false) }

// sockJoinMulticastV6 is sock_join_multicast_v6(sock, multiaddr, interface):
// joins a group at the interface of that number, 0 for any.
//
// returns 0 except what [sockJoinMulticastV4] returns.
func sockJoinMulticastV6(t *Thread, p []uint64) abi.Errno { return t.multicastV6(p, true) }

// sockLeaveMulticastV6 is sock_leave_multicast_v6(sock, multiaddr, interface):
// leaves a group.
//
// returns 0 except what [sockLeaveMulticastV4] returns.
func sockLeaveMulticastV6(t *Thread, p []uint64) abi.Errno { return t.multicastV6(p, false) }

func (t *Thread) multicastV4(p []uint64, join bool) abi.Errno {
	group, ok1 := t.bytes(uint32(p[1]), 4)
	iface, ok2 := t.bytes(uint32(p[2]), 4)
	if !ok1 || !ok2 {
		return t.multicast(p[0], netip.Addr{}, netip.Addr{}, 0, join)
	}
	return t.multicast(p[0], netip.AddrFrom4([4]byte(group)), netip.AddrFrom4([4]byte(iface)), 0, join)
}

func (t *Thread) multicastV6(p []uint64, join bool) abi.Errno {
	group, ok := t.bytes(uint32(p[1]), 16)
	if !ok {
		return t.multicast(p[0], netip.Addr{}, netip.Addr{}, 0, join)
	}
	return t.multicast(p[0], netip.AddrFrom16([16]byte(group)), netip.Addr{}, uint32(p[2]), join)
}

// multicast joins or leaves group; the zero group lay outside memory.
func (t *Thread) multicast(sock uint64, group, iface netip.Addr, index uint32, join bool) abi.Errno {
	s, d, errno := t.socket(sock, 0)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	switch {
	case !group.IsValid():
		return abi.EFAULT
	case join:
		return errnoOf(s.JoinGroup(group, iface, index))
	}
	return errnoOf(s.LeaveGroup(group, iface, index))
}
