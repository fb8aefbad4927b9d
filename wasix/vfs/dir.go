package vfs

import (
	"hash/fnv"
	"path"
	"slices"
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// Dir is an open directory of a [Tree]. Its place is a path: unlike on Linux it
// does not follow the directory when that is renamed.
type Dir struct {
	alwaysReady
	tree    *Tree
	place   place
	preopen uint32
	name    string // of a preopened directory

	mu      sync.Mutex
	dir     Directory
	listing listing
}

// listing is where reading a directory has got to. A cookie is the number of
// entries before an entry; only a window of them is kept.
type listing struct {
	window []Entry
	first  uint64 // cookie of window[0]
	ended  bool   // the directory's own entries are used up
}

// Guest returns the directory's absolute path in the guest.
func (d *Dir) Guest() string { return d.place.guest() }

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
	return st, errnoOf(err)
}

// Sync is fsync(2).
func (d *Dir) Sync(dataOnly bool) error {
	if s, ok := d.dir.(Syncer); ok {
		return errnoOf(s.Sync(dataOnly))
	}
	return nil
}

// SetTimes is futimens(3).
func (d *Dir) SetTimes(atim, mtim int64) error {
	if s, ok := d.dir.(TimeSetter); ok {
		return errnoOf(s.SetTimes(atim, mtim))
	}
	return syscall.EROFS
}

// Close releases the directory.
func (d *Dir) Close() error { return errnoOf(d.dir.Close()) }

// ReadDir calls yield for the entries from cookie on, with the cookie of the
// entry after each, until it returns false. Cookies start at 0 and stay good as
// long as the directory is open; going back costs reading it again. The first
// entries are "." and "..".
func (d *Dir) ReadDir(cookie uint64, yield func(e *Entry, next uint64) bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if cookie == 0 || cookie < d.listing.first {
		if err := d.rewind(); err != nil {
			return err
		}
	}
	for {
		l := &d.listing
		for cookie-l.first < uint64(len(l.window)) {
			e := &l.window[cookie-l.first]
			if cookie++; !yield(e, cookie) {
				return nil
			}
		}
		if l.ended {
			return nil
		}
		if err := d.advance(); err != nil {
			return err
		}
	}
}

// rewind starts a new listing with the entries that no file system has.
func (d *Dir) rewind() error {
	if d.listing.window != nil {
		if err := d.dir.Rewind(); err != nil {
			return errnoOf(err)
		}
	}
	window := []Entry{d.entryOf(".", d.place), d.entryOf("..", d.tree.parent(d.place))}
	for _, name := range d.tree.children[d.Guest()] {
		window = append(window, d.entryOf(name, d.tree.child(d.place, name)))
	}
	d.listing = listing{window: window}
	return nil
}

func (d *Dir) entryOf(name string, pl place) Entry {
	e := Entry{Name: name, Filetype: abi.FiletypeDirectory}
	if pl.lstat() == nil {
		e.Ino, e.Filetype = pl.stat.Ino, pl.stat.Filetype
	}
	return e
}

// advance moves the window to the entries that follow it.
func (d *Dir) advance() error {
	l := &d.listing
	if l.window == nil {
		return d.rewind()
	}
	entries, err := d.dir.Next()
	if err != nil {
		return errnoOf(err)
	}
	if len(entries) == 0 {
		l.ended = true
		return nil
	}
	l.first += uint64(len(l.window))
	l.window = entries
	if hidden := d.tree.children[d.Guest()]; len(hidden) > 0 {
		l.window = slices.DeleteFunc(entries, func(e Entry) bool { return slices.Contains(hidden, e.Name) })
	}
	return nil
}

// inodeOf makes up an inode number for a file that has none.
func inodeOf(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(path.Clean(name)))
	return h.Sum64() | 1
}
