package vfs

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// pathOnly is the flag for a descriptor that only stands for a file.
const pathOnly = unix.O_PATH

// hasOpenBeneath reports whether the kernel has openat2(2), and lets us use it.
func hasOpenBeneath(dir int) bool {
	fd, err := openBeneath(dir, ".", pathOnly|unix.O_DIRECTORY, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err == nil
}

// openBeneath opens name in dir. The kernel itself sees to it that no element on
// the way is "..", a symbolic link or otherwise leads out of dir, whatever others
// change meanwhile: ELOOP for a link, as the last element, too.
func openBeneath(dir int, name string, flag int, perm uint64) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flag) | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Mode:    perm,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := openat2(dir, name, &how)
		if err != syscall.EINTR && err != syscall.EAGAIN {
			return fd, err
		}
	}
}
