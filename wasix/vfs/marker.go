package vfs

import (
	"os"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// marker is a file system that is one empty regular file.
type marker struct{ dev uint64 }

// Marker returns an empty, read-only file to mount on the path of a file. It
// stands for something that is not in the tree; its device number is its own.
func Marker() FileSystem { return marker{newDev()} }

func (m marker) Lstat(name string) (descriptor.Stat, error) {
	if name != "." {
		return descriptor.Stat{}, syscall.ENOENT
	}
	return descriptor.Stat{Dev: m.dev, Ino: 1, Filetype: abi.FiletypeRegularFile, Nlink: 1}, nil
}

func (m marker) OpenFile(_ string, flag int) (descriptor.File, error) {
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_TRUNC) != 0 {
		return nil, syscall.EROFS
	}
	return &markerFile{fs: m}, nil
}

func (marker) Readlink(string, []byte) (int, error) { return 0, syscall.EINVAL }
func (marker) OpenDir(string) (Directory, error)    { return nil, syscall.ENOTDIR }

// isFile reports whether a file system is a single file.
func isFile(fs FileSystem) bool {
	switch fs.(type) {
	case *deviceFS, marker:
		return true
	}
	return false
}

// markerFile is an opened marker.
type markerFile struct {
	null
	fs marker
}

func (f *markerFile) Filetype() abi.Filetype               { return abi.FiletypeRegularFile }
func (f *markerFile) Stat() (descriptor.Stat, error)       { return f.fs.Lstat(".") }
func (f *markerFile) Writev([][]byte) (int, error)         { return 0, syscall.EBADF }
func (f *markerFile) Pwritev([][]byte, int64) (int, error) { return 0, syscall.EBADF }
func (f *markerFile) access() abi.Rights                   { return abi.RightsFdRead }
