package vfs

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/internal/syserror"
)

// walk is a path resolution. The paths that it makes are in memory that later ones
// use again, so that it allocates nothing: the place it leads to is good until done.
type walk struct {
	tree    *Tree
	from    string // the directory where paths begin: its guest path
	beneath bool   // no path leads out of it: see [Tree.Preopen]
	mode    follow

	path  []byte // where it has come to: a guest path
	at    place  // what is there: a directory, until the path is used up
	rest  string // what is left of the path
	links int
	texts [2][]byte // those of symbolic links with the rest behind them: one is read, one written
}

// follow says what becomes of a symbolic link at the end of a path.
type follow uint8

const (
	followNever follow = iota // not even before a slash: to make and to remove
	followSlash               // only before a slash
	followAlways
)

func followIf(on bool) follow {
	if on {
		return followAlways
	}
	return followSlash
}

var walks = sync.Pool{New: func() any { return new(walk) }}

// walk begins resolutions of paths from a directory. Only done ends its use.
func (t *Tree) walk(from string, beneath bool) *walk {
	w := walks.Get().(*walk)
	w.tree, w.from, w.beneath = t, from, beneath
	return w
}

func (w *walk) done() {
	*w = walk{path: w.path, texts: w.texts}
	walks.Put(w)
}

// lookup resolves p, as path_resolution(7). The last element may be missing: then
// the place is not known. Returns a nil error except:
//   - ENOENT: p is empty, or an element before the last does not exist
//   - ENOTDIR: an element before the last is no directory, or the last before a
//     slash, unless with followNever
//   - EACCES: an element cannot be searched
//   - EPERM: p leads out of a directory that it must stay beneath
//   - EINVAL: p has a NUL in it
//   - ELOOP: more than 40 symbolic links
//   - ENAMETOOLONG: p is longer than 4095 bytes, or an element than 255
func (w *walk) lookup(p string, mode follow) (*place, error) {
	switch {
	case p == "":
		return nil, syscall.ENOENT
	case strings.IndexByte(p, 0) >= 0:
		return nil, syscall.EINVAL
	case len(p) > maxPath:
		return nil, syscall.ENAMETOOLONG
	}
	w.mode = mode
	if w.leap(p) {
		return &w.at, nil
	}
	return again(func() (*place, error) { return &w.at, w.resolve(p) })
}

// errChanged says that a file became a symbolic link after it was looked at.
var errChanged = errors.New("vfs: changed meanwhile")

// again calls f until nothing changes meanwhile, but not without end: ELOOP.
func again[T any](f func() (T, error)) (result T, err error) {
	const attempts = 100
	for range attempts {
		if result, err = f(); err != errChanged {
			return result, err
		}
	}
	return result, syscall.ELOOP
}

// begin goes to the directory where p begins.
func (w *walk) begin(p string) error {
	w.path, w.rest = append(w.path[:0], w.from...), p
	if p[0] == '/' {
		if w.beneath {
			return syscall.EPERM
		}
		w.path, w.rest = w.path[:0], strings.TrimLeft(p, "/")
	}
	return nil
}

// arrive makes at the place that the path leads to.
func (w *walk) arrive() { w.at = w.tree.at(view(w.path)) }

// append adds an element to the path.
func (w *walk) append(element string) { w.path = append(append(w.path, '/'), element...) }

// resolve goes along p element by element.
func (w *walk) resolve(p string) error {
	w.links = 0
	if err := w.begin(p); err != nil {
		return err
	}
	w.arrive()
	for w.rest != "" {
		if err := w.step(); err != nil {
			return err
		}
	}
	if err := w.at.lstat(); err != nil && err != syscall.ENOENT {
		return err
	}
	if w.mode != followNever && w.at.slash && w.at.known && !w.at.isDir() {
		return syscall.ENOTDIR
	}
	return nil
}

// step takes the next element.
func (w *walk) step() error {
	element, rest, slash := strings.Cut(w.rest, "/")
	w.rest = strings.TrimLeft(rest, "/")
	if err := w.at.lstat(); err != nil {
		return err
	}
	switch {
	case !w.at.isDir():
		return syscall.ENOTDIR
	case len(element) > maxName:
		return syscall.ENAMETOOLONG
	}
	switch element {
	case ".":
		w.at.last, w.at.slash = lastDot, slash
		return nil
	case "..":
		err := w.up()
		w.at.last, w.at.slash = lastDotDot, slash
		return err
	}
	return w.down(element, slash)
}

// up takes the element "..".
func (w *walk) up() error {
	if w.beneath && string(w.path) == w.from {
		return syscall.EPERM
	}
	w.path = w.path[:max(bytes.LastIndexByte(w.path, '/'), 0)]
	w.arrive()
	return nil
}

// down takes an element that is a name.
func (w *walk) down(element string, slash bool) error {
	dir, length := w.at, len(w.path)
	w.append(element)
	w.arrive()
	w.at.last, w.at.slash = lastName, slash
	if err := w.at.lstat(); err != nil && (err != syscall.ENOENT || w.rest != "") {
		return err
	}
	if !w.at.isLink() || w.mode != followAlways && w.rest == "" && !(slash && w.mode == followSlash) {
		return nil
	}
	if err := w.followLink(); err != nil {
		return err
	}
	if w.rest[0] == '/' {
		err := w.begin(w.rest)
		w.arrive()
		return err
	}
	w.path, w.at = w.path[:length], dir
	return nil
}

// followLink puts the target of a symbolic link before the rest of the path.
func (w *walk) followLink() error {
	w.links++
	if w.links > maxLinks {
		return syscall.ELOOP
	}
	text := &w.texts[w.links%2]
	if *text == nil {
		*text = make([]byte, maxPath+1)
	}
	n, err := w.at.mount.fs.Readlink(w.at.name, (*text)[:maxPath+1])
	switch {
	case err != nil:
		return syserror.Of(err)
	case n == 0:
		return syscall.ENOENT
	case n+1+len(w.rest) > maxPath:
		return syscall.ENAMETOOLONG
	}
	b := (*text)[:n]
	if w.at.slash {
		b = append(b, '/')
	}
	w.rest = view(append(b, w.rest...))
	return nil
}
