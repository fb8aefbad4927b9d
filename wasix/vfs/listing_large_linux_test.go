package vfs

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// countingDirectory counts the entries that are taken from a file system.
type countingDirectory struct {
	Directory
	n int
}

func (c *countingDirectory) Next() ([]Entry, error) {
	entries, err := c.Directory.Next()
	c.n += len(entries)
	return entries, err
}

// A large directory is read in parts, not whole, and a place far into it is found
// again without reading what is before, where the file system can do that.
func TestLargeDirectoryIsReadInParts(t *testing.T) {
	host := t.TempDir()
	temp := tempRoot(t, 256<<20)
	for i := range 100_000 {
		if err := temp.Mkdir(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10_000 {
		if err := os.Symlink("x", fmt.Sprint(host, "/", i)); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		root  *Dir
		files int
		again int // entries that may be read to find a place far inside
	}{
		"temp": {temp, 100_000, 2000},
		"host": {rootOf(t, host, false, false), 10_000, 2000},
		"fs":   {mountedRoot(t, FS(os.DirFS(host))), 10_000, 11_000}, // Go's can only begin anew
	} {
		t.Run(name, func(t *testing.T) {
			counter := &countingDirectory{Directory: c.root.dir}
			c.root.dir = counter
			few(t, c.root, 0, 10)
			if counter.n > 2000 {
				t.Errorf("%d entries were read for 10", counter.n)
			}
			total, far := 0, uint64(0)
			err := c.root.ReadDir(0, func(_ *Entry, next uint64) bool {
				if total++; total == c.files-100 {
					far = next
				}
				return true
			})
			if err != nil || total != c.files+2 {
				t.Fatalf("%d entries, %v", total, err)
			}
			counter.n = 0
			if few(t, c.root, far, 5); counter.n > c.again {
				t.Errorf("%d entries were read for 5 from far inside", counter.n)
			}
		})
	}
}

// few reads up to n entries from cookie on.
func few(t *testing.T, root *Dir, cookie uint64, n int) {
	t.Helper()
	err := root.ReadDir(cookie, func(*Entry, uint64) bool {
		n--
		return n > 0
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A directory of Go's that shrinks while it is read loses no entry that stays.
func TestFSDirectoryShrinksWhileRead(t *testing.T) {
	const files = 2000
	dir := t.TempDir()
	for i := range files {
		if err := os.Symlink("x", fmt.Sprintf("%s/%04d", dir, i)); err != nil {
			t.Fatal(err)
		}
	}
	root := mountedRoot(t, FS(os.DirFS(dir)))
	seen := map[string]int{}
	for cookie, more := uint64(2), true; more; {
		more = false
		batch := 0
		err := root.ReadDir(cookie, func(e *Entry, next uint64) bool {
			seen[strings.Clone(e.Name)]++
			cookie, more = next, true
			batch++
			return batch < 50
		})
		if err != nil {
			t.Fatal(err)
		}
		for name := range seen { // what was seen goes, but for every third
			if name[3]%3 != 0 {
				if err := os.Remove(dir + "/" + name); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
		}
	}
	for i := range files {
		if name := fmt.Sprintf("%04d", i); seen[name] != 1 {
			t.Fatalf("%s was seen %d times", name, seen[name])
		}
	}
}
