package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

func TestFSReadsAtOffsets(t *testing.T) {
	mtime := time.Unix(1_000_000_000, 5)
	g := FS(fstest.MapFS{"d/f": {Data: []byte("0123456789"), ModTime: mtime}})
	file, err := g.OpenFile("d/f", os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	f := file.(descriptor.Positioned)
	read := func(got int, err error, b []byte, want string) {
		t.Helper()
		if err != nil || string(b[:got]) != want {
			t.Fatalf("%q, %v, want %q", b[:got], err, want)
		}
	}
	b := make([]byte, 4)
	n, err := f.Readv([][]byte{b[:1], nil, b[1:]})
	read(n, err, b, "0123")
	n, err = f.Preadv(one(b), 8)
	read(n, err, b, "89")
	n, err = f.Preadv(one(b), 100)
	read(n, err, b, "")
	n, err = f.Readv(one(b))
	read(n, err, b, "4567")
	if at, err := f.Seek(-1, 2); at != 9 || err != nil {
		t.Fatal(at, err)
	}
	n, err = f.Readv(one(b))
	read(n, err, b, "9")
	n, err = f.Readv(one(b))
	read(n, err, b, "")
	if at, err := f.Seek(1000, 0); at != 1000 || err != nil {
		t.Fatal(at, err)
	}
	n, err = f.Readv(one(b))
	read(n, err, b, "")
	if _, err := f.Seek(math.MaxInt64, 1); err != syscall.EINVAL {
		t.Fatal(err)
	}
	if _, err := f.Seek(-1, 0); err != syscall.EINVAL {
		t.Fatal(err)
	}
	if _, err := f.Preadv(one(b), -1); err != syscall.EINVAL {
		t.Fatal(err)
	}
	st, err := file.(descriptor.Stater).Stat()
	if err != nil || st.Size != 10 || st.Mtim != uint64(mtime.UnixNano()) || st.Filetype != abi.FiletypeRegularFile || st.Ino == 0 {
		t.Fatalf("%+v, %v", st, err)
	}
	if same, _ := g.Lstat("d/f"); same != st {
		t.Fatalf("%+v by name, %+v open", same, st)
	}
}

// plainFile is an fs.File that can do no more than it must.
type plainFS struct{ fs.FS }

func (p plainFS) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	return struct{ fs.File }{f}, err
}

func TestFSWithoutSeeking(t *testing.T) {
	g := FS(plainFS{fstest.MapFS{"f": {Data: []byte("0123456789")}}})
	f, err := g.OpenFile("f", os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 20)
	if n, err := f.Readv(one(b[:4])); string(b[:n]) != "0123" || err != nil {
		t.Fatal(n, err)
	}
	for offset, want := range map[int64]string{0: "0123456789", 7: "789", 3: "3456789", 10: "", 99: ""} {
		if n, err := f.(descriptor.Positioned).Preadv(one(b), offset); string(b[:n]) != want || err != nil {
			t.Fatal(offset, n, err)
		}
	}
	if n, err := f.Readv(one(b)); string(b[:n]) != "456789" || err != nil {
		t.Fatal(n, err)
	}
	if at, err := f.(descriptor.Positioned).Seek(-2, 2); at != 8 || err != nil {
		t.Fatal(at, err)
	}
	if n, err := f.Readv(one(b)); string(b[:n]) != "89" || err != nil {
		t.Fatal(n, err)
	}
	if _, err := g.OpenDir("."); err != syscall.ENOTDIR {
		t.Fatal(err)
	}
}

// brokenFS fails as no file system should.
type brokenFS struct{ err error }

func (b brokenFS) Open(string) (fs.File, error) { return nil, b.err }

