// Package syserror turns errors of Go's library, and of what implements its
// interfaces, into the kernel's.
package syserror

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// Of returns the [syscall.Errno] inside err, or else the nearest one; EIO where
// there is none. It returns nil for nil, and does not allocate for a bare Errno.
func Of(err error) error {
	if err == nil {
		return nil
	}
	if errno, ok := err.(syscall.Errno); ok {
		return errno
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	for _, n := range nearest {
		if errors.Is(err, n.err) {
			return n.errno
		}
	}
	return syscall.EIO
}

var nearest = []struct {
	err   error
	errno syscall.Errno
}{
	{fs.ErrNotExist, syscall.ENOENT},
	{fs.ErrExist, syscall.EEXIST},
	{fs.ErrPermission, syscall.EACCES},
	{fs.ErrInvalid, syscall.EINVAL},
	{fs.ErrClosed, syscall.EBADF},
	{os.ErrDeadlineExceeded, syscall.ETIMEDOUT},
	{net.ErrClosed, syscall.EPIPE},
	{io.ErrClosedPipe, syscall.EPIPE},
	{io.ErrUnexpectedEOF, syscall.ECONNRESET},
}
