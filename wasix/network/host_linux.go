package network

import (
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// hostSocket is a socket of the kernel.
type hostSocket struct {
	ready.FD
	family abi.AddressFamily
	typ    abi.SockType
	proto  abi.SockProto
	// shared says that other processes may hold the open file description, whose
	// mode and timeouts are then not ours to change.
	shared bool
	blocks atomic.Bool // see letBlock
}

func newHostSocket(fd int, family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) *hostSocket {
	s := &hostSocket{family: family, typ: typ, proto: proto}
	s.Init(fd)
	return s
}

func openHost(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (Socket, error) {
	fd, err := unix.Socket(kernelFamily(family), kernelType(typ)|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, int(proto))
	if err != nil {
		return nil, err
	}
	return newHostSocket(fd, family, typ, defaultProto(typ, proto)), nil
}

// FromFD returns the socket behind the host descriptor fd, such as a listener
// that the host process inherited or opened itself. It duplicates fd, which the
// caller closes when it likes, and makes the open file description
// non-blocking. Unix sockets can be used, but their names stay hidden. Returns
// EBADF, ENOTSOCK, EMFILE, and EAFNOSUPPORT for other families.
func FromFD(fd int) (Socket, error) {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return nil, err
	}
	family, ok := wasixFamily(domain)
	if !ok {
		return nil, syscall.EAFNOSUPPORT
	}
	typ, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return nil, err
	}
	proto, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	if err != nil {
		return nil, err
	}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(dup, true); err != nil {
		_ = unix.Close(dup)
		return nil, err
	}
	if proto == unix.IPPROTO_MPTCP { // what package net listens with
		proto = unix.IPPROTO_TCP
	}
	s := newHostSocket(dup, family, wasixType(typ), abi.SockProto(proto))
	s.shared = true
	return s, nil
}

func (s *hostSocket) dup() (Socket, error) { return FromFD(s.SysFD()) }

func (s *hostSocket) Type() (abi.AddressFamily, abi.SockType, abi.SockProto) {
	return s.family, s.typ, s.proto
}

func (s *hostSocket) Bind(addr Addr) error {
	var sa sockaddr
	if err := sa.encode(addr); err != nil {
		return err
	}
	return bind(s.SysFD(), &sa)
}

// Listen passes the backlog on: the kernel takes a negative one for its maximum.
func (s *hostSocket) Listen(backlog int) error {
	return listen(s.SysFD(), max(-1, min(backlog, 1<<31-1)))
}

func (s *hostSocket) Accept() (Socket, Addr, error) {
	var sa sockaddr
	fd, err := accept(s.SysFD(), &sa)
	if err != nil {
		return nil, Addr{}, err
	}
	return newHostSocket(fd, s.family, s.typ, s.proto), sa.decode(), nil
}

func (s *hostSocket) Connect(addr Addr) error {
	var sa sockaddr
	if err := sa.encode(addr); err != nil {
		return err
	}
	return connect(s.SysFD(), &sa)
}

// maxSignals is how many signals to the host process one wait outlasts.
const maxSignals = 2

func (s *hostSocket) Recvmsg(iovs [][]byte, flags MsgFlags, from *Addr) (int, MsgFlags, error) {
	n, out, err := s.recvmsg(iovs, flags, from)
	for tries := 0; err == syscall.EINTR && tries < maxSignals; tries++ {
		n, out, err = s.recvmsg(iovs, flags, from)
	}
	if err == syscall.EINTR {
		err = syscall.EAGAIN
	}
	return n, out, err
}

func (s *hostSocket) recvmsg(iovs [][]byte, flags MsgFlags, from *Addr) (int, MsgFlags, error) {
	if flags&MsgWait != 0 && !s.letBlock() {
		flags &^= MsgWait
	}
	if from == nil {
		return recvmsg(s.SysFD(), s.typ != abi.SockTypeStream, iovs, flags, nil)
	}
	var sa sockaddr
	n, out, err := recvmsg(s.SysFD(), s.typ != abi.SockTypeStream, iovs, flags, &sa)
	if err == nil {
		*from = sa.decode()
	}
	return n, out, err
}

