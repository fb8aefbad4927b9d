//go:build unix

package vfs

import (
	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// statFD returns the attributes of an open file of the host.
func statFD(fd int) (descriptor.Stat, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return statOf(&st), err
}

func statOf(st *unix.Stat_t) descriptor.Stat {
	return descriptor.Stat{
		Dev: uint64(st.Dev), Ino: st.Ino, Nlink: uint64(st.Nlink), Size: uint64(max(st.Size, 0)),
		Filetype: filetypeOfMode(uint32(st.Mode)),
		Atim:     nanoseconds(st.Atim), Mtim: nanoseconds(st.Mtim), Ctim: nanoseconds(st.Ctim),
	}
}

// nanoseconds turns a kernel's time into Unix nanoseconds; WASI has none before 1970.
func nanoseconds(ts unix.Timespec) uint64 { return uint64(max(ts.Nano(), 0)) }

// filetypeOfMode returns the file type for st_mode. Pipes are S_IFSOCK to wasix-libc.
func filetypeOfMode(mode uint32) abi.Filetype {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return abi.FiletypeRegularFile
	case unix.S_IFDIR:
		return abi.FiletypeDirectory
	case unix.S_IFLNK:
		return abi.FiletypeSymbolicLink
	case unix.S_IFCHR:
		return abi.FiletypeCharacterDevice
	case unix.S_IFBLK:
		return abi.FiletypeBlockDevice
	case unix.S_IFIFO, unix.S_IFSOCK:
		return abi.FiletypeSocketStream
	}
	return abi.FiletypeUnknown
}

// rawFD lets others use a descriptor, as an os.File does.
type rawFD int

func (fd rawFD) Control(f func(uintptr)) error {
	f(uintptr(fd))
	return nil
}

func (fd rawFD) Read(f func(uintptr) bool) error  { return fd.until(f) }
func (fd rawFD) Write(f func(uintptr) bool) error { return fd.until(f) }

// until calls f until it is done: regular files are always ready.
func (fd rawFD) until(f func(uintptr) bool) error {
	for !f(uintptr(fd)) {
	}
	return nil
}
