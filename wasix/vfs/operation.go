package vfs

import (
	"os"
	"strings"
	"syscall"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// OpenFlags say how to open a file.
type OpenFlags struct {
	Read, Write       bool
	Create, Exclusive bool
	Truncate, Append  bool
	Sync              bool
	Directory         bool // fail unless it is one
	Follow            bool // the last element may be a symbolic link
}

func (o OpenFlags) flag() int {
	flag := os.O_RDONLY
	switch {
	case o.Read && o.Write:
		flag = os.O_RDWR
	case o.Write:
		flag = os.O_WRONLY
	}
	for _, f := range []struct {
		on   bool
		flag int
	}{{o.Create, os.O_CREATE}, {o.Create && o.Exclusive, os.O_EXCL}, {o.Truncate, os.O_TRUNC}, {o.Append, os.O_APPEND}, {o.Sync, os.O_SYNC}} {
		if f.on {
			flag |= f.flag
		}
	}
	return flag
}

func (w *walk) open(p string, o OpenFlags) (descriptor.File, error) {
	if o.Create && o.Directory {
		return nil, syscall.EINVAL
	}
	if f, err, ok := w.leapOpen(p, o); ok {
		return f, err
	}
	return again(func() (descriptor.File, error) { return w.lookupOpen(p, o) })
}

func (w *walk) lookupOpen(p string, o OpenFlags) (descriptor.File, error) {
	mode := followIf(o.Follow && !(o.Create && o.Exclusive))
	if o.Create && strings.HasSuffix(p, "/") {
		mode = followNever // whatever it leads to
	}
	pl, err := w.lookup(p, mode)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Create && pl.slash && pl.last == lastName:
		return nil, syscall.EISDIR
	case !pl.known && !o.Create:
		return nil, syscall.ENOENT
	case !pl.known:
		return pl.openFile(o)
	case o.Create && o.Exclusive:
		return nil, syscall.EEXIST
	case pl.isLink():
		return nil, syscall.ELOOP
	case pl.isDir():
		if o.Create || o.Write || o.Truncate {
			return nil, syscall.EISDIR
		}
		dir, err := w.openDir()
		if err != nil {
			return nil, pl.unlinked(err)
		}
		return dir, nil
	case o.Directory:
		return nil, syscall.ENOTDIR
	}
	return pl.openFile(o)
}

func (pl *place) openFile(o OpenFlags) (descriptor.File, error) {
	f, err := pl.mount.fs.OpenFile(pl.name, o.flag())
	return f, pl.unlinked(syserror.Of(err))
}

// openDir opens the directory that the walk has come to.
func (w *walk) openDir() (*Dir, error) {
	dir, err := w.at.mount.fs.OpenDir(w.at.name)
	if err != nil {
		return nil, syserror.Of(err)
	}
	guest := string(w.path)
	return &Dir{tree: w.tree, guest: guest, place: w.tree.at(guest), beneath: w.beneath, dir: dir}, nil
}

// walk begins resolutions of paths from d.
func (d *Dir) walk() *walk { return d.tree.walk(d.guest, d.beneath) }

// Open opens the file that p names, as openat(2), but never waits for the other
// end of a pipe. A directory that is opened with only Read is a *Dir.
func (d *Dir) Open(p string, o OpenFlags) (descriptor.File, error) {
	w := d.walk()
	defer w.done()
	return w.open(p, o)
}

// Lookup returns the attributes of the file that p names, as fstatat(2).
func (d *Dir) Lookup(p string, follow bool) (descriptor.Stat, error) {
	w := d.walk()
	defer w.done()
	if w.straight(p) {
		// What is not there needs no second look, as when something is to be made.
		if err := w.at.lstat(); err == syscall.ENOENT || err == nil && !(follow && w.at.isLink()) {
			return w.at.stat, err
		}
	}
	pl, err := w.lookup(p, followIf(follow))
	if err != nil {
		return descriptor.Stat{}, err
	}
	return pl.stat, pl.mustExist()
}

// Readlink stores where a symbolic link points in buf, cut to its length, and
// returns how many bytes that is, as readlinkat(2).
func (d *Dir) Readlink(p string, buf []byte) (int, error) {
	w := d.walk()
	defer w.done()
	pl, err := w.lookup(p, followSlash)
	if err != nil {
		return 0, err
	}
	if err := pl.mustExist(); err != nil {
		return 0, err
	}
	if !pl.isLink() {
		return 0, syscall.EINVAL
	}
	n, err := pl.mount.fs.Readlink(pl.name, buf)
	return n, syserror.Of(err)
}

// writable returns the file system that pl is in, or EROFS.
func (pl *place) writable() (Writable, error) {
	if fs, ok := pl.mount.fs.(Writable); ok {
		return fs, nil
	}
	return nil, syscall.EROFS
}

