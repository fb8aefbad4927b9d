package wasixtest

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
	"testing/fstest"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// Where the cases of calls on files have their things, besides.
const (
	pathAt    = 0x5000
	otherAt   = 0x5800 // a second path
	statAt    = 0x6000
	entriesAt = 0x6100 // entries of a directory
)

// What file cases open files for.
const (
	toRead  = abi.RightsFdRead | abi.RightsFdSeek | abi.RightsFdTell | abi.RightsFdFilestatGet | abi.RightsFdReaddir
	toWrite = abi.RightsFdWrite | abi.RightsFdSeek | abi.RightsFdTell | abi.RightsFdAllocate |
		abi.RightsFdFilestatSetSize | abi.RightsFdFilestatSetTimes
)

// fileTree is what each file system has in it.
var fileTree = map[string]string{"file": "0123456789", "dir/inner": "inside", "dir/other": "more"}

// fileSystem is what file cases run on.
type fileSystem struct {
	name     string
	readOnly bool
	open     func(testing.TB) vfs.FileSystem
}

var fileSystems = []fileSystem{
	{"a directory of the host", false, func(t testing.TB) vfs.FileSystem { return hostDirectory(t, t.TempDir()) }},
	{"a file system in memory", false, func(testing.TB) vfs.FileSystem { return vfs.Temp(16 << 20) }},
	{"an fs.FS", true, func(testing.TB) vfs.FileSystem {
		tree := fstest.MapFS{}
		for name, data := range fileTree {
			tree[name] = &fstest.MapFile{Data: []byte(data)}
		}
		return vfs.FS(tree)
	}},
}

func hostDirectory(t testing.TB, dir string) vfs.FileSystem {
	t.Helper()
	fs, err := vfs.HostDir(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fs.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
	})
	return fs
}

// fileCase is a case of calls on files, named as a sentence, that a guest of its
// own runs on each file system it is for.
type fileCase struct {
	name string
	on   access
	run  func(*fileGuest)
}

type access byte

const (
	anywhere access = iota
	writable
	readOnly
)

func (a access) takes(fs fileSystem) bool {
	return a == anywhere || fs.readOnly == (a == readOnly)
}

// files makes a case of Run of file cases, with one subtest per case and file
// system.
func files(rows []fileCase) func(*testing.T, wasix.Engine) {
	return func(t *testing.T, e wasix.Engine) {
		m := compile(t, e, Passthrough(guestPages, guestCalls()...))
		for _, fs := range fileSystems {
			t.Run(fs.name, func(t *testing.T) {
				for _, row := range rows {
					if row.on.takes(fs) {
						t.Run(row.name, func(t *testing.T) { row.run(newFileGuest(t, m, fs)) })
					}
				}
			})
		}
	}
}

// fileGuest is a guest whose root is a file system with the [fileTree] in it.
type fileGuest struct {
	*Guest
	module wasix.Module
	root   vfs.FileSystem
}

func newFileGuest(t testing.TB, m wasix.Module, fs fileSystem) *fileGuest {
	t.Helper()
	g := (&fileGuest{module: m, root: fs.open(t)}).another(t)
	if !fs.readOnly {
		g.makes("path_create_directory", "dir")
		for name, data := range fileTree {
			fd := g.opens(name, abi.OflagsCreat, toWrite, 0)
			g.writes(fd, data)
			g.close(fd)
		}
		g.Mask()
	}
	return g
}

// another starts another guest on the same file system, with further mounts.
func (g *fileGuest) another(t testing.TB, mounts ...vfs.Mount) *fileGuest {
	t.Helper()
	other := *g
	other.Guest = startGuest(t, g.module, func(cmd *wasix.Cmd) {
		cmd.Mounts = append([]vfs.Mount{{Guest: "/", FS: g.root}}, mounts...)
	})
	return &other
}

// path stores a path and returns where and how long it is.
func (g *fileGuest) path(name string) (at, n uint64) {
	g.Put(pathAt, []byte(name)...)
	return pathAt, uint64(len(name))
}

