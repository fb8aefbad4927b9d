//go:build linux

package network

import (
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls here are those of golang.org/x/sys/unix, but without its
// allocations: addresses and vectors stay on the stack. Transfers do not tell
// the Go scheduler: they are short, or hold its processor by [ready.Waiter.EnterKernel].

// maxIovecs is UIO_MAXIOV: how many buffers one call to the kernel takes.
const maxIovecs = 1024

// stackIovecs is how many of them cost no more than stack.
const stackIovecs = 16

var iovecPool = sync.Pool{New: func() any { return new([maxIovecs]unix.Iovec) }}

// sockaddr is a socket address as the kernel has it. It has room for IPv6; a
// longer one is cut.
type sockaddr struct {
	raw unix.RawSockaddrInet6
	len uint32
}

// encode sets sa to addr; the zero Addr is AF_UNSPEC. Returns EAFNOSUPPORT for
// UNIX, whose names on the host are nothing to guests, and EINVAL for an IPv6
// zone that does not exist.
func (sa *sockaddr) encode(addr Addr) error {
	ip := addr.Addr()
	switch {
	case addr.Unix:
		return syscall.EAFNOSUPPORT
	case ip.Is4():
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&sa.raw))
		in.Family, in.Addr = unix.AF_INET, ip.As4()
		putPort(&in.Port, addr.Port())
		sa.len = unix.SizeofSockaddrInet4
	case ip.Is6():
		sa.raw.Family, sa.raw.Addr = unix.AF_INET6, ip.As16()
		putPort(&sa.raw.Port, addr.Port())
		sa.len = unix.SizeofSockaddrInet6
		if zone := ip.Zone(); zone != "" {
			return sa.setZone(zone)
		}
	default:
		sa.raw.Family, sa.len = unix.AF_UNSPEC, unix.SizeofSockaddrInet4
	}
	return nil
}

func (sa *sockaddr) setZone(zone string) error {
	if id, err := strconv.ParseUint(zone, 10, 32); err == nil {
		sa.raw.Scope_id = uint32(id)
		return nil
	}
	iface, err := net.InterfaceByName(zone)
	if err != nil {
		return syscall.EINVAL
	}
	sa.raw.Scope_id = uint32(iface.Index)
	return nil
}

// decode returns the address; one that the kernel left out is the zero Addr.
func (sa *sockaddr) decode() Addr {
	if sa.len < 2 {
		return Addr{}
	}
	switch sa.raw.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&sa.raw))
		return Addr{AddrPort: netip.AddrPortFrom(netip.AddrFrom4(in.Addr), port(&in.Port))}
	case unix.AF_INET6:
		ip := netip.AddrFrom16(sa.raw.Addr)
		if sa.raw.Scope_id != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(sa.raw.Scope_id), 10))
		}
		return Addr{AddrPort: netip.AddrPortFrom(ip, port(&sa.raw.Port))}
	case unix.AF_UNIX:
		return Addr{Unix: true}
	}
	return Addr{}
}

// Ports are big-endian whatever the machine is.

func putPort(p *uint16, v uint16) {
	b := (*[2]byte)(unsafe.Pointer(p))
	b[0], b[1] = byte(v>>8), byte(v)
}

func port(p *uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(p))
	return uint16(b[0])<<8 | uint16(b[1])
}

func errnoErr(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

func bind(fd int, sa *sockaddr) error {
	_, _, e := unix.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&sa.raw)), uintptr(sa.len))
	return errnoErr(e)
}

func listen(fd, backlog int) error {
	_, _, e := unix.RawSyscall(unix.SYS_LISTEN, uintptr(fd), uintptr(backlog), 0)
	return errnoErr(e)
}

// closeFD is close(2) of a socket that does not linger: it does not wait.
func closeFD(fd int) error {
	_, _, e := unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return errnoErr(e)
}

func connect(fd int, sa *sockaddr) error {
	for {
		_, _, e := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&sa.raw)), uintptr(sa.len))
		if e != unix.EINTR {
			return errnoErr(e)
		}
	}
}

func accept(fd int, sa *sockaddr) (int, error) {
	for {
		sa.len = uint32(unsafe.Sizeof(sa.raw))
		n, _, e := unix.Syscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&sa.raw)),
			uintptr(unsafe.Pointer(&sa.len)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if e != unix.EINTR {
			return int(n), errnoErr(e)
		}
	}
}

func getsockname(fd int, sa *sockaddr) error {
	sa.len = uint32(unsafe.Sizeof(sa.raw))
	_, _, e := unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&sa.raw)), uintptr(unsafe.Pointer(&sa.len)))
	return errnoErr(e)
}

