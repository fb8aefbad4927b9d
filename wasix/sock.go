package wasix

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/socket"
)

// DefaultMaxBacklog is how many connections may wait on one listener unless
// told otherwise. It is Linux's own default (net.core.somaxconn).
const DefaultMaxBacklog = 4096

// socketRights are the rights of the descriptor of every new socket.
var socketRights = descriptor.Rights{Base: socket.Rights, Inheriting: socket.Rights}

// sockScratch is what a thread keeps for the socket calls, so that none of them
// allocates.
type sockScratch struct {
	addr network.Addr
}

// socket returns the socket behind fd, and its description in use: the caller
// releases it. The descriptor must have one of the rights in need, if any.
// Returns ESUCCESS except:
//   - EBADF: fd is not open
//   - ENOTSOCK: fd is not a socket
//   - EACCES: the right was dropped
func (t *Thread) socket(fd uint64, need abi.Rights) (*socket.Socket, *descriptor.Description, abi.Errno) {
	d, rights, err := t.proc.fds.Acquire(uint32(fd))
	if err != nil {
		return nil, nil, errnoOf(err)
	}
	s := socket.Of(d.File)
	switch {
	case s == nil:
		_ = d.Release()
		return nil, nil, abi.ENOTSOCK
	case need != 0 && rights.Base&need == 0:
		_ = d.Release()
		return nil, nil, abi.EACCES
	}
	return s, d, abi.ESUCCESS
}

// insertSocket gives s the lowest free descriptor, or closes it.
func (t *Thread) insertSocket(s *socket.Socket, flags abi.Fdflags) (uint32, abi.Errno) {
	d := s.Description(flags)
	fd, err := t.proc.fds.Insert(d, socketRights, false, 0)
	if err != nil {
		_ = d.Release()
		return 0, errnoOf(err)
	}
	return fd, abi.ESUCCESS
}

// sockOpen is sock_open(af, socktype, proto, ro_sock): opens a socket, as
// socket(2), and stores its descriptor. The type SOCK_NONBLOCK cannot be asked for:
// its bits are lost on the way (the parameter is a u8).
//
// returns 0 except:
//   - EAFNOSUPPORT: there is no such address family
//   - EFAULT: ro_sock lies outside memory
//   - EINVAL: there is no such type
//   - EMFILE: no descriptor is free
//   - EPERM: the guest has no network
//   - EPROTONOSUPPORT, EPROTOTYPE: the protocol does not go with the rest
func sockOpen(t *Thread, p []uint64) abi.Errno {
	family, typ, proto := abi.AddressFamily(p[0]), abi.SockType(p[1]), abi.SockProto(p[2])
	net, errno := t.networkOf(family)
	if errno != abi.ESUCCESS {
		return errno
	}
	if typ, errno = sockType(typ); errno != abi.ESUCCESS {
		return errno
	}
	if family == abi.AddressFamilyUnix {
		if proto, errno = unixProto(typ, proto); errno != abi.ESUCCESS {
			return errno
		}
	}
	ro, ok := t.bytes(uint32(p[3]), 4)
	if !ok {
		return abi.EFAULT
	}
	s, err := socket.Open(net, family, typ, proto)
	if err != nil {
		return errnoOf(err)
	}
	fd, errno := t.insertSocket(s, 0)
	if errno == abi.ESUCCESS {
		binary.LittleEndian.PutUint32(ro, fd)
	}
	return errno
}

// networkOf returns the network that has a family's sockets, or EAFNOSUPPORT.
func (t *Thread) networkOf(family abi.AddressFamily) (network.Network, abi.Errno) {
	switch family {
	case abi.AddressFamilyInet4, abi.AddressFamilyInet6:
		return t.proc.network, abi.ESUCCESS
	case abi.AddressFamilyUnix:
		return t.proc.unix, abi.ESUCCESS
	}
	return nil, abi.EAFNOSUPPORT
}

// sockType checks a socket type. 0 is DGRAM in binaries built before May 2023;
// their other numbers cannot be told from today's.
func sockType(typ abi.SockType) (abi.SockType, abi.Errno) {
	switch {
	case typ == abi.SockTypeUnused:
		return abi.SockTypeDgram, abi.ESUCCESS
	case typ > abi.SockTypeSeqpacket:
		return 0, abi.EINVAL
	}
	return typ, abi.ESUCCESS
}

// unixProto checks the protocol of a UNIX socket. There is but one, 0 (or
// PF_UNIX, 1); but wasix-libc turns 0 into that of an INET socket of the type.
func unixProto(typ abi.SockType, proto abi.SockProto) (abi.SockProto, abi.Errno) {
	const pfUnix = 1
	switch {
	case proto == 0, proto == pfUnix,
		proto == abi.SockProtoTcp && typ == abi.SockTypeStream,
		proto == abi.SockProtoUdp && typ == abi.SockTypeDgram:
		return 0, abi.ESUCCESS
	}
	return 0, abi.EPROTONOSUPPORT
}

