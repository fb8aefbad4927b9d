package vfs

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// hostPipe returns the ends of a pipe whose descriptors block, as inherited ones do.
func hostPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r, w = os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

func isNonblocking(t *testing.T, f *os.File) bool {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var flags int
	if err := raw.Control(func(fd uintptr) { flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0) }); err != nil {
		t.Fatal(err)
	}
	return flags&unix.O_NONBLOCK != 0
}

// shared makes a stream of the file without a description of its own, as where
// /proc is missing.
func shared(t *testing.T, f *os.File) descriptor.File {
	t.Helper()
	fd, err := duplicate(f)
	if err != nil {
		t.Fatal(err)
	}
	flag, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &stream{fd: fd, rights: accessOf(flag)}
	s.FD.Init(fd)
	return s
}

func TestHostPipe(t *testing.T) {
	for name, open := range map[string]func(*testing.T, *os.File) descriptor.File{
		"own description": func(t *testing.T, f *os.File) descriptor.File {
			file, err := hostStream(f)
			if err != nil {
				t.Fatal(err)
			}
			return file
		},
		"shared description": shared,
	} {
		t.Run(name, func(t *testing.T) {
			hostR, hostW := hostPipe(t)
			before := openFiles(t)
			in, out := open(t, hostR), open(t, hostW)
			if isNonblocking(t, hostR) || isNonblocking(t, hostW) {
				t.Fatal("the flags of the host's descriptors changed")
			}
			buf := make([]byte, 100)
			if _, err := in.Readv(one(buf)); err != syscall.EAGAIN {
				t.Fatal(err)
			}
			if _, err := in.Writev(one(buf)); err != syscall.EBADF {
				t.Fatal(err)
			}
			if _, err := out.Readv(one(buf)); err != syscall.EBADF {
				t.Fatal(err)
			}
			pump(t, in, out)
			_, _ = in.Close(), out.Close()
			if after := openFiles(t); after > before+2 { // epoll, and Go's
				t.Fatalf("%d descriptors, %d before", after, before)
			}
		})
	}
}

func TestStreamsDoNotAllocate(t *testing.T) {
	hostR, hostW := hostPipe(t)
	in, out := shared(t, hostR), shared(t, hostW)
	ownIn, err := hostStream(hostR)
	if err != nil {
		t.Fatal(err)
	}
	ownOut, err := hostStream(hostW)
	if err != nil {
		t.Fatal(err)
	}
	iov := [][]byte{make([]byte, 10), make([]byte, 10)}
	for name, f := range map[string][2]descriptor.File{"own": {ownIn, ownOut}, "shared": {in, out}} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := f[1].Writev(iov); err != nil {
				t.Fatal(err)
			}
			if _, err := f[0].Readv(iov); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		_, _ = f[0].Close(), f[1].Close()
	}
}

// pump sends much more than a pipe holds from out to in.
func pump(t *testing.T, in, out descriptor.File) {
	t.Helper()
	data := bytes.Repeat([]byte("0123456789"), 50_000)
	r, w := descriptor.NewDescription(in, 0), descriptor.NewDescription(out, 0)
	var wg sync.WaitGroup
	wg.Go(func() {
		if n, err := w.Writev(ready.NewWaiter(), [][]byte{data[:7], data[7:]}); n != len(data) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	})
	var got bytes.Buffer
	waiter := ready.NewWaiter()
	for got.Len() < len(data) {
		buf := make([]byte, 9000)
		n, err := r.Readv(waiter, [][]byte{buf[:100], buf[100:]})
		if err != nil {
			t.Fatal(err)
		}
		got.Write(buf[:n])
	}
	wg.Wait()
	if !bytes.Equal(got.Bytes(), data) {
		t.Error("what came out is not what went in")
	}
}

func TestHostPipeReaderIsInterrupted(t *testing.T) {
	hostR, _ := hostPipe(t)
	in, err := hostStream(hostR)
	if err != nil {
		t.Fatal(err)
	}
	d, waiter := descriptor.NewDescription(in, 0), ready.NewWaiter()
	defer d.Release()
	var wg sync.WaitGroup
	wg.Go(waiter.Interrupt)
	if _, err := d.Readv(waiter, one(make([]byte, 1))); err != syscall.EINTR {
		t.Fatal(err)
	}
	wg.Wait()
}

