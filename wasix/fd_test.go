package wasix

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// Where the tests put things in guest memory.
const (
	ioAt     = 0x100  // an iovec
	dataAt   = 0x1000 // what it points to
	pathAt   = 0x4000
	resultAt = 0x8000
	mask     = '?'
)

// newFileThread returns a thread of a WASIX program with null standard streams and the mounts from
// descriptor 3, the root first.
func newFileThread(t *testing.T, mounts ...vfs.Mount) *Thread {
	t.Helper()
	thread := newTestThread(t)
	tree, err := vfs.NewTree(mounts...)
	if err != nil {
		t.Fatal(err)
	}
	thread.proc.tree, thread.proc.image = tree, imageOf(&wasixModule{})
	for fd := range uint32(stdio) {
		thread.mustInsertAt(t, fd, vfs.Null())
	}
	names := append([]string{"/"}, slices.DeleteFunc(tree.Preopens(), func(name string) bool { return name == "/" })...)
	for i, guest := range names {
		dir, err := tree.Preopen("/", guest, uint32(stdio+i), false)
		if err != nil {
			t.Fatal(err)
		}
		thread.mustInsertAt(t, uint32(stdio+i), dir)
	}
	root, _, err := thread.proc.fds.Acquire(stdio)
	if err != nil {
		t.Fatal(err)
	}
	thread.proc.mounted = stdio
	thread.proc.keepRoot(root)
	_ = root.Release()
	return thread
}

func (t *Thread) mustInsertAt(tb testing.TB, fd uint32, f descriptor.File) {
	tb.Helper()
	if err := t.proc.fds.InsertAt(fd, descriptor.NewDescription(f, 0), vfs.Rights(f)); err != nil {
		tb.Fatal(err)
	}
}

// hostMount returns a mount of a new directory on "/", and the directory.
func hostMount(t *testing.T, readOnly bool) (vfs.Mount, string) {
	t.Helper()
	dir := t.TempDir()
	fs, err := vfs.HostDir(dir, readOnly)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fs.(interface{ Close() error }).Close() })
	return vfs.Mount{Guest: "/", FS: fs}, dir
}

// want calls a handler and fails unless it answers errno.
func (t *Thread) want(tb testing.TB, errno abi.Errno, do handler, p ...uint64) {
	tb.Helper()
	if got := do(t, dirty(do, p)); got != errno {
		tb.Fatalf("%v, want %v", got, errno)
	}
}

// result takes n bytes of the result and fails if more than that was written.
func (t *Thread) result(tb testing.TB, n int) []byte {
	tb.Helper()
	b := bytes.Clone(t.mem[resultAt:][:n])
	around := t.mem[resultAt-16 : resultAt+n+16]
	if strings.Count(string(around[:16])+string(around[16+n:]), string(rune(mask))) != 32 {
		tb.Fatalf("written beside the result: %q", around)
	}
	copy(t.mem[resultAt:], bytes.Repeat([]byte{mask}, n))
	return b
}

func (t *Thread) result32(tb testing.TB) uint32 {
	tb.Helper()
	return binary.LittleEndian.Uint32(t.result(tb, 4))
}

func (t *Thread) result64(tb testing.TB) uint64 {
	tb.Helper()
	return binary.LittleEndian.Uint64(t.result(tb, 8))
}

// iovec makes one buffer of n bytes and returns the parameters for it.
func (t *Thread) iovec(n int) (ptr, count uint64) {
	binary.LittleEndian.PutUint32(t.mem[ioAt:], dataAt)
	binary.LittleEndian.PutUint32(t.mem[ioAt+4:], uint32(n))
	return ioAt, 1
}

func (t *Thread) write(tb testing.TB, fd uint64, data string) {
	tb.Helper()
	copy(t.mem[dataAt:], data)
	ptr, count := t.iovec(len(data))
	t.want(tb, abi.ESUCCESS, fdWrite, fd, ptr, count, resultAt)
	if n := t.result32(tb); int(n) != len(data) {
		tb.Fatalf("wrote %d of %d bytes", n, len(data))
	}
}

