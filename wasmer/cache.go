//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package wasmer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"

	cwasmer "github.com/gowasix/gowasix/cgo"
	"github.com/gowasix/gowasix/internal/cachedir"
)

// A cache keeps machine code between runs of the Go program, a file for each
// binary. The library runs what it reads as it is. So entries that others could have
// written are not read, and entries that are damaged or are another binary's, by
// their checksum, are not used: the binary is compiled again.
type cache struct {
	dir string
}

// cacheFormat changes when the form of entries does. With the checksum behind it
// the code begins at a multiple of 16 bytes, as the library needs it.
const cacheFormat = "gowasix code 02\n"

// maxEntry is the size up to which entries are read: the largest public programs
// have 20 MB.
const maxEntry = 1 << 30

// openCache returns the cache that the options ask for, or nil. That the user's
// cache directory cannot be used is no error, unless the user named it.
func openCache(o *options) (*cache, error) {
	if o.noCache {
		return nil, nil
	}
	if o.cacheDir != "" {
		dir, err := cachedir.Open(o.cacheDir)
		return &cache{dir}, err
	}
	dir, err := cachedir.OpenDefault("wasmer-" + cwasmer.Version())
	if err != nil {
		return nil, nil
	}
	return &cache{dir}, nil
}

// compile compiles a binary, or finds it compiled. A cache can fail as disks do;
// then it is not used.
func (c *cache) compile(wasm []byte) (*cwasmer.Module, error) {
	if c == nil {
		return cwasmer.Compile(wasm)
	}
	key := cacheKey(wasm)
	if m, err := c.load(key); err == nil {
		return m, nil
	}
	m, err := cwasmer.Compile(wasm)
	if err != nil {
		return nil, err
	}
	if code, err := m.Serialize(); err == nil {
		_ = c.write(key, code)
	}
	return m, nil
}

// cacheKey tells apart binaries, libraries and kinds of processors.
func cacheKey(wasm []byte) [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s%s %s %+v %+v\n", cacheFormat, cwasmer.Version(), runtime.GOARCH, cpu.X86, cpu.ARM64)
	h.Write(wasm)
	return [sha256.Size]byte(h.Sum(nil))
}

func (c *cache) path(key [sha256.Size]byte) string {
	return filepath.Join(c.dir, hex.EncodeToString(key[:]))
}

// checksum covers the key, so that an entry is good for its binary only.
func checksum(key [sha256.Size]byte, code []byte) []byte {
	h := sha256.New()
	h.Write(key[:])
	h.Write(code)
	return h.Sum(nil)
}

var errEntry = errors.New("damaged cache entry")

// load makes a module of an entry. What it reads of it, it reads into memory of its
// own: as the library copies the code, the garbage collector need not have it, and
// pages that come at once are cheaper than those that come by faults.
func (c *cache) load(key [sha256.Size]byte) (*cwasmer.Module, error) {
	f, size, err := cachedir.OpenFile(c.path(key))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if size > maxEntry {
		return nil, errEntry
	}
	data, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Munmap(data) }()
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, err
	}
	code, err := entryCode(key, data)
	if err != nil {
		return nil, err
	}
	return cwasmer.Deserialize(code)
}

// entryCode returns the code of an entry: after the format and the checksum.
func entryCode(key [sha256.Size]byte, data []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(data, []byte(cacheFormat))
	if !ok || len(rest) < sha256.Size {
		return nil, errEntry
	}
	sum, code := rest[:sha256.Size], rest[sha256.Size:]
	if !bytes.Equal(sum, checksum(key, code)) {
		return nil, errEntry
	}
	return code, nil
}

func (c *cache) write(key [sha256.Size]byte, code []byte) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	return cachedir.WriteFile(c.path(key), []byte(cacheFormat), checksum(key, code), code)
}
