//go:build linux

package vfs

import (
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls here are those of golang.org/x/sys/unix with names relative to an open
// directory, but without the allocation that it makes for each name.

// nameRoom is what the kernel's copy of a name has on the stack; longer ones take
// an allocation.
const nameRoom = 512

// terminated returns name with a NUL at the end, in room if it fits.
func terminated(room []byte, name string) (*byte, error) {
	if strings.IndexByte(name, 0) >= 0 {
		return nil, syscall.EINVAL
	}
	b := append(append(room, name...), 0)
	return &b[0], nil
}

// at makes a system call with a directory, a name, a pointer and two numbers.
func at(trap uintptr, dir int, name string, p unsafe.Pointer, a, b uintptr) (int, error) {
	var room [nameRoom]byte
	path, err := terminated(room[:0], name)
	if err != nil {
		return -1, err
	}
	n, _, errno := unix.Syscall6(trap, uintptr(dir), uintptr(unsafe.Pointer(path)), uintptr(p), a, b, 0)
	return int(n), errnoOrNil(errno)
}

// atNumber makes a system call with a directory, a name and a number.
func atNumber(trap uintptr, dir int, name string, a uintptr) error {
	var room [nameRoom]byte
	path, err := terminated(room[:0], name)
	if err != nil {
		return err
	}
	_, _, errno := unix.Syscall(trap, uintptr(dir), uintptr(unsafe.Pointer(path)), a)
	return errnoOrNil(errno)
}

// atBoth makes a system call with two names, each relative to a directory, and flags.
func atBoth(trap uintptr, fromDir int, from string, toDir int, to string, flags uintptr) error {
	var fromRoom, toRoom [nameRoom]byte
	fromPath, err := terminated(fromRoom[:0], from)
	if err != nil {
		return err
	}
	toPath, err := terminated(toRoom[:0], to)
	if err != nil {
		return err
	}
	_, _, errno := unix.Syscall6(trap, uintptr(fromDir), uintptr(unsafe.Pointer(fromPath)),
		uintptr(toDir), uintptr(unsafe.Pointer(toPath)), flags, 0)
	return errnoOrNil(errno)
}

func errnoOrNil(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

func openat2(dir int, name string, how *unix.OpenHow) (int, error) {
	return at(unix.SYS_OPENAT2, dir, name, unsafe.Pointer(how), unsafe.Sizeof(*how), 0)
}

func fstatat(dir int, name string, st *unix.Stat_t, flags int) error {
	_, err := at(unix.SYS_NEWFSTATAT, dir, name, unsafe.Pointer(st), uintptr(flags), 0)
	return err
}

func readlinkat(dir int, name string, buf []byte) (int, error) {
	return at(unix.SYS_READLINKAT, dir, name, unsafe.Pointer(unsafe.SliceData(buf)), uintptr(len(buf)), 0)
}

func utimensat(dir int, name string, ts *[2]unix.Timespec, flags int) error {
	_, err := at(unix.SYS_UTIMENSAT, dir, name, unsafe.Pointer(ts), uintptr(flags), 0)
	return err
}

func mkdirat(dir int, name string, mode uint32) error {
	return atNumber(unix.SYS_MKDIRAT, dir, name, uintptr(mode))
}

func unlinkat(dir int, name string, flags int) error {
	return atNumber(unix.SYS_UNLINKAT, dir, name, uintptr(flags))
}

func linkat(fromDir int, from string, toDir int, to string, flags int) error {
	return atBoth(unix.SYS_LINKAT, fromDir, from, toDir, to, uintptr(flags))
}

func renameat(fromDir int, from string, toDir int, to string) error {
	return atBoth(unix.SYS_RENAMEAT2, fromDir, from, toDir, to, 0)
}

func symlinkat(target string, dir int, name string) error {
	var targetRoom, room [nameRoom]byte
	targetPath, err := terminated(targetRoom[:0], target)
	if err != nil {
		return err
	}
	path, err := terminated(room[:0], name)
	if err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_SYMLINKAT, uintptr(unsafe.Pointer(targetPath)), uintptr(dir), uintptr(unsafe.Pointer(path)))
	return errnoOrNil(errno)
}
