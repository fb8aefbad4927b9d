package vfs

import (
	"bytes"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// deviceTree has the devices, beside what is in a /dev of its own.
func deviceTree(t *testing.T) *Dir {
	t.Helper()
	root := Mount{Guest: "/", FS: FS(fstest.MapFS{"dev/own": {Data: []byte("x")}, "dev/null": {Data: []byte("hidden")}})}
	tree, err := NewTree(append(append(MemoryDevices(), StandardStreams()...), root)...)
	if err != nil {
		t.Fatal(err)
	}
	if got := tree.Preopens(); !slices.Equal(got, []string{"/"}) {
		t.Errorf("preopens %q", got)
	}
	dir, err := tree.Preopen("/", "/", 3, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	return dir
}

func TestMemoryDevices(t *testing.T) {
	root := deviceTree(t)
	for _, c := range []struct {
		name    string
		zeros   bool
		read    int
		written error
	}{
		{"null", false, 0, nil},
		{"zero", true, 64, nil},
		{"full", true, 64, syscall.ENOSPC},
		{"random", false, 64, nil},
		{"urandom", false, 64, nil},
	} {
		f, err := root.Open("dev/"+c.name, OpenFlags{Read: true, Write: true, Create: true, Truncate: true})
		if err != nil {
			t.Fatal(c.name, err)
		}
		buf := bytes.Repeat([]byte{'?'}, 64)
		for _, read := range []func() (int, error){
			func() (int, error) { return f.Readv([][]byte{buf[:1], buf[1:]}) },
			func() (int, error) { return f.(descriptor.Positioned).Preadv([][]byte{buf}, 5) },
		} {
			n, err := read()
			if n != c.read || err != nil || c.zeros != (bytes.Count(buf, []byte{0}) == 64) {
				t.Errorf("%s: read %d, %v: %x", c.name, n, err, buf)
			}
			if c.read > 0 && bytes.Count(buf, []byte{'?'}) == 64 {
				t.Errorf("%s: nothing was read", c.name)
			}
		}
		if _, err := f.Writev(one(buf)); err != c.written {
			t.Errorf("%s: write %v", c.name, err)
		}
		if _, err := f.(descriptor.Positioned).Pwritev(one(buf), 5); err != c.written {
			t.Errorf("%s: pwrite %v", c.name, err)
		}
		if Rights(f).Base&abi.RightsFdSeek == 0 {
			t.Errorf("%s passes for a terminal", c.name)
		}
	}
}

func TestDevicesInTheTree(t *testing.T) {
	root := deviceTree(t)
	dev, err := root.Open("dev", OpenFlags{Read: true, Directory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	var names []string
	err = dev.(*Dir).ReadDir(0, func(e *Entry, _ uint64) bool {
		names = append(names, strings.Clone(e.Name))
		if want := e.Name != "own" && e.Name[0] != '.'; want != (e.Filetype == abi.FiletypeCharacterDevice) {
			t.Errorf("%s is %v", e.Name, e.Filetype)
		}
		return true
	})
	slices.Sort(names)
	if want := []string{".", "..", "full", "null", "own", "random", "stderr", "stdin", "stdout", "urandom", "zero"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%q, %v", names, err)
	}
	if st, err := root.Lookup("dev/null", true); err != nil || st.Filetype != abi.FiletypeCharacterDevice {
		t.Error(st, err)
	}
	for what, err := range map[string]error{
		"unlink": root.Unlink("dev/null"), "rename": root.Rename("dev/null", root, "x"), "mkdir": root.Mkdir("dev/null"),
		"slash": second(root.Open("dev/null/", OpenFlags{Read: true})), "inside": second(root.Open("dev/null/x", OpenFlags{Read: true})),
		"readlink": second(root.Readlink("dev/zero", nil)), "directory": second(root.Open("dev/zero", OpenFlags{Read: true, Directory: true})),
	} {
		want := map[string]error{
			"unlink": syscall.EROFS, "rename": syscall.EXDEV, "mkdir": syscall.EEXIST, "slash": syscall.ENOTDIR, "inside": syscall.ENOTDIR,
			"readlink": syscall.EINVAL, "directory": syscall.ENOTDIR,
		}[what]
		if err != want {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestOwnDevice(t *testing.T) {
	tree, err := NewTree(Mount{Guest: "/a/b/counter", FS: Device(func() (descriptor.File, error) { return NewEvent(7, false) })})
	if err != nil {
		t.Fatal(err)
	}
	f, err := tree.Open("/a", "b/counter", OpenFlags{Read: true})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 8)
	if n, err := f.Readv(one(buf)); n != 8 || buf[0] != 7 || err != nil {
		t.Error(n, buf, err)
	}
}