// vacant resolves the path of a file to be made, which only for a directory may
// end in a slash.
func (w *walk) vacant(p string, dir bool) (*place, Writable, error) {
	pl, err := w.lookup(p, followNever)
	switch {
	case err != nil:
		return nil, nil, err
	case pl.known:
		return nil, nil, syscall.EEXIST
	case pl.slash && !dir:
		return nil, nil, syscall.ENOENT
	}
	fs, err := pl.writable()
	return pl, fs, err
}

// Mkdir makes a directory, as mkdirat(2).
func (d *Dir) Mkdir(p string) error {
	w := d.walk()
	defer w.done()
	pl, fs, err := w.vacant(p, true)
	if err != nil {
		return err
	}
	return syserror.Of(fs.Mkdir(pl.name))
}

// Symlink makes a symbolic link at p that points to target, as symlinkat(2).
func (d *Dir) Symlink(target, p string) error {
	switch {
	case target == "":
		return syscall.ENOENT
	case len(target) > maxPath:
		return syscall.ENAMETOOLONG
	case strings.IndexByte(target, 0) >= 0:
		return syscall.EINVAL
	case d.beneath && strings.HasPrefix(target, "/"):
		return syscall.EPERM
	}
	w := d.walk()
	defer w.done()
	pl, fs, err := w.vacant(p, false)
	if err != nil {
		return err
	}
	return syserror.Of(fs.Symlink(target, pl.name))
}

// Link gives the file that p names in d another name, q in to, as linkat(2).
func (d *Dir) Link(p string, follow bool, to *Dir, q string) error {
	w := d.walk()
	defer w.done()
	from, err := w.lookup(p, followIf(follow))
	if err != nil {
		return err
	}
	if err := from.mustExist(); err != nil {
		return err
	}
	w2 := to.walk()
	defer w2.done()
	pl, fs, err := w2.vacant(q, false)
	switch {
	case err != nil:
		return err
	case pl.mount != from.mount:
		return syscall.EXDEV
	case from.isDir():
		return syscall.EPERM
	}
	return syserror.Of(fs.Link(from.name, pl.name))
}

// Unlink removes a file, as unlinkat(2).
func (d *Dir) Unlink(p string) error {
	w := d.walk()
	defer w.done()
	pl, err := w.lookup(p, followNever)
	if err != nil {
		return err
	}
	if err := pl.mustExist(); err != nil {
		return err
	}
	switch {
	case pl.isDir():
		return syscall.EISDIR
	case pl.slash:
		return syscall.ENOTDIR
	}
	fs, err := pl.writable()
	if err != nil {
		return err
	}
	return syserror.Of(fs.Unlink(pl.name))
}

// Rmdir removes an empty directory, as unlinkat(2) with AT_REMOVEDIR.
func (d *Dir) Rmdir(p string) error {
	w := d.walk()
	defer w.done()
	pl, err := w.lookup(p, followNever)
	if err != nil {
		return err
	}
	if err := pl.mustBeDir(); err != nil {
		return err
	}
	switch {
	case pl.last == lastDot:
		return syscall.EINVAL
	case pl.last == lastDotDot:
		return syscall.ENOTEMPTY
	case w.isBusy():
		return syscall.EBUSY
	}
	fs, err := pl.writable()
	if err != nil {
		return err
	}
	return syserror.Of(fs.Rmdir(pl.name))
}

// Rename moves the file that p names in d to q in to, as renameat(2).
func (d *Dir) Rename(p string, to *Dir, q string) error {
	w := d.walk()
	defer w.done()
	from, err := w.lookup(p, followNever)
	if err != nil {
		return err
	}
	w2 := to.walk()
	defer w2.done()
	into, err := w2.lookup(q, followNever)
	if err != nil {
		return err
	}
	switch {
	case w.holder(from) != w2.holder(into):
		return syscall.EXDEV
	case from.last != lastName || into.last != lastName:
		return syscall.EBUSY
	case !from.known:
		return syscall.ENOENT
	case (from.slash || into.slash) && !from.isDir():
		return syscall.ENOTDIR
	case w.isBusy() || w2.isBusy():
		return syscall.EBUSY
	}
	fs, err := from.writable()
	if err != nil {
		return err
	}
	return syserror.Of(fs.Rename(from.name, into.name))
}

// SetTimesOf sets the times of the file that p names, as utimensat(2); see
// [TimeSetter].
func (d *Dir) SetTimesOf(p string, follow bool, atim, mtim int64) error {
	w := d.walk()
	defer w.done()
	pl, err := w.lookup(p, followIf(follow))
	if err != nil {
		return err
	}
	if err := pl.mustExist(); err != nil {
		return err
	}
	fs, err := pl.writable()
	if err != nil {
		return err
	}
	return syserror.Of(fs.SetTimes(pl.name, atim, mtim))
}