// letBlock makes the open file description a blocking one with short timeouts,
// and reports whether it is. All sends, and receives without MsgWait, say
// MSG_DONTWAIT; the few calls that cannot say so wait no longer than the timeouts.
func (s *hostSocket) letBlock() bool {
	if s.shared || s.blocks.Load() {
		return !s.shared
	}
	tv := unix.NsecToTimeval(int64(ready.KernelWait))
	for _, timeout := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
		if err := unix.SetsockoptTimeval(s.SysFD(), unix.SOL_SOCKET, timeout, &tv); err != nil {
			return false
		}
	}
	if err := unix.SetNonblock(s.SysFD(), false); err != nil {
		return false
	}
	s.blocks.Store(true)
	return true
}

func (s *hostSocket) Sendmsg(iovs [][]byte, to *Addr) (int, error) {
	if to == nil {
		return sendmsg(s.SysFD(), iovs, nil)
	}
	var sa sockaddr
	if err := sa.encode(*to); err != nil {
		return 0, err
	}
	return sendmsg(s.SysFD(), iovs, &sa)
}

func (s *hostSocket) Shutdown(how abi.Sdflags) error {
	var kernelHow int
	switch how {
	case abi.SdflagsRd:
		kernelHow = unix.SHUT_RD
	case abi.SdflagsWr:
		kernelHow = unix.SHUT_WR
	case abi.SdflagsRd | abi.SdflagsWr:
		kernelHow = unix.SHUT_RDWR
	default:
		return syscall.EINVAL
	}
	return unix.Shutdown(s.SysFD(), kernelHow)
}

func (s *hostSocket) LocalAddr() (Addr, error) {
	var sa sockaddr
	if err := getsockname(s.SysFD(), &sa); err != nil {
		return Addr{}, err
	}
	return sa.decode(), nil
}

func (s *hostSocket) PeerAddr() (Addr, error) {
	var sa sockaddr
	if err := getpeername(s.SysFD(), &sa); err != nil {
		return Addr{}, err
	}
	return sa.decode(), nil
}

func (s *hostSocket) TakeError() error {
	errno, err := unix.GetsockoptInt(s.SysFD(), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if errno != 0 {
		return syscall.Errno(errno)
	}
	return nil
}

func (s *hostSocket) Close() error {
	s.Disarm()
	return closeFD(s.SysFD())
}

func kernelFamily(f abi.AddressFamily) int {
	if f == abi.AddressFamilyInet6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

func wasixFamily(domain int) (abi.AddressFamily, bool) {
	switch domain {
	case unix.AF_INET:
		return abi.AddressFamilyInet4, true
	case unix.AF_INET6:
		return abi.AddressFamilyInet6, true
	case unix.AF_UNIX:
		return abi.AddressFamilyUnix, true
	}
	return 0, false
}

func kernelType(t abi.SockType) int {
	switch t {
	case abi.SockTypeStream:
		return unix.SOCK_STREAM
	case abi.SockTypeDgram:
		return unix.SOCK_DGRAM
	}
	return unix.SOCK_RAW
}

func wasixType(t int) abi.SockType {
	switch t {
	case unix.SOCK_STREAM:
		return abi.SockTypeStream
	case unix.SOCK_DGRAM:
		return abi.SockTypeDgram
	case unix.SOCK_SEQPACKET:
		return abi.SockTypeSeqpacket
	}
	return abi.SockTypeRaw
}

func defaultProto(typ abi.SockType, proto abi.SockProto) abi.SockProto {
	switch {
	case proto == 0 && typ == abi.SockTypeStream:
		return abi.SockProtoTcp
	case proto == 0 && typ == abi.SockTypeDgram:
		return abi.SockProtoUdp
	}
	return proto
}