func (g *fileGuest) otherPath(name string) (at, n uint64) {
	g.Put(otherAt, []byte(name)...)
	return otherAt, uint64(len(name))
}

// opening are the arguments of path_open for a path from the root.
func (g *fileGuest) opening(name string, o abi.Oflags, rights abi.Rights, flags abi.Fdflags) []uint64 {
	at, n := g.path(name)
	return []uint64{root, uint64(abi.LookupflagsSymlinkFollow), at, n, uint64(o), uint64(rights), uint64(rights), uint64(flags), fdAt}
}

func (g *fileGuest) opens(name string, o abi.Oflags, rights abi.Rights, flags abi.Fdflags) uint64 {
	g.t.Helper()
	return g.newFD("path_open", g.opening(name, o, rights, flags)...)
}

func (g *fileGuest) opensNot(want abi.Errno, name string, o abi.Oflags, rights abi.Rights, flags abi.Fdflags) {
	g.t.Helper()
	g.wants(want, nil, "path_open", g.opening(name, o, rights, flags)...)
}

// fails makes a call of (fd, path, path_len) on a path from the root.
func (g *fileGuest) fails(want abi.Errno, call, name string) {
	g.t.Helper()
	at, n := g.path(name)
	g.wants(want, nil, call, root, at, n)
}

func (g *fileGuest) makes(call, name string) {
	g.t.Helper()
	g.fails(abi.ESUCCESS, call, name)
}

// renames is path_rename from the root.
func (g *fileGuest) renames(want abi.Errno, from, to string) {
	g.t.Helper()
	at, n := g.path(from)
	to1, n1 := g.otherPath(to)
	g.wants(want, nil, "path_rename", root, at, n, root, to1, n1)
}

func (g *fileGuest) links(want abi.Errno, from, to string) {
	g.t.Helper()
	at, n := g.path(from)
	to1, n1 := g.otherPath(to)
	g.wants(want, nil, "path_link", root, 0, at, n, root, to1, n1)
}

func (g *fileGuest) symlinks(want abi.Errno, target, name string) {
	g.t.Helper()
	at, n := g.path(target)
	to1, n1 := g.otherPath(name)
	g.wants(want, nil, "path_symlink", at, n, root, to1, n1)
}

// reads reads data with one call, into buffers that are larger.
func (g *fileGuest) reads(fd uint64, data string) {
	g.t.Helper()
	g.Put(dataAt, bytes.Repeat([]byte{mask}, 256)...)
	at, n := g.iovs(3, 253)
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(uint32(len(data)))}, {dataAt, []byte(data)}}, "fd_read", fd, at, n, lenAt)
}

func (g *fileGuest) readsAt(fd, offset uint64, data string) {
	g.t.Helper()
	g.Put(dataAt, bytes.Repeat([]byte{mask}, 256)...)
	at, n := g.iovs(3, 253)
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(uint32(len(data)))}, {dataAt, []byte(data)}}, "fd_pread", fd, at, n, offset, lenAt)
}

// writes writes data with one call.
func (g *fileGuest) writes(fd uint64, data string) {
	g.t.Helper()
	g.Put(dataAt, []byte(data)...)
	at, n := g.iovs(uint32(len(data)))
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(uint32(len(data)))}}, "fd_write", fd, at, n, lenAt)
}

func (g *fileGuest) writesAt(fd, offset uint64, data string) {
	g.t.Helper()
	g.Put(dataAt, []byte(data)...)
	at, n := g.iovs(uint32(len(data)))
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(uint32(len(data)))}}, "fd_pwrite", fd, at, n, offset, lenAt)
}

// seeks moves the offset, to where it is to be then.
func (g *fileGuest) seeks(fd uint64, by int64, whence abi.Whence, to uint64) {
	g.t.Helper()
	g.wants(abi.ESUCCESS, []Write{{valueAt, le64(to)}}, "fd_seek", fd, uint64(by), uint64(whence), valueAt)
}

