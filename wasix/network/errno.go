package network

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// errnoFrom returns an error of package net, or of what implements its
// interfaces, as an errno: its own, or else the nearest.
func errnoFrom(err error) error {
	var errno syscall.Errno
	switch {
	case err == nil:
		return nil
	case errors.As(err, &errno):
		return errno
	case errors.Is(err, os.ErrDeadlineExceeded):
		return syscall.ETIMEDOUT
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		return syscall.EPIPE
	case errors.Is(err, io.ErrUnexpectedEOF):
		return syscall.ECONNRESET
	}
	return syscall.EIO
}
