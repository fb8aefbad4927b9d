package vfs

import (
	"bytes"
	"strings"
	"syscall"

	"github.com/gowasix/gowasix/wasix/descriptor"
)

// oneStep is a FileSystem that may answer ELOOP to a name with a symbolic link in
// it, before the last element. Where it does not, the name leads where it seems to,
// without a look at each element.
type oneStep interface{ oneStep() bool }

func (m *mount) canLeap() bool {
	fs, ok := m.fs.(oneStep)
	return ok && fs.oneStep()
}

// straight goes to where p leads if no symbolic link is on the way. It does not
// know, and returns false, for paths with "..", and for those that end in a slash or
// ".", or at a mount point.
func (w *walk) straight(p string) bool {
	if p == "" || len(p) > maxPath || strings.IndexByte(p, 0) >= 0 || w.begin(p) != nil {
		return false
	}
	for more := true; more; {
		var element string
		element, w.rest, more = strings.Cut(w.rest, "/")
		switch {
		case element == ".." || len(element) > maxName:
			return false
		case element != "" && element != ".":
			w.append(element)
		case !more:
			return false
		}
	}
	w.arrive()
	w.at.last = lastName
	return w.at.name != "." && w.at.mount.canLeap()
}

// leap resolves p in one step where that is possible.
func (w *walk) leap(p string) bool {
	if !w.straight(p) {
		return false
	}
	switch w.at.lstat() {
	case nil:
		return w.mode != followAlways || !w.at.isLink()
	case syscall.ENOENT:
		return w.isInDir()
	}
	return false
}

// isInDir reports whether what the path leads to would be in a directory.
func (w *walk) isInDir() bool {
	if strings.IndexByte(w.at.name, '/') < 0 {
		return true // the root of a file system that has names
	}
	dir := w.tree.at(view(w.path[:bytes.LastIndexByte(w.path, '/')]))
	return dir.isDir()
}

// leapOpen opens p in one step where that is possible. What else it may be, the
// walk finds out.
func (w *walk) leapOpen(p string, o OpenFlags) (descriptor.File, error, bool) {
	if !w.straight(p) {
		return nil, nil, false
	}
	if !o.Directory {
		f, err := w.at.openFile(o)
		return f, err, err == nil || err == syscall.ENOENT && !o.Create
	}
	if o.Write || o.Truncate {
		return nil, nil, false
	}
	d, err := w.openDir()
	if err != nil {
		return nil, err, err == syscall.ENOENT
	}
	return d, nil, true
}
