//go:build unix

package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/descriptor"
)

// Permissions of what guests make, before the host's umask; WASI has none.
const (
	filePerm = 0o666
	dirPerm  = 0o777
)

// openFlags go with every opening: a guest must neither wait for the other end
// of a pipe nor give its host a controlling terminal.
const openFlags = unix.O_NONBLOCK | unix.O_NOCTTY

// hostDir is a directory of the host. All names are resolved by os.Root, or
// relative to a parent directory that os.Root has opened.
type hostDir struct {
	root     *os.Root
	readOnly bool
}

// HostDir returns the file system of a directory of the host. Nothing outside of
// it can be reached. When it is readOnly, nothing in it can be changed (EROFS).
// Files are made with the permissions 0666, directories with 0777, less the
// host's umask. The result is an io.Closer; what is open in it stays open.
func HostDir(hostPath string, readOnly bool) (FileSystem, error) {
	root, err := os.OpenRoot(hostPath)
	if err != nil {
		return nil, err
	}
	return &hostDir{root, readOnly}, nil
}

// Close releases the directory.
func (h *hostDir) Close() error { return h.root.Close() }

func (h *hostDir) Lstat(name string) (descriptor.Stat, error) {
	info, err := h.root.Lstat(name)
	if err != nil {
		return descriptor.Stat{}, errnoOf(err)
	}
	return statOf(info), nil
}

func (h *hostDir) Readlink(name string) (string, error) {
	target, err := h.root.Readlink(name)
	return target, errnoOf(err)
}

func (h *hostDir) OpenFile(name string, flag int) (descriptor.File, error) {
	f, err := h.openFile(name, flag)
	if err != nil {
		return nil, errnoOf(err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, errnoOf(err)
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		_ = f.Close()
		return nil, syscall.EISDIR
	case mode.IsRegular(), mode&(os.ModeDevice|os.ModeCharDevice) == os.ModeDevice:
		file := newHostFile(f, filetypeOf(mode), flag)
		file.readOnly = h.readOnly
		return file, nil
	}
	defer f.Close()
	return openStream(f, true)
}

// openFile opens a file of whatever type. On a read-only mount nothing is made:
// what does not exist cannot be.
func (h *hostDir) openFile(name string, flag int) (*os.File, error) {
	if !h.readOnly {
		return h.root.OpenFile(name, flag|openFlags, filePerm)
	}
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_TRUNC) != 0 {
		return nil, syscall.EROFS
	}
	f, err := h.root.OpenFile(name, flag&^(os.O_CREATE|os.O_EXCL)|openFlags, 0)
	if flag&os.O_CREATE != 0 && errors.Is(err, fs.ErrNotExist) {
		return nil, syscall.EROFS
	}
	return f, err
}

func (h *hostDir) OpenDir(name string) (Directory, error) {
	f, err := h.root.OpenFile(name, os.O_RDONLY|openFlags|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, errnoOf(err)
	}
	return newHostDirectory(f, h.readOnly), nil
}

// in calls f with the open parent directory of name, and its name in there.
func (h *hostDir) in(name string, f func(dir int, base string) error) error {
	if h.readOnly {
		return syscall.EROFS
	}
	if name == "." {
		return syscall.EBUSY
	}
	dir, err := h.root.OpenFile(path.Dir(name), os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return errnoOf(err)
	}
	defer dir.Close()
	return f(int(dir.Fd()), path.Base(name))
}

func (h *hostDir) Mkdir(name string) error {
	return h.in(name, func(dir int, base string) error { return unix.Mkdirat(dir, base, dirPerm) })
}

func (h *hostDir) Unlink(name string) error {
	return h.in(name, func(dir int, base string) error { return unix.Unlinkat(dir, base, 0) })
}

func (h *hostDir) Rmdir(name string) error {
	return h.in(name, func(dir int, base string) error { return unix.Unlinkat(dir, base, unix.AT_REMOVEDIR) })
}

func (h *hostDir) Symlink(target, name string) error {
	return h.in(name, func(dir int, base string) error { return unix.Symlinkat(target, dir, base) })
}

func (h *hostDir) Link(from, to string) error {
	return h.in(from, func(fromDir int, fromBase string) error {
		return h.in(to, func(toDir int, toBase string) error {
			return unix.Linkat(fromDir, fromBase, toDir, toBase, 0)
		})
	})
}

func (h *hostDir) Rename(from, to string) error {
	return h.in(from, func(fromDir int, fromBase string) error {
		return h.in(to, func(toDir int, toBase string) error {
			return unix.Renameat(fromDir, fromBase, toDir, toBase)
		})
	})
}

func (h *hostDir) SetTimes(name string, atim, mtim int64) error {
	if name == "." {
		d, err := h.OpenDir(name)
		if err != nil {
			return err
		}
		defer d.Close()
		return d.(TimeSetter).SetTimes(atim, mtim)
	}
	return h.in(name, func(dir int, base string) error {
		return setTimesAt(dir, base, atim, mtim)
	})
}

// hostDirectory is an open directory of the host.
type hostDirectory struct {
	file     *os.File
	readOnly bool
	reader   direntReader
}

func newHostDirectory(f *os.File, readOnly bool) *hostDirectory {
	return &hostDirectory{file: f, readOnly: readOnly}
}

func (d *hostDirectory) Next() ([]Entry, error) { return d.reader.next(d.file) }
func (d *hostDirectory) Close() error           { return d.file.Close() }
func (d *hostDirectory) Sync(bool) error        { return d.file.Sync() }

func (d *hostDirectory) Resume(position int64) error { return d.reader.seek(d.file, position) }

func (d *hostDirectory) Stat() (descriptor.Stat, error) { return fileStat(d.file) }

func (d *hostDirectory) SetTimes(atim, mtim int64) error {
	if d.readOnly {
		return syscall.EROFS
	}
	return setFileTimes(d.file, atim, mtim)
}

func fileStat(f *os.File) (descriptor.Stat, error) {
	info, err := f.Stat()
	if err != nil {
		return descriptor.Stat{}, errnoOf(err)
	}
	return statOf(info), nil
}

func statOf(info os.FileInfo) descriptor.Stat {
	st := descriptor.Stat{Filetype: filetypeOf(info.Mode()), Nlink: 1, Size: uint64(max(info.Size(), 0))}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		st.Dev, st.Ino, st.Nlink = uint64(sys.Dev), sys.Ino, uint64(sys.Nlink)
		st.Atim, st.Mtim, st.Ctim = statTimes(sys)
	}
	return st
}

// nanoseconds turns a kernel's time into Unix nanoseconds; WASI has none before 1970.
func nanoseconds(ts syscall.Timespec) uint64 { return uint64(max(ts.Nano(), 0)) }
