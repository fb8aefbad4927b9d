package network

import (
	"io"
	"net"
	"syscall"

	"github.com/gowasix/gowasix/internal/syserror"
)

// fromKernel returns the socket behind c, and closes c, if it is the kernel's
// and no other type around such: that might do more than the kernel does.
func fromKernel(c io.Closer) (Socket, error) {
	switch c := c.(type) {
	case *net.UnixListener:
		c.SetUnlinkOnClose(false)
	case *net.TCPListener, *net.TCPConn, *net.UnixConn, *net.UDPConn:
	default:
		return nil, nil
	}
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, syserror.Of(err)
	}
	var s Socket
	var dupErr error
	if err := raw.Control(func(fd uintptr) { s, dupErr = FromFD(int(fd)) }); err != nil {
		return nil, syserror.Of(err)
	}
	if dupErr != nil {
		return nil, dupErr
	}
	_ = c.Close()
	return s, nil
}
