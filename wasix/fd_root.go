package wasix

import (
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// The C library of a WASIX program finds the root among its descriptors when it
// starts, and hands over all paths relative to that number to the end. A program
// knows nothing of it: shells put a file there for "3>file", as they may on Linux.
// So the number stands for two things: the descriptor is what the program put
// there, and paths begin at the root all the same.

// keepRoot makes root, which may be nil, what paths of p begin at.
func (p *Process) keepRoot(root *descriptor.Description) {
	if p.root = root; root != nil {
		root.Hold()
	}
}

// isRoot reports whether fd is the root's number, whatever is there now.
func (p *Process) isRoot(fd uint32) bool { return p.root != nil && fd == p.mounted }

// isPreopen reports whether fd is the descriptor of a mounted file system.
func (p *Process) isPreopen(fd uint32) bool {
	d, _, err := p.fds.Acquire(fd)
	if err != nil {
		return false
	}
	defer d.Release()
	dir, ok := d.File.(*vfs.Dir)
	return ok && dir.Preopen() != 0 && dir.Preopen() == fd
}

// acquireDir returns the description that paths relative to fd begin at, in use
// until its Release, and its rights. Returns EBADF when fd is not open.
func (t *Thread) acquireDir(fd uint32) (*descriptor.Description, descriptor.Rights, error) {
	d, rights, err := t.proc.fds.Acquire(fd)
	if !t.proc.isRoot(fd) {
		return d, rights, err
	}
	if err == nil {
		if d.File.Filetype() == abi.FiletypeDirectory {
			return d, rights, nil
		}
		_ = d.Release()
	}
	t.proc.root.Acquire()
	return t.proc.root, vfs.Rights(t.proc.root.File), nil
}

// closeFD closes a descriptor. Where it is the root's number, the root is there
// afterwards; in a WASIX program, mounted file systems stay. Errors are those of
// [descriptor.Table.Close].
func (p *Process) closeFD(fd uint32) error {
	switch {
	case p.root != nil && p.isPreopen(fd):
		return nil
	case p.isRoot(fd):
		p.root.Acquire()
		return p.fds.Replace(fd, p.root, vfs.Rights(p.root.File))
	}
	return p.fds.Close(fd)
}

// closeOnExec closes the descriptors that have the flag.
func (p *Process) closeOnExec() {
	p.fds.CloseOnExec()
	if p.root == nil {
		return
	}
	if _, err := p.fds.Rights(p.mounted); err != nil {
		_ = p.closeFD(p.mounted)
	}
}

// closeFiles closes all descriptors, at the end.
func (p *Process) closeFiles() {
	p.fds.CloseAll()
	if p.root != nil {
		_ = p.root.Drop()
	}
}
