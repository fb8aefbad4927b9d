package wazero

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	wz "github.com/tetratelabs/wazero"

	"github.com/gowasix/gowasix/internal/cachedir"
)

// A cache keeps machine code between runs of the Go program, in a directory for
// each binary. wazero notices only some of the ways in which an entry can be
// damaged, and crashes on the others; so each directory has a list of its files
// with their checksums, and a directory that does not fit its list is emptied
// before wazero sees it.
type cache struct{ dir string }

// cacheVersion changes when entries of older versions must not be used: with
// the version of wazero, and with what link makes of binaries.
const cacheVersion = "wazero-1.12.0-1"

// sumsFile is the list of checksums, in the form of sha256sum.
const sumsFile = "SHA256SUMS"

// openCache returns the cache that the options ask for, or nil. That the user's
// cache directory cannot be used is no error, unless the user named it.
func openCache(o *options) (*cache, error) {
	if o.noCache {
		return nil, nil
	}
	if o.cacheDir != "" {
		dir, err := cachedir.Open(o.cacheDir)
		if err != nil {
			return nil, err
		}
		return &cache{dir}, nil
	}
	dir, err := cachedir.OpenDefault(cacheVersion)
	if err != nil {
		return nil, nil
	}
	return &cache{dir}, nil
}

// compile compiles b, or finds it compiled.
func (c *cache) compile(ctx context.Context, b *binary) (*program, error) {
	e := c.entry(b.code)
	sealed, err := e.open()
	if err != nil {
		return nil, err
	}
	files, err := wz.NewCompilationCacheWithDir(e.dir)
	if err != nil {
		return nil, err
	}
	p, err := compile(ctx, b, files)
	if err == nil && e.files() != sealed {
		_ = e.seal() // or else it is compiled again next time
	}
	return p, err
}

// An entry is the directory for one binary.
type entry struct{ dir string }

func (c *cache) entry(code []byte) entry {
	sum := sha256.Sum256(code)
	return entry{filepath.Join(c.dir, hex.EncodeToString(sum[:]))}
}

// open makes the directory, or checks that all in it is as it was sealed, and
// returns the number of files. If any is not, all go away. There may be several,
// of different processors or versions of wazero.
func (e entry) open() (sealed int, err error) {
	if err := os.Mkdir(e.dir, 0o700); err == nil {
		return 0, nil
	} else if !os.IsExist(err) {
		return 0, err
	}
	if sums, err := e.sums(); err == nil {
		list, err := cachedir.ReadFile(filepath.Join(e.dir, sumsFile))
		if err == nil && string(list) == sums {
			return strings.Count(sums, "\n"), nil
		}
	}
	return 0, e.clear()
}

// files returns the number of files.
func (e entry) files() (n int) {
	_ = e.walk(func(string) error {
		n++
		return nil
	})
	return n
}

// seal writes the list of checksums. Another process that does so for the same
// binary at the same time may spoil it, which costs a compilation next time.
func (e entry) seal() error {
	sums, err := e.sums()
	if err != nil {
		return err
	}
	return cachedir.WriteFile(filepath.Join(e.dir, sumsFile), []byte(sums))
}

// sums returns the list of checksums as it ought to be.
func (e entry) sums() (string, error) {
	var list strings.Builder
	err := e.walk(func(path string) error {
		contents, err := cachedir.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(e.dir, path)
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(contents), name)
		return err
	})
	return list.String(), err
}

// clear removes all files, but no directory, as another process may be about to
// put files there.
func (e entry) clear() error {
	_ = os.Remove(filepath.Join(e.dir, sumsFile))
	return e.walk(os.Remove)
}

// walk calls f with the path of each of wazero's files, in order. Those that are
// still being written, and that go away meanwhile, are none.
func (e entry) walk(f func(path string) error) error {
	return filepath.WalkDir(e.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Dir(path) != e.dir && filepath.Ext(path) != ".tmp" {
			err = f(path)
		}
		if os.IsNotExist(err) {
			return nil
		}
		return err
	})
}
