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

func (t *Tree) open(from place, p string, o OpenFlags) (descriptor.File, error) {
	if o.Create && o.Directory {
		return nil, syscall.EINVAL
	}
	if f, err, ok := t.leapOpen(from, p, o); ok {
		return f, err
	}
	return again(func() (descriptor.File, error) { return t.walkOpen(from, p, o) })
}

func (t *Tree) walkOpen(from place, p string, o OpenFlags) (descriptor.File, error) {
	mode := followIf(o.Follow && !(o.Create && o.Exclusive))
	if o.Create && strings.HasSuffix(p, "/") {
		mode = followNever // whatever it leads to
	}
	pl, err := t.lookup(from, p, mode)
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
		dir, err := t.openDir(pl)
		if err != nil {
			return nil, pl.unlinked(err)
		}
		dir.place.beneath = from.beneath
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

func (t *Tree) openDir(pl place) (*Dir, error) {
	dir, err := pl.mount.fs.OpenDir(pl.name)
	if err != nil {
		return nil, syserror.Of(err)
	}
	return &Dir{tree: t, place: place{mount: pl.mount, name: pl.name}, dir: dir}, nil
}

// Open opens the file that p names, as openat(2), but never waits for the other
// end of a pipe. A directory that is opened with only Read is a *Dir.
func (d *Dir) Open(p string, o OpenFlags) (descriptor.File, error) {
	return d.tree.open(d.place, p, o)
}

// Lookup returns the attributes of the file that p names, as fstatat(2).
func (d *Dir) Lookup(p string, follow bool) (descriptor.Stat, error) {
	if pl, ok := d.tree.plain(d.place, p); ok {
		// What is not there needs no second look, as when something is to be made.
		if err := pl.lstat(); err == syscall.ENOENT || err == nil && !(follow && pl.isLink()) {
			return pl.stat, err
		}
	}
	pl, err := d.tree.lookup(d.place, p, followIf(follow))
	if err != nil {
		return descriptor.Stat{}, err
	}
	return pl.stat, pl.mustExist()
}

// Readlink returns where a symbolic link points, as readlinkat(2).
func (d *Dir) Readlink(p string) (string, error) {
	pl, err := d.tree.lookup(d.place, p, followSlash)
	if err != nil {
		return "", err
	}
	if err := pl.mustExist(); err != nil {
		return "", err
	}
	if !pl.isLink() {
		return "", syscall.EINVAL
	}
	target, err := pl.mount.fs.Readlink(pl.name)
	return target, syserror.Of(err)
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
func (d *Dir) vacant(p string, dir bool) (place, Writable, error) {
	pl, err := d.tree.lookup(d.place, p, followNever)
	switch {
	case err != nil:
		return place{}, nil, err
	case pl.known:
		return place{}, nil, syscall.EEXIST
	case pl.slash && !dir:
		return place{}, nil, syscall.ENOENT
	}
	fs, err := pl.writable()
	return pl, fs, err
}

// Mkdir makes a directory, as mkdirat(2).
func (d *Dir) Mkdir(p string) error {
	pl, fs, err := d.vacant(p, true)
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
	case d.place.beneath && strings.HasPrefix(target, "/"):
		return syscall.EPERM
	}
	pl, fs, err := d.vacant(p, false)
	if err != nil {
		return err
	}
	return syserror.Of(fs.Symlink(target, pl.name))
}

// Link gives the file that p names in d another name, q in to, as linkat(2).
func (d *Dir) Link(p string, follow bool, to *Dir, q string) error {
	from, err := d.tree.lookup(d.place, p, followIf(follow))
	if err != nil {
		return err
	}
	if err := from.mustExist(); err != nil {
		return err
	}
	pl, fs, err := to.vacant(q, false)
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
	pl, err := d.tree.lookup(d.place, p, followNever)
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
	pl, err := d.tree.lookup(d.place, p, followNever)
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
	case d.tree.isBusy(pl):
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
	from, err := d.tree.lookup(d.place, p, followNever)
	if err != nil {
		return err
	}
	into, err := to.tree.lookup(to.place, q, followNever)
	if err != nil {
		return err
	}
	switch {
	case from.mount != into.mount:
		return syscall.EXDEV
	case from.last != lastName || into.last != lastName:
		return syscall.EBUSY
	case !from.known:
		return syscall.ENOENT
	case (from.slash || into.slash) && !from.isDir():
		return syscall.ENOTDIR
	case d.tree.isBusy(from) || d.tree.isBusy(into):
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
	pl, err := d.tree.lookup(d.place, p, followIf(follow))
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
