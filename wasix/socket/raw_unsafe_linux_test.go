package socket_test

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// connectRaw is connect(2) with any address: unix.Connect has no AF_UNSPEC.
func connectRaw(fd int, addr *[16]byte) error {
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(addr)), uintptr(len(addr)))
	if errno != 0 {
		return errno
	}
	return nil
}
