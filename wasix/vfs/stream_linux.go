package vfs

import (
	"os"
	"strconv"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// stream is a pipe, terminal, socket or device of the host.
type stream struct {
	ready.FD
	fd       int
	filetype abi.Filetype
	rights   abi.Rights
	// nonblock says that O_NONBLOCK is set. On a description that other programs
	// share it never is: then each operation asks first whether it would block.
	nonblock  bool
	uncounted atomic.Bool // it has no FIONREAD, as /dev/null
}

// openStream returns what f is, as a file of a guest; f stays the caller's. With
// own, nobody else has its open file description.
func openStream(f *os.File, own bool) (descriptor.File, error) {
	fd, err := duplicate(f)
	if err != nil {
		return nil, err
	}
	s, err := newStream(fd, own)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	if s.filetype != abi.FiletypeCharacterDevice {
		return s, nil
	}
	if _, err := unix.IoctlGetTermios(s.fd, unix.TCGETS); err == nil {
		return &terminalFile{s}, nil
	}
	return &device{s}, nil
}

// newStream takes over fd. To wait without disturbing others it opens a pipe or
// terminal once more for itself, where the system allows that.
func newStream(fd int, own bool) (*stream, error) {
	flag, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return nil, err
	}
	typ, err := filetypeOfFD(fd)
	if err != nil {
		return nil, err
	}
	if !own {
		if again, err := reopen(fd, flag); err == nil {
			_ = unix.Close(fd)
			fd, own = again, true
		}
	}
	if own {
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, err
		}
	}
	s := &stream{fd: fd, filetype: typ, rights: accessOf(flag), nonblock: own}
	s.FD.Init(fd)
	return s, nil
}

// reopen opens the pipe or terminal behind fd again.
func reopen(fd, flag int) (int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return -1, err
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFIFO && kind != unix.S_IFCHR {
		return -1, syscall.ENOTSUP
	}
	name := "/proc/self/fd/" + strconv.Itoa(fd)
	return unix.Open(name, flag&unix.O_ACCMODE|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
}

// duplicate returns a descriptor of f that is the caller's own.
func duplicate(f *os.File) (fd int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, syserror.Of(err)
	}
	control := raw.Control(func(old uintptr) {
		fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	})
	if control != nil {
		return -1, syserror.Of(control)
	}
	return fd, err
}

func filetypeOfFD(fd int) (abi.Filetype, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFCHR:
		return abi.FiletypeCharacterDevice, nil
	case unix.S_IFBLK:
		return abi.FiletypeBlockDevice, nil
	}
	return abi.FiletypeUnknown, nil
}

func (s *stream) Filetype() abi.Filetype { return s.filetype }
func (s *stream) access() abi.Rights     { return s.rights }

func (s *stream) Stat() (descriptor.Stat, error) {
	var st unix.Stat_t
	if err := unix.Fstat(s.fd, &st); err != nil {
		return descriptor.Stat{}, err
	}
	typ := s.filetype
	if typ == abi.FiletypeUnknown {
		typ = abi.FiletypeSocketStream // see fifoStat
	}
	return descriptor.Stat{
		Dev: uint64(st.Dev), Ino: st.Ino, Filetype: typ, Nlink: uint64(st.Nlink), Size: uint64(max(st.Size, 0)),
		Atim: uint64(max(st.Atim.Nano(), 0)), Mtim: uint64(max(st.Mtim.Nano(), 0)), Ctim: uint64(max(st.Ctim.Nano(), 0)),
	}, nil
}

// Available returns how many bytes can be read at once, 0 for what cannot tell,
// which is asked only once.
func (s *stream) Available() int {
	if s.uncounted.Load() {
		return 0
	}
	n, err := unix.IoctlGetInt(s.fd, unix.TIOCINQ)
	if err != nil {
		s.uncounted.Store(err == syscall.ENOTTY)
		return 0
	}
	return n
}

func (s *stream) Readv(iovs [][]byte) (n int, err error) {
	switch {
	case s.rights&abi.RightsFdRead == 0:
		return 0, syscall.EBADF
	case isEmpty(iovs):
		return 0, nil
	case !s.nonblock && s.Ready(ready.In) == 0:
		return 0, syscall.EAGAIN
	}
	for {
		if len(iovs) == 1 {
			n, err = unix.Read(s.fd, iovs[0])
		} else {
			n, err = unix.Readv(s.fd, iovs)
		}
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

func (s *stream) Writev(iovs [][]byte) (n int, err error) {
	switch {
	case s.rights&abi.RightsFdWrite == 0:
		return 0, syscall.EBADF
	case !s.nonblock:
		return s.writeReady(iovs)
	}
	for {
		if len(iovs) == 1 {
			n, err = unix.Write(s.fd, iovs[0])
		} else {
			n, err = unix.Writev(s.fd, iovs)
		}
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// writeReady writes as long as poll(2) says that it would not block. That holds
// for PIPE_BUF bytes at a time.
func (s *stream) writeReady(iovs [][]byte) (written int, err error) {
	for _, b := range iovs {
		for len(b) > 0 {
			if s.Ready(ready.Out) == 0 {
				return partly(written, syscall.EAGAIN)
			}
			n, err := unix.Write(s.fd, b[:min(len(b), pipeAtomic)])
			if err == syscall.EINTR {
				continue
			}
			if err != nil {
				return partly(written, err)
			}
			written += n
			b = b[n:]
		}
	}
	return written, nil
}

// partly drops the error that ended a write after something was written; the
// next write meets it again.
func partly(n int, err error) (int, error) {
	if n > 0 {
		return n, nil
	}
	return 0, err
}

func (s *stream) Close() error {
	s.Disarm()
	return unix.Close(s.fd)
}

// device is a character device other than a terminal: it has an offset, though
// mostly one without meaning.
type device struct{ *stream }

func (d *device) Preadv(iovs [][]byte, offset int64) (int, error) {
	n, err := unix.Preadv(d.fd, iovs, offset)
	return max(n, 0), err
}

func (d *device) Pwritev(iovs [][]byte, offset int64) (int, error) {
	n, err := unix.Pwritev(d.fd, iovs, offset)
	return max(n, 0), err
}

func (d *device) Seek(offset int64, whence int) (int64, error) {
	return unix.Seek(d.fd, offset, whence)
}
