package vfs

import (
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// What things take of a temp file system's limit besides the contents of files:
// about as much of the host's memory.
const (
	inodeCost = 512
	nameCost  = 512
)

// tempFS is a file system in memory.
type tempFS struct {
	dev   uint64
	space budget

	mu      sync.RWMutex // names, links and users of inodes
	root    *inode
	lastIno uint64
}

// Temp returns an empty file system in memory, as tmpfs(5). It takes up to limit
// bytes of it: contents in chunks of 4 to 64 KiB, where holes take nothing, half a
// KiB for each name, and as much for each file. What goes beyond it fails with ENOSPC.
// It lives until nobody refers to it: give each process tree its own.
func Temp(limit int64) FileSystem {
	fs := &tempFS{dev: newDev()}
	fs.space.left.Store(limit)
	fs.root = fs.newInode(abi.FiletypeDirectory)
	return fs
}

// budget is the room that is left in a file system.
type budget struct{ left atomic.Int64 }

// take takes n bytes, or returns ENOSPC.
func (b *budget) take(n int64) error {
	if b.left.Add(-n) >= 0 {
		return nil
	}
	b.left.Add(n)
	return syscall.ENOSPC
}

func (b *budget) give(n int64) { b.left.Add(n) }

// inode is a file, directory or symbolic link.
type inode struct {
	fs       *tempFS
	ino      uint64
	filetype abi.Filetype
	target   string // of a symbolic link

	// Under the lock of the file system.
	names   uint64 // directory entries that lead here
	users   int    // open files and directories
	entries entries
	subdirs uint64

	content          content
	atim, mtim, ctim atomic.Int64
}

func (fs *tempFS) newInode(typ abi.Filetype) *inode {
	fs.lastIno++
	n := &inode{fs: fs, ino: fs.lastIno, filetype: typ}
	n.content.space = &fs.space
	now := time.Now().UnixNano()
	n.atim.Store(now)
	n.mtim.Store(now)
	n.ctim.Store(now)
	return n
}

func (n *inode) isDir() bool { return n.filetype == abi.FiletypeDirectory }

// changed sets the times of a change of contents.
func (n *inode) changed() {
	now := time.Now().UnixNano()
	n.mtim.Store(now)
	n.ctim.Store(now)
}

// accessed sets the time of reading, where that is older than the last change:
// as file systems are mounted by default (relatime).
func (n *inode) accessed() {
	if at := n.atim.Load(); at <= n.mtim.Load() || at <= n.ctim.Load() {
		n.atim.Store(time.Now().UnixNano())
	}
}

func (n *inode) setTimes(atim, mtim int64) {
	now := time.Now().UnixNano()
	set := func(to *atomic.Int64, t int64) {
		switch t {
		case TimeOmit:
			return
		case TimeNow:
			t = now
		}
		to.Store(t)
	}
	set(&n.atim, atim)
	set(&n.mtim, mtim)
	if atim != TimeOmit || mtim != TimeOmit {
		n.ctim.Store(now)
	}
}

// stat returns the attributes. The lock of the file system is held.
func (n *inode) stat() descriptor.Stat {
	st := descriptor.Stat{
		Dev: n.fs.dev, Ino: n.ino, Filetype: n.filetype, Nlink: n.names,
		Atim: uint64(n.atim.Load()), Mtim: uint64(n.mtim.Load()), Ctim: uint64(n.ctim.Load()),
	}
	switch n.filetype {
	case abi.FiletypeDirectory:
		st.Nlink, st.Size = 2+n.subdirs, uint64(nameCost*n.entries.len())
		if n.names == 0 && n != n.fs.root {
			st.Nlink = 0
		}
	case abi.FiletypeSymbolicLink:
		st.Size = uint64(len(n.target))
	default:
		st.Size = uint64(n.content.length())
	}
	return st
}

// find returns the inode that name leads to. The lock is held.
func (fs *tempFS) find(name string) (*inode, error) {
	n := fs.root
	for rest := name; rest != "." && rest != ""; {
		var element string
		element, rest, _ = strings.Cut(rest, "/")
		switch {
		case n.filetype == abi.FiletypeSymbolicLink:
			return nil, syscall.ELOOP
		case !n.isDir():
			return nil, syscall.ENOTDIR
		}
		if n = n.entries.get(element); n == nil {
			return nil, syscall.ENOENT
		}
	}
	return n, nil
}

// findIn returns the directory that name is in, its last element, and what is
// there, if anything. The lock is held.
func (fs *tempFS) findIn(name string) (dir *inode, base string, n *inode, err error) {
	if name == "." {
		return nil, "", nil, syscall.EBUSY
	}
	parent, base := ".", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		parent, base = name[:i], name[i+1:]
	}
	dir, err = fs.find(parent)
	switch {
	case err != nil:
		return nil, "", nil, err
	case dir.filetype == abi.FiletypeSymbolicLink:
		return nil, "", nil, syscall.ELOOP
	case !dir.isDir():
		return nil, "", nil, syscall.ENOTDIR
	}
	return dir, base, dir.entries.get(base), nil
}