func getpeername(fd int, sa *sockaddr) error {
	sa.len = uint32(unsafe.Sizeof(sa.raw))
	_, _, e := unix.RawSyscall(unix.SYS_GETPEERNAME, uintptr(fd), uintptr(unsafe.Pointer(&sa.raw)), uintptr(unsafe.Pointer(&sa.len)))
	return errnoErr(e)
}

// recvmsg receives with one call to the kernel. sa, unless nil, takes the
// sender. message says that the socket keeps message boundaries.
func recvmsg(fd int, message bool, iovs [][]byte, flags MsgFlags, sa *sockaddr) (int, MsgFlags, error) {
	if sa != nil {
		sa.len = uint32(unsafe.Sizeof(sa.raw))
	}
	if len(iovs) == 1 {
		return recvfrom(fd, message, iovs[0], flags, sa)
	}
	n, bits, err := vectored(unix.SYS_RECVMSG, fd, iovs, sa, kernelFlags(flags))
	if err == nil && bits&unix.MSG_TRUNC != 0 {
		return n, MsgTrunc, nil
	}
	return n, 0, err
}

// recvfrom receives into one buffer. It asks for the true length of a message
// to know whether it was cut.
func recvfrom(fd int, message bool, b []byte, flags MsgFlags, sa *sockaddr) (int, MsgFlags, error) {
	bits := kernelFlags(flags)
	if message {
		bits |= unix.MSG_TRUNC
	}
	var name, namelen unsafe.Pointer
	if sa != nil {
		name, namelen = unsafe.Pointer(&sa.raw), unsafe.Pointer(&sa.len)
	}
	r, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
		uintptr(len(b)), uintptr(bits), uintptr(name), uintptr(namelen))
	if e != 0 {
		return 0, 0, e
	}
	n := int(r)
	if !message || n <= len(b) {
		return n, 0, nil
	}
	if flags&MsgTrunc == 0 {
		n = len(b)
	}
	return n, MsgTrunc, nil
}

// sendmsg sends with one call to the kernel.
func sendmsg(fd int, iovs [][]byte, sa *sockaddr) (int, error) {
	if len(iovs) == 1 {
		return sendto(fd, iovs[0], sa)
	}
	n, _, err := vectored(unix.SYS_SENDMSG, fd, iovs, sa, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	return n, err
}

func sendto(fd int, b []byte, sa *sockaddr) (int, error) {
	var name unsafe.Pointer
	var namelen uint32
	if sa != nil {
		name, namelen = unsafe.Pointer(&sa.raw), sa.len
	}
	n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
		uintptr(len(b)), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, uintptr(name), uintptr(namelen))
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// vectored calls recvmsg(2) or sendmsg(2) and returns the flags of the message.
// sa, unless nil, is its address, both ways. Returns EMSGSIZE, as the kernel,
// for more buffers than it takes.
func vectored(trap uintptr, fd int, iovs [][]byte, sa *sockaddr, bits int) (int, int, error) {
	if len(iovs) > maxIovecs {
		return 0, 0, syscall.EMSGSIZE
	}
	var few [stackIovecs]unix.Iovec
	vec := few[:]
	if len(iovs) > len(few) {
		pooled := iovecPool.Get().(*[maxIovecs]unix.Iovec)
		defer func() {
			clear(pooled[:len(iovs)]) // the pool holds no guest's memory
			iovecPool.Put(pooled)
		}()
		vec = pooled[:]
	}
	for i, b := range iovs {
		vec[i].Base = unsafe.SliceData(b)
		vec[i].SetLen(len(b))
	}
	var msg unix.Msghdr
	msg.Iov = &vec[0]
	msg.SetIovlen(len(iovs))
	if sa != nil {
		msg.Name, msg.Namelen = (*byte)(unsafe.Pointer(&sa.raw)), sa.len
	}
	n, err := sysmsg(trap, fd, &msg, bits)
	if sa != nil {
		sa.len = msg.Namelen
	}
	return n, int(msg.Flags), err
}

func sysmsg(trap uintptr, fd int, msg *unix.Msghdr, bits int) (int, error) {
	n, _, e := unix.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(msg)), uintptr(bits))
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

func kernelFlags(flags MsgFlags) (bits int) {
	if flags&MsgWait == 0 {
		bits |= unix.MSG_DONTWAIT
	}
	if flags&MsgPeek != 0 {
		bits |= unix.MSG_PEEK
	}
	if flags&MsgTrunc != 0 {
		bits |= unix.MSG_TRUNC
	}
	return bits
}
