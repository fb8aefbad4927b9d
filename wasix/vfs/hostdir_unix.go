//go:build unix

package vfs

import (
	"errors"
	"os"
	"path"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/internal/syserror"
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

// hostDir is a directory of the host. All names are resolved by the kernel's
// openat2(2), or else by os.Root, both of which keep to the directory; or they are
// one element, relative to a directory that was opened in that way.
type hostDir struct {
	root     *os.Root
	dir      *os.File
	fd       int  // of dir
	beneath  bool // openat2 works
	readOnly bool
	closed   atomic.Bool
	users    atomic.Int64 // calls in progress, and one until Close: fd stays theirs
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
	dir, err := root.Open(".")
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	fd := int(dir.Fd())
	h := &hostDir{root: root, dir: dir, fd: fd, beneath: hasOpenBeneath(fd), readOnly: readOnly}
	h.users.Store(1)
	return h, nil
}

// Close releases the directory. From then on everything is EBADF.
func (h *hostDir) Close() error {
	if h.closed.Swap(true) {
		return nil
	}
	return h.release()
}

// acquire begins a use of the directory.
func (h *hostDir) acquire() error {
	if h.closed.Load() {
		return syscall.EBADF
	}
	for {
		switch n := h.users.Load(); {
		case n == 0:
			return syscall.EBADF
		case h.users.CompareAndSwap(n, n+1):
			return nil
		}
	}
}

// release ends it; the last one closes the directory.
func (h *hostDir) release() error {
	if h.users.Add(-1) > 0 {
		return nil
	}
	return errors.Join(h.root.Close(), h.dir.Close())
}

// oneStep reports that a symbolic link on the way is an error, and not followed.
func (h *hostDir) oneStep() bool { return h.beneath }

// openAt opens name. With openat2, symbolic links are ELOOP.
func (h *hostDir) openAt(name string, flag int, perm uint32) (int, error) {
	if err := h.acquire(); err != nil {
		return -1, err
	}
	defer h.release()
	if h.beneath {
		return openBeneath(h.fd, name, flag, uint64(perm))
	}
	f, err := h.root.OpenFile(name, flag, os.FileMode(perm))
	if err != nil {
		return -1, syserror.Of(err)
	}
	defer f.Close()
	return unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
}

// in calls f with the open parent directory of name, and its name in there.
func (h *hostDir) in(name string, f func(dir int, base string) error) error {
	parent, base := path.Split(name)
	if parent == "" {
		if err := h.acquire(); err != nil {
			return err
		}
		defer h.release()
		return f(h.fd, base)
	}
	dir, err := h.openAt(path.Clean(parent), pathOnly|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return f(dir, base)
}

// change calls f as in does, where that may change something.
func (h *hostDir) change(name string, f func(dir int, base string) error) error {
	switch {
	case h.readOnly:
		return syscall.EROFS
	case name == ".":
		return syscall.EBUSY
	}
	return h.in(name, f)
}

func (h *hostDir) Lstat(name string) (descriptor.Stat, error) {
	var st unix.Stat_t
	err := h.in(name, func(dir int, base string) error {
		return unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	})
	return statOf(&st), err
}

func (h *hostDir) Readlink(name string) (target string, err error) {
	err = h.in(name, func(dir int, base string) error {
		buf := make([]byte, maxPath+1)
		n, err := unix.Readlinkat(dir, base, buf)
		target = string(buf[:max(n, 0)])
		return err
	})
	return target, err
}

func (h *hostDir) OpenFile(name string, flag int) (descriptor.File, error) {
	fd, err := h.openFile(name, flag)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		_ = unix.Close(fd)
		return nil, syscall.EISDIR
	case unix.S_IFREG, unix.S_IFBLK:
		file := newHostFile(fd, filetypeOfMode(uint32(st.Mode)), flag)
		file.readOnly = h.readOnly
		return file, nil
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	return openStream(f, true)
}

// openFile opens a file of whatever type. On a read-only mount nothing is made:
// what does not exist cannot be.
func (h *hostDir) openFile(name string, flag int) (int, error) {
	perm := uint32(0)
	if flag&os.O_CREATE != 0 {
		perm = filePerm
	}
	if !h.readOnly {
		return h.openAt(name, flag|openFlags, perm)
	}
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_TRUNC) != 0 {
		return -1, syscall.EROFS
	}
	fd, err := h.openAt(name, flag&^(os.O_CREATE|os.O_EXCL)|openFlags, 0)
	if flag&os.O_CREATE != 0 && err == syscall.ENOENT {
		return -1, syscall.EROFS
	}
	return fd, err
}

func (h *hostDir) OpenDir(name string) (Directory, error) {
	fd, err := h.openAt(name, os.O_RDONLY|openFlags|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return newHostDirectory(os.NewFile(uintptr(fd), name), h.readOnly), nil
}

func (h *hostDir) Mkdir(name string) error {
	return h.change(name, func(dir int, base string) error { return unix.Mkdirat(dir, base, dirPerm) })
}

func (h *hostDir) Unlink(name string) error {
	return h.change(name, func(dir int, base string) error { return unix.Unlinkat(dir, base, 0) })
}

func (h *hostDir) Rmdir(name string) error {
	return h.change(name, func(dir int, base string) error { return unix.Unlinkat(dir, base, unix.AT_REMOVEDIR) })
}

func (h *hostDir) Symlink(target, name string) error {
	return h.change(name, func(dir int, base string) error { return unix.Symlinkat(target, dir, base) })
}

func (h *hostDir) Link(from, to string) error {
	return h.change(from, func(fromDir int, fromBase string) error {
		return h.change(to, func(toDir int, toBase string) error {
			return unix.Linkat(fromDir, fromBase, toDir, toBase, 0)
		})
	})
}

func (h *hostDir) Rename(from, to string) error {
	return h.change(from, func(fromDir int, fromBase string) error {
		return h.change(to, func(toDir int, toBase string) error {
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
	return h.change(name, func(dir int, base string) error {
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

func (d *hostDirectory) Stat() (descriptor.Stat, error) { return statFD(int(d.file.Fd())) }

func (d *hostDirectory) SetTimes(atim, mtim int64) error {
	if d.readOnly {
		return syscall.EROFS
	}
	return setFileTimes(int(d.file.Fd()), atim, mtim)
}
