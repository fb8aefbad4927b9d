package wasix

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
)

// sockAccept is sock_accept(sock, fd_flags, ro_fd, ro_addr), and the same as
// sock_accept_v2: takes the next connection, as accept4(2), waiting for it
// unless sock is non-blocking, and stores its descriptor and the peer's address.
// Of fd_flags, NONBLOCK is meant for the new socket; it inherits none of sock's.
//
// returns 0 except:
//   - EACCES: the right SOCK_ACCEPT was dropped
//   - EAGAIN: non-blocking, and none is there; or a timeout has passed
//   - EBADF: sock is not open, or was closed meanwhile
//   - ECONNABORTED: the peer gave up meanwhile
//   - EFAULT: a result lies outside memory
//   - EINTR: interrupted
//   - EINVAL: not listening, shut down meanwhile, or unknown fd_flags
//   - EMFILE: no descriptor is free
//   - ENOTSOCK: sock is not a socket
//   - ENOTSUP: not a stream
func sockAccept(t *Thread, p []uint64) abi.Errno {
	return t.accept(p[0], uint32(p[1]), uint32(p[2]), uint32(p[3]), true)
}

// sockAcceptV2 is sock_accept_v2: see [sockAccept].
func sockAcceptV2(t *Thread, p []uint64) abi.Errno { return sockAccept(t, p) }

// sockAcceptPreview1 is the sock_accept(sock, fd_flags, ro_fd) of preview1,
// which does not tell the peer's address: see [sockAccept].
func sockAcceptPreview1(t *Thread, p []uint64) abi.Errno {
	return t.accept(p[0], uint32(p[1]), uint32(p[2]), 0, false)
}

func (t *Thread) accept(sock uint64, flags, roFD, roAddr uint32, withAddr bool) abi.Errno {
	s, d, errno := t.socket(sock, abi.RightsSockAccept)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	if flags&^uint32(abi.FdflagsNonblock) != 0 {
		return abi.EINVAL
	}
	ro, ok := t.bytes(roFD, 4)
	if !ok {
		return abi.EFAULT
	}
	var to []byte
	if withAddr {
		if to, ok = t.bytes(roAddr, t.proc.addrSize(s.Family())); !ok {
			return abi.EFAULT
		}
	}
	fd, err := t.proc.fds.Reserve()
	if err != nil {
		return errnoOf(err) // the connection stays in the queue
	}
	c, addr, err := s.Accept(d, t.waiter)
	if err != nil {
		t.proc.fds.Unreserve(fd)
		return errnoOf(err)
	}
	t.proc.fds.Fill(fd, c.Description(abi.Fdflags(flags)), socketRights, false)
	if withAddr {
		encodeAddr(to, &addr)
	}
	binary.LittleEndian.PutUint32(ro, fd)
	return abi.ESUCCESS
}
