package wasix

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
)

// maxTransfer is the most that Linux moves with one call, and fits a ssize_t.
const maxTransfer = 0x7ffff000

const (
	riflagsAll = abi.RiflagsPeek | abi.RiflagsWaitall | abi.RiflagsDataTruncated | abi.RiflagsDontWait
	siflagsAll = abi.SiflagsDontWait
)

// message returns the buffers of a message, cut to maxTransfer: see [Thread.iovecs].
// As in sendmsg(2), EMSGSIZE tells that there are too many.
func (t *Thread) message(ptr, count uint64) ([][]byte, abi.Errno) {
	if uint32(count) > maxIovecs {
		return nil, abi.EMSGSIZE
	}
	return t.buffers(ptr, count)
}

// sockRecv is sock_recv(sock, ri_data, ri_data_len, ri_flags, ro_data_len,
// ro_flags): receives into the buffers of ri_data, as recvmsg(2), and stores how
// many bytes and whether a datagram was cut. ro_flags is 16 bits wide.
//
// returns 0 except:
//   - EACCES: the rights SOCK_RECV and FD_READ were dropped
//   - EAGAIN: nothing is there, and the call may not wait
//   - EBADF: sock is not open, or was closed meanwhile
//   - ECONNREFUSED, ECONNRESET, ETIMEDOUT: what befell the connection
//   - EFAULT: a buffer or a result lies outside memory
//   - EINTR: interrupted
//   - EINVAL: unknown ri_flags
//   - EMSGSIZE: more than 1024 buffers
//   - ENOTCONN: not connected
//   - ENOTSOCK: sock is not a socket
func sockRecv(t *Thread, p []uint64) abi.Errno {
	return t.recv(p, abi.RightsSockRecv|abi.RightsFdRead, nil)
}

// sockRecvFrom is sock_recv_from(sock, ri_data, ri_data_len, ri_flags,
// ro_data_len, ro_flags, ro_addr): as [sockRecv], and stores the sender of a
// datagram. For a stream the address is of the family UNSPEC.
//
// returns 0 except what sockRecv returns, and:
//   - EACCES: the right SOCK_RECV_FROM was dropped
func sockRecvFrom(t *Thread, p []uint64) abi.Errno {
	t.sock.addr = network.Addr{}
	return t.recv(p, abi.RightsSockRecvFrom, &t.sock.addr)
}

func (t *Thread) recv(p []uint64, need abi.Rights, from *network.Addr) abi.Errno {
	s, d, errno := t.socket(p[0], need)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	if uint32(p[3])&^uint32(riflagsAll) != 0 {
		return abi.EINVAL
	}
	iovs, errno := t.message(p[1], p[2])
	if errno != abi.ESUCCESS {
		return errno
	}
	roLen, ok1 := t.bytes(uint32(p[4]), 4)
	roFlags, ok2 := t.bytes(uint32(p[5]), 2)
	if !ok1 || !ok2 {
		return abi.EFAULT
	}
	var roAddr []byte
	if from != nil {
		var ok bool
		if roAddr, ok = t.bytes(uint32(p[6]), t.proc.addrSize(s.Family())); !ok {
			return abi.EFAULT
		}
	}
	n, flags, err := s.Recv(d, t.waiter, iovs, abi.Riflags(p[3]), from)
	if err != nil {
		return errnoOf(err)
	}
	if from != nil {
		encodeAddr(roAddr, from)
	}
	binary.LittleEndian.PutUint32(roLen, uint32(n))
	binary.LittleEndian.PutUint16(roFlags, uint16(flags))
	return abi.ESUCCESS
}

