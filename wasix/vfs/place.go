package vfs

import (
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
	last  lastElement
}

// lastElement says how a path ends, for those calls that mind.
type lastElement uint8

const (
	lastRoot lastElement = iota // nothing but slashes
	lastName
	lastDot
	lastDotDot
)

// keepsNoNames is a FileSystem that forgets the names it is asked for when a call
// returns, so that it need not be given a copy. All of this package that have
// names but "." are.
type keepsNoNames interface{ keepsNoNames() }

// at returns the place of a guest path that has no symbolic links in it, which is
// good as long as that path is.
func (t *Tree) at(guest string) place {
	for end := len(guest); ; end = strings.LastIndexByte(guest[:end], '/') {
		m := t.mounts[guest[:end]]
		switch {
		case m == nil:
			continue
		case end == len(guest):
			return place{mount: m, name: "."}
		case m.keeps:
			return place{mount: m, name: strings.Clone(guest[end+1:])}
		}
		return place{mount: m, name: guest[end+1:]}
	}
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
	if err == syscall.ELOOP && pl.mount.canLeap() {
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
