//go:build linux

package ready

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// ppoll is ppoll(2) for at most timeout nanoseconds. The Go scheduler does not see
// it: see blocked.
func ppoll(fds []unix.PollFd, timeout int64) (int, error) {
	ts := unix.NsecToTimespec(timeout)
	n, _, e := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)),
		uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}