func (t *Thread) read(tb testing.TB, fd uint64, room int) string {
	tb.Helper()
	ptr, count := t.iovec(room)
	t.want(tb, abi.ESUCCESS, fdRead, fd, ptr, count, resultAt)
	return string(t.mem[dataAt:][:t.result32(tb)])
}

// pathParams puts a path into memory.
func (t *Thread) pathParams(name string) (ptr, n uint64) {
	copy(t.mem[pathAt:], name)
	return pathAt, uint64(len(name))
}

const (
	allRights = math.MaxUint64
	dirRights = allRights &^ abi.RightsFdWrite
)

// openFile calls path_open relative to descriptor 3.
func (t *Thread) openFile(tb testing.TB, errno abi.Errno, name string, o abi.Oflags, rights abi.Rights, f abi.Fdflags) uint64 {
	tb.Helper()
	ptr, n := t.pathParams(name)
	t.want(tb, errno, pathOpen, 3, uint64(abi.LookupflagsSymlinkFollow), ptr, n, uint64(o), uint64(rights), allRights, uint64(f), resultAt)
	if errno != abi.ESUCCESS {
		return math.MaxUint64
	}
	return uint64(t.result32(tb))
}

const readWrite = abi.RightsFdRead | abi.RightsFdWrite | abi.RightsFdSeek | abi.RightsFdTell |
	abi.RightsFdFilestatGet | abi.RightsFdFilestatSetSize | abi.RightsFdFdstatSetFlags | abi.RightsFdAllocate

func TestFdPipe(t *testing.T) {
	th := newFileThread(t)
	th.want(t, abi.ESUCCESS, fdPipe, resultAt, resultAt+4)
	fds := th.result(t, 8)
	r, w := uint64(binary.LittleEndian.Uint32(fds)), uint64(binary.LittleEndian.Uint32(fds[4:]))
	if r != 4 || w != 5 {
		t.Fatalf("descriptors %d and %d, want 4 and 5", r, w)
	}
	th.write(t, w, "hello")
	if got := th.read(t, r, 100); got != "hello" {
		t.Fatalf("read %q", got)
	}
	ptr, count := th.iovec(1)
	th.want(t, abi.EBADF, fdRead, w, ptr, count, resultAt)
	th.want(t, abi.EBADF, fdWrite, r, ptr, count, resultAt)
	th.want(t, abi.ESPIPE, fdSeek(whencePreview1), r, 0, 0, resultAt)
	th.want(t, abi.ESPIPE, fdTell, w, resultAt)
	th.want(t, abi.ESPIPE, fdPread, w, ptr, count, 0, resultAt)
	th.want(t, abi.ESPIPE, fdAdvise, r, 0, 0, 0)
	th.want(t, abi.EINVAL, fdSync, r)
	th.want(t, abi.EINVAL, fdFilestatSetSize, w, 0)
	th.want(t, abi.ESPIPE, fdAllocate, w, 0, 1)
	th.want(t, abi.ESUCCESS, fdFilestatGet(&statPreview1), r, resultAt)
	if st := th.result(t, abi.SizeofFilestat); st[abi.OffsetofFilestatFiletype] != byte(abi.FiletypeSocketStream) {
		t.Fatalf("file type %d", st[abi.OffsetofFilestatFiletype])
	}
	th.want(t, abi.ESUCCESS, fdFdstatSetFlags, r, uint64(abi.FdflagsNonblock))
	th.want(t, abi.EAGAIN, fdRead, r, ptr, count, resultAt)
	th.want(t, abi.ESUCCESS, fdClose, w)
	if got := th.read(t, r, 100); got != "" {
		t.Fatalf("read %q after the end", got)
	}
	th.want(t, abi.ESUCCESS, fdClose, r)
	th.want(t, abi.EBADF, fdClose, r)
}

