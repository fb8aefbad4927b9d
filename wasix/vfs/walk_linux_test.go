package vfs

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/descriptor"
)

// linkTree makes a directory full of symbolic links, good and bad, and another
// one beside it that they must not lead to.
func linkTree(t testing.TB) (inside, outside string) {
	t.Helper()
	base := t.TempDir()
	inside, outside = filepath.Join(base, "inside"), filepath.Join(base, "outside")
	for _, dir := range []string{inside + "/d/e", inside + "/outside", outside + "/d"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{inside + "/f", inside + "/d/f", inside + "/d/e/f", outside + "/f", outside + "/d/f"} {
		if err := os.WriteFile(name, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"abs": "/d", "rel": "d/e", "up": "..", "d/up": "..", "d/e/up2": "../..", "self": "self", "a": "b", "b": "a",
		"out": "../outside", "outabs": outside, "d/out": "../../outside/f", "dangling": "nowhere", "dot": ".",
		"slash": "d/", "slashes": "//d//e//", "root": "/", "chain": "abs/up/rel/up2/d", "file": "f", "fileslash": "f/",
	} {
		if err := os.Symlink(target, filepath.Join(inside, name)); err != nil {
			t.Fatal(err)
		}
	}
	return inside, outside
}

// rootOf opens the tree of a directory, and its root.
func rootOf(t testing.TB, dir string, readOnly, beneath bool) *Dir {
	t.Helper()
	fs, err := HostDir(dir, readOnly)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := NewTree(Mount{Guest: "/", FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	root, err := tree.Preopen("/", "/", 3, beneath)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = root.Close()
		_ = fs.(*hostDir).Close()
	})
	return root
}

// roots are a directory as guests have it and as the kernel resolves paths from it.
type roots struct {
	*Dir
	kernel  int
	resolve uint64
}

// open opens a path as the kernel does, inside a chroot or beneath the directory.
func (r *roots) open(path string, flags uint64) (unix.Stat_t, error) {
	var st unix.Stat_t
	how := unix.OpenHow{Flags: flags, Resolve: r.resolve}
	fd, err := unix.Openat2(r.kernel, path, &how)
	for err == unix.EAGAIN { // "..", while anything on this machine is renamed
		fd, err = unix.Openat2(r.kernel, path, &how)
	}
	if err == unix.EXDEV {
		return st, unix.EPERM // WASI's for leading out
	}
	if err != nil {
		return st, err
	}
	defer unix.Close(fd)
	return st, unix.Fstat(fd, &st)
}

// Every path leads where the kernel goes inside a chroot, or beneath a directory,
// or to its errno.
func FuzzPath(f *testing.F) {
	for _, path := range []string{
		"", ".", "..", "/", "//", "f", "/f", "f/", "f/.", "d", "d/", "d/..", "d/../f", "x", "x/", "x/y", "abs/f", "rel/f", "rel/../f",
		"up/up/f", "d/up/d/f", "d/e/up2/f", "self", "self/", "a/b", "out/f", "outabs/f", "d/out", "dangling", "dangling/", "dot/dot/f",
		"slash", "slash/f", "slashes/f", "root/f", "root/..", "chain/f", "file", "file/", "fileslash", "../outside/f", "outside/../../outside/f",
		strings.Repeat("a", 255), strings.Repeat("a", 256), "f/" + strings.Repeat("a", 256), strings.Repeat("/", 4095), strings.Repeat("/", 4096), "f\x00", "\xff",
	} {
		f.Add(path, true)
		f.Add(path, false)
	}
	inside, _ := linkTree(f)
	kernel, err := unix.Open(inside, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = unix.Close(kernel) })
	chroot := &roots{rootOf(f, inside, true, false), kernel, unix.RESOLVE_IN_ROOT}
	beneath := &roots{rootOf(f, inside, true, true), kernel, unix.RESOLVE_BENEATH}
	f.Fuzz(func(t *testing.T, path string, follow bool) {
		for _, r := range []*roots{chroot, beneath} {
			r.checkLookup(t, path, follow)
			r.checkOpen(t, path, follow)
		}
	})
}

// checkLookup compares a look-up with the kernel's.
func (r *roots) checkLookup(t *testing.T, path string, follow bool) {
	got, err := r.Lookup(path, follow)
	flags := uint64(unix.O_PATH | unix.O_CLOEXEC)
	if !follow {
		flags |= unix.O_NOFOLLOW
	}
	want, wantErr := r.open(path, flags)
	if err != wantErr || err == nil && (got.Ino != want.Ino || got.Dev != want.Dev) {
		t.Fatalf("%q: inode %d, %v; the kernel has %d, %v", path, got.Ino, err, want.Ino, wantErr)
	}
}

// checkOpen compares an opening for reading with the kernel's.
func (r *roots) checkOpen(t *testing.T, path string, follow bool) {
	file, err := r.Open(path, OpenFlags{Read: true, Follow: follow})
	flags := uint64(unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK)
	if !follow {
		flags |= unix.O_NOFOLLOW
	}
	want, wantErr := r.open(path, flags)
	if err != wantErr {
		t.Fatalf("open %q: %v; the kernel answers %v", path, err, wantErr)
	}
	if err != nil {
		return
	}
	defer file.Close()
	if st, err := file.(descriptor.Stater).Stat(); err != nil || st.Ino != want.Ino {
		t.Fatalf("open %q: inode %d, %v; the kernel has %d", path, st.Ino, err, want.Ino)
	}
}

// changes are the calls that FuzzChange makes, each with two paths.
var changes = []func(d *Dir, p, q string) error{
	func(d *Dir, p, _ string) error { return d.Mkdir(p) },
	func(d *Dir, p, _ string) error { return d.Unlink(p) },
	func(d *Dir, p, _ string) error { return d.Rmdir(p) },
	func(d *Dir, p, q string) error { return d.Rename(p, d, q) },
	func(d *Dir, p, q string) error { return d.Link(p, true, d, q) },
	func(d *Dir, p, q string) error { return d.Symlink(q, p) },
	func(d *Dir, p, _ string) error { return d.SetTimesOf(p, true, TimeNow, 0) },
	func(d *Dir, p, _ string) error {
		f, err := d.Open(p, OpenFlags{Write: true, Create: true, Truncate: true, Follow: true})
		if err == nil {
			err = f.Close()
		}
		return err
	},
}

// No sequence of changes reaches anything outside, and each fails with an errno.
func FuzzChange(f *testing.F) {
	for i := range changes {
		f.Add([]byte{byte(i)}, "out/f", "d/x", "d/out")
		f.Add([]byte{5, byte(i), byte(i)}, "link", "/../outside", "link/new")
		f.Add([]byte{byte(i), 3, byte(i)}, "d", "e", "up/up/outside/f")
	}
	f.Fuzz(func(t *testing.T, script []byte, p, q, r string) {
		inside, outside := linkTree(t)
		root := rootOf(t, inside, false, false)
		before := describe(t, outside)
		for i, op := range script[:min(len(script), 20)] {
			paths := []string{p, q, r}
			err := changes[int(op)%len(changes)](root, paths[i%3], paths[(i+1)%3])
			if _, ok := err.(syscall.Errno); err != nil && !ok {
				t.Fatalf("%T %v is no errno", err, err)
			}
		}
		if after := describe(t, outside); after != before {
			t.Fatalf("outside there was\n%s now\n%s", before, after)
		}
	})
}

func describe(t *testing.T, dir string) (list string) {
	t.Helper()
	err := filepath.Walk(dir, func(name string, info os.FileInfo, err error) error {
		if err == nil {
			list += name + " " + info.Mode().String() + " " + info.ModTime().String() + "\n"
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
