package socket

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// errNoKernelWay is sendfile(2)'s answer for a file it cannot map.
const errNoKernelWay = syscall.EINVAL

// sendfile sends count bytes of the file in from offset on to the socket out,
// as far as there is room.
func sendfile(out int, in syscall.RawConn, offset int64, count uint64) (n int, err error) {
	control := in.Control(func(fd uintptr) {
		n, err = unix.Sendfile(out, int(fd), &offset, int(count))
	})
	if control != nil {
		return 0, errNoKernelWay
	}
	return n, err
}
