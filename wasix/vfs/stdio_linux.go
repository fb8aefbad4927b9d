package vfs

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// hostStream returns a file of the host as one of a guest: a duplicate, which
// shares the offset.
func hostStream(f *os.File) (descriptor.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, syserror.Of(err)
	}
	switch {
	case info.IsDir():
		return nil, syscall.EISDIR
	case !info.Mode().IsRegular():
		return openStream(f, false)
	}
	fd, err := duplicate(f)
	if err != nil {
		return nil, err
	}
	flag, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return newHostFile(fd, filetypeOf(info.Mode()), flag), nil
}
