package wasix

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

func mustWrite(t *testing.T, name, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustSymlink(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// stat calls path_filestat_get relative to descriptor 3 and returns the file
// type and the size.
func (t *Thread) stat(tb testing.TB, errno abi.Errno, name string, follow abi.Lookupflags) (abi.Filetype, uint64) {
	tb.Helper()
	ptr, n := t.pathParams(name)
	t.want(tb, errno, pathFilestatGet(&statPreview1), 3, uint64(follow), ptr, n, resultAt)
	if errno != abi.ESUCCESS {
		return 0, 0
	}
	b := t.result(tb, abi.SizeofFilestat)
	return abi.Filetype(b[abi.OffsetofFilestatFiletype]), binary.LittleEndian.Uint64(b[abi.OffsetofFilestatSize:])
}

func TestPathOpen(t *testing.T) {
	mount, dir := hostMount(t, false)
	mustWrite(t, dir+"/d/f", "data")
	mustSymlink(t, "d", dir+"/link")
	mustSymlink(t, "/d/f", dir+"/absolute")
	mustSymlink(t, "loop", dir+"/loop")
	mustSymlink(t, "missing", dir+"/dangling")
	th := newFileThread(t, mount)
	const r, rw = abi.RightsFdRead, abi.RightsFdRead | abi.RightsFdWrite
	for _, c := range []struct {
		name   string
		oflags abi.Oflags
		rights abi.Rights
		want   abi.Errno
	}{
		{"d/f", 0, r, abi.ESUCCESS},
		{"/d//./f", 0, r, abi.ESUCCESS},
		{"link/f", 0, r, abi.ESUCCESS},
		{"absolute", 0, r, abi.ESUCCESS},
		{"../../d/../d/f", 0, r, abi.ESUCCESS},
		{"link/../d/f", 0, r, abi.ESUCCESS},
		{"", 0, r, abi.ENOENT},
		{"d/f\x00", 0, r, abi.EINVAL},
		{"d/f/", 0, r, abi.ENOTDIR},
		{"d/f/x", 0, r, abi.ENOTDIR},
		{"x", 0, r, abi.ENOENT},
		{"x/y", abi.OflagsCreat, rw, abi.ENOENT},
		{"x/", abi.OflagsCreat, rw, abi.EISDIR},
		{"loop", 0, r, abi.ELOOP},
		{"dangling", 0, r, abi.ENOENT},
		{"dangling", abi.OflagsCreat | abi.OflagsExcl, rw, abi.EEXIST},
		{"dangling", abi.OflagsCreat, rw, abi.ESUCCESS},
		{"missing", 0, r, abi.ESUCCESS},
		{"d", 0, r, abi.ESUCCESS},
		{"d", 0, rw, abi.EISDIR},
		{"d", abi.OflagsCreat, r, abi.EISDIR},
		{"d", abi.OflagsTrunc, r, abi.EISDIR},
		{"d", abi.OflagsDirectory, dirRights, abi.ESUCCESS},
		{"d", abi.OflagsDirectory, rw, abi.EISDIR},
		{"d/f", abi.OflagsDirectory, r, abi.ENOTDIR},
		{"new", abi.OflagsCreat | abi.OflagsDirectory, r, abi.EINVAL},
		{"d/f", 16, r, abi.EINVAL},
		{strings.Repeat("x", 256), 0, r, abi.ENAMETOOLONG},
		{strings.Repeat("/", 4095), 0, r, abi.ESUCCESS},
		{strings.Repeat("/", 4096), 0, r, abi.ENAMETOOLONG},
	} {
		if fd := th.openFile(t, c.want, c.name, c.oflags, c.rights, 0); fd != math.MaxUint64 {
			th.want(t, abi.ESUCCESS, fdClose, fd)
		}
		if t.Failed() {
			t.Fatalf("%.40q", c.name)
		}
	}
	ptr, n := th.pathParams("link")
	th.want(t, abi.ELOOP, pathOpen, 3, 0, ptr, n, 0, allRights, allRights, 0, resultAt)
	th.want(t, abi.EINVAL, pathOpen, 3, 2, ptr, n, 0, allRights, allRights, 0, resultAt)
	th.want(t, abi.ENOTDIR, pathOpen, 0, 0, ptr, n, 0, allRights, allRights, 0, resultAt)
	th.want(t, abi.EBADF, pathOpen, 99, 0, ptr, n, 0, allRights, allRights, 0, resultAt)
	th.want(t, abi.EFAULT, pathOpen, 3, 0, 1<<16-2, 3, 0, allRights, allRights, 0, resultAt)
	th.want(t, abi.EFAULT, pathOpen, 3, 0, ptr, math.MaxUint32, 0, allRights, allRights, 0, resultAt)
}

func TestPathOpen2Cloexec(t *testing.T) {
	mount, dir := hostMount(t, true)
	mustWrite(t, dir+"/f", "data")
	th := newFileThread(t, mount)
	ptr, n := th.pathParams("f")
	th.want(t, abi.EINVAL, pathOpen2, 3, 0, ptr, n, 0, uint64(abi.RightsFdRead), allRights, 0, 2, resultAt)
	for _, want := range []abi.Fdflagsext{0, abi.FdflagsextCloexec} {
		th.want(t, abi.ESUCCESS, pathOpen2, 3, 0, ptr, n, 0, uint64(abi.RightsFdRead), allRights, 0, uint64(want), resultAt)
		fd := uint64(th.result32(t))
		th.want(t, abi.ESUCCESS, fdFdflagsGet, fd, resultAt)
		if b := th.result(t, 2); b[0] != byte(want) {
			t.Fatalf("flags %x, want %x", b, want)
		}
	}
	const unused = 1 << 32 // of an i32, as engines leave it
	th.want(t, abi.ESUCCESS, pathOpen2, 3, 0, ptr, n, 0, uint64(abi.RightsFdRead), allRights, 0, unused, resultAt)
	th.want(t, abi.ESUCCESS, fdFdflagsGet, uint64(th.result32(t)), resultAt)
	if b := th.result(t, 2); b[0] != 0 {
		t.Fatalf("flags %x without the flag", b)
	}
}

// A file opened in a directory that was opened in a directory.
func TestPathRelativeToDirectory(t *testing.T) {
	mount, dir := hostMount(t, false)
	mustWrite(t, dir+"/a/b/f", "deep")
	mustWrite(t, dir+"/a/g", "up")
	th := newFileThread(t, mount)
	fd := th.openFile(t, abi.ESUCCESS, "a/b", abi.OflagsDirectory, dirRights, 0)
	for name, want := range map[string]string{"f": "deep", "../g": "up", "/a/g": "up"} {
		ptr, n := th.pathParams(name)
		th.want(t, abi.ESUCCESS, pathOpen, fd, 0, ptr, n, 0, uint64(abi.RightsFdRead), allRights, 0, resultAt)
		if got := th.read(t, uint64(th.result32(t)), 100); got != want {
			t.Errorf("%s holds %q", name, got)
		}
	}
	ptr, count := th.iovec(1)
	th.want(t, abi.EISDIR, fdRead, fd, ptr, count, resultAt)
	th.want(t, abi.EISDIR, fdPread, fd, ptr, count, 0, resultAt)
	th.want(t, abi.EBADF, fdWrite, fd, ptr, count, resultAt)
	th.want(t, abi.ESUCCESS, fdSync, fd)
}

// Nothing outside of a mount can be reached, whatever the links in it say.
func TestPathIsConfined(t *testing.T) {
	outside := t.TempDir()
	mustWrite(t, outside+"/secret", "secret")
	mount, dir := hostMount(t, false)
	mustWrite(t, dir+"/d/f", "data")
	up := strings.Repeat("../", 20)
	mustSymlink(t, outside, dir+"/abs")
	mustSymlink(t, outside+"/secret", dir+"/file")
	mustSymlink(t, up+outside, dir+"/d/rel")
	mustSymlink(t, "..", dir+"/d/up")
	th := newFileThread(t, mount)
	for _, name := range []string{
		outside + "/secret", up + outside + "/secret", "abs/secret", "file", "d/rel/secret",
		"d/up/up/.." + outside + "/secret", "d/../.." + outside + "/secret",
	} {
		th.openFile(t, abi.ENOENT, name, 0, abi.RightsFdRead, 0)
		th.stat(t, abi.ENOENT, name, abi.LookupflagsSymlinkFollow)
		ptr, n := th.pathParams(name)
		if errno := pathUnlinkFile(th, []uint64{3, ptr, n}); errno == abi.ESUCCESS && name != "file" {
			t.Errorf("unlinked %s", name)
		}
	}
	ptr, n := th.pathParams("abs/made")
	th.want(t, abi.ENOENT, pathCreateDirectory, 3, ptr, n)
	if b, err := os.ReadFile(outside + "/secret"); err != nil || string(b) != "secret" {
		t.Fatalf("%q, %v", b, err)
	}
	if list, _ := os.ReadDir(outside); len(list) != 1 {
		t.Fatalf("%v was made outside", list)
	}
}

func TestPathReadOnly(t *testing.T) {
	mount, dir := hostMount(t, true)
	mustWrite(t, dir+"/f", "data")
	mustSymlink(t, "f", dir+"/link")
	before := listTree(t, dir)
	host := newFileThread(t, mount)
	goFS := newFileThread(t, vfs.Mount{Guest: "/", FS: vfs.FS(os.DirFS(dir))})
	for _, th := range []*Thread{host, goFS} {
		fd := th.openFile(t, abi.ESUCCESS, "f", 0, abi.RightsFdRead|abi.RightsFdFilestatSetTimes, 0)
		th.openFile(t, abi.ESUCCESS, "f", abi.OflagsCreat, abi.RightsFdRead, 0)
		th.openFile(t, abi.EROFS, "f", 0, readWrite, 0)
		th.openFile(t, abi.EROFS, "f", abi.OflagsTrunc, abi.RightsFdRead, 0)
		th.openFile(t, abi.EROFS, "new", abi.OflagsCreat, readWrite, 0)
		th.openFile(t, abi.EROFS, "new", abi.OflagsCreat, abi.RightsFdRead, 0)
		th.want(t, abi.EROFS, fdFilestatSetTimes, fd, 0, 0, uint64(abi.FstflagsAtimNow))
		th.want(t, abi.EROFS, fdFilestatSetTimes, 3, 0, 0, uint64(abi.FstflagsAtimNow))
		ptr, n := th.pathParams("f")
		th.want(t, abi.EROFS, pathUnlinkFile, 3, ptr, n)
		th.want(t, abi.EROFS, pathRename, 3, ptr, n, 3, ptr, n)
		th.want(t, abi.EROFS, pathFilestatSetTimes, 3, 0, ptr, n, 0, 0, uint64(abi.FstflagsMtimNow))
		th.want(t, abi.EEXIST, pathCreateDirectory, 3, ptr, n)
		ptr, n = th.pathParams("new")
		th.want(t, abi.EROFS, pathCreateDirectory, 3, ptr, n)
		th.want(t, abi.EROFS, pathSymlink, ptr, n, 3, ptr, n)
		th.want(t, abi.ENOENT, pathUnlinkFile, 3, ptr, n)
		if typ, _ := th.stat(t, abi.ESUCCESS, "link", 0); typ != abi.FiletypeSymbolicLink {
			t.Errorf("file type %v", typ)
		}
	}
	if after := listTree(t, dir); after != before {
		t.Fatalf("changed from %s to %s", before, after)
	}
}

func listTree(t *testing.T, dir string) (list string) {
	t.Helper()
	err := filepath.Walk(dir, func(name string, info os.FileInfo, err error) error {
		list += fmt.Sprintln(name, info.Size(), info.Mode(), info.ModTime())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestPathChanges(t *testing.T) {
	mount, dir := hostMount(t, false)
	th := newFileThread(t, mount)
	at := func(name string) (ptr, n uint64) {
		copy(th.mem[pathAt:], name)
		return pathAt, uint64(len(name))
	}
	second := func(name string) (ptr, n uint64) {
		copy(th.mem[pathAt+0x800:], name)
		return pathAt + 0x800, uint64(len(name))
	}
	one := func(errno abi.Errno, do handler, name string) {
		t.Helper()
		ptr, n := at(name)
		th.want(t, errno, do, 3, ptr, n)
	}
	two := func(errno abi.Errno, do handler, from, to string) {
		t.Helper()
		p1, n1 := at(from)
		p2, n2 := second(to)
		th.want(t, errno, do, 3, p1, n1, 3, p2, n2)
	}
	link := func(errno abi.Errno, flags abi.Lookupflags, from, to string) {
		t.Helper()
		p1, n1 := at(from)
		p2, n2 := second(to)
		th.want(t, errno, pathLink, 3, uint64(flags), p1, n1, 3, p2, n2)
	}
	symlink := func(errno abi.Errno, target, name string) {
		t.Helper()
		p1, n1 := at(target)
		p2, n2 := second(name)
		th.want(t, errno, pathSymlink, p1, n1, 3, p2, n2)
	}

	one(abi.ESUCCESS, pathCreateDirectory, "d/")
	one(abi.EEXIST, pathCreateDirectory, "d")
	one(abi.EEXIST, pathCreateDirectory, "/")
	one(abi.EEXIST, pathCreateDirectory, "..")
	one(abi.ENOENT, pathCreateDirectory, "x/y")
	one(abi.ENOENT, pathCreateDirectory, "")
	mustWrite(t, dir+"/d/f", "data")
	symlink(abi.ESUCCESS, "d", "link")
	symlink(abi.EEXIST, "d", "d")
	symlink(abi.ENOENT, "", "new")
	symlink(abi.ENOENT, "d", "new/")
	one(abi.EEXIST, pathCreateDirectory, "link/")
	one(abi.ENOTDIR, pathRemoveDirectory, "link/")
	one(abi.EISDIR, pathUnlinkFile, "d")
	one(abi.ENOTDIR, pathUnlinkFile, "d/f/")
	one(abi.ENOTEMPTY, pathRemoveDirectory, "d")
	one(abi.EINVAL, pathRemoveDirectory, "d/.")
	one(abi.ENOTEMPTY, pathRemoveDirectory, "d/..")
	one(abi.EBUSY, pathRemoveDirectory, "/")
	one(abi.ENOTDIR, pathRemoveDirectory, "d/f")

	link(abi.ESUCCESS, 0, "d/f", "hard")
	link(abi.EEXIST, 0, "d/f", "hard")
	link(abi.EPERM, 0, "d", "hard2")
	link(abi.EINVAL, 2, "d/f", "hard2")
	link(abi.ENOENT, 0, "x", "hard2")
	link(abi.ESUCCESS, 0, "link", "soft")
	if target, err := os.Readlink(dir + "/soft"); target != "d" {
		t.Fatalf("a link to a link: %q, %v", target, err)
	}
	th.want(t, abi.ESUCCESS, pathFilestatGet(&statPreview1), 3, 0, pathAt, 4, resultAt)
	th.result(t, abi.SizeofFilestat)

	two(abi.ESUCCESS, pathRename, "hard", "d/moved")
	two(abi.ENOENT, pathRename, "hard", "x")
	two(abi.EINVAL, pathRename, "d", "d/below")
	two(abi.ENOTDIR, pathRename, "d", "soft")
	two(abi.ENOTDIR, pathRename, "d/f", "x/")
	two(abi.EBUSY, pathRename, "d/.", "x")
	two(abi.EBUSY, pathRename, "d", "/")
	two(abi.ESUCCESS, pathRename, "d", "e/")
	one(abi.ESUCCESS, pathUnlinkFile, "e/f")
	one(abi.ESUCCESS, pathUnlinkFile, "e/moved")
	one(abi.ESUCCESS, pathRemoveDirectory, "e")
	one(abi.ESUCCESS, pathUnlinkFile, "link")
	one(abi.ESUCCESS, pathUnlinkFile, "soft")
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Fatalf("left: %v, %v", list, err)
	}
}

func TestPathTimes(t *testing.T) {
	mount, dir := hostMount(t, false)
	mustWrite(t, dir+"/f", "data")
	mustSymlink(t, "f", dir+"/link")
	th := newFileThread(t, mount)
	const mtim = 1_000_000_000_123_456_789
	set := func(name string, follow abi.Lookupflags, atim uint64, flags abi.Fstflags) {
		t.Helper()
		ptr, n := th.pathParams(name)
		th.want(t, abi.ESUCCESS, pathFilestatSetTimes, 3, uint64(follow), ptr, n, atim, mtim, uint64(flags))
	}
	read := func(name string) (atim, mtim uint64) {
		t.Helper()
		ptr, n := th.pathParams(name)
		th.want(t, abi.ESUCCESS, pathFilestatGet(&statUnstable), 3, 0, ptr, n, resultAt)
		b := th.result(t, abi.SizeofSnapshot0Filestat)
		return binary.LittleEndian.Uint64(b[abi.OffsetofSnapshot0FilestatAtim:]), binary.LittleEndian.Uint64(b[abi.OffsetofSnapshot0FilestatMtim:])
	}
	set("f", 0, 5, abi.FstflagsAtim|abi.FstflagsMtim)
	if a, m := read("f"); a != 5 || m != mtim {
		t.Fatalf("times %d, %d", a, m)
	}
	set("link", abi.LookupflagsSymlinkFollow, 6, abi.FstflagsAtim)
	if a, m := read("f"); a != 6 || m != mtim {
		t.Fatalf("times %d, %d", a, m)
	}
	set("link", 0, 7, abi.FstflagsAtim)
	if a, _ := read("f"); a != 6 {
		t.Fatalf("the link was followed")
	}
	fd := th.openFile(t, abi.ESUCCESS, "f", 0, abi.RightsFdRead|abi.RightsFdFilestatSetTimes, 0)
	th.want(t, abi.ESUCCESS, fdFilestatSetTimes, fd, 8, 9, uint64(abi.FstflagsAtimNow|abi.FstflagsMtim))
	if a, m := read("f"); a <= mtim || m != 9 {
		t.Fatalf("times %d, %d", a, m)
	}
	for _, flags := range []abi.Fstflags{16, abi.FstflagsAtim | abi.FstflagsAtimNow, abi.FstflagsMtim | abi.FstflagsMtimNow} {
		th.want(t, abi.EINVAL, fdFilestatSetTimes, fd, 0, 0, uint64(flags))
	}
	th.want(t, abi.EINVAL, fdFilestatSetTimes, fd, 1<<63, 0, uint64(abi.FstflagsAtim))
}

func TestPathReadlink(t *testing.T) {
	mount, dir := hostMount(t, true)
	mustWrite(t, dir+"/f", "data")
	mustSymlink(t, "../anywhere", dir+"/link")
	th := newFileThread(t, mount)
	ptr, n := th.pathParams("link")
	th.want(t, abi.ESUCCESS, pathReadlink, 3, ptr, n, dataAt, 100, resultAt)
	if got := string(th.mem[dataAt:][:th.result32(t)]); got != "../anywhere" {
		t.Fatalf("%q", got)
	}
	th.want(t, abi.ESUCCESS, pathReadlink, 3, ptr, n, resultAt+8, 4, resultAt)
	if b := th.result(t, 12); b[0] != 4 || string(b[8:]) != "../a" {
		t.Fatalf("%q", b)
	}
	th.want(t, abi.EINVAL, pathReadlink, 3, ptr, n, dataAt, 0, resultAt)
	th.want(t, abi.EFAULT, pathReadlink, 3, ptr, n, 1<<16-3, 4, resultAt)
	ptr, n = th.pathParams("f")
	th.want(t, abi.EINVAL, pathReadlink, 3, ptr, n, dataAt, 100, resultAt)
}

// Programs whose C library does not know the current directory.
func TestPathFromCurrentDirectory(t *testing.T) {
	fs := vfs.FS(fstest.MapFS{"f": {Data: []byte("root")}, "a/f": {Data: []byte("a!")}, "a/only": {}})
	th := newFileThread(t, vfs.Mount{Guest: "/", FS: fs})
	th.proc.cwd = "/a"
	for name, want := range map[string]string{
		"./f": "a!", "/f": "root", "/a/../f": "root", ".//../f": "root", "f": "a!", "../f": "root",
	} {
		if got := th.read(t, th.openFile(t, abi.ESUCCESS, name, 0, abi.RightsFdRead, 0), 10); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
	th.openFile(t, abi.ENOENT, "", 0, abi.RightsFdRead, 0)
	th.stat(t, abi.ESUCCESS, "only", 0)
	ptr, n := th.pathParams("only")
	th.want(t, abi.EINVAL, pathReadlink, 3, ptr, n, dataAt, 10, resultAt)
	th.want(t, abi.EROFS, pathUnlinkFile, 3, ptr, n)
}

func TestChdirAndGetcwd(t *testing.T) {
	mount, dir := hostMount(t, true)
	mustWrite(t, dir+"/a/b/f", "data")
	mustSymlink(t, "/a/b", dir+"/link")
	data := vfs.Mount{Guest: "/x/data", FS: vfs.FS(fstest.MapFS{"sub/f": {}})}
	th := newFileThread(t, mount, data)
	for _, c := range []struct {
		name  string
		errno abi.Errno
		want  string
	}{
		{"a", abi.ESUCCESS, "/a"},
		{"b", abi.ESUCCESS, "/a/b"},
		{"f", abi.ENOTDIR, "/a/b"},
		{"missing", abi.ENOENT, "/a/b"},
		{"/link/..", abi.ESUCCESS, "/a"},
		{"../x", abi.ESUCCESS, "/x"},
		{"data/sub", abi.ESUCCESS, "/x/data/sub"},
		{"../..", abi.ESUCCESS, "/x"},
		{"../..", abi.ESUCCESS, "/"},
	} {
		ptr, n := th.pathParams(c.name)
		th.want(t, c.errno, chdir, ptr, n)
		binary.LittleEndian.PutUint32(th.mem[dataAt:], 100)
		th.want(t, abi.ESUCCESS, getcwd, resultAt, dataAt)
		size := binary.LittleEndian.Uint32(th.mem[dataAt:])
		if got := th.result(t, int(size)+1); string(got) != c.want+"\x00" {
			t.Fatalf("after chdir %s: %q, want %s", c.name, got, c.want)
		}
	}
	th.want(t, abi.EFAULT, getcwd, 1<<16-8, dataAt+0x100)
	for ptr, room := range map[uint64]uint32{resultAt: 1, 0: 4096} {
		binary.LittleEndian.PutUint32(th.mem[dataAt:], room)
		th.want(t, abi.ERANGE, getcwd, ptr, dataAt)
		if n := binary.LittleEndian.Uint32(th.mem[dataAt:]); n != 2 {
			t.Fatalf("%d bytes needed", n)
		}
	}
	th.result(t, 4) // untouched
}

// listing is what a guest gets out of fd_readdir with a buffer of a given size.
func (t *Thread) listing(tb testing.TB, fd uint64, room uint64) (names []string) {
	tb.Helper()
	cookie := uint64(0)
	for {
		t.want(tb, abi.ESUCCESS, fdReaddir, fd, dataAt, room, cookie, resultAt)
		used := uint64(t.result32(tb))
		b := t.mem[dataAt:][:used]
		for len(b) >= abi.SizeofDirent {
			n := int(binary.LittleEndian.Uint32(b[abi.OffsetofDirentDNamlen:]))
			if len(b) < abi.SizeofDirent+n {
				break
			}
			cookie = binary.LittleEndian.Uint64(b)
			names = append(names, string(b[abi.SizeofDirent:][:n]))
			b = b[abi.SizeofDirent+n:]
		}
		if used < room {
			return names
		}
	}
}

func TestFdReaddir(t *testing.T) {
	const files = 10_000
	mount, dir := hostMount(t, true)
	want := []string{".", "..", "data"}
	for i := range files {
		name := fmt.Sprintf("file-%05d", i)
		mustWrite(t, filepath.Join(dir, name), "")
		want = append(want, name)
	}
	mustWrite(t, dir+"/data/hidden", "")
	slices.Sort(want)
	data := vfs.Mount{Guest: "/data", FS: vfs.FS(fstest.MapFS{"f": {}})}
	th := newFileThread(t, mount, data)
	for _, room := range []uint64{100, 4096} {
		got := th.listing(t, 3, room)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%d entries with %d bytes of room, want %d", len(got), room, len(want))
		}
	}
	if got := th.listing(t, 4, 200); !slices.Equal(got, []string{".", "..", "f"}) {
		t.Fatalf("%q", got)
	}
}

func TestFdReaddirCookies(t *testing.T) {
	mount, dir := hostMount(t, true)
	for i := range 2000 {
		mustWrite(t, fmt.Sprintf("%s/%d", dir, i), "")
	}
	th := newFileThread(t, mount)
	one := func(cookie uint64) []byte {
		t.Helper()
		th.want(t, abi.ESUCCESS, fdReaddir, 3, dataAt, 64, cookie, resultAt)
		return bytes.Clone(th.mem[dataAt:][:th.result32(t)])
	}
	early, late := one(5), one(1900)
	if !bytes.Equal(one(5), early) || !bytes.Equal(one(1900), late) {
		t.Fatal("a cookie leads elsewhere the second time")
	}
	for cookie, want := range map[uint64]int{2002: 0, 1 << 40: 0} {
		if got := one(cookie); len(got) != want {
			t.Fatalf("%d bytes past the end", len(got))
		}
	}
	th.want(t, abi.ESUCCESS, fdReaddir, 3, resultAt+8, 10, 0, resultAt)
	if b := th.result(t, 18); b[0] != 10 {
		t.Fatalf("%x: the header was not cut", b)
	}
	th.want(t, abi.ENOTDIR, fdReaddir, 0, dataAt, 64, 0, resultAt)
	th.want(t, abi.EFAULT, fdReaddir, 3, 1<<16-8, 64, 0, resultAt)
	th.want(t, abi.ESUCCESS, fdFdstatSetRights, 3, 0, 0)
	th.want(t, abi.ENOTCAPABLE, fdReaddir, 3, dataAt, 64, 0, resultAt)
}

func TestMountPoints(t *testing.T) {
	a := vfs.Mount{Guest: "/a/b/", FS: vfs.FS(fstest.MapFS{"f": {Data: []byte("in b")}, "up": {Data: []byte("../g"), Mode: os.ModeSymlink}})}
	g := vfs.Mount{Guest: "/a/c", FS: vfs.FS(fstest.MapFS{"g": {Data: []byte("in c")}})}
	th := newFileThread(t, a, g)
	for name, want := range map[string]string{"a/b/f": "in b", "a/b/../c/g": "in c"} {
		if got := th.read(t, th.openFile(t, abi.ESUCCESS, name, 0, abi.RightsFdRead, 0), 100); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	th.openFile(t, abi.ENOENT, "a/b/up", 0, abi.RightsFdRead, 0)
	if typ, _ := th.stat(t, abi.ESUCCESS, "a", 0); typ != abi.FiletypeDirectory {
		t.Errorf("file type %v", typ)
	}
	fd := th.openFile(t, abi.ESUCCESS, "a", abi.OflagsDirectory, dirRights, 0)
	if got := th.listing(t, fd, 300); !slices.Equal(got, []string{".", "..", "b", "c"}) {
		t.Errorf("%q", got)
	}
	ptr, n := th.pathParams("a/b")
	th.want(t, abi.EBUSY, pathRemoveDirectory, 3, ptr, n)
	th.want(t, abi.EBUSY, pathRemoveDirectory, 3, ptr, 1)
	th.want(t, abi.EXDEV, pathRename, 3, ptr, n, 3, ptr, 1)
}