func TestFdPipeLimit(t *testing.T) {
	th := newTestThread(t)
	th.proc.fds = descriptor.NewTable(3)
	th.want(t, abi.ESUCCESS, fdPipe, resultAt, resultAt+4)
	th.result(t, 8)
	th.want(t, abi.EMFILE, fdPipe, resultAt, resultAt+4)
	th.want(t, abi.ESUCCESS, fdDup, 0, resultAt)
	if fd := th.result32(t); fd != 2 {
		t.Fatalf("descriptor %d: the failed call kept one", fd)
	}
	th.want(t, abi.EMFILE, fdDup, 0, resultAt)
	th.want(t, abi.EINVAL, fdDup2, 0, 3, 0, resultAt)
	th.want(t, abi.EBADF, fdRenumber, 0, 3)
	th.result(t, 8) // untouched
}

func TestFdWriteToClosedPipe(t *testing.T) {
	th := newFileThread(t)
	th.want(t, abi.ESUCCESS, fdPipe, resultAt, resultAt+4)
	th.want(t, abi.ESUCCESS, fdClose, 4)
	ptr, count := th.iovec(1)
	th.want(t, abi.EPIPE, fdWrite, 5, ptr, count, resultAt)
}

func TestFdBlockedReaderWakes(t *testing.T) {
	for name, wake := range map[string]func(th *Thread){
		"by data":      func(th *Thread) { _, _ = acquire(th, 5).Writev(nil, [][]byte{[]byte("x")}) },
		"by close":     func(th *Thread) { _ = th.proc.fds.Close(4) },
		"by interrupt": func(th *Thread) { th.waiter.Interrupt() },
	} {
		t.Run(name, func(t *testing.T) {
			th := newFileThread(t)
			th.want(t, abi.ESUCCESS, fdPipe, resultAt, resultAt+4)
			var wg sync.WaitGroup
			wg.Go(func() {
				time.Sleep(time.Millisecond)
				wake(th)
			})
			ptr, count := th.iovec(1)
			got := fdRead(th, []uint64{4, ptr, count, resultAt})
			wg.Wait()
			want := map[string]abi.Errno{"by data": abi.ESUCCESS, "by close": abi.EBADF, "by interrupt": abi.EINTR}[name]
			if got != want {
				t.Fatalf("%v, want %v", got, want)
			}
		})
	}
}

func acquire(th *Thread, fd uint32) *descriptor.Description {
	d, _, err := th.proc.fds.Acquire(fd)
	if err != nil {
		panic(err)
	}
	_ = d.Release()
	return d
}

func TestFdEvent(t *testing.T) {
	th := newFileThread(t)
	th.want(t, abi.EINVAL, fdEvent, 0, 2, resultAt)
	th.want(t, abi.EINVAL, fdEvent, math.MaxUint64, 0, resultAt)
	th.want(t, abi.ESUCCESS, fdEvent, 3, uint64(eventNonblock), resultAt)
	fd := uint64(th.result32(t))
	if got := th.read(t, fd, 8); got != "\x03\x00\x00\x00\x00\x00\x00\x00" {
		t.Fatalf("read %q", got)
	}
	ptr, count := th.iovec(8)
	th.want(t, abi.EAGAIN, fdRead, fd, ptr, count, resultAt)
	ptr, count = th.iovec(7)
	th.want(t, abi.EINVAL, fdRead, fd, ptr, count, resultAt)
	th.want(t, abi.EINVAL, fdWrite, fd, ptr, count, resultAt)
	th.write(t, fd, "\xfe\xff\xff\xff\xff\xff\xff\xff")
	copy(th.mem[dataAt:], "\x01\x00\x00\x00\x00\x00\x00\x00")
	ptr, count = th.iovec(8)
	th.want(t, abi.EAGAIN, fdWrite, fd, ptr, count, resultAt)
	copy(th.mem[dataAt:], "\xff\xff\xff\xff\xff\xff\xff\xff")
	th.want(t, abi.EINVAL, fdWrite, fd, ptr, count, resultAt)

	th.want(t, abi.ESUCCESS, fdEvent, 2, uint64(abi.EventfdflagsSemaphore|eventNonblock), resultAt)
	sem := uint64(th.result32(t))
	for range 2 {
		if got := th.read(t, sem, 8); got != "\x01\x00\x00\x00\x00\x00\x00\x00" {
			t.Fatalf("read %q from a semaphore", got)
		}
	}
	ptr, count = th.iovec(8)
	th.want(t, abi.EAGAIN, fdRead, sem, ptr, count, resultAt)
}

