package vfs

import (
	"hash/fnv"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// Dir is an open directory of a [Tree]. Its place is a path: unlike on Linux it
// does not follow the directory when that is renamed.
type Dir struct {
	alwaysReady
	room
	tree    *Tree
	guest   string
	place   place
	beneath bool // no path from here leads out: see [Tree.Preopen]
	preopen uint32
	name    string // of a preopened directory

	mu      sync.Mutex
	dir     Directory
	listing listing
	made    Entry // scratch of ReadDir
}

// Guest returns the directory's absolute path in the guest.
func (d *Dir) Guest() string { return absolute(d.guest) }

// Preopen returns the descriptor that the directory was opened for when the
// guest started, 0 when it was not.
func (d *Dir) Preopen() uint32 { return d.preopen }

// PreopenName returns the name under which the guest finds the directory when it
// starts.
func (d *Dir) PreopenName() string { return d.name }

// Filetype returns DIRECTORY.
func (d *Dir) Filetype() abi.Filetype { return abi.FiletypeDirectory }

// Readv returns EISDIR.
func (d *Dir) Readv([][]byte) (int, error) { return 0, syscall.EISDIR }

// Writev returns EBADF.
func (d *Dir) Writev([][]byte) (int, error) { return 0, syscall.EBADF }

// Stat returns the attributes of the directory.
func (d *Dir) Stat() (descriptor.Stat, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	st, err := d.dir.Stat()
	return st, syserror.Of(err)
}

// Sync is fsync(2).
func (d *Dir) Sync(dataOnly bool) error {
	if s, ok := d.dir.(Syncer); ok {
		return syserror.Of(s.Sync(dataOnly))
	}
	return nil
}

// SetTimes is futimens(3).
func (d *Dir) SetTimes(atim, mtim int64) error {
	if s, ok := d.dir.(TimeSetter); ok {
		return syserror.Of(s.SetTimes(atim, mtim))
	}
	return syscall.EROFS
}

// Close releases the directory.
func (d *Dir) Close() error { return syserror.Of(d.dir.Close()) }

// ReadDir calls yield for the entries from cookie on, with the cookie of the
// entry after each, until it returns false. The entry and its name are good during
// that call only. Cookie 0 is the start, and begins a new listing; the others stay
// good until then, whatever is added to the directory or removed from it meanwhile.
// The first entries are "." and "..".
func (d *Dir) ReadDir(cookie uint64, yield func(e *Entry, next uint64) bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	mounted := d.tree.children[d.guest]
	first := uint64(2 + len(mounted))
	if cookie == 0 {
		d.listing.restart()
	}
	if cookie < first { // a removed directory has not even "." and ".."
		if _, err := d.listing.find(d.dir, 0); err != nil {
			return syserror.Of(err)
		}
	}
	for cookie < first {
		d.made = d.madeUp(mounted, cookie)
		if cookie++; !yield(&d.made, cookie) {
			return nil
		}
	}
	return syserror.Of(d.listing.read(d.dir, cookie-first, func(e *Entry, next uint64) bool {
		return slices.Contains(mounted, e.Name) || yield(e, first+next)
	}))
}

// madeUp returns one of the entries that no file system has: "." and "..", and
// the mount points, which hide what the directory itself has of that name.
func (d *Dir) madeUp(mounted []string, cookie uint64) Entry {
	switch cookie {
	case 0:
		return entryOf(".", d.place)
	case 1:
		return entryOf("..", d.tree.at(d.guest[:max(strings.LastIndexByte(d.guest, '/'), 0)]))
	}
	name := mounted[cookie-2]
	return entryOf(name, d.tree.at(d.guest+"/"+name))
}

func entryOf(name string, pl place) Entry {
	e := Entry{Name: name, Filetype: abi.FiletypeDirectory}
	if pl.lstat() == nil {
		e.Ino, e.Filetype = pl.stat.Ino, pl.stat.Filetype
	}
	return e
}

// inodeOf makes up an inode number for a file that has none.
func inodeOf(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(path.Clean(name)))
	return h.Sum64() | 1
}
