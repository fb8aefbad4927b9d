package vfs

import (
	"io"
	"math"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// tempFile is an open file of a temp file system.
type tempFile struct {
	alwaysReady
	room
	inode   *inode
	rights  abi.Rights
	appends atomic.Bool

	mu     sync.Mutex // held while the offset is used
	offset int64
}

func (f *tempFile) access() abi.Rights     { return f.rights }
func (f *tempFile) Filetype() abi.Filetype { return f.inode.filetype }

// Sync has nothing to do: the file ends with the host's memory.
func (f *tempFile) Sync(bool) error { return nil }

// Advise has nothing to do.
func (f *tempFile) Advise(int64, int64, abi.Advice) error { return nil }

func (f *tempFile) Close() error {
	f.inode.leave()
	return nil
}

func (f *tempFile) SetFlags(flags abi.Fdflags) error {
	f.appends.Store(flags&abi.FdflagsAppend != 0)
	return nil
}

func (f *tempFile) Stat() (descriptor.Stat, error) {
	f.inode.fs.mu.RLock()
	defer f.inode.fs.mu.RUnlock()
	return f.inode.stat(), nil
}

func (f *tempFile) Readv(iovs [][]byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.Preadv(iovs, f.offset)
	f.offset += int64(n)
	return n, err
}

func (f *tempFile) Preadv(iovs [][]byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, syscall.EINVAL
	}
	n := f.inode.content.read(iovs, offset)
	if n > 0 {
		f.inode.accessed()
	}
	return n, nil
}

func (f *tempFile) Writev(iovs [][]byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, end, err := f.write(iovs, f.offset)
	if n > 0 {
		f.offset = end
	}
	return n, err
}

// Pwritev appends to a file with APPEND, whatever the offset, as on Linux.
func (f *tempFile) Pwritev(iovs [][]byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, syscall.EINVAL
	}
	n, _, err := f.write(iovs, offset)
	return n, err
}

func (f *tempFile) write(iovs [][]byte, offset int64) (n int, end int64, err error) {
	if f.appends.Load() {
		offset = atEnd
	}
	n, end, err = f.inode.content.write(iovs, offset)
	if n > 0 {
		f.inode.changed()
	}
	return n, end, err
}

func (f *tempFile) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	base := int64(0)
	switch whence {
	case io.SeekCurrent:
		base = f.offset
	case io.SeekEnd:
		base = f.inode.content.length()
	}
	at, err := moved(base, offset)
	if err == nil {
		f.offset = at
	}
	return at, err
}

// Available returns how many bytes lie between the offset and the end.
func (f *tempFile) Available() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int(min(max(f.inode.content.length()-f.offset, 0), math.MaxInt32))
}

func (f *tempFile) Truncate(size int64) error {
	if err := f.inode.content.truncate(size); err != nil {
		return err
	}
	f.inode.changed()
	return nil
}

func (f *tempFile) Allocate(offset, length int64) error {
	grown, err := f.inode.content.allocate(offset, length)
	if grown {
		f.inode.changed()
	}
	return err
}

func (f *tempFile) SetTimes(atim, mtim int64) error {
	f.inode.setTimes(atim, mtim)
	return nil
}