func TestFdFile(t *testing.T) {
	mount, dir := hostMount(t, false)
	th := newFileThread(t, mount)
	fd := th.openFile(t, abi.ESUCCESS, "f", abi.OflagsCreat|abi.OflagsExcl, readWrite, 0)
	th.openFile(t, abi.EEXIST, "f", abi.OflagsCreat|abi.OflagsExcl, readWrite, 0)
	th.write(t, fd, "hello world")
	th.want(t, abi.ESUCCESS, fdTell, fd, resultAt)
	if at := th.result64(t); at != 11 {
		t.Fatalf("offset %d", at)
	}
	th.want(t, abi.ESUCCESS, fdSeek(whencePreview1), fd, ^uint64(4), uint64(abi.WhenceEnd), resultAt)
	if at := th.result64(t); at != 6 {
		t.Fatalf("offset %d", at)
	}
	if got := th.read(t, fd, 100); got != "world" {
		t.Fatalf("read %q", got)
	}
	th.want(t, abi.ESUCCESS, fdSeek(whenceUnstable), fd, 0, uint64(abi.Snapshot0WhenceSet), resultAt)
	if at := th.result64(t); at != 0 {
		t.Fatalf("offset %d", at)
	}
	th.want(t, abi.EINVAL, fdSeek(whencePreview1), fd, 0, 3, resultAt)
	th.want(t, abi.EINVAL, fdSeek(whencePreview1), fd, math.MaxUint64, uint64(abi.WhenceSet), resultAt)
	ptr, count := th.iovec(5)
	th.want(t, abi.ESUCCESS, fdPread, fd, ptr, count, 6, resultAt)
	if n := th.result32(t); string(th.mem[dataAt:][:n]) != "world" {
		t.Fatalf("read %q", th.mem[dataAt:][:n])
	}
	th.want(t, abi.EINVAL, fdPread, fd, ptr, count, 1<<63, resultAt)
	copy(th.mem[dataAt:], "HELLO")
	th.want(t, abi.ESUCCESS, fdPwrite, fd, ptr, count, 0, resultAt)
	th.result(t, 4)
	th.want(t, abi.ESUCCESS, fdFilestatSetSize, fd, 5)
	th.want(t, abi.EINVAL, fdFilestatSetSize, fd, 1<<63)
	th.want(t, abi.EINVAL, fdAllocate, fd, 0, 0)
	th.want(t, abi.EFBIG, fdAllocate, fd, math.MaxInt64, 1)
	th.want(t, abi.ESUCCESS, fdFdstatSetFlags, fd, uint64(abi.FdflagsAppend))
	th.write(t, fd, "!")
	if b, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(b) != "HELLO!" {
		t.Fatalf("the file holds %q, %v", b, err)
	}
}

func TestFdRightsFollowAccessMode(t *testing.T) {
	mount, dir := hostMount(t, false)
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	th := newFileThread(t, mount)
	r := th.openFile(t, abi.ESUCCESS, "f", 0, abi.RightsFdRead, 0)
	w := th.openFile(t, abi.ESUCCESS, "f", 0, abi.RightsFdWrite, 0)
	ptr, count := th.iovec(1)
	th.want(t, abi.EBADF, fdWrite, r, ptr, count, resultAt)
	th.want(t, abi.EBADF, fdRead, w, ptr, count, resultAt)
	th.want(t, abi.EINVAL, fdFilestatSetSize, r, 0)
	th.want(t, abi.EBADF, fdAllocate, r, 0, 1)
	th.want(t, abi.ENOTCAPABLE, fdTell, r, resultAt)
	th.want(t, abi.ENOTCAPABLE, fdFdstatSetRights, r, uint64(abi.RightsFdWrite), 0)
	th.want(t, abi.ESUCCESS, fdFdstatSetRights, 3, uint64(abi.RightsPathOpen), uint64(abi.RightsFdRead))
	th.openFile(t, abi.ENOTCAPABLE, "f", 0, readWrite, 0)
	th.openFile(t, abi.ENOTCAPABLE, "g", abi.OflagsCreat, abi.RightsFdRead, 0)
	th.openFile(t, abi.ESUCCESS, "f", 0, abi.RightsFdRead, 0)
	name, n := th.pathParams("f")
	th.want(t, abi.ENOTCAPABLE, pathUnlinkFile, 3, name, n)
}

