//go:build unix

package vfs

import (
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// hostFile is an open file of the host that has an offset: the kernel's, so that
// duplicates share it and concurrent reads do not overlap.
type hostFile struct {
	alwaysReady
	room
	fd       int
	filetype abi.Filetype
	rights   abi.Rights
	readOnly bool // the mount is: times stay
}

// newHostFile takes over fd, which was opened with flag.
func newHostFile(fd int, typ abi.Filetype, flag int) *hostFile {
	return &hostFile{fd: fd, filetype: typ, rights: accessOf(flag)}
}

// accessOf returns the rights to read and to write that a file has by the flags
// that it was opened with.
func accessOf(flag int) abi.Rights {
	switch flag & syscall.O_ACCMODE {
	case os.O_WRONLY:
		return abi.RightsFdWrite
	case os.O_RDWR:
		return abi.RightsFdRead | abi.RightsFdWrite
	}
	return abi.RightsFdRead
}

func (f *hostFile) access() abi.Rights     { return f.rights }
func (f *hostFile) Filetype() abi.Filetype { return f.filetype }
func (f *hostFile) Close() error           { return unix.Close(f.fd) }

// SyscallConn gives the kernel's descriptor, for sendfile(2).
func (f *hostFile) SyscallConn() (syscall.RawConn, error) { return rawFD(f.fd), nil }

func (f *hostFile) Readv(iovs [][]byte) (n int, err error) {
	for {
		if len(iovs) == 1 {
			n, err = unix.Read(f.fd, iovs[0])
		} else {
			n, err = unix.Readv(f.fd, iovs)
		}
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

func (f *hostFile) Writev(iovs [][]byte) (n int, err error) {
	for {
		if len(iovs) == 1 {
			n, err = unix.Write(f.fd, iovs[0])
		} else {
			n, err = unix.Writev(f.fd, iovs)
		}
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

func (f *hostFile) Preadv(iovs [][]byte, offset int64) (n int, err error) {
	for {
		if len(iovs) == 1 {
			n, err = unix.Pread(f.fd, iovs[0], offset)
		} else {
			n, err = unix.Preadv(f.fd, iovs, offset)
		}
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

func (f *hostFile) Pwritev(iovs [][]byte, offset int64) (n int, err error) {
	for {
		if len(iovs) == 1 {
			n, err = unix.Pwrite(f.fd, iovs[0], offset)
		} else {
			n, err = unix.Pwritev(f.fd, iovs, offset)
		}
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

func (f *hostFile) Seek(offset int64, whence int) (int64, error) {
	return unix.Seek(f.fd, offset, whence)
}

// Available returns how many bytes lie between the offset and the end.
func (f *hostFile) Available() int {
	at, err := f.Seek(0, 1)
	if err != nil {
		return 0
	}
	st, err := f.Stat()
	if err != nil || st.Size <= uint64(at) {
		return 0
	}
	return int(min(st.Size-uint64(at), math.MaxInt32))
}

func (f *hostFile) Stat() (descriptor.Stat, error) { return statFD(f.fd) }

// status returns the flags of the kernel's open file description.
func (f *hostFile) status() (flags abi.Fdflags) {
	present, err := unix.FcntlInt(uintptr(f.fd), unix.F_GETFL, 0)
	if err != nil {
		return 0
	}
	if present&unix.O_APPEND != 0 {
		flags |= abi.FdflagsAppend
	}
	if present&unix.O_SYNC == unix.O_SYNC {
		flags |= abi.FdflagsSync
	}
	return flags
}

// SetFlags sets or clears O_APPEND; like fcntl(2) it cannot change O_SYNC.
func (f *hostFile) SetFlags(flags abi.Fdflags) error {
	present, err := unix.FcntlInt(uintptr(f.fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	wanted := present &^ unix.O_APPEND
	if flags&abi.FdflagsAppend != 0 {
		wanted |= unix.O_APPEND
	}
	if wanted == present {
		return nil
	}
	_, err = unix.FcntlInt(uintptr(f.fd), unix.F_SETFL, wanted)
	return err
}

func (f *hostFile) Truncate(size int64) error {
	for {
		if err := unix.Ftruncate(f.fd, size); err != syscall.EINTR {
			return err
		}
	}
}

func (f *hostFile) SetTimes(atim, mtim int64) error {
	if f.readOnly {
		return syscall.EROFS
	}
	return setFileTimes(f.fd, atim, mtim)
}
