package vfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/descriptor"
)

// resolvers are the two ways in which a directory of the host is kept to.
var resolvers = map[string]bool{"openat2": true, "os.Root": false}

// withResolvers runs a test in both ways, with a directory and another beside it.
func withResolvers(t *testing.T, test func(t *testing.T, root *Dir, inside, outside string)) {
	for name, beneath := range resolvers {
		t.Run(name, func(t *testing.T) {
			inside, outside := linkTree(t)
			root := rootOf(t, inside, false, false)
			root.place.mount.fs.(*hostDir).beneath = beneath
			test(t, root, inside, outside)
		})
	}
}

// attempts are calls that would reach outside if path led there.
func attempts(root *Dir, path string) error {
	open := func(o OpenFlags) error {
		f, err := root.Open(path, o)
		if err == nil {
			err = f.Close()
		}
		return err
	}
	_, lookup := root.Lookup(path, true)
	return errors.Join(lookup, open(OpenFlags{Read: true, Follow: true}), open(OpenFlags{Read: true, Directory: true, Follow: true}),
		open(OpenFlags{Write: true, Truncate: true, Follow: true}), open(OpenFlags{Write: true, Create: true, Follow: true}),
		root.Mkdir(path+"-made"), root.Unlink(path), root.Rmdir(path), root.Rename(path, root, "stolen"), root.Rename("f", root, path),
		root.Link(path, true, root, "linked"), root.Link("f", false, root, path), root.SetTimesOf(path, true, 1, 1))
}

// No path leads out, and what fails says why with an errno.
func TestPathsStayInside(t *testing.T) {
	withResolvers(t, func(t *testing.T, root *Dir, inside, outside string) {
		before := describe(t, outside)
		for _, path := range []string{
			"../outside/f", "/../outside/f", "d/../../outside/f", "out/f", "outabs/f", "d/out", "d/out/../f", "up/outside/f",
			"d/e/up2/../outside/f", outside + "/f", "/proc/self/root" + outside + "/f", "out/\x00", "out/f\x00", strings.Repeat("../", 1300) + outside[1:] + "/f",
			strings.Repeat("d/../", 800) + "out/f", strings.Repeat("x", 5000), "out/" + strings.Repeat("y", 300), "./.././outside/f", "//..//outside//f",
		} {
			for _, err := range errorsOf(attempts(root, path)) {
				if _, ok := err.(syscall.Errno); !ok {
					t.Errorf("%.40q: %T %v is no errno", path, err, err)
				}
			}
		}
		if after := describe(t, outside); after != before {
			t.Errorf("outside there was\n%s now\n%s", before, after)
		}
	})
}

func errorsOf(err error) []error {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		return list.Unwrap()
	}
	return nil
}

// The kernel's magic links lead nowhere but where their text does, inside.
func TestMagicLinks(t *testing.T) {
	for name, beneath := range resolvers {
		t.Run(name, func(t *testing.T) {
			root := rootOf(t, "/proc/self", true, false)
			root.place.mount.fs.(*hostDir).beneath = beneath
			for _, path := range []string{"root/etc/passwd", "root/proc", "cwd/go.mod", "exe", "fd/0/.", "task/../cwd/go.mod"} {
				if st, err := root.Lookup(path, true); err == nil {
					t.Errorf("%s: %+v", path, st)
				}
				if f, err := root.Open(path, OpenFlags{Read: true, Follow: true}); err == nil {
					t.Errorf("opened %s", path)
					_ = f.Close()
				}
			}
		})
	}
}

// busily calls change as often as it can until the function returned is called.
func busily(change func()) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				change()
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// escaped reports whether f has the content of a file outside.
func escaped(f descriptor.File, outside string) bool {
	b := make([]byte, 4096)
	n, err := f.Readv(one(b))
	return err == nil && strings.HasPrefix(string(b[:n]), outside)
}

// racing makes attempts while change goes on, and looks at what was reached.
func racing(t *testing.T, root *Dir, outside, path string, change func()) {
	before := describe(t, outside)
	stop := busily(change)
	for range 500 {
		if f, err := root.Open(path, OpenFlags{Read: true, Follow: true}); err == nil {
			if escaped(f, outside) {
				t.Error("opened a file outside")
			}
			_ = f.Close()
		}
		if f, err := root.Open(path+"-new", OpenFlags{Write: true, Create: true, Follow: true}); err == nil {
			_ = f.Close()
		}
		_ = root.SetTimesOf(path, true, 1, 1)
		_ = root.Mkdir(path + "-dir")
		_ = root.Link("f", false, root, path+"-link")
		_ = root.Unlink(path + "-link")
		_ = root.Unlink(path + "-new")
	}
	stop()
	if after := describe(t, outside); after != before {
		t.Errorf("outside there was\n%s now\n%s", before, after)
	}
}

// A directory and a link to the outside change places all the time.
func TestSwappedSymlink(t *testing.T) {
	withResolvers(t, func(t *testing.T, root *Dir, inside, outside string) {
		if err := os.Symlink(outside+"/d", inside+"/trap"); err != nil {
			t.Fatal(err)
		}
		racing(t, root, outside, "d/f", func() {
			_ = unix.Renameat2(unix.AT_FDCWD, inside+"/d", unix.AT_FDCWD, inside+"/trap", unix.RENAME_EXCHANGE)
		})
	})
}

// A directory that a path goes through is moved out and in again all the time:
// ".." in it leads to the outside then.
func TestMovedParent(t *testing.T) {
	withResolvers(t, func(t *testing.T, root *Dir, inside, outside string) {
		away := filepath.Dir(outside) + "/away"
		racing(t, root, outside, "d/e/../../outside/f", func() {
			_ = os.Rename(inside+"/d/e", away)
			_ = os.Rename(away, inside+"/d/e")
		})
	})
}

// A mount that is closed is gone, even when its descriptor stands for something else.
func TestClosedMount(t *testing.T) {
	withResolvers(t, func(t *testing.T, root *Dir, inside, outside string) {
		file, err := root.Open("f", OpenFlags{Read: true})
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		fs := root.place.mount.fs.(*hostDir)
		if err := errors.Join(fs.Close(), fs.Close()); err != nil {
			t.Fatal(err)
		}
		var others []*os.File
		for range 4 {
			f, err := os.Open(outside)
			if err != nil {
				t.Fatal(err)
			}
			others = append(others, f)
		}
		for _, err := range errorsOf(attempts(root, "f")) {
			if err != syscall.EBADF {
				t.Error(err)
			}
		}
		if !escaped(file, inside) {
			t.Error("an open file cannot be read any more")
		}
		for _, f := range others {
			_ = f.Close()
		}
	})
}