func TestFSErrorsAreErrnos(t *testing.T) {
	for _, c := range []struct{ err, want error }{
		{errors.New("whatever"), syscall.EIO},
		{fs.ErrPermission, syscall.EACCES},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOMEM}, syscall.ENOMEM},
		{fs.ErrNotExist, syscall.ENOENT},
	} {
		g := FS(brokenFS{c.err})
		_, openErr := g.OpenFile("f", os.O_RDONLY)
		_, statErr := g.Lstat("f")
		_, dirErr := g.OpenDir("f")
		_, linkErr := g.Readlink("f", nil)
		for _, err := range []error{openErr, statErr, dirErr} {
			if err != c.want {
				t.Errorf("%v became %v, want %v", c.err, err, c.want)
			}
		}
		if _, ok := linkErr.(syscall.Errno); !ok {
			t.Errorf("readlink: %v", linkErr)
		}
	}
	for _, name := range []string{"\xff", "a//b", ""} {
		if _, err := FS(fstest.MapFS{}).Lstat(name); err != syscall.ENOENT {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestNewTree(t *testing.T) {
	g := FS(fstest.MapFS{"sub/f": {Data: []byte("x")}})
	for _, guest := range []string{"..", "a/../../b", "/nul\x00", "/" + strings.Repeat("x", maxPath)} {
		if _, err := NewTree(Mount{Guest: guest, FS: g}); err == nil {
			t.Errorf("mounted on %.20q", guest)
		}
	}
	if _, err := NewTree(Mount{Guest: "/x"}); err == nil {
		t.Error("mounted nothing")
	}
	tree, err := NewTree(Mount{Guest: "/b", FS: FS(fstest.MapFS{})}, Mount{Guest: "/a/../b/", FS: g}, Mount{Guest: "", FS: g},
		Mount{Guest: "/sub/deep/er", FS: g}, Mount{Guest: "./rel/at/", FS: g})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(tree.Preopens(), " "); got != "/b / /sub/deep/er rel/at" {
		t.Errorf("preopens %q", got)
	}
	for name, want := range map[string]error{
		"/b/sub/f": nil, "/sub/f": nil, "/rel/at/sub/f": nil, "/sub/deep": nil, "/sub/deep/er/sub/f": nil, "/b/f": syscall.ENOENT, "/sub/deep/f": syscall.ENOENT,
	} {
		if _, err := tree.Stat("/", name); err != want {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	f, err := tree.Open("/sub", "f", OpenFlags{Read: true})
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if _, err := tree.Preopen("/", "/x", 3, false); err != syscall.ENOENT {
		t.Error(err)
	}
	if _, err := HostDir("/nonexistent/directory", true); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// Cookies of a directory of Go's lead where they led, whatever came and went.
func TestFSDirectoryCookiesAreStable(t *testing.T) {
	const files = 600
	tree := fstest.MapFS{}
	for i := range files {
		tree[fmt.Sprintf("d/%04d", i)] = &fstest.MapFile{}
	}
	root := mountedRoot(t, FS(tree))
	opened, err := root.Open("d", OpenFlags{Read: true})
	if err != nil {
		t.Fatal(err)
	}
	dir := opened.(*Dir)
	defer dir.Close()
	var cookies []uint64
	var names []string
	err = dir.ReadDir(0, func(e *Entry, next uint64) bool {
		names = append(names, strings.Clone(e.Name))
		cookies = append(cookies, next)
		return true
	})
	if err != nil || len(names) != files+2 {
		t.Fatalf("%d entries, %v", len(names), err)
	}
	for i := 2; i < len(names); i += 3 { // every third goes, and others come
		delete(tree, "d/"+names[i])
		tree[fmt.Sprintf("d/%04d-new", i)] = &fstest.MapFile{}
	}
	for i := len(names) - 1; i > 2; i -= 37 {
		seen := map[string]int{}
		if err := dir.ReadDir(cookies[i], func(e *Entry, _ uint64) bool {
			seen[strings.Clone(e.Name)]++
			return true
		}); err != nil {
			t.Fatal(err)
		}
		for k := 3; k < len(names); k++ {
			if k%3 != 2 && (seen[names[k]] == 1) != (k > i) {
				t.Fatalf("after entry %d, entry %d was seen %d times", i, k, seen[names[k]])
			}
		}
	}
}