func TestFdFdstatGet(t *testing.T) {
	mount, _ := hostMount(t, false)
	th := newFileThread(t, mount)
	fd := th.openFile(t, abi.ESUCCESS, "f", abi.OflagsCreat, abi.RightsFdWrite|abi.RightsFdFdstatSetFlags, abi.FdflagsAppend|abi.FdflagsSync)
	th.want(t, abi.ESUCCESS, fdFdstatSetFlags, fd, uint64(abi.FdflagsNonblock))
	th.want(t, abi.EINVAL, fdFdstatSetFlags, fd, 32)
	th.want(t, abi.ESUCCESS, fdFdstatGet, fd, resultAt)
	want := make([]byte, abi.SizeofFdstat)
	want[0] = byte(abi.FiletypeRegularFile)
	want[2] = byte(abi.FdflagsNonblock | abi.FdflagsSync)
	binary.LittleEndian.PutUint64(want[8:], uint64(abi.RightsFdWrite|abi.RightsFdFdstatSetFlags))
	if got := th.result(t, abi.SizeofFdstat); !bytes.Equal(got, want) {
		t.Fatalf("%x, want %x", got, want)
	}
	th.want(t, abi.EFAULT, fdFdstatGet, fd, 1<<16-abi.SizeofFdstat+1)
}

// A descriptor answers isatty only for a terminal: /dev/null can seek.
func TestNullIsNoTerminal(t *testing.T) {
	th := newFileThread(t)
	th.want(t, abi.ESUCCESS, fdFdstatGet, 0, resultAt)
	b := th.result(t, abi.SizeofFdstat)
	if b[0] != byte(abi.FiletypeCharacterDevice) || abi.Rights(binary.LittleEndian.Uint64(b[8:]))&abi.RightsFdSeek == 0 {
		t.Fatalf("%x", b)
	}
	th.want(t, abi.ENOTTY, ttyGet, resultAt)
	clear(th.mem[dataAt:][:abi.SizeofTty])
	th.want(t, abi.ENOTTY, ttySet, dataAt)
	th.want(t, abi.EFAULT, ttyGet, 1<<16-8)
}

func TestFdDupSharesOffset(t *testing.T) {
	mount, _ := hostMount(t, false)
	th := newFileThread(t, mount)
	fd := th.openFile(t, abi.ESUCCESS, "f", abi.OflagsCreat, readWrite, 0)
	th.want(t, abi.ESUCCESS, fdDup2, fd, 40, 1, resultAt)
	if to := th.result32(t); to != 40 {
		t.Fatalf("descriptor %d", to)
	}
	th.want(t, abi.ESUCCESS, fdFdflagsGet, 40, resultAt)
	if b := th.result(t, 2); b[0] != byte(abi.FdflagsextCloexec) {
		t.Fatalf("flags %x", b)
	}
	th.want(t, abi.ESUCCESS, fdFdflagsSet, 40, 0)
	th.want(t, abi.EINVAL, fdFdflagsSet, 40, 2)
	th.write(t, 40, "abc")
	th.want(t, abi.ESUCCESS, fdClose, 40)
	th.want(t, abi.ESUCCESS, fdTell, fd, resultAt)
	if at := th.result64(t); at != 3 {
		t.Fatalf("offset %d", at)
	}
}

// wasixModule is a fakeModule that imports something of WASIX.
type wasixModule struct{ fakeModule }

func (m *wasixModule) Info() *wasmfile.Info { return importing("wasix_32v1").Info() }

// importing is a guest that imports something from a module of that name.
type importing string

func (m importing) Info() *wasmfile.Info {
	return &wasmfile.Info{Functions: []wasmfile.Import{{Module: string(m), Name: "f"}}}
}
func (importing) NewMemory() (Memory, error)                    { return nil, nil }
func (importing) Instantiate(*Thread, Memory) (Instance, error) { return nil, errors.ErrUnsupported }
func (importing) Close() error                                  { return nil }

