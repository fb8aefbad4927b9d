package wasix

import (
	"encoding/binary"
	"io"
	"math"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// buffers returns the iovecs of a transfer, cut to what Linux moves with one
// call: see [Thread.iovecs].
func (t *Thread) buffers(ptr, count uint64) ([][]byte, abi.Errno) {
	iovs, errno := t.iovecs(uint32(ptr), uint32(count))
	room := maxTransfer
	for i, b := range iovs {
		if len(b) > room {
			iovs[i] = b[:room]
		}
		room -= len(iovs[i])
	}
	return iovs, errno
}

// fdRead is fd_read(fd, iovs, iovs_len, ro_nread): reads into the buffers, as
// readv(2), waiting for data unless fd is non-blocking, and stores how many bytes:
// 0 at the end.
//
// returns 0 except:
//   - EAGAIN: non-blocking, and nothing is there
//   - EBADF: fd is not open or not for reading, or was closed meanwhile
//   - EFAULT: a buffer or ro_nread lies outside memory
//   - EINTR: interrupted
//   - EINVAL: more than 1024 buffers; fewer than eight bytes for an event
//   - EIO: the device failed
//   - EISDIR: fd is a directory
//   - what sock_recv returns for a socket
func fdRead(t *Thread, p []uint64) abi.Errno {
	return t.transfer(p, abi.RightsFdRead, (*descriptor.Description).Readv)
}

// fdWrite is fd_write(fd, iovs, iovs_len, ro_nwritten): writes the buffers, as
// writev(2), and stores how many bytes: all of them, unless fd is non-blocking
// or the call was interrupted.
//
// returns 0 except:
//   - EAGAIN: non-blocking, and nothing fits
//   - EBADF: fd is not open or not for writing, or was closed meanwhile
//   - EFAULT: a buffer or ro_nwritten lies outside memory
//   - EFBIG, ENOSPC, EDQUOT: the file cannot grow
//   - EINTR: interrupted before anything was written
//   - EINVAL: more than 1024 buffers; fewer than eight bytes for an event
//   - EIO: the device failed
//   - EPIPE: nobody can read it any more; the thread is sent SIGPIPE, see [Thread.sigpipe]
//   - what sock_send returns for a socket
func fdWrite(t *Thread, p []uint64) abi.Errno {
	return t.transfer(p, abi.RightsFdWrite, (*descriptor.Description).Writev)
}

// transfer is fd_read or fd_write, as move tells.
func (t *Thread) transfer(p []uint64, need abi.Rights,
	move func(*descriptor.Description, *ready.Waiter, [][]byte) (int, error)) abi.Errno {
	d, errno := t.open(p[0], need)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	iovs, errno := t.buffers(p[1], p[2])
	if errno != abi.ESUCCESS {
		return errno
	}
	ro, ok := t.bytes(uint32(p[3]), 4)
	if !ok {
		return abi.EFAULT
	}
	n, err := move(d, t.waiter, iovs)
	if err != nil {
		if err == syscall.EPIPE {
			t.sigpipe(d.File)
		}
		return errnoOf(err)
	}
	binary.LittleEndian.PutUint32(ro, uint32(n))
	return abi.ESUCCESS
}

// positioned returns the file behind fd, and its description in use: the caller
// releases it. Returns ESUCCESS except:
//   - EBADF: fd is not open
//   - ESPIPE: fd has no file offset
//   - what lacking returns, when a right in need is missing
func (t *Thread) positioned(fd uint64, need ...abi.Rights) (descriptor.Positioned, *descriptor.Description, abi.Errno) {
	d, rights, err := t.proc.fds.Acquire(uint32(fd))
	if err != nil {
		return nil, nil, abi.EBADF
	}
	file, ok := d.File.(descriptor.Positioned)
	errno := abi.ESUCCESS
	if !ok {
		errno = abi.ESPIPE
		if d.File.Filetype() == abi.FiletypeDirectory {
			errno = lacking(d.File, need[0])
		}
	}
	for _, right := range need {
		if errno == abi.ESUCCESS && rights.Base&right == 0 {
			errno = lacking(file, right)
		}
	}
	if errno != abi.ESUCCESS {
		_ = d.Release()
		return nil, nil, errno
	}
	return file, d, abi.ESUCCESS
}

// fdPread is fd_pread(fd, iovs, iovs_len, offset, ro_nread): reads at offset, as
// preadv(2), and stores how many bytes. The file offset stays.
//
// returns 0 except:
//   - EBADF: fd is not open, or not for reading
//   - EFAULT: a buffer or ro_nread lies outside memory
//   - EINVAL: offset is negative, or too large for that many bytes; more than 1024 buffers
//   - EIO: the device failed
//   - EISDIR: fd is a directory
//   - ENOTCAPABLE: the right FD_SEEK was dropped
//   - ESPIPE: fd has no file offset
func fdPread(t *Thread, p []uint64) abi.Errno {
	return t.transferAt(p, abi.RightsFdRead, descriptor.Positioned.Preadv)
}

// fdPwrite is fd_pwrite(fd, iovs, iovs_len, offset, ro_nwritten): writes at
// offset, as pwritev(2), and stores how many bytes. The file offset stays; a file
// with APPEND grows at its end all the same, as on Linux.
//
// returns 0 except:
//   - EBADF: fd is not open, or not for writing
//   - EFAULT: a buffer or ro_nwritten lies outside memory
//   - EFBIG, ENOSPC, EDQUOT: the file cannot grow
//   - EINVAL: offset is negative, or too large for that many bytes; more than 1024 buffers
//   - EIO: the device failed
//   - ENOTCAPABLE: the right FD_SEEK was dropped
//   - ESPIPE: fd has no file offset
func fdPwrite(t *Thread, p []uint64) abi.Errno {
	return t.transferAt(p, abi.RightsFdWrite, descriptor.Positioned.Pwritev)
}

// transferAt is fd_pread or fd_pwrite, as move tells.
func (t *Thread) transferAt(p []uint64, need abi.Rights,
	move func(descriptor.Positioned, [][]byte, int64) (int, error)) abi.Errno {
	if p[3] > math.MaxInt64 {
		return abi.EINVAL // before all else, as on Linux
	}
	file, d, errno := t.positioned(p[0], need, abi.RightsFdSeek)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	iovs, errno := t.buffersAt(p[1], p[2], p[3])
	if errno != abi.ESUCCESS {
		return errno
	}
	ro, ok := t.bytes(uint32(p[4]), 4)
	if !ok {
		return abi.EFAULT
	}
	n, err := move(file, iovs, int64(p[3]))
	if err != nil {
		return errnoOf(err)
	}
	binary.LittleEndian.PutUint32(ro, uint32(n))
	return abi.ESUCCESS
}

// buffersAt is buffers, and EINVAL when so many bytes from offset on go too far.
func (t *Thread) buffersAt(ptr, n, offset uint64) ([][]byte, abi.Errno) {
	iovs, errno := t.buffers(ptr, n)
	for _, b := range iovs {
		offset += uint64(len(b))
	}
	if errno == abi.ESUCCESS && offset > math.MaxInt64 {
		return nil, abi.EINVAL
	}
	return iovs, errno
}

// whence is what a module's numbers for whence mean.
type whence [3]int

var (
	whencePreview1 = whence{abi.WhenceSet: io.SeekStart, abi.WhenceCur: io.SeekCurrent, abi.WhenceEnd: io.SeekEnd}
	whenceUnstable = whence{abi.Snapshot0WhenceCur: io.SeekCurrent, abi.Snapshot0WhenceEnd: io.SeekEnd, abi.Snapshot0WhenceSet: io.SeekStart}
)

// fdSeek returns the handler of fd_seek(fd, offset, whence, ro_offset) for one
// numbering of whence: moves the file offset, as lseek(2), and stores it.
//
// returns 0 except:
//   - EBADF: fd is not open
//   - EFAULT: ro_offset lies outside memory
//   - EINVAL: whence is unknown; the offset would be negative, or too large
//   - ENOTCAPABLE: the right FD_SEEK was dropped
//   - ESPIPE: fd has no file offset
func fdSeek(w whence) handler {
	return func(t *Thread, p []uint64) abi.Errno {
		if uint32(p[2]) >= uint32(len(w)) {
			if _, err := t.proc.fds.Rights(uint32(p[0])); err != nil {
				return abi.EBADF
			}
			return abi.EINVAL // even where nothing has an offset
		}
		file, d, errno := t.positioned(p[0], abi.RightsFdSeek)
		if errno != abi.ESUCCESS {
			return errno
		}
		defer d.Release()
		return t.seek(file, int64(p[1]), w[uint32(p[2])], p[3])
	}
}

// fdTell is fd_tell(fd, ro_offset): stores the file offset.
//
// returns 0 except:
//   - EBADF: fd is not open
//   - EFAULT: ro_offset lies outside memory
//   - ENOTCAPABLE: the right FD_TELL was dropped
//   - ESPIPE: fd has no file offset
func fdTell(t *Thread, p []uint64) abi.Errno {
	file, d, errno := t.positioned(p[0], abi.RightsFdTell)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	return t.seek(file, 0, io.SeekCurrent, p[1])
}

func (t *Thread) seek(file descriptor.Positioned, offset int64, whence int, ret uint64) abi.Errno {
	ro, ok := t.bytes(uint32(ret), 8)
	if !ok {
		return abi.EFAULT
	}
	at, err := file.Seek(offset, whence)
	if err != nil {
		return errnoOf(err)
	}
	binary.LittleEndian.PutUint64(ro, uint64(at))
	return abi.ESUCCESS
}
