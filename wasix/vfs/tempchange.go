package vfs

import (
	"strings"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
)

func (fs *tempFS) Mkdir(name string) error {
	return fs.create(name, func() *inode { return fs.newInode(abi.FiletypeDirectory) })
}

func (fs *tempFS) Symlink(target, name string) error {
	return fs.create(name, func() *inode {
		n := fs.newInode(abi.FiletypeSymbolicLink)
		n.target = strings.Clone(target)
		return n
	})
}

// create makes a file where there is none.
func (fs *tempFS) create(name string, newInode func() *inode) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	dir, base, there, err := fs.findIn(name)
	switch {
	case err != nil:
		return err
	case there != nil:
		return syscall.EEXIST
	}
	return fs.add(dir, base, newInode())
}

func (fs *tempFS) Unlink(name string) error {
	return fs.removeIf(name, func(n *inode) error {
		if n.isDir() {
			return syscall.EISDIR
		}
		return nil
	})
}

func (fs *tempFS) Rmdir(name string) error {
	return fs.removeIf(name, func(n *inode) error {
		switch {
		case !n.isDir():
			return syscall.ENOTDIR
		case n.entries.len() > 0:
			return syscall.ENOTEMPTY
		}
		return nil
	})
}

// removeIf removes what name leads to, unless check has something against it.
func (fs *tempFS) removeIf(name string, check func(*inode) error) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	dir, base, n, err := fs.findIn(name)
	switch {
	case err != nil:
		return err
	case n == nil:
		return syscall.ENOENT
	}
	if err := check(n); err != nil {
		return err
	}
	fs.remove(dir, base, n)
	return nil
}

func (fs *tempFS) Link(from, to string) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	n, err := fs.find(from)
	if err != nil {
		return err
	}
	dir, base, there, err := fs.findIn(to)
	switch {
	case err != nil:
		return err
	case there != nil:
		return syscall.EEXIST
	case n.isDir():
		return syscall.EPERM
	}
	return fs.add(dir, base, n)
}

func (fs *tempFS) Rename(from, to string) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fromDir, fromBase, n, err := fs.findIn(from)
	if err != nil {
		return err
	}
	toDir, toBase, there, err := fs.findIn(to)
	switch {
	case err != nil:
		return err
	case n == nil:
		return syscall.ENOENT
	case strings.HasPrefix(to, from+"/"):
		return syscall.EINVAL
	case strings.HasPrefix(from, to+"/"):
		return syscall.ENOTEMPTY
	case n == there:
		return nil
	}
	if there != nil {
		if err := n.canReplace(there); err != nil {
			return err
		}
	}
	// At no time is there no name, and none takes room that may be missing.
	toDir.entries.put(toBase, n)
	fs.linked(toDir, n)
	fromDir.entries.remove(fromBase)
	fs.unlinked(fromDir, n)
	if there != nil {
		fs.space.give(nameCost)
		fs.unlinked(toDir, there)
	}
	return nil
}

// canReplace reports what rename(2) has against n in the place of there.
func (n *inode) canReplace(there *inode) error {
	switch {
	case there.isDir() && !n.isDir():
		return syscall.EISDIR
	case !there.isDir() && n.isDir():
		return syscall.ENOTDIR
	case there.entries.len() > 0:
		return syscall.ENOTEMPTY
	}
	return nil
}

func (fs *tempFS) SetTimes(name string, atim, mtim int64) error {
	fs.mu.RLock()
	defer fs.mu.RUnlock()
	n, err := fs.find(name)
	if err != nil {
		return err
	}
	n.setTimes(atim, mtim)
	return nil
}