func TestHostPipeEnds(t *testing.T) {
	hostR, hostW := hostPipe(t)
	in, err := hostStream(hostR)
	if err != nil {
		t.Fatal(err)
	}
	d := descriptor.NewDescription(in, 0)
	defer d.Release()
	var wg sync.WaitGroup
	wg.Go(func() { _ = hostW.Close() })
	if n, err := d.Readv(ready.NewWaiter(), one(make([]byte, 1))); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	wg.Wait()
	if st, err := in.(descriptor.Stater).Stat(); err != nil || st.Filetype != abi.FiletypeSocketStream {
		t.Fatal(st, err)
	}
	if r := Rights(in); r.Base&(abi.RightsFdWrite|abi.RightsFdSeek) != 0 || r.Base&abi.RightsFdRead == 0 {
		t.Fatalf("rights %x", r.Base)
	}
}

func TestHostFileAsStream(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("before "); err != nil {
		t.Fatal(err)
	}
	out, err := hostStream(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Writev(one([]byte("guest "))); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("after"); err != nil {
		t.Fatal("the host's descriptor was closed: ", err)
	}
	if b, _ := os.ReadFile(f.Name()); string(b) != "before guest after" {
		t.Fatalf("%q: the offset is not shared", b)
	}
	if _, err := hostStream(openDir(t)); err != syscall.EISDIR {
		t.Fatal(err)
	}
}

// A shell's ">>" stays in force, and the guest sees it.
func TestHostFileKeepsAppending(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, err := hostStream(f)
	if err != nil {
		t.Fatal(err)
	}
	d := descriptor.NewDescription(out, StatusFlags(out))
	defer d.Release()
	if d.Flags() != abi.FdflagsAppend {
		t.Fatal(d.Flags())
	}
	if err := d.SetFlags(d.Flags() | abi.FdflagsNonblock); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"one ", "two"} {
		if _, err := out.(descriptor.Positioned).Seek(0, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Writev(one([]byte(s))); err != nil {
			t.Fatal(err)
		}
	}
	if b, _ := os.ReadFile(name); string(b) != "one two" {
		t.Fatalf("%q", b)
	}
}

func openDir(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestHostDevice(t *testing.T) {
	f, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	file, err := hostStream(f)
	if err != nil {
		t.Fatal(err)
	}
	d := descriptor.NewDescription(file, 0)
	defer d.Release()
	waiter := ready.NewWaiter()
	if n, err := d.Readv(waiter, one(make([]byte, 1))); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := d.Writev(waiter, one(make([]byte, 9999))); n != 9999 || err != nil {
		t.Fatal(n, err)
	}
	if Rights(file).Base&abi.RightsFdSeek == 0 {
		t.Fatal("it passes for a terminal")
	}
	counted := file.(interface{ Available() int })
	if n, again := counted.Available(), counted.Available(); n != 0 || again != 0 || !file.(*device).uncounted.Load() {
		t.Fatalf("%d bytes, %d when asked again", n, again)
	}
	if _, err := file.(descriptor.Positioned).Seek(0, 0); err != nil {
		t.Fatal(err)
	}
}

func TestHostFIFO(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	fs, err := HostDir(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer fs.(*hostDir).Close()
	if _, err := fs.OpenFile("fifo", os.O_WRONLY); err != syscall.ENXIO {
		t.Fatalf("%v: nobody reads", err)
	}
	in, err := fs.OpenFile("fifo", os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	out, err := fs.OpenFile("fifo", os.O_WRONLY)
	if err != nil {
		t.Fatal(err)
	}
	pump(t, in, out)
	if st, err := fs.Lstat("fifo"); err != nil || st.Filetype != abi.FiletypeSocketStream {
		t.Fatal(st, err)
	}
	_, _ = in.Close(), out.Close()
}
