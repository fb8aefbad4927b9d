package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"sync/atomic"
	"syscall"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// goFS is a read-only file system of Go.
type goFS struct {
	fsys fs.FS
	dev  uint64
}

// newDev returns a device number that nobody else has.
func newDev() uint64 { return firstDev + lastDev.Add(1) }

// lastDev numbers file systems that have no device number; the kernel's are lower.
var lastDev atomic.Uint64

const firstDev = 1 << 62

// FS returns the read-only file system of fsys: an embed.FS, a zip archive, an
// fstest.MapFS. Symbolic links work where fsys is an fs.ReadLinkFS. Files can be
// read at any offset; unless they are an io.ReaderAt or an io.Seeker, going back
// opens them again, and reads what is before.
func FS(fsys fs.FS) FileSystem {
	return &goFS{fsys, newDev()}
}

func (g *goFS) Lstat(name string) (descriptor.Stat, error) {
	if !fs.ValidPath(name) {
		return descriptor.Stat{}, syscall.ENOENT
	}
	info, err := fs.Lstat(g.fsys, name)
	if err != nil {
		return descriptor.Stat{}, syserror.Of(err)
	}
	return g.stat(name, info), nil
}

func (g *goFS) stat(name string, info fs.FileInfo) descriptor.Stat {
	mtim := uint64(0)
	if t := info.ModTime(); t.Unix() > 0 {
		mtim = uint64(t.UnixNano())
	}
	return descriptor.Stat{
		Dev: g.dev, Ino: inodeOf(name), Filetype: filetypeOf(info.Mode()), Nlink: 1,
		Size: uint64(max(info.Size(), 0)), Atim: mtim, Mtim: mtim, Ctim: mtim,
	}
}

func (g *goFS) Readlink(name string, buf []byte) (int, error) {
	if !fs.ValidPath(name) {
		return 0, syscall.ENOENT
	}
	target, err := fs.ReadLink(g.fsys, name)
	return copy(buf, target), syserror.Of(err)
}

func (g *goFS) OpenFile(name string, flag int) (descriptor.File, error) {
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_TRUNC) != 0 {
		return nil, syscall.EROFS
	}
	if !fs.ValidPath(name) {
		return nil, syscall.ENOENT
	}
	f, err := g.fsys.Open(name)
	if err != nil {
		if flag&os.O_CREATE != 0 && errors.Is(err, fs.ErrNotExist) {
			return nil, syscall.EROFS
		}
		return nil, syserror.Of(err)
	}
	return &goFile{fs: g, name: name, file: f}, nil
}

func (g *goFS) OpenDir(name string) (Directory, error) {
	if !fs.ValidPath(name) {
		return nil, syscall.ENOENT
	}
	d := &goDirectory{fs: g, name: name}
	return d, d.open()
}

// goDirectory is an open directory. A position counts the entries that were passed
// until then since the start; going back opens the directory again and leaves those
// out, whatever came and went before them.
type goDirectory struct {
	fs      *goFS
	name    string
	file    fs.ReadDirFile
	begun   bool             // file was read from
	passed  []uint64         // inode numbers, of each entry once
	index   map[uint64]int64 // positions by those, since the first going back
	skipped int64            // the position gone back to
	entries []Entry
}

func (d *goDirectory) open() error {
	f, err := d.fs.fsys.Open(d.name)
	if err != nil {
		return syserror.Of(err)
	}
	file, ok := f.(fs.ReadDirFile)
	if !ok {
		_ = f.Close()
		return syscall.ENOTDIR
	}
	d.file = file
	return nil
}

func (d *goDirectory) Resume(position int64) error {
	if d.begun {
		old := d.file
		if err := d.open(); err != nil {
			return err
		}
		d.begun = false
		if err := old.Close(); err != nil {
			return syserror.Of(err)
		}
	}
	d.skipped = position
	switch {
	case position == 0:
		d.passed, d.index = d.passed[:0], nil
	case d.index == nil:
		d.index = make(map[uint64]int64, len(d.passed))
		for i, ino := range d.passed {
			d.index[ino] = int64(i) + 1
		}
	}
	return nil
}

// goBatch is how many entries are read at once.
const goBatch = 256

func (d *goDirectory) Next() ([]Entry, error) {
	d.begun = true
	for d.entries = d.entries[:0]; len(d.entries) == 0; {
		list, err := d.file.ReadDir(goBatch)
		for _, e := range list {
			ino := inodeOf(path.Join(d.name, e.Name()))
			if position := d.pass(ino); position > d.skipped {
				d.entries = append(d.entries, Entry{e.Name(), ino, filetypeOf(e.Type()), position})
			}
		}
		if err == io.EOF || err == nil && len(list) == 0 {
			break
		}
		if err != nil {
			return d.entries, syserror.Of(err)
		}
	}
	return d.entries, nil
}

// pass returns the position of an entry: a new one, unless it was passed before.
func (d *goDirectory) pass(ino uint64) int64 {
	if position, ok := d.index[ino]; ok {
		return position
	}
	d.passed = append(d.passed, ino)
	position := int64(len(d.passed))
	if d.index != nil {
		d.index[ino] = position
	}
	return position
}

func (d *goDirectory) Stat() (descriptor.Stat, error) {
	info, err := d.file.Stat()
	if err != nil {
		return descriptor.Stat{}, syserror.Of(err)
	}
	return d.fs.stat(d.name, info), nil
}

func (d *goDirectory) Close() error { return d.file.Close() }
