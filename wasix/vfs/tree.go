package vfs

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// Mount places a file system in a guest's directory tree.
type Mount struct {
	// Guest is the path; "" is "/". A relative one is taken from "/" too, but plain
	// WASI programs know the mount by it: "." or "data", as they may expect.
	Guest string
	FS    FileSystem
}

// Tree is the directory tree of one guest: what a mount namespace is to Linux.
// It does not change, and its methods may be called concurrently.
type Tree struct {
	mounts   map[string]*mount   // by guest path
	children map[string][]string // the names of the mount points in a guest directory
	preopens []string
}

// Guest paths are absolute and clean, but that of the root is empty here: so each
// path is that of the directory with "/" and a name behind it.

func guestPath(absolute string) string { return strings.TrimSuffix(absolute, "/") }

func absolute(guest string) string {
	if guest == "" {
		return "/"
	}
	return guest
}

// mount is a mounted file system.
type mount struct {
	fs    FileSystem
	keeps bool // it may keep the names that it is asked for
}

func newMount(fs FileSystem) *mount {
	_, forgets := fs.(keepsNoNames)
	return &mount{fs, !forgets}
}

// NewTree returns the tree of the given mounts. Of two at one path the later
// wins. Where no file system is mounted on "/", an empty read-only one is, and
// directories on the way to a mount point that do not exist are made up likewise.
func NewTree(mounts ...Mount) (*Tree, error) {
	t := &Tree{mounts: map[string]*mount{}, children: map[string][]string{}}
	var points []string
	for _, m := range mounts {
		name, err := cleanGuest(m.Guest)
		if err != nil {
			return nil, err
		}
		if m.FS == nil {
			return nil, fmt.Errorf("vfs: no file system for %s", name)
		}
		guest := guestPath(path.Join("/", name))
		t.mounts[guest] = newMount(m.FS)
		points = append(points, guest)
		if !isFile(m.FS) && !slices.Contains(t.preopens, name) {
			t.preopens = append(t.preopens, name)
		}
	}
	if t.mounts[""] == nil {
		t.mounts[""] = newMount(newEmptyFS())
	}
	for _, guest := range points {
		if guest != "" {
			t.makeUp(guest)
		}
	}
	return t, nil
}

func cleanGuest(p string) (string, error) {
	if p == "" {
		p = "/"
	}
	clean := path.Clean(p)
	if clean == ".." || strings.HasPrefix(clean, "../") || strings.ContainsRune(p, 0) || len(p) >= maxPath {
		return "", fmt.Errorf("vfs: %q is no path to mount at", p)
	}
	return clean, nil
}

// makeUp enters a mount point into the directory it is in, which must exist.
func (t *Tree) makeUp(guest string) {
	slash := strings.LastIndexByte(guest, '/')
	parent, name := guest[:slash], guest[slash+1:]
	if !slices.Contains(t.children[parent], name) {
		t.children[parent] = append(t.children[parent], name)
	}
	if t.mounts[parent] != nil {
		return
	}
	if pl := t.at(parent); pl.isDir() {
		return
	}
	t.mounts[parent] = newMount(newEmptyFS())
	t.makeUp(parent)
}

// Preopens returns the names of the mounted directories: their guest paths, as
// and in the order they were given.
func (t *Tree) Preopens() []string { return slices.Clone(t.preopens) }

// Preopen opens the directory that name names from the directory cwd. The guest
// is to find it at the descriptor fd, under that name. With beneath, no path from
// there leads out of it, as plain WASI has it: absolute paths and links, and ".."
// above the directory, are EPERM; that holds for the directories opened through
// it, too.
func (t *Tree) Preopen(cwd, name string, fd uint32, beneath bool) (*Dir, error) {
	w := t.walk(guestPath(cwd), false)
	defer w.done()
	pl, err := w.lookup(name, followAlways)
	if err != nil {
		return nil, err
	}
	if err := pl.mustBeDir(); err != nil {
		return nil, err
	}
	d, err := w.openDir()
	if err != nil {
		return nil, err
	}
	d.preopen, d.name, d.beneath = fd, name, beneath
	return d, nil
}

// Chdir returns the absolute path, free of symbolic links, of the directory
// that p names from the directory cwd. Errors are those of chdir(2).
func (t *Tree) Chdir(cwd, p string) (string, error) {
	w := t.walk(guestPath(cwd), false)
	defer w.done()
	pl, err := w.lookup(p, followAlways)
	if err != nil {
		return "", err
	}
	if err := pl.mustBeDir(); err != nil {
		return "", err
	}
	return absolute(string(w.path)), nil
}

// Open opens the file that p names from the directory cwd, for the host's own
// use; see [Dir.Open].
func (t *Tree) Open(cwd, p string, o OpenFlags) (descriptor.File, error) {
	w := t.walk(guestPath(cwd), false)
	defer w.done()
	return w.open(p, o)
}

// Stat returns the attributes of the file that p names from the directory cwd.
func (t *Tree) Stat(cwd, p string) (descriptor.Stat, error) {
	w := t.walk(guestPath(cwd), false)
	defer w.done()
	pl, err := w.lookup(p, followAlways)
	if err != nil {
		return descriptor.Stat{}, err
	}
	return pl.stat, pl.mustExist()
}

// isBusy reports whether the walk has come to a mount point or has one below it.
func (w *walk) isBusy() bool {
	return w.tree.mounts[string(w.path)] != nil || len(w.tree.children[string(w.path)]) > 0
}

// holder returns the mount that has the name of what the walk has come to in it: for
// a directory where one is mounted, the one around it. Devices seem to lie in one of
// their own, as in Linux's /dev.
func (w *walk) holder(pl *place) *mount {
	if pl.last != lastName || !pl.isDir() || w.tree.mounts[string(w.path)] == nil {
		return pl.mount
	}
	return w.tree.at(string(w.path[:max(bytes.LastIndexByte(w.path, '/'), 0)])).mount
}

// emptyFS is a read-only directory with nothing in it.
type emptyFS struct{ dev uint64 }

func newEmptyFS() emptyFS { return emptyFS{newDev()} }

func (e emptyFS) Lstat(name string) (descriptor.Stat, error) {
	if name != "." {
		return descriptor.Stat{}, syscall.ENOENT
	}
	return descriptor.Stat{Dev: e.dev, Filetype: abi.FiletypeDirectory, Ino: 1, Nlink: 2}, nil
}

func (e emptyFS) Readlink(name string, _ []byte) (int, error) {
	if _, err := e.Lstat(name); err != nil {
		return 0, err
	}
	return 0, syscall.EINVAL
}

func (emptyFS) OpenFile(name string, flag int) (descriptor.File, error) {
	if flag != 0 {
		return nil, syscall.EROFS
	}
	return nil, syscall.ENOENT
}

func (e emptyFS) OpenDir(name string) (Directory, error) {
	if _, err := e.Lstat(name); err != nil {
		return nil, err
	}
	return emptyDirectory{e}, nil
}

type emptyDirectory struct{ fs emptyFS }

func (emptyDirectory) Next() ([]Entry, error)           { return nil, nil }
func (emptyDirectory) Resume(int64) error               { return nil }
func (d emptyDirectory) Stat() (descriptor.Stat, error) { return d.fs.Lstat(".") }
func (emptyDirectory) Close() error                     { return nil }