func TestFdRenumber(t *testing.T) {
	for _, c := range []struct {
		module Module
		after  abi.Errno // of the old descriptor
		onto   abi.Errno // of making it one that is not open
	}{
		{&fakeModule{}, abi.EBADF, abi.EBADF},
		{&wasixModule{}, abi.ESUCCESS, abi.ESUCCESS},
	} {
		th := newFileThread(t)
		th.proc.image = imageOf(c.module)
		th.want(t, abi.ESUCCESS, fdPipe, resultAt, resultAt+4)
		th.result(t, 8)
		th.want(t, abi.ESUCCESS, fdRenumber, 4, 4)
		th.want(t, abi.EBADF, fdRenumber, 9, 4)
		th.want(t, abi.EBADF, fdRenumber, 4, math.MaxUint32)
		th.want(t, abi.ESUCCESS, fdRenumber, 4, 0)
		th.want(t, c.after, fdFdflagsGet, 4, resultAt)
		th.write(t, 5, "x")
		if got := th.read(t, 0, 1); got != "x" {
			t.Fatalf("read %q", got)
		}
		th.want(t, c.onto, fdRenumber, 0, 70)
		th.want(t, abi.ESUCCESS, fdRenumber, 5, 3)
	}
}

func TestPreopensStayOpen(t *testing.T) {
	data := vfs.Mount{Guest: "/data", FS: vfs.FS(fstest.MapFS{"f": {Data: []byte("x")}})}
	th := newFileThread(t, data)
	for fd, want := range map[uint64]string{3: "/", 4: "/data"} {
		th.want(t, abi.ESUCCESS, fdClose, fd)
		th.want(t, abi.ESUCCESS, fdPrestatGet, fd, resultAt)
		if b := th.result(t, abi.SizeofPrestat); b[0] != 0 || int(b[4]) != len(want) {
			t.Fatalf("prestat %x", b)
		}
		th.want(t, abi.ENAMETOOLONG, fdPrestatDirName, fd, resultAt, uint64(len(want)-1))
		th.want(t, abi.ESUCCESS, fdPrestatDirName, fd, resultAt, uint64(len(want)))
		if b := th.result(t, len(want)); string(b) != want {
			t.Fatalf("mounted on %q", b)
		}
	}
	th.want(t, abi.EBADF, fdPrestatGet, 0, resultAt)
	th.want(t, abi.EBADF, fdPrestatGet, 5, resultAt)
	th.want(t, abi.ESUCCESS, fdDup, 4, resultAt)
	dup := uint64(th.result32(t))
	th.want(t, abi.EBADF, fdPrestatGet, dup, resultAt)
	th.want(t, abi.ESUCCESS, fdClose, dup)
	th.want(t, abi.EBADF, fdClose, dup)
}

