package wasixtest

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// confineCases are attempts to get out of a directory of the host.
var confineCases = []struct {
	name string
	run  func(*confined)
}{
	{"absolute paths and links begin at the guest's root", confineAbsolute},
	{"relative paths and links end there", confineRelative},
	{"magic links lead where their text does", confineMagic},
	{"long paths and NUL bytes are refused", confineOdd},
	{"hard links are to what is inside", confineHardLinks},
	{"a link may take a directory's place during the walk", confineSwapped},
	{"a parent may move away during the walk", confineMoved},
	{"a mount that was closed leads nowhere", confineClosed},
}

func confine(t *testing.T, e wasix.Engine) {
	m := compile(t, e, Passthrough(guestPages, guestCalls()...))
	for _, row := range confineCases {
		t.Run(row.name, func(t *testing.T) { row.run(newConfined(t, m)) })
	}
}

// confined is a guest whose root is a directory of the host, beside another one that
// it must not get to.
type confined struct {
	*fileGuest
	inside, outside string
}

// secret is in the files outside.
const secret = "outside"

func newConfined(t *testing.T, m wasix.Module) *confined {
	t.Helper()
	base := t.TempDir()
	c := &confined{inside: base + "/inside", outside: base + "/outside"}
	for _, dir := range []string{c.inside, c.outside + "/d"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"/f", "/d/f"} {
		if err := os.WriteFile(c.outside+name, []byte(secret), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c.fileGuest = newFileGuest(t, m, fileSystem{open: func(t testing.TB) vfs.FileSystem { return hostDirectory(t, c.inside) }})
	before := c.describe()
	t.Cleanup(func() {
		if after := c.describe(); after != before {
			t.Errorf("outside there was\n%s\nnow\n%s", before, after)
		}
	})
	return c
}

// describe tells all of what is outside.
func (c *confined) describe() string {
	var b strings.Builder
	err := filepath.Walk(c.outside, func(name string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		data, _ := os.ReadFile(name)
		fmt.Fprintln(&b, name, info.Size(), info.Mode(), info.ModTime(), string(data))
		return nil
	})
	if err != nil {
		c.t.Error(err)
	}
	return b.String()
}

// Where attempts have their paths, which may be long.
const (
	attemptAt = 0x7000
	stolenAt  = 0x9000
)

// attempts makes every call on paths, with one that would lead outside, and hands
// on what each answers.
func (c *confined) attempts(fd uint64, name string, answer func(call string, got abi.Errno)) {
	c.Put(attemptAt, []byte(name)...)
	at, n := uint64(attemptAt), uint64(len(name))
	file, fileLen := c.path("file")
	c.Put(stolenAt, []byte("stolen")...)
	const follow, stolen, stolenLen = uint64(abi.LookupflagsSymlinkFollow), stolenAt, 6
	read, write := uint64(toRead), uint64(toWrite)
	for _, call := range []struct {
		name string
		args []uint64
	}{
		{"path_open", []uint64{fd, follow, at, n, 0, read, read, 0, fdAt}},
		{"path_open", []uint64{fd, follow, at, n, uint64(abi.OflagsDirectory), read, read, 0, fdAt}},
		{"path_open", []uint64{fd, follow, at, n, uint64(abi.OflagsCreat | abi.OflagsTrunc), write, write, 0, fdAt}},
		{"path_filestat_get", []uint64{fd, follow, at, n, statAt}},
		{"path_filestat_set_times", []uint64{fd, follow, at, n, 1, 1, uint64(abi.FstflagsAtim | abi.FstflagsMtim)}},
		{"path_create_directory", []uint64{fd, at, n}},
		{"path_remove_directory", []uint64{fd, at, n}},
		{"path_unlink_file", []uint64{fd, at, n}},
		{"path_readlink", []uint64{fd, at, n, dataAt, 100, lenAt}},
		{"path_rename", []uint64{fd, at, n, root, stolen, stolenLen}},
		{"path_rename", []uint64{root, file, fileLen, fd, at, n}},
		{"path_link", []uint64{fd, follow, at, n, root, stolen, stolenLen}},
		{"path_link", []uint64{root, 0, file, fileLen, fd, at, n}},
		{"path_symlink", []uint64{file, fileLen, fd, at, n}},
		{"chdir", []uint64{at, n}},
	} {
		answer(call.name, c.Call(call.name, call.args...))
	}
}

// opensDir opens a directory for all calls on paths.
func (c *confined) opensDir(name string) uint64 {
	c.t.Helper()
	args := c.opening(name, abi.OflagsDirectory, ^abi.RightsFdWrite, 0)
	args[6] = ^uint64(0) // which is what it hands down
	return c.newFD("path_open", args...)
}

// refuses fails unless all attempts with the paths are answered by one errno.
func (c *confined) refuses(want abi.Errno, names ...string) {
	c.t.Helper()
	for _, name := range names {
		c.attempts(root, name, func(call string, got abi.Errno) {
			if got != want {
				c.t.Errorf("%s of %.60q: %v, want %v", call, name, got, want)
			}
		})
	}
}

// linked makes a link inside, as somebody on the host may have.
func (c *confined) linked(target, name string) {
	c.t.Helper()
	if err := os.Symlink(target, filepath.Join(c.inside, name)); err != nil {
		c.t.Fatal(err)
	}
}

func confineAbsolute(c *confined) {
	c.linked(c.outside, "abs")
	c.symlinks(abi.ESUCCESS, c.outside+"/d", "dir/own")
	c.refuses(abi.ENOENT, c.outside+"/f", "abs/f", "/abs/d/f", "dir/own/f", "dir/../abs/f", "/"+c.outside+"//f")
}

func confineRelative(c *confined) {
	c.linked("../outside", "rel")
	c.symlinks(abi.ESUCCESS, "..", "dir/up")
	c.symlinks(abi.ESUCCESS, strings.Repeat("../", 40)+c.outside[1:], "dir/far")
	c.refuses(abi.ENOENT, "../outside/f", "/../outside/f", "dir/../../outside/f", "rel/f", "dir/up/../outside/f", "dir/up/rel/f",
		"dir/far/f", "./.././outside/f", "//..//outside//f", strings.Repeat("dir/../", 100)+"../outside/f")
	fd := c.opensDir("dir")
	c.attempts(fd, "../../outside/f", func(call string, got abi.Errno) {
		if got != abi.ENOENT {
			c.t.Errorf("%s below a directory: %v", call, got)
		}
	})
}

// confineMagic has no cases where there is no /proc.
func confineMagic(c *confined) {
	proc, err := vfs.HostDir("/proc/self", true)
	if err != nil {
		return
	}
	defer proc.(io.Closer).Close()
	c.fileGuest = c.another(c.t, vfs.Mount{Guest: "/proc", FS: proc})
	c.linked("/proc/root"+c.outside, "magic")
	c.refuses(abi.ENOENT, "proc/root"+c.outside+"/f", "proc/cwd/file_confine.go", "proc/exe/.", "proc/task/../root"+c.outside+"/f", "magic/f")
	c.opensNot(abi.ENOENT, "proc/exe", 0, toRead, 0)
	c.opensNot(abi.ENOENT, "proc/cwd", abi.OflagsDirectory, toRead, 0)
}

func confineOdd(c *confined) {
	c.linked("../outside", "rel")
	c.refuses(abi.EINVAL, "rel/f\x00", "\x00", "file\x00/../../outside/f")
	c.refuses(abi.ENAMETOOLONG, strings.Repeat("x", 5000), strings.Repeat("../", 1400)+c.outside[1:]+"/f", strings.Repeat("dir/../", 600)+"rel/f")
}

// confineHardLinks has a file of the outside as a link inside, which is the host's
// to decide; the guest cannot make one, nor get from it to what else is there.
func confineHardLinks(c *confined) {
	if err := os.Link(c.outside+"/f", c.inside+"/given"); err != nil {
		c.t.Fatal(err)
	}
	c.linked(c.outside+"/d/f", "to-f")
	c.holds("given", secret)
	c.refuses(abi.ENOTDIR, "given/../../outside/f", "given/f")
	for _, flags := range []uint64{0, uint64(abi.LookupflagsSymlinkFollow)} {
		at, n := c.path(c.outside + "/d/f")
		to, toLen := c.otherPath("stolen")
		c.wants(abi.ENOENT, nil, "path_link", root, flags, at, n, root, to, toLen)
	}
	at, n := c.path("to-f")
	to, toLen := c.otherPath("stolen")
	c.wants(abi.ENOENT, nil, "path_link", root, uint64(abi.LookupflagsSymlinkFollow), at, n, root, to, toLen)
	c.opensNot(abi.ENOENT, "to-f", abi.OflagsCreat, toWrite, 0)
	c.makes("path_unlink_file", "given")
}

// races makes attempts while change is called again and again.
func (c *confined) races(name string, change func()) {
	done := make(chan struct{})
	var busy sync.WaitGroup
	busy.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				change()
			}
		}
	})
	for range 40 {
		c.reads(name)
		for _, suffix := range []string{"", "-new"} {
			c.attempts(root, name+suffix, func(call string, got abi.Errno) {
				if call == "path_open" && got == abi.ESUCCESS {
					c.close(uint64(c.Bytes(fdAt, 1)[0]))
				}
			})
		}
	}
	close(done)
	busy.Wait()
}

