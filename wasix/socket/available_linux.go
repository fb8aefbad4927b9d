package socket

import "golang.org/x/sys/unix"

// available returns how many bytes can be read from the kernel's socket fd.
func available(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	if err != nil {
		return 0
	}
	return n
}