// Shells put other things where the root is. Paths begin there all the same, and
// programs that are executed find it.
func TestRootUnderAnotherFile(t *testing.T) {
	th := newTestThread(t)
	th.proc.image = imageOf(&wasixModule{})
	files := vfs.FS(fstest.MapFS{"f": {Data: []byte("found")}})
	if err := th.proc.openMounts([]vfs.Mount{{Guest: "/", FS: files}}); err != nil {
		t.Fatal(err)
	}
	look := func(what string) {
		t.Helper()
		th.want(t, abi.ESUCCESS, fdFdstatGet, 3, resultAt)
		if b := th.result(t, abi.SizeofFdstat); binary.LittleEndian.Uint64(b[abi.OffsetofFdstatFsRightsInheriting:]) == 0 {
			t.Errorf("%s: no rights to pass on", what)
		}
		th.stat(t, abi.ESUCCESS, "/f", 0)
		fd := th.openFile(t, abi.ESUCCESS, "/f", 0, abi.RightsFdRead, 0)
		if got := th.read(t, fd, 10); got != "found" {
			t.Errorf("%s: read %q", what, got)
		}
		th.want(t, abi.ESUCCESS, fdClose, fd)
		th.want(t, abi.ESUCCESS, fdPrestatGet, 3, resultAt)
		th.result(t, abi.SizeofPrestat)
	}
	th.want(t, abi.ESUCCESS, fdPipe, resultAt, resultAt+4)
	th.result(t, 8)
	th.want(t, abi.ESUCCESS, fdDup, 3, resultAt)
	saved := uint64(th.result32(t))
	r, w := uint64(saved-2), uint64(saved-1)
	th.want(t, abi.ESUCCESS, fdRenumber, w, 3)
	look("under a pipe")
	th.write(t, 3, "x")
	if got := th.read(t, r, 1); got != "x" {
		t.Errorf("the pipe has %q", got)
	}
	th.want(t, abi.ESUCCESS, fdRenumber, saved, 3)
	look("put back")
	th.want(t, abi.ESUCCESS, fdRenumber, r, 3)
	th.want(t, abi.ESUCCESS, fdClose, 3)
	look("closed")
	th.want(t, abi.ESUCCESS, fdClose, 3)
	th.want(t, abi.ESUCCESS, fdClose, r)
	ptr, count := th.iovec(1)
	th.want(t, abi.EBADF, fdWrite, 3, ptr, count, resultAt)
	th.want(t, abi.ESUCCESS, fdRenumber, w, 3)
	th.want(t, abi.ESUCCESS, fdFdflagsSet, 3, uint64(abi.FdflagsextCloexec))
	th.proc.closeOnExec()
	look("after exec")
	th.want(t, abi.ESUCCESS, fdFdstatSetRights, 3, uint64(abi.RightsPathOpen), 0)
	th.want(t, abi.ENOTSUP, fdRenumber, w, 3)
}

// Guests search for mounted file systems from descriptor 3 to the first EBADF;
// sockets that they were started with lie on the way.
func TestPreopensAfterSockets(t *testing.T) {
	th := newTestThread(t)
	th.proc.image = imageOf(&wasixModule{})
	r, w := vfs.NewPipe()
	th.mustInsertAt(t, 3, r)
	th.mustInsertAt(t, 4, w)
	if err := th.proc.openMounts(nil); err != nil {
		t.Fatal(err)
	}
	for fd, want := range map[uint64]byte{3: notPreopen, 4: notPreopen, 5: byte(abi.PreopentypeDir)} {
		th.want(t, abi.ESUCCESS, fdPrestatGet, fd, resultAt)
		if b := th.result(t, abi.SizeofPrestat); b[0] != want {
			t.Errorf("descriptor %d: %x", fd, b)
		}
	}
	th.want(t, abi.EBADF, fdPrestatGet, 2, resultAt)
	th.want(t, abi.EBADF, fdPrestatGet, 6, resultAt)
	th.want(t, abi.EBADF, fdPrestatDirName, 3, resultAt, 8)
}

// Plain WASI programs find what they were given under the names it was given, and
// may close it. Those of 2019 find relative paths by "."; WASIX programs find them at
// their root.
func TestPreopensOfPlainWASI(t *testing.T) {
	data := func(guest string) vfs.Mount { return vfs.Mount{Guest: guest, FS: vfs.FS(fstest.MapFS{"sub/f": {}})} }
	for module, want := range map[string]string{
		"wasi_snapshot_preview1": "data /abs/b",
		"wasi_unstable":          "data /abs/b .",
		"wasix_32v1":             "/",
	} {
		th := newTestThread(t)
		th.proc.image, th.proc.cwd = imageOf(importing(module)), "data/sub"
		if err := th.proc.openMounts([]vfs.Mount{data("data"), data("/abs/b")}); err != nil {
			t.Fatal(err)
		}
		var names []string
		fd := uint64(firstFD)
		for ; fdPrestatGet(th, []uint64{fd, resultAt}) == abi.ESUCCESS; fd++ {
			n := uint64(th.result(t, abi.SizeofPrestat)[abi.OffsetofPrestatU])
			th.want(t, abi.ESUCCESS, fdPrestatDirName, fd, resultAt, n)
			names = append(names, string(th.result(t, int(n))))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", module, got, want)
		}
		ptr, n := th.pathParams("f")
		switch last := fd - 1; module {
		case "wasi_unstable":
			th.want(t, abi.ESUCCESS, pathFilestatGet(&statUnstable), last, 0, ptr, n, resultAt)
			th.result(t, abi.SizeofSnapshot0Filestat)
		case "wasix_32v1":
			th.want(t, abi.ESUCCESS, pathFilestatGet(&statPreview1), last, 0, ptr, n, resultAt)
			th.result(t, abi.SizeofFilestat)
		default:
			th.want(t, abi.ENOENT, pathFilestatGet(&statPreview1), last, 0, ptr, n, resultAt)
		}
		th.want(t, abi.ESUCCESS, fdClose, firstFD)
		closed := abi.EBADF
		if module == "wasix_32v1" {
			closed = abi.ESUCCESS
		}
		th.want(t, closed, fdClose, firstFD)
	}
}

