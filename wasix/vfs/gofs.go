package vfs

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// goFS is a read-only file system of Go.
type goFS struct {
	fsys fs.FS
	dev  uint64
}

// lastDev numbers file systems that have no device number; the kernel's are lower.
var lastDev atomic.Uint64

const firstDev = 1 << 62

// FS returns the read-only file system of fsys: an embed.FS, a zip archive, an
// fstest.MapFS. Symbolic links work where fsys is an fs.ReadLinkFS. Files can be
// read at any offset when they are an io.ReaderAt or an io.Seeker; others answer
// ESPIPE.
func FS(fsys fs.FS) FileSystem {
	return &goFS{fsys, firstDev + lastDev.Add(1)}
}

func (g *goFS) Lstat(name string) (descriptor.Stat, error) {
	if !fs.ValidPath(name) {
		return descriptor.Stat{}, syscall.ENOENT
	}
	info, err := fs.Lstat(g.fsys, name)
	if err != nil {
		return descriptor.Stat{}, errnoOf(err)
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

func (g *goFS) Readlink(name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", syscall.ENOENT
	}
	target, err := fs.ReadLink(g.fsys, name)
	return target, errnoOf(err)
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
		return nil, errnoOf(err)
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

// goDirectory is an open directory. Rewinding opens it again.
type goDirectory struct {
	fs      *goFS
	name    string
	file    fs.ReadDirFile
	entries []Entry
}

func (d *goDirectory) open() error {
	f, err := d.fs.fsys.Open(d.name)
	if err != nil {
		return errnoOf(err)
	}
	file, ok := f.(fs.ReadDirFile)
	if !ok {
		_ = f.Close()
		return syscall.ENOTDIR
	}
	d.file = file
	return nil
}

func (d *goDirectory) Rewind() error {
	old := d.file
	if err := d.open(); err != nil {
		return err
	}
	return old.Close()
}

func (d *goDirectory) Next() ([]Entry, error) {
	const batch = 256
	list, err := d.file.ReadDir(batch)
	d.entries = d.entries[:0]
	for _, e := range list {
		d.entries = append(d.entries, Entry{e.Name(), inodeOf(path.Join(d.name, e.Name())), filetypeOf(e.Type())})
	}
	if err == io.EOF {
		err = nil
	}
	return d.entries, errnoOf(err)
}

func (d *goDirectory) Stat() (descriptor.Stat, error) {
	info, err := d.file.Stat()
	if err != nil {
		return descriptor.Stat{}, errnoOf(err)
	}
	return d.fs.stat(d.name, info), nil
}

func (d *goDirectory) Close() error { return d.file.Close() }

// goFile is an open file of Go, with an offset of its own where it can.
type goFile struct {
	alwaysReady
	fs   *goFS
	name string

	mu     sync.Mutex
	file   fs.File
	offset int64
}

func (f *goFile) access() abi.Rights           { return abi.RightsFdRead }
func (f *goFile) Filetype() abi.Filetype       { return abi.FiletypeRegularFile }
func (f *goFile) Writev([][]byte) (int, error) { return 0, syscall.EBADF }
func (f *goFile) Close() error                 { return errnoOf(f.file.Close()) }

// Sync has nothing to do.
func (f *goFile) Sync(bool) error { return nil }

func (f *goFile) SetTimes(int64, int64) error { return syscall.EROFS }

func (f *goFile) Pwritev([][]byte, int64) (int, error) { return 0, syscall.EBADF }

func (f *goFile) Stat() (descriptor.Stat, error) {
	info, err := f.file.Stat()
	if err != nil {
		return descriptor.Stat{}, errnoOf(err)
	}
	return f.fs.stat(f.name, info), nil
}

func (f *goFile) Readv(iovs [][]byte) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, ok := f.file.(io.ReaderAt); ok {
		n, err = f.readAt(r, iovs, f.offset)
	} else {
		n, err = readAll(f.file.Read, iovs)
	}
	f.offset += int64(n)
	return n, err
}

func (f *goFile) Preadv(iovs [][]byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, syscall.EINVAL
	}
	if r, ok := f.file.(io.ReaderAt); ok {
		return f.readAt(r, iovs, offset)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.file.(io.Seeker)
	if !ok {
		return 0, syscall.ESPIPE
	}
	if _, err := s.Seek(offset, io.SeekStart); err != nil {
		return 0, errnoOf(err)
	}
	n, err := readAll(f.file.Read, iovs)
	if _, back := s.Seek(f.offset, io.SeekStart); back != nil {
		return n, errnoOf(back)
	}
	return n, err
}

func (f *goFile) readAt(r io.ReaderAt, iovs [][]byte, offset int64) (int, error) {
	n, err := readAll(func(b []byte) (int, error) {
		n, err := r.ReadAt(b, offset)
		offset += int64(n)
		return n, err
	}, iovs)
	if err != nil {
		// Some, such as embed.FS, do not take offsets past the end.
		if st, e := f.Stat(); e == nil && uint64(offset) >= st.Size {
			return 0, nil
		}
	}
	return n, err
}

// readAll fills the buffers in order until the data ends; what is read counts.
func readAll(read func([]byte) (int, error), iovs [][]byte) (n int, err error) {
	for _, b := range iovs {
		for len(b) > 0 {
			m, err := read(b)
			n += m
			b = b[m:]
			switch {
			case err == io.EOF || err == nil && m == 0 || err != nil && n > 0:
				return n, nil
			case err != nil:
				return 0, errnoOf(err)
			}
		}
	}
	return n, nil
}

func (f *goFile) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.file.(io.ReaderAt); ok {
		return f.seek(offset, whence)
	}
	s, ok := f.file.(io.Seeker)
	if !ok {
		return 0, syscall.ESPIPE
	}
	at, err := s.Seek(offset, whence)
	if err != nil {
		return 0, syscall.EINVAL
	}
	f.offset = at
	return at, nil
}

// seek moves the offset of a file that is read at offsets.
func (f *goFile) seek(offset int64, whence int) (int64, error) {
	var base int64
	switch whence {
	case io.SeekCurrent:
		base = f.offset
	case io.SeekEnd:
		st, err := f.Stat()
		if err != nil {
			return 0, err
		}
		base = int64(st.Size)
	}
	switch {
	case offset > math.MaxInt64-base:
		return 0, syscall.EOVERFLOW
	case base+offset < 0:
		return 0, syscall.EINVAL
	}
	f.offset = base + offset
	return f.offset, nil
}