// sockPair is sock_pair(af, socktype, proto, ro_sock1, ro_sock2): opens two
// connected sockets, as socketpair(2).
//
// returns 0 except:
//   - EAFNOSUPPORT: there is no such address family
//   - EFAULT: a result lies outside memory
//   - EINVAL: there is no such type
//   - EMFILE: fewer than two descriptors are free
//   - ENOTSUP: the family is not UNIX
//   - EPROTONOSUPPORT, EPROTOTYPE: the protocol does not go with the rest
func sockPair(t *Thread, p []uint64) abi.Errno {
	family := abi.AddressFamily(p[0])
	net, errno := t.networkOf(family)
	if errno != abi.ESUCCESS {
		return errno
	}
	typ, errno := sockType(abi.SockType(p[1]))
	if errno != abi.ESUCCESS {
		return errno
	}
	if family != abi.AddressFamilyUnix {
		return abi.ENOTSUP
	}
	if _, errno = unixProto(typ, abi.SockProto(p[2])); errno != abi.ESUCCESS {
		return errno
	}
	ro1, ok1 := t.bytes(uint32(p[3]), 4)
	ro2, ok2 := t.bytes(uint32(p[4]), 4)
	if !ok1 || !ok2 {
		return abi.EFAULT
	}
	a, b, err := socket.Pair(net, typ)
	if err != nil {
		return errnoOf(err)
	}
	fd1, errno := t.insertSocket(a, 0)
	if errno != abi.ESUCCESS {
		_ = b.Close()
		return errno
	}
	fd2, errno := t.insertSocket(b, 0)
	if errno != abi.ESUCCESS {
		_ = t.proc.fds.Close(fd1)
		return errno
	}
	binary.LittleEndian.PutUint32(ro1, fd1)
	binary.LittleEndian.PutUint32(ro2, fd2)
	return abi.ESUCCESS
}

// sockBind is sock_bind(sock, addr): gives the socket its local address, as
// bind(2).
//
// returns 0 except:
//   - EACCES: the right SOCK_BIND was dropped, or the port is privileged
//   - EADDRINUSE: the address is taken
//   - EADDRNOTAVAIL: the address is not this host's
//   - EAFNOSUPPORT: addr is of another family
//   - EBADF: sock is not open
//   - EFAULT: addr lies outside memory
//   - EINVAL: already bound
//   - ENOTSOCK: sock is not a socket
//   - EPERM: not granted
func sockBind(t *Thread, p []uint64) abi.Errno {
	s, d, errno := t.socket(p[0], abi.RightsSockBind)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	addr, errno := t.addrAt(uint32(p[1]))
	if errno != abi.ESUCCESS {
		return errno
	}
	if addr.Family() == abi.AddressFamilyUnspec {
		return abi.EAFNOSUPPORT
	}
	return errnoOf(s.Bind(addr))
}

// sockListen is sock_listen(sock, backlog): makes the socket accept
// connections, as listen(2), or changes the backlog of one that does. backlog is
// a C int by its use: 0xFFFFFFFF is libc's -1, and as any negative number it
// means the most there is. It is clamped to [Cmd.MaxBacklog] and as the network
// does.
//
// returns 0 except:
//   - EACCES: the right SOCK_LISTEN was dropped
//   - EADDRINUSE: another socket listens at the address
//   - EBADF: sock is not open
//   - EINVAL: connected, or connecting
//   - ENOTSOCK: sock is not a socket
//   - ENOTSUP: not a stream
//   - EPERM: not granted
func sockListen(t *Thread, p []uint64) abi.Errno {
	s, d, errno := t.socket(p[0], abi.RightsSockListen)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	return errnoOf(s.Listen(int32(uint32(p[1])), t.proc.maxBacklog))
}

// sockConnect is sock_connect(sock, addr): connects to addr, as connect(2).
// The family UNSPEC takes the peer of a datagram socket away.
//
// returns 0 except:
//   - EACCES: the right SOCK_CONNECT was dropped
//   - EADDRNOTAVAIL: no local port is free
//   - EAFNOSUPPORT: addr is of another family
//   - EALREADY: non-blocking, and the attempt goes on
//   - EBADF: sock is not open, or was closed meanwhile
//   - ECONNREFUSED, EHOSTUNREACH, ENETUNREACH: there is no way
//   - EFAULT: addr lies outside memory
//   - EINPROGRESS: the attempt goes on
//   - EINTR: interrupted; the attempt goes on
//   - EISCONN: already connected
//   - ENOTSOCK: sock is not a socket
//   - EPERM: not granted
//   - ETIMEDOUT: no answer
func sockConnect(t *Thread, p []uint64) abi.Errno {
	s, d, errno := t.socket(p[0], abi.RightsSockConnect)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	addr, errno := t.addrAt(uint32(p[1]))
	if errno != abi.ESUCCESS {
		return errno
	}
	return errnoOf(s.Connect(d, t.waiter, addr))
}

// sockShutdown is sock_shutdown(sock, how): ends one direction or both, as
// shutdown(2). On a listener, waiting accepts end with EINVAL.
//
// returns 0 except:
//   - EACCES: the right SOCK_SHUTDOWN was dropped
//   - EBADF: sock is not open
//   - EINVAL: how is not RD, WR or both
//   - ENOTCONN: not connected
//   - ENOTSOCK: sock is not a socket
func sockShutdown(t *Thread, p []uint64) abi.Errno {
	s, d, errno := t.socket(p[0], abi.RightsSockShutdown)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	if uint32(p[1])&^uint32(abi.SdflagsRd|abi.SdflagsWr) != 0 {
		return abi.EINVAL
	}
	return errnoOf(s.Shutdown(abi.Sdflags(p[1])))
}

// sockStatus is sock_status(sock, ro_status): stores how far the socket is:
// OPENING until it listens or is connected, OPENED (a datagram socket from the
// start), CLOSED once both directions are, FAILED when it could not connect.
//
// returns 0 except:
//   - EBADF: sock is not open
//   - EFAULT: ro_status lies outside memory
//   - ENOTSOCK: sock is not a socket
func sockStatus(t *Thread, p []uint64) abi.Errno {
	s, d, errno := t.socket(p[0], 0)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	if !t.putUint8(uint32(p[1]), uint8(s.Status())) {
		return abi.EFAULT
	}
	return abi.ESUCCESS
}
