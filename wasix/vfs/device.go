package vfs

import (
	"crypto/rand"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// deviceFS is a file system that is a device: its root is no directory.
type deviceFS struct {
	dev  uint64
	open func() (descriptor.File, error)
}

// Device returns a device to mount on the path of a file, such as /dev/null; open
// is called for each opening, by several goroutines at a time. Plain WASI programs
// are not given it by name.
func Device(open func() (descriptor.File, error)) FileSystem {
	return &deviceFS{firstDev + lastDev.Add(1), open}
}

func (d *deviceFS) Lstat(name string) (descriptor.Stat, error) {
	if name != "." {
		return descriptor.Stat{}, syscall.ENOENT
	}
	return descriptor.Stat{Dev: d.dev, Ino: 1, Filetype: abi.FiletypeCharacterDevice, Nlink: 1}, nil
}

func (d *deviceFS) OpenFile(string, int) (descriptor.File, error) { return d.open() }
func (d *deviceFS) Readlink(string, []byte) (int, error)          { return 0, syscall.EINVAL }
func (d *deviceFS) OpenDir(string) (Directory, error)             { return nil, syscall.ENOTDIR }

// MemoryDevices returns the mounts of /dev/null, zero, full, random and urandom,
// as mem(4), full(4) and random(4).
func MemoryDevices() []Mount {
	var mounts []Mount
	for name, file := range map[string]descriptor.File{
		"null": &null{}, "zero": &zero{}, "full": &full{}, "random": &random{}, "urandom": &random{},
	} {
		open := Device(func() (descriptor.File, error) { return file, nil })
		mounts = append(mounts, Mount{Guest: "/dev/" + name, FS: open})
	}
	return mounts
}

// zero is zero(4).
type zero struct{ null }

func (*zero) Readv(iovs [][]byte) (n int, err error) {
	for _, b := range iovs {
		clear(b)
		n += len(b)
	}
	return n, nil
}
func (z *zero) Preadv(iovs [][]byte, _ int64) (int, error) { return z.Readv(iovs) }

// full is full(4).
type full struct{ zero }

func (*full) Writev([][]byte) (int, error)         { return 0, syscall.ENOSPC }
func (*full) Pwritev([][]byte, int64) (int, error) { return 0, syscall.ENOSPC }

// random is random(4).
type random struct{ null }

func (*random) Readv(iovs [][]byte) (n int, err error) {
	for _, b := range iovs {
		_, _ = rand.Read(b) // never fails
		n += len(b)
	}
	return n, nil
}
func (r *random) Preadv(iovs [][]byte, _ int64) (int, error) { return r.Readv(iovs) }

// Duplicate is what opening /dev/stdin gives: a descriptor of the process itself
// to be duplicated, as of fd(4). It is no file.
type Duplicate struct {
	null
	FD uint32
}

// StandardStreams returns the mounts of /dev/stdin, stdout and stderr.
func StandardStreams() []Mount {
	var mounts []Mount
	for fd, name := range []string{"stdin", "stdout", "stderr"} {
		file := &Duplicate{FD: uint32(fd)}
		open := Device(func() (descriptor.File, error) { return file, nil })
		mounts = append(mounts, Mount{Guest: "/dev/" + name, FS: open})
	}
	return mounts
}
