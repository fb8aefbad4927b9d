package vfs

import (
	"cmp"
	"slices"
	"strings"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// entries are what a directory holds: by name, and in the order in which they
// were made, which reading follows.
type entries struct {
	byName map[string]*tempEntry
	order  []*tempEntry // removed ones as well, for a while
	last   int64        // position of the newest
}

// tempEntry is an entry of a directory. Positions are never used again.
type tempEntry struct {
	name     string
	position int64
	inode    *inode // nil when removed
}

func (e *entries) len() int { return len(e.byName) }

func (e *entries) get(name string) *inode {
	if entry := e.byName[name]; entry != nil {
		return entry.inode
	}
	return nil
}

// put makes name lead to n. An entry that exists keeps its position.
func (e *entries) put(name string, n *inode) {
	if entry := e.byName[name]; entry != nil {
		entry.inode = n
		return
	}
	if e.byName == nil {
		e.byName = map[string]*tempEntry{}
	}
	e.last++
	name = strings.Clone(name)
	entry := &tempEntry{name, e.last, n}
	e.byName[name] = entry
	e.order = append(e.order, entry)
}

func (e *entries) remove(name string) {
	e.byName[name].inode = nil
	delete(e.byName, name)
	const few = 16
	if len(e.order) > 2*len(e.byName)+few {
		e.order = slices.DeleteFunc(e.order, func(entry *tempEntry) bool { return entry.inode == nil })
	}
}

// after returns the entries that follow a position.
func (e *entries) after(position int64) []*tempEntry {
	i, _ := slices.BinarySearchFunc(e.order, position+1, func(entry *tempEntry, p int64) int {
		return cmp.Compare(entry.position, p)
	})
	return e.order[i:]
}

func (fs *tempFS) OpenDir(name string) (Directory, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	n, err := fs.find(name)
	switch {
	case err != nil:
		return nil, err
	case n.filetype == abi.FiletypeSymbolicLink:
		return nil, syscall.ELOOP
	case !n.isDir():
		return nil, syscall.ENOTDIR
	}
	n.users++
	return &tempDirectory{inode: n}, nil
}

// tempDirectory is an open directory.
type tempDirectory struct {
	inode    *inode
	position int64
	batch    []Entry
}

// Next returns ENOENT when the directory was removed, as getdents(2).
func (d *tempDirectory) Next() ([]Entry, error) {
	const most = 256
	d.inode.fs.mu.RLock()
	defer d.inode.fs.mu.RUnlock()
	if d.inode.names == 0 && d.inode != d.inode.fs.root {
		return nil, syscall.ENOENT
	}
	d.inode.accessed()
	d.batch = d.batch[:0]
	for _, e := range d.inode.entries.after(d.position) {
		if len(d.batch) == most {
			break
		}
		if e.inode != nil {
			d.batch = append(d.batch, Entry{e.name, e.inode.ino, e.inode.filetype, e.position})
			d.position = e.position
		}
	}
	return d.batch, nil
}

func (d *tempDirectory) Resume(position int64) error {
	d.position = position
	return nil
}

func (d *tempDirectory) Stat() (descriptor.Stat, error) {
	d.inode.fs.mu.RLock()
	defer d.inode.fs.mu.RUnlock()
	return d.inode.stat(), nil
}

func (d *tempDirectory) SetTimes(atim, mtim int64) error {
	d.inode.setTimes(atim, mtim)
	return nil
}

func (d *tempDirectory) Close() error {
	d.inode.leave()
	return nil
}