// add makes an entry for n, which is new, or has one already.
func (fs *tempFS) add(dir *inode, base string, n *inode) error {
	cost := int64(nameCost)
	if n.names == 0 {
		cost += inodeCost + int64(len(n.target))
	}
	if err := fs.space.take(cost); err != nil {
		return err
	}
	dir.entries.put(base, n)
	fs.linked(dir, n)
	return nil
}

// linked counts an entry of dir that leads to n since now.
func (fs *tempFS) linked(dir, n *inode) {
	n.names++
	if n.isDir() {
		dir.subdirs++
	}
	n.ctim.Store(time.Now().UnixNano())
	dir.changed()
}

// unlinked counts an entry of dir that leads to n no more.
func (fs *tempFS) unlinked(dir, n *inode) {
	n.names--
	if n.isDir() {
		dir.subdirs--
	}
	n.ctim.Store(time.Now().UnixNano())
	dir.changed()
	fs.reclaim(n)
}

// remove removes the entry of n.
func (fs *tempFS) remove(dir *inode, base string, n *inode) {
	dir.entries.remove(base)
	fs.space.give(nameCost)
	fs.unlinked(dir, n)
}

// reclaim gives back the room of an inode that has neither names nor users.
func (fs *tempFS) reclaim(n *inode) {
	if n.names == 0 && n.users == 0 {
		n.content.free()
		fs.space.give(inodeCost + int64(len(n.target)))
	}
}

// oneStep reports that a symbolic link on the way is an error, and not followed.
func (fs *tempFS) oneStep() bool { return true }

func (fs *tempFS) keepsNoNames() {}

func (fs *tempFS) Lstat(name string) (descriptor.Stat, error) {
	fs.mu.RLock()
	defer fs.mu.RUnlock()
	n, err := fs.find(name)
	if err != nil {
		return descriptor.Stat{}, err
	}
	return n.stat(), nil
}

func (fs *tempFS) Readlink(name string, buf []byte) (int, error) {
	fs.mu.RLock()
	defer fs.mu.RUnlock()
	n, err := fs.find(name)
	switch {
	case err != nil:
		return 0, err
	case n.filetype != abi.FiletypeSymbolicLink:
		return 0, syscall.EINVAL
	}
	n.accessed()
	return copy(buf, n.target), nil
}

func (fs *tempFS) OpenFile(name string, flag int) (descriptor.File, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	n, err := fs.toOpen(name, flag)
	if err != nil {
		return nil, err
	}
	if flag&os.O_TRUNC != 0 {
		if err := n.content.truncate(0); err != nil {
			return nil, err
		}
		n.changed()
	}
	n.users++
	f := &tempFile{inode: n, rights: accessOf(flag)}
	f.appends.Store(flag&os.O_APPEND != 0)
	return f, nil
}

// toOpen finds the file, or makes it.
func (fs *tempFS) toOpen(name string, flag int) (*inode, error) {
	if flag&os.O_CREATE == 0 {
		n, err := fs.find(name)
		if err != nil {
			return nil, err
		}
		return n, n.mustBeFile()
	}
	dir, base, n, err := fs.findIn(name)
	switch {
	case err == syscall.EBUSY:
		return nil, syscall.EISDIR
	case err != nil:
		return nil, err
	case n != nil && flag&os.O_EXCL != 0:
		return nil, syscall.EEXIST
	case n != nil:
		return n, n.mustBeFile()
	}
	n = fs.newInode(abi.FiletypeRegularFile)
	return n, fs.add(dir, base, n)
}

func (n *inode) mustBeFile() error {
	switch n.filetype {
	case abi.FiletypeDirectory:
		return syscall.EISDIR
	case abi.FiletypeSymbolicLink:
		return syscall.ELOOP
	}
	return nil
}

// leave ends one use of an inode by an open file or directory.
func (n *inode) leave() {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	n.users--
	n.fs.reclaim(n)
}
