// Package descriptor holds what POSIX calls file descriptors and open file
// descriptions: small numbers of one process, and the open things behind them,
// which duplicated descriptors share.
//
// It knows neither guests nor what the open things are; errors are
// syscall.Errno values as Linux has them.
package descriptor

import (
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// File is an open thing: a socket, a pipe, an event, a file, a directory.
// Its methods may be called concurrently and none of them blocks on a peer;
// what would block answers EAGAIN, and the source tells when to try again.
type File interface {
	ready.Source
	// Filetype returns the WASI file type.
	Filetype() abi.Filetype
	// Readv reads into the buffers in order. Returns 0 and nil at the end of
	// the data, EAGAIN when nothing is there yet, EBADF or EISDIR when the
	// thing cannot be read.
	Readv(iovs [][]byte) (int, error)
	// Writev writes from the buffers in order and may write less than given.
	// Returns EAGAIN when nothing fits, EPIPE when no reader is left.
	Writev(iovs [][]byte) (int, error)
	// Close releases the thing. It is called once, after the last use.
	Close() error
}

// Positioned is a File with a file offset, and access at any other.
type Positioned interface {
	File
	// Preadv and Pwritev read and write at offset and leave the file offset.
	Preadv(iovs [][]byte, offset int64) (int, error)
	Pwritev(iovs [][]byte, offset int64) (int, error)
	// Seek sets the file offset; whence is io.SeekStart, SeekCurrent or SeekEnd.
	Seek(offset int64, whence int) (int64, error)
}

// Stat is what fd_filestat_get tells; times are Unix nanoseconds.
type Stat struct {
	Dev, Ino         uint64
	Filetype         abi.Filetype
	Nlink            uint64
	Size             uint64
	Atim, Mtim, Ctim uint64
}

// Stater is a File with attributes of its own; others report zeros.
type Stater interface {
	File
	Stat() (Stat, error)
}

// FlagSetter is a File that must know when the flags of its description change
// (fd_fdstat_set_flags), such as O_APPEND.
type FlagSetter interface {
	File
	SetFlags(flags abi.Fdflags) error
}

// Waiting is a File that decides itself how its calls wait, such as a socket
// with timeouts. [Description.Readv] and [Description.Writev] leave it to them.
type Waiting interface {
	File
	// ReadvWait and WritevWait read and write through d, on behalf of w.
	ReadvWait(d *Description, w *ready.Waiter, iovs [][]byte) (int, error)
	WritevWait(d *Description, w *ready.Waiter, iovs [][]byte) (int, error)
}

// AlwaysReady is a File that never makes anybody wait, such as a regular file.
// There is no sense in watching it, and epoll_ctl(2) refuses to.
type AlwaysReady interface {
	File
	AlwaysReady()
}

// Roomy is a File with room for its Description, which saves an allocation.
type Roomy interface {
	File
	Room() *Description
}
