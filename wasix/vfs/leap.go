package vfs

import (
	"path"
	"strings"
	"syscall"

	"github.com/gowasix/gowasix/wasix/descriptor"
)

// oneStep is a FileSystem that may answer ELOOP to a name with a symbolic link in
// it, before the last element. Where it does not, the name leads where it seems to,
// without a look at each element.
type oneStep interface{ oneStep() bool }

func (pl *place) canLeap() bool {
	fs, ok := pl.mount.fs.(oneStep)
	return ok && fs.oneStep()
}

// plain returns the place that p leads to from a directory if no symbolic link is
// on the way. It does not know for paths with "..", and for those that end in a
// slash or ".", or at a mount point.
func (t *Tree) plain(from place, p string) (place, bool) {
	if p == "" || from.beneath && p[0] == '/' || strings.IndexByte(p, 0) >= 0 || len(p) > maxPath {
		return place{}, false
	}
	for rest, more := p, true; more; {
		var element string
		element, rest, more = strings.Cut(rest, "/")
		if element == ".." || !more && (element == "" || element == ".") || len(element) > maxName {
			return place{}, false
		}
	}
	if p[0] != '/' {
		p = strings.TrimSuffix(from.guest(), "/") + "/" + p
	}
	pl := t.at(path.Clean(p))
	if pl.name == "." || !pl.canLeap() {
		return place{}, false
	}
	pl.last = lastName
	return pl, true
}

// leap resolves p in one step where that is possible.
func (t *Tree) leap(from place, p string, mode follow) (place, bool) {
	pl, ok := t.plain(from, p)
	if !ok {
		return place{}, false
	}
	switch pl.lstat() {
	case nil:
		return pl, mode != followAlways || !pl.isLink()
	case syscall.ENOENT:
		parent := t.parent(pl)
		return pl, parent.isDir()
	}
	return place{}, false
}

// leapOpen opens p in one step where that is possible. What else it may be, the
// walk finds out.
func (t *Tree) leapOpen(from place, p string, o OpenFlags) (descriptor.File, error, bool) {
	pl, ok := t.plain(from, p)
	if !ok {
		return nil, nil, false
	}
	if o.Directory {
		if o.Write || o.Truncate {
			return nil, nil, false
		}
		d, err := t.openDir(pl)
		if err != nil {
			return nil, err, err == syscall.ENOENT
		}
		d.place.beneath = from.beneath
		return d, nil, true
	}
	f, err := pl.openFile(o)
	return f, err, err == nil || err == syscall.ENOENT && !o.Create
}
