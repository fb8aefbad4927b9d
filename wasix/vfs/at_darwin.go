package vfs

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// The calls with names relative to an open directory.
var (
	fstatat    = unix.Fstatat
	readlinkat = unix.Readlinkat
	mkdirat    = unix.Mkdirat
	unlinkat   = unix.Unlinkat
	linkat     = unix.Linkat
	renameat   = unix.Renameat
	symlinkat  = unix.Symlinkat
)

// pathOnly is the flag for a descriptor that only stands for a file.
const pathOnly = unix.O_RDONLY

// hasOpenBeneath reports that there is no openat2(2).
func hasOpenBeneath(int) bool { return false }

func openBeneath(int, string, int, uint64) (int, error) { return -1, syscall.ENOSYS }