// Neither results nor buffers outside memory let anything happen.
func TestFdFaultsComeFirst(t *testing.T) {
	const out = 1<<16 - 3
	mount, dir := hostMount(t, false)
	th := newFileThread(t, mount)
	th.want(t, abi.EFAULT, fdPipe, resultAt, out)
	th.want(t, abi.EFAULT, fdPipe, out, resultAt)
	th.want(t, abi.EFAULT, fdEvent, 0, 0, out)
	th.want(t, abi.EFAULT, fdDup, 0, out)
	name, n := th.pathParams("new")
	th.want(t, abi.EFAULT, pathOpen, 3, 0, name, n, uint64(abi.OflagsCreat), allRights, allRights, 0, out)
	if _, err := os.Lstat(filepath.Join(dir, "new")); err == nil {
		t.Fatal("the file was made")
	}
	fd := th.openFile(t, abi.ESUCCESS, "f", abi.OflagsCreat, readWrite, 0)
	ptr, count := th.iovec(8)
	th.want(t, abi.EFAULT, fdWrite, fd, ptr, count, out)
	th.want(t, abi.EFAULT, fdSeek(whencePreview1), fd, 8, 0, out)
	th.want(t, abi.EFAULT, fdFilestatGet(&statPreview1), fd, 1<<16-abi.SizeofFilestat+1)
	th.want(t, abi.ESUCCESS, fdFilestatGet(&statUnstable), fd, 1<<16-abi.SizeofSnapshot0Filestat)
	binary.LittleEndian.PutUint32(th.mem[ioAt+4:], 1<<16)
	th.want(t, abi.EFAULT, fdWrite, fd, ptr, count, resultAt)
	th.want(t, abi.EINVAL, fdWrite, fd, ptr, 1025, resultAt)
	th.want(t, abi.EFAULT, fdWrite, fd, 1<<16-8, 1024, resultAt)
	th.want(t, abi.ESUCCESS, fdTell, fd, resultAt)
	if at := th.result64(t); at != 0 {
		t.Fatalf("offset %d: something was written", at)
	}
	if _, err := th.proc.fds.Rights(5); err == nil {
		t.Fatal("a descriptor was left behind")
	}
}

func TestFdTransferDoesNotAllocate(t *testing.T) {
	mount, _ := hostMount(t, false)
	th := newFileThread(t, mount)
	fd := th.openFile(t, abi.ESUCCESS, "f", abi.OflagsCreat, readWrite, 0)
	th.want(t, abi.ESUCCESS, fdPipe, resultAt, resultAt+4)
	ptr, count := th.iovec(64)
	file := []uint64{fd, ptr, count, resultAt}
	at := []uint64{fd, ptr, count, 0, resultAt}
	r, w := []uint64{5, ptr, count, resultAt}, []uint64{6, ptr, count, resultAt}
	for name, call := range map[string]func() abi.Errno{
		"file":      func() abi.Errno { return fdWrite(th, file) | fdRead(th, file) },
		"at offset": func() abi.Errno { return fdPwrite(th, at) | fdPread(th, at) },
		"pipe":      func() abi.Errno { return fdWrite(th, w) | fdRead(th, r) },
	} {
		if n := testing.AllocsPerRun(100, func() {
			if errno := call(); errno != abi.ESUCCESS {
				t.Fatal(errno)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