// reads opens a file, if it is there now, and fails if it is one outside.
func (c *confined) reads(name string) {
	if c.Call("path_open", c.opening(name, 0, toRead, 0)...) != abi.ESUCCESS {
		return
	}
	fd := uint64(c.Bytes(fdAt, 1)[0])
	at, n := c.iovs(uint32(len(secret)))
	if c.Call("fd_read", fd, at, n, lenAt) == abi.ESUCCESS && string(c.Bytes(dataAt, uint32(len(secret)))) == secret {
		c.t.Errorf("%s was opened outside", name)
	}
	c.close(fd)
}

func confineSwapped(c *confined) {
	c.linked("../outside/d", "trap")
	c.makes("path_create_directory", "swapped")
	c.races("swapped/f", func() {
		_ = os.Rename(c.inside+"/swapped", c.inside+"/kept")
		_ = os.Rename(c.inside+"/trap", c.inside+"/swapped")
		_ = os.Rename(c.inside+"/swapped", c.inside+"/trap")
		_ = os.Rename(c.inside+"/kept", c.inside+"/swapped")
	})
}

// confineMoved has a directory that is moved out and in again: ".." in it leads to
// the outside then.
func confineMoved(c *confined) {
	c.makes("path_create_directory", "dir/moved")
	away := filepath.Dir(c.outside) + "/away"
	c.races("dir/moved/../../outside/f", func() {
		_ = os.Rename(c.inside+"/dir/moved", away)
		_ = os.Rename(away, c.inside+"/dir/moved")
	})
}

// confineClosed uses descriptors of a mount whose own has become another directory's.
func confineClosed(c *confined) {
	file, dir := c.opens("file", 0, toRead, 0), c.opensDir("dir")
	if err := c.root.(io.Closer).Close(); err != nil {
		c.t.Fatal(err)
	}
	for range 4 {
		f, err := os.Open(c.outside)
		if err != nil {
			c.t.Fatal(err)
		}
		defer f.Close()
	}
	c.refuses(abi.EBADF, "f", "d/f", "../outside/f")
	c.attempts(dir, "f", func(call string, got abi.Errno) {
		if got != abi.EBADF {
			c.t.Errorf("%s below a directory: %v", call, got)
		}
	})
	c.fileGuest.reads(file, fileTree["file"])
}
