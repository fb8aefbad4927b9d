package vfs

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// pathOnly is the flag for a descriptor that only stands for a file.
const pathOnly = unix.O_RDONLY

// hasOpenBeneath reports that there is no openat2(2).
func hasOpenBeneath(int) bool { return false }

func openBeneath(int, string, int, uint64) (int, error) { return -1, syscall.ENOSYS }
