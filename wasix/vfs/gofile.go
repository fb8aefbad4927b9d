package vfs

import (
	"io"
	"io/fs"
	"math"
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// goFile is an open file of Go, with an offset of its own.
type goFile struct {
	alwaysReady
	fs   *goFS
	name string

	mu     sync.Mutex
	file   fs.File
	offset int64
	at     int64 // where file itself is, when it is no io.ReaderAt
}

func (f *goFile) access() abi.Rights                   { return abi.RightsFdRead }
func (f *goFile) Filetype() abi.Filetype               { return abi.FiletypeRegularFile }
func (f *goFile) Writev([][]byte) (int, error)         { return 0, syscall.EBADF }
func (f *goFile) Pwritev([][]byte, int64) (int, error) { return 0, syscall.EBADF }
func (f *goFile) SetTimes(int64, int64) error          { return syscall.EROFS }

// Sync has nothing to do.
func (f *goFile) Sync(bool) error { return nil }

func (f *goFile) Close() error { return syserror.Of(f.file.Close()) }

func (f *goFile) Stat() (descriptor.Stat, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stat()
}

func (f *goFile) stat() (descriptor.Stat, error) {
	info, err := f.file.Stat()
	if err != nil {
		return descriptor.Stat{}, syserror.Of(err)
	}
	return f.fs.stat(f.name, info), nil
}

func (f *goFile) Readv(iovs [][]byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.read(iovs, f.offset)
	f.offset += int64(n)
	return n, err
}

func (f *goFile) Preadv(iovs [][]byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, syscall.EINVAL
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read(iovs, offset)
}

// read reads at offset, in the way that the file has.
func (f *goFile) read(iovs [][]byte, offset int64) (int, error) {
	if st, err := f.stat(); err != nil || uint64(offset) >= st.Size {
		return 0, err // some, such as embed.FS, do not take offsets past the end
	}
	if r, ok := f.file.(io.ReaderAt); ok {
		return readAll(func(b []byte) (int, error) {
			n, err := r.ReadAt(b, offset)
			offset += int64(n)
			return n, err
		}, iovs)
	}
	if err := f.reach(offset); err != nil {
		return 0, syserror.Of(err)
	}
	n, err := readAll(f.file.Read, iovs)
	f.at += int64(n)
	return n, err
}

// reach moves the file itself to offset, which lies before its end.
func (f *goFile) reach(offset int64) error {
	if s, ok := f.file.(io.Seeker); ok && f.at != offset {
		at, err := s.Seek(offset, io.SeekStart)
		if err == nil {
			f.at = at
		}
		return err
	}
	if offset < f.at {
		again, err := f.fs.fsys.Open(f.name)
		if err != nil {
			return err
		}
		_ = f.file.Close()
		f.file, f.at = again, 0
	}
	n, err := io.CopyN(io.Discard, f.file, offset-f.at)
	f.at += n
	return err
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
				return 0, syserror.Of(err)
			}
		}
	}
	return n, nil
}

func (f *goFile) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var base int64
	switch whence {
	case io.SeekCurrent:
		base = f.offset
	case io.SeekEnd:
		st, err := f.stat()
		if err != nil {
			return 0, err
		}
		base = int64(st.Size)
	}
	at, err := moved(base, offset)
	if err == nil {
		f.offset = at
	}
	return at, err
}

// moved returns base+offset, or EINVAL when that is negative or too large.
func moved(base, offset int64) (int64, error) {
	if offset > math.MaxInt64-base || base+offset < 0 {
		return 0, syscall.EINVAL
	}
	return base + offset, nil
}
