package vfs

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
)

// names reads a directory from the start.
func names(d *Dir) (list []string, err error) {
	err = d.ReadDir(0, func(e *Entry, _ uint64) bool {
		list = append(list, strings.Clone(e.Name))
		return true
	})
	return list, err
}

func manyFiles(n int) fstest.MapFS {
	m := fstest.MapFS{}
	for i := range n {
		m[fmt.Sprintf("%04d", i)] = &fstest.MapFile{}
	}
	return m
}

// Threads that share a directory disturb each other's place in it, but not
// what they get.
func TestDirConcurrently(t *testing.T) {
	const files = 1000
	tree, err := NewTree(Mount{FS: FS(manyFiles(files))}, Mount{Guest: "/mnt", FS: FS(fstest.MapFS{})})
	if err != nil {
		t.Fatal(err)
	}
	root, err := tree.Preopen("/", "/", 3, false)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for range 5 {
				seen := map[string]int{}
				for cookie, more := uint64(0), true; more; {
					more = false
					left := 100 + worker
					err := root.ReadDir(cookie, func(e *Entry, next uint64) bool {
						seen[strings.Clone(e.Name)]++
						cookie, more = next, true
						left--
						return left > 0
					})
					if err != nil {
						t.Error(err)
					}
				}
				if len(seen) != files+3 {
					t.Errorf("%d entries", len(seen))
				}
				if _, err := root.Lookup("mnt/../0001", true); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// Files that are removed while a directory is being read make no others vanish.
func TestDirShrinksWhileRead(t *testing.T) {
	const files = 3000
	dir := t.TempDir()
	for i := range files {
		if err := os.WriteFile(fmt.Sprintf("%s/%d", dir, i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fs, err := HostDir(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer fs.(interface{ Close() error }).Close()
	root := mountedRoot(t, fs)
	for cookie, more := uint64(2), true; more; {
		more = false
		var batch []string
		err := root.ReadDir(cookie, func(e *Entry, next uint64) bool {
			batch = append(batch, strings.Clone(e.Name))
			cookie, more = next, true
			return len(batch) < 50
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range batch {
			if err := root.Unlink(name); err != nil {
				t.Fatal(name, err)
			}
		}
	}
	if list, err := names(root); err != nil || !slices.Equal(list, []string{".", ".."}) {
		t.Fatalf("left: %d, %v", len(list), err)
	}
}

func TestOpenedDirectoryOutlivesName(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/d", 0o700); err != nil {
		t.Fatal(err)
	}
	hostFS, err := HostDir(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := NewTree(Mount{FS: hostFS})
	if err != nil {
		t.Fatal(err)
	}
	f, err := tree.Open("/", "d", OpenFlags{Read: true, Directory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := f.(*Dir)
	if err := os.Remove(dir + "/d"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Stat(); err != nil {
		t.Error(err)
	}
	if _, err := d.Open("x", OpenFlags{Write: true, Create: true}); err != syscall.ENOENT {
		t.Error(err)
	}
	if _, err := d.Readv(nil); err != syscall.EISDIR {
		t.Error(err)
	}
	if err := d.Sync(false); err != nil {
		t.Error(err)
	}
	if err := hostFS.(interface{ Close() error }).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Stat("/", "d"); err == nil || err == error(fs.ErrClosed) {
		t.Errorf("%v is no errno", err)
	}
}

// Neither success nor failure leaves a descriptor of the host open.
func TestOpeningLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/f", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	hostFS, err := HostDir(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer hostFS.(interface{ Close() error }).Close()
	tree, err := NewTree(Mount{FS: hostFS})
	if err != nil {
		t.Fatal(err)
	}
	before := openFiles(t)
	for _, o := range []OpenFlags{
		{Read: true}, {Write: true}, {Directory: true}, {Create: true, Exclusive: true}, {Truncate: true},
	} {
		for _, name := range []string{"f", ".", "f/x", "missing", "f/"} {
			if f, err := tree.Open("/", name, o); err == nil {
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// openFiles counts the descriptors of this program.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
