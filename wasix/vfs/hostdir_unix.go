//go:build unix

package vfs

import (
	"errors"
	"os"
	"strings"
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

// keepsNoNames: the kernel and os.Root are asked for them at once.
func (h *hostDir) keepsNoNames() {}

// parent is the open directory that a name is in.
type parent struct {
	fd   int
	base string   // the name in there
	root *hostDir // whose fd it is; nil when it is the parent's own
}

// parentOf opens the directory that name is in. leave ends its use.
func (h *hostDir) parentOf(name string) (parent, error) {
	slash := strings.LastIndexByte(name, '/')
	if slash < 0 {
		return parent{h.fd, name, h}, h.acquire()
	}
	fd, err := h.openAt(name[:slash], pathOnly|unix.O_DIRECTORY, 0)
	return parent{fd, name[slash+1:], nil}, err
}

func (p *parent) leave() {
	if p.root != nil {
		_ = p.root.release()
		return
	}
	_ = unix.Close(p.fd)
}

// changeable is parentOf for calls that may change something.
func (h *hostDir) changeable(name string) (parent, error) {
	switch {
	case h.readOnly:
		return parent{}, syscall.EROFS
	case name == ".":
		return parent{}, syscall.EBUSY
	}
	return h.parentOf(name)
}

func (h *hostDir) Lstat(name string) (descriptor.Stat, error) {
	dir, err := h.parentOf(name)
	if err != nil {
		return descriptor.Stat{}, err
	}
	defer dir.leave()
	var st unix.Stat_t
	err = fstatat(dir.fd, dir.base, &st, unix.AT_SYMLINK_NOFOLLOW)
	return statOf(&st), err
}

func (h *hostDir) Readlink(name string, buf []byte) (int, error) {
	dir, err := h.parentOf(name)
	if err != nil {
		return 0, err
	}
	defer dir.leave()
	return readlinkat(dir.fd, dir.base, buf)
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
	f := os.NewFile(uintptr(fd), strings.Clone(name))
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
	return newHostDirectory(fd, h.readOnly), nil
}

func (h *hostDir) Mkdir(name string) error {
	dir, err := h.changeable(name)
	if err != nil {
		return err
	}
	defer dir.leave()
	return mkdirat(dir.fd, dir.base, dirPerm)
}

func (h *hostDir) Unlink(name string) error { return h.remove(name, 0) }
func (h *hostDir) Rmdir(name string) error  { return h.remove(name, unix.AT_REMOVEDIR) }

func (h *hostDir) remove(name string, flags int) error {
	dir, err := h.changeable(name)
	if err != nil {
		return err
	}
	defer dir.leave()
	return unlinkat(dir.fd, dir.base, flags)
}

func (h *hostDir) Symlink(target, name string) error {
	dir, err := h.changeable(name)
	if err != nil {
		return err
	}
	defer dir.leave()
	return symlinkat(target, dir.fd, dir.base)
}

func (h *hostDir) Link(from, to string) error {
	fromDir, toDir, err := h.bothChangeable(from, to)
	if err != nil {
		return err
	}
	defer fromDir.leave()
	defer toDir.leave()
	return linkat(fromDir.fd, fromDir.base, toDir.fd, toDir.base, 0)
}

func (h *hostDir) Rename(from, to string) error {
	fromDir, toDir, err := h.bothChangeable(from, to)
	if err != nil {
		return err
	}
	defer fromDir.leave()
	defer toDir.leave()
	return renameat(fromDir.fd, fromDir.base, toDir.fd, toDir.base)
}

// bothChangeable is changeable for two names.
func (h *hostDir) bothChangeable(from, to string) (fromDir, toDir parent, err error) {
	if fromDir, err = h.changeable(from); err != nil {
		return parent{}, parent{}, err
	}
	if toDir, err = h.changeable(to); err != nil {
		fromDir.leave()
	}
	return fromDir, toDir, err
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
	dir, err := h.changeable(name)
	if err != nil {
		return err
	}
	defer dir.leave()
	return setTimesAt(dir.fd, dir.base, atim, mtim)
}

// hostDirectory is an open directory of the host.
type hostDirectory struct {
	direntReader
	readOnly bool
}

func newHostDirectory(fd int, readOnly bool) *hostDirectory {
	return &hostDirectory{newDirentReader(fd), readOnly}
}

func (d *hostDirectory) Sync(bool) error                { return unix.Fsync(d.descriptor()) }
func (d *hostDirectory) Stat() (descriptor.Stat, error) { return statFD(d.descriptor()) }

func (d *hostDirectory) SetTimes(atim, mtim int64) error {
	if d.readOnly {
		return syscall.EROFS
	}
	return setFileTimes(d.descriptor(), atim, mtim)
}
