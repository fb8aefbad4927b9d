package vfs

import (
	"io/fs"
	"math"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// FileSystem is a tree of files that can be mounted. Names are relative to its
// root, which is ".": no "..", no empty elements, and no symbolic links except
// possibly the last element, which no method follows. Names are bytes as on
// Linux, not necessarily UTF-8. Methods may be called concurrently.
type FileSystem interface {
	// Lstat returns the attributes of a file.
	Lstat(name string) (descriptor.Stat, error)
	// Readlink stores where a symbolic link points in buf, cut to its length, and
	// returns how many bytes that is, or EINVAL.
	Readlink(name string, buf []byte) (int, error)
	// OpenFile opens what is no directory. flag is one of os.O_RDONLY, O_WRONLY
	// and O_RDWR with any of O_APPEND, O_CREATE, O_EXCL, O_TRUNC and O_SYNC.
	OpenFile(name string, flag int) (descriptor.File, error)
	// OpenDir opens a directory.
	OpenDir(name string) (Directory, error)
}

// Writable is a FileSystem that can change; others answer EROFS. The methods
// are mkdirat(2), unlinkat(2), renameat(2), symlinkat(2), linkat(2) and
// utimensat(2), without following links.
type Writable interface {
	FileSystem
	Mkdir(name string) error
	Unlink(name string) error
	Rmdir(name string) error
	Rename(from, to string) error
	Symlink(target, name string) error
	Link(from, to string) error
	SetTimes(name string, atim, mtim int64) error
}

// Directory is an open directory of a FileSystem. One goroutine at a time uses it.
type Directory interface {
	// Next returns some of the entries that follow, none at the end. It leaves out
	// "." and "..". The slice, and the names in it, are good until the next call.
	Next() ([]Entry, error)
	// Resume makes Next go on after the entry that has the position given, also when
	// that was removed since; 0 is the start.
	Resume(position int64) error
	Stat() (descriptor.Stat, error)
	Close() error
}

// Entry is one entry of a directory.
type Entry struct {
	Name     string
	Ino      uint64 // 0: not known
	Filetype abi.Filetype
	Position int64 // for Directory.Resume; of that directory only
}

// What a time is set to besides Unix nanoseconds.
const (
	TimeNow  = math.MinInt64     // the present, as the file system has it
	TimeOmit = math.MinInt64 + 1 // what it was before
)

// Optional abilities of open files and directories.
type (
	// Syncer is fsync(2), and fdatasync(2) with dataOnly.
	Syncer interface{ Sync(dataOnly bool) error }
	// Resizer is ftruncate(2) and posix_fallocate(3).
	Resizer interface {
		Truncate(size int64) error
		Allocate(offset, length int64) error
	}
	// TimeSetter is futimens(3), with Unix nanoseconds, TimeNow and TimeOmit.
	TimeSetter interface {
		SetTimes(atim, mtim int64) error
	}
	// Adviser is posix_fadvise(3).
	Adviser interface {
		Advise(offset, length int64, advice abi.Advice) error
	}
)

// filetypeOf returns the file type for a mode. Pipes are S_IFSOCK to wasix-libc.
func filetypeOf(mode fs.FileMode) abi.Filetype {
	switch {
	case mode.IsRegular():
		return abi.FiletypeRegularFile
	case mode.IsDir():
		return abi.FiletypeDirectory
	case mode&fs.ModeSymlink != 0:
		return abi.FiletypeSymbolicLink
	case mode&fs.ModeCharDevice != 0:
		return abi.FiletypeCharacterDevice
	case mode&fs.ModeDevice != 0:
		return abi.FiletypeBlockDevice
	case mode&(fs.ModeSocket|fs.ModeNamedPipe) != 0:
		return abi.FiletypeSocketStream
	}
	return abi.FiletypeUnknown
}