func (g *fileGuest) tells(fd, offset uint64) {
	g.t.Helper()
	g.wants(abi.ESUCCESS, []Write{{valueAt, le64(offset)}}, "fd_tell", fd, valueAt)
}

// holds checks what is in a file.
func (g *fileGuest) holds(name, data string) {
	g.t.Helper()
	fd := g.opens(name, 0, toRead, 0)
	g.reads(fd, data)
	g.close(fd)
}

// filestat is what path_filestat_get and fd_filestat_get tell.
type filestat struct {
	dev, ino, nlink, size, atim, mtim uint64
	filetype                          abi.Filetype
}

// stat looks at a path from the root, and at a link at its end itself.
func (g *fileGuest) stat(name string) filestat {
	g.t.Helper()
	at, n := g.path(name)
	return g.storedStat("path_filestat_get", root, 0, at, n, statAt)
}

func (g *fileGuest) statOf(fd uint64) filestat {
	g.t.Helper()
	return g.storedStat("fd_filestat_get", fd, statAt)
}

func (g *fileGuest) storedStat(name string, args ...uint64) filestat {
	g.t.Helper()
	if got := g.Call(name, args...); got != abi.ESUCCESS {
		g.t.Fatalf("%s%d: %v", name, args, got)
	}
	b := bytes.Clone(g.Bytes(statAt, abi.SizeofFilestat))
	g.Wrote(Write{statAt, b})
	field := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	return filestat{
		dev: field(abi.OffsetofFilestatDev), ino: field(abi.OffsetofFilestatIno),
		nlink: field(abi.OffsetofFilestatNlink), size: field(abi.OffsetofFilestatSize),
		atim: field(abi.OffsetofFilestatAtim), mtim: field(abi.OffsetofFilestatMtim),
		filetype: abi.Filetype(b[abi.OffsetofFilestatFiletype]),
	}
}

func (g *fileGuest) statFails(want abi.Errno, name string) {
	g.t.Helper()
	at, n := g.path(name)
	g.wants(want, nil, "path_filestat_get", root, uint64(abi.LookupflagsSymlinkFollow), at, n, statAt)
}

// dirent is an entry of a directory.
type dirent struct {
	name     string
	filetype abi.Filetype
	next     uint64 // the cookie of what follows
}

// entries reads a directory from a cookie on with one call, and returns the entries
// that came whole, and whether those were the last.
func (g *fileGuest) entries(fd, cookie uint64, room uint32) (list []dirent, end bool) {
	g.t.Helper()
	if got := g.Call("fd_readdir", fd, entriesAt, uint64(room), cookie, lenAt); got != abi.ESUCCESS {
		g.t.Fatalf("fd_readdir: %v", got)
	}
	used := binary.LittleEndian.Uint32(g.Bytes(lenAt, 4))
	b := bytes.Clone(g.Bytes(entriesAt, min(used, room)))
	g.Wrote(Write{lenAt, le32(used)}, Write{entriesAt, b})
	for len(b) >= abi.SizeofDirent {
		end := abi.SizeofDirent + uint64(binary.LittleEndian.Uint32(b[abi.OffsetofDirentDNamlen:]))
		if end > uint64(len(b)) {
			break
		}
		list = append(list, dirent{
			string(b[abi.SizeofDirent:end]), abi.Filetype(b[abi.OffsetofDirentDType]), binary.LittleEndian.Uint64(b),
		})
		b = b[end:]
	}
	return list, used < room
}

// listing reads a directory from a cookie to its end.
func (g *fileGuest) listing(fd, cookie uint64, room uint32) (list []dirent) {
	g.t.Helper()
	for {
		more, end := g.entries(fd, cookie, room)
		list = append(list, more...)
		if end {
			return list
		}
		if len(more) == 0 {
			g.t.Fatalf("no entry fits into %d bytes", room)
		}
		cookie = more[len(more)-1].next
	}
}