// sockSend is sock_send(sock, si_data, si_data_len, si_flags, ro_data_len):
// sends the buffers of si_data, as sendmsg(2), and stores how many bytes.
//
// returns 0 except:
//   - EACCES: the rights SOCK_SEND and FD_WRITE were dropped
//   - EAGAIN: nothing fits, and the call may not wait
//   - EBADF: sock is not open, or was closed meanwhile
//   - ECONNREFUSED, ECONNRESET, ETIMEDOUT: what befell the connection
//   - EDESTADDRREQ: a datagram to no peer
//   - EFAULT: a buffer or ro_data_len lies outside memory
//   - EINTR: interrupted before anything was sent
//   - EINVAL: unknown si_flags
//   - EMSGSIZE: the datagram is too long, or more than 1024 buffers
//   - ENOTCONN: not connected
//   - ENOTSOCK: sock is not a socket
//   - EPIPE: this side was shut down, or the peer is gone
func sockSend(t *Thread, p []uint64) abi.Errno {
	return t.send(p, abi.RightsSockSend|abi.RightsFdWrite, nil)
}

// sockSendTo is sock_send_to(sock, si_data, si_data_len, si_flags, addr,
// ro_data_len): as [sockSend], to the address given.
//
// returns 0 except what sockSend returns, and:
//   - EACCES: the right SOCK_SEND_TO was dropped, or a broadcast is not enabled
//   - EAFNOSUPPORT, EINVAL, EISCONN, ENETUNREACH: the address does not do
//   - EPERM: not granted
func sockSendTo(t *Thread, p []uint64) abi.Errno {
	return t.send(p, abi.RightsSockSendTo, &t.sock.addr)
}

// send carries out sock_send, and with to sock_send_to, whose parameter addr
// comes before the result.
func (t *Thread) send(p []uint64, need abi.Rights, to *network.Addr) abi.Errno {
	s, d, errno := t.socket(p[0], need)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	if uint32(p[3])&^uint32(siflagsAll) != 0 {
		return abi.EINVAL
	}
	iovs, errno := t.message(p[1], p[2])
	if errno != abi.ESUCCESS {
		return errno
	}
	roLen := p[4]
	if to != nil {
		if *to, errno = t.addrAt(uint32(p[4])); errno != abi.ESUCCESS {
			return errno
		}
		roLen = p[5]
	}
	ro, ok := t.bytes(uint32(roLen), 4)
	if !ok {
		return abi.EFAULT
	}
	if to != nil && to.Family() == abi.AddressFamilyUnspec {
		return abi.EAFNOSUPPORT
	}
	n, err := s.Send(d, t.waiter, iovs, abi.Siflags(p[3]), to)
	if err != nil {
		return errnoOf(err)
	}
	binary.LittleEndian.PutUint32(ro, uint32(n))
	return abi.ESUCCESS
}

// sockSendFile is sock_send_file(sock, in_fd, offset, count, ro_sent): sends
// count bytes of a file from offset on, as sendfile(2), and stores how many; fewer
// at the end of the file. When offset is the file offset of in_fd, that moves on,
// else it stays: wasix-libc passes the file offset where sendfile has none.
//
// returns 0 except what sockSend returns, and:
//   - EACCES: the rights SOCK_SEND and FD_WRITE were dropped
//   - EBADF: in_fd is not open, or not for reading
//   - EFAULT: ro_sent lies outside memory
//   - EINVAL: offset is negative; in_fd is a directory
//   - ESPIPE: in_fd has no file offset
func sockSendFile(t *Thread, p []uint64) abi.Errno {
	s, d, errno := t.socket(p[0], abi.RightsSockSend|abi.RightsFdWrite)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	in, rights, err := t.proc.fds.Acquire(uint32(p[1]))
	if err != nil {
		return errnoOf(err)
	}
	defer in.Release()
	switch {
	case in.File.Filetype() == abi.FiletypeDirectory:
		return abi.EINVAL
	case rights.Base&abi.RightsFdRead == 0:
		return abi.EBADF
	}
	file, ok := in.File.(descriptor.Positioned)
	if !ok {
		return abi.ESPIPE
	}
	ro, ok := t.bytes(uint32(p[4]), 8)
	if !ok {
		return abi.EFAULT
	}
	n, err := s.SendFile(d, t.waiter, file, int64(p[2]), p[3])
	if err != nil {
		return errnoOf(err)
	}
	binary.LittleEndian.PutUint64(ro, n)
	return abi.ESUCCESS
}
