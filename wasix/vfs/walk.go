package vfs

import (
	"errors"
	"path"
	"strings"
	"syscall"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// Linux's limits for paths.
const (
	maxPath  = 4095 // PATH_MAX without the NUL
	maxName  = 255
	maxLinks = 40
)

// place is where a path leads to.
type place struct {
	mount *mount
	name  string // in the mounted file system
	stat  descriptor.Stat
	known bool // stat is set: the file exists
	slash bool // the path ends in a slash: only a directory will do
	// beneath says that paths from here do not lead out: see [Tree.Preopen].
	beneath bool
	last    lastElement
}

// lastElement says how a path ends, for those calls that mind.
type lastElement uint8

const (
	lastRoot lastElement = iota // nothing but slashes
	lastName
	lastDot
	lastDotDot
)

func (pl *place) guest() string {
	if pl.name == "." {
		return pl.mount.guest
	}
	return path.Join(pl.mount.guest, pl.name)
}

// child returns the place of an element of the directory pl.
func (t *Tree) child(pl place, element string) place {
	if m := t.mounts[path.Join(pl.mount.guest, pl.name, element)]; m != nil {
		return place{mount: m, name: "."}
	}
	if pl.name == "." {
		return place{mount: pl.mount, name: element}
	}
	return place{mount: pl.mount, name: pl.name + "/" + element}
}

// parent returns the directory that pl is in; the root is in itself.
func (t *Tree) parent(pl place) place {
	if pl.name != "." {
		return place{mount: pl.mount, name: path.Dir(pl.name)}
	}
	return t.at(path.Dir(pl.mount.guest))
}

func (pl *place) lstat() (err error) {
	if pl.known {
		return nil
	}
	pl.stat, err = pl.mount.fs.Lstat(pl.name)
	pl.known = err == nil
	return pl.unlinked(syserror.Of(err))
}

// unlinked returns the error of a call with a name that had no symbolic links.
func (pl *place) unlinked(err error) error {
	if err == syscall.ELOOP && pl.canLeap() {
		return errChanged
	}
	return err
}

func (pl *place) isDir() bool {
	return pl.lstat() == nil && pl.stat.Filetype == abi.FiletypeDirectory
}

func (pl *place) isLink() bool {
	return pl.known && pl.stat.Filetype == abi.FiletypeSymbolicLink
}

// mustExist returns ENOENT for a place where nothing is.
func (pl *place) mustExist() error {
	if !pl.known {
		return syscall.ENOENT
	}
	return nil
}

func (pl *place) mustBeDir() error {
	if err := pl.mustExist(); err != nil {
		return err
	}
	if !pl.isDir() {
		return syscall.ENOTDIR
	}
	return nil
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

// walk is a path resolution in progress.
type walk struct {
	tree  *Tree
	from  place
	mode  follow
	at    place // a directory, until the path is used up
	rest  string
	links int
}

// lookup resolves p from a directory, as path_resolution(7). The last element
// may be missing: then the place is not known. Returns a nil error except:
//   - ENOENT: p is empty, or an element before the last does not exist
//   - ENOTDIR: an element before the last is no directory, or the last before a
//     slash, unless with followNever
//   - EACCES: an element cannot be searched
//   - EPERM: p leads out of a directory that it must stay beneath
//   - EINVAL: p has a NUL in it
//   - ELOOP: more than 40 symbolic links
//   - ENAMETOOLONG: p is longer than 4095 bytes, or an element than 255
func (t *Tree) lookup(from place, p string, mode follow) (place, error) {
	switch {
	case p == "":
		return place{}, syscall.ENOENT
	case strings.IndexByte(p, 0) >= 0:
		return place{}, syscall.EINVAL
	case len(p) > maxPath:
		return place{}, syscall.ENAMETOOLONG
	}
	if pl, ok := t.leap(from, p, mode); ok {
		return pl, nil
	}
	return again(func() (place, error) { return t.walk(from, p, mode) })
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

// walk resolves p element by element.
func (t *Tree) walk(from place, p string, mode follow) (place, error) {
	w := walk{tree: t, from: from, mode: mode, at: from, rest: p}
	if err := w.fromRoot(); err != nil {
		return place{}, err
	}
	for w.rest != "" {
		if err := w.step(); err != nil {
			return place{}, err
		}
	}
	if err := w.at.lstat(); err != nil && err != syscall.ENOENT {
		return place{}, err
	}
	if mode != followNever && w.at.slash && w.at.known && !w.at.isDir() {
		return place{}, syscall.ENOTDIR
	}
	return w.at, nil
}

// fromRoot makes an absolute rest start at the root.
func (w *walk) fromRoot() error {
	trimmed := strings.TrimLeft(w.rest, "/")
	switch {
	case len(trimmed) == len(w.rest):
		return nil
	case w.from.beneath:
		return syscall.EPERM
	}
	w.at = w.tree.at("/")
	w.rest = trimmed
	return nil
}

// up takes the element "..".
func (w *walk) up() error {
	if w.from.beneath && w.at.mount == w.from.mount && w.at.name == w.from.name {
		return syscall.EPERM
	}
	w.at = w.tree.parent(w.at)
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
	next := w.tree.child(w.at, element)
	next.last, next.slash = lastName, slash
	if err := next.lstat(); err != nil && (err != syscall.ENOENT || w.rest != "") {
		return err
	}
	if next.isLink() && (w.mode == followAlways || w.rest != "" || slash && w.mode == followSlash) {
		return w.followLink(next)
	}
	w.at = next
	return nil
}

// followLink puts the target of a symbolic link before the rest of the path.
func (w *walk) followLink(link place) error {
	w.links++
	if w.links > maxLinks {
		return syscall.ELOOP
	}
	target, err := link.mount.fs.Readlink(link.name)
	if err != nil {
		return syserror.Of(err)
	}
	switch {
	case target == "":
		return syscall.ENOENT
	case len(target)+1+len(w.rest) > maxPath:
		return syscall.ENAMETOOLONG
	}
	if link.slash {
		target += "/"
	}
	w.rest = target + w.rest
	return w.fromRoot()
}
