package socket_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// memFile is a file that the kernel knows nothing of.
type memFile struct {
	descriptor.Positioned
	data []byte
	at   int64
}

func (f *memFile) Preadv(iovs [][]byte, offset int64) (n int, err error) {
	for _, b := range iovs {
		if offset+int64(n) < int64(len(f.data)) {
			n += copy(b, f.data[offset+int64(n):])
		}
	}
	return n, nil
}

func (f *memFile) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
		f.at = offset
	case io.SeekCurrent:
		f.at += offset
	}
	return f.at, nil
}

// kernelFile is one that sendfile(2) can send. It must not be read.
type kernelFile struct {
	descriptor.Positioned
	*os.File
}

func (f kernelFile) Seek(offset int64, whence int) (int64, error) { return f.File.Seek(offset, whence) }
func (f kernelFile) Close() error                                 { return f.File.Close() }
func (f kernelFile) Preadv([][]byte, int64) (int, error)          { panic("read through memory") }

// device is a file that sendfile(2) refuses.
type device struct{ *memFile }

func (device) SyscallConn() (syscall.RawConn, error) { return nil, syscall.EINVAL }

func TestSendFile(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for kind, open := range map[string]func() descriptor.Positioned{
		"memory": func() descriptor.Positioned { return &memFile{data: data} },
		"device": func() descriptor.Positioned { return device{&memFile{data: data}} },
		"kernel": func() descriptor.Positioned {
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
			return kernelFile{File: f}
		},
	} {
		t.Run(kind, func(t *testing.T) { testSendFile(t, data, open) })
	}
}

func testSendFile(t *testing.T, data []byte, open func() descriptor.Positioned) {
	for _, c := range []struct {
		name          string
		at, offset    int64
		count         uint64
		sent, atAfter int64
	}{
		{"all", 0, 0, 1 << 40, int64(len(data)), int64(len(data))},
		{"part", 0, 0, 100, 100, 100},
		{"from the middle", 5, 5, 1 << 20, 1 << 20, 5 + 1<<20},
		{"elsewhere", 5, 100, 70000, 70000, 5},
		{"nothing", 5, 5, 0, 0, 5},
		{"the end", 7, int64(len(data)) - 3, 100, 3, 7},
		{"past the end", 7, int64(len(data)) + 3, 100, 0, 7},
		{"far past the end", 7, 1<<63 - 1, 1<<64 - 1, 0, 7},
	} {
		f := open()
		if _, err := f.Seek(c.at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		client, server := connected(t, abi.SockTypeStream)
		got := make(chan []byte)
		go func() {
			b, err := server.recv(len(data)+1, abi.RiflagsWaitall)
			if err != nil {
				t.Error(err)
			}
			got <- b
		}()
		n, err := client.SendFile(client.d, client.w, f, c.offset, c.count)
		if n != uint64(c.sent) || err != nil {
			t.Errorf("%s: sent %d, %v; want %d", c.name, n, err, c.sent)
		}
		wantErr(t, "shutdown", client.Shutdown(abi.SdflagsWr), nil)
		var want []byte
		if c.sent > 0 {
			want = data[c.offset:][:c.sent]
		}
		if b := <-got; !bytes.Equal(b, want) {
			t.Errorf("%s: %d other bytes arrived", c.name, len(b))
		}
		if at, _ := f.Seek(0, io.SeekCurrent); at != c.atAfter {
			t.Errorf("%s: the file offset is %d, want %d", c.name, at, c.atAfter)
		}
	}
}

func TestSendFileErrors(t *testing.T) {
	noLeaks(t)
	f := &memFile{data: make([]byte, 64<<20)}
	e := open(t, abi.SockTypeStream)
	_, err := e.SendFile(e.d, e.w, f, -1, 1)
	wantErr(t, "negative offset", err, syscall.EINVAL)
	_, err = e.SendFile(e.d, e.w, f, 0, 1)
	wantErr(t, "not connected", err, syscall.EPIPE)

	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, f.data, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, src := range []descriptor.Positioned{f, kernelFile{File: file}} {
		c, _ := connected(t, abi.SockTypeStream)
		wantErr(t, "set", c.d.SetFlags(abi.FdflagsNonblock), nil)
		n, err := c.SendFile(c.d, c.w, src, 0, 64<<20)
		if n == 0 || n == 64<<20 || err != nil {
			t.Errorf("non-blocking: sent %d, %v", n, err)
		}
		for n > 0 {
			n, err = c.SendFile(c.d, c.w, src, 0, 64<<20)
		}
		wantErr(t, "full", err, syscall.EAGAIN)
		wantErr(t, "no error is left", c.TakeError(), nil)
		if ev := c.Ready(ready.Out); ev != 0 {
			t.Errorf("full, but ready for %b", ev)
		}
		wantErr(t, "set", c.d.SetFlags(0), nil)
		c.w.Interrupt()
		_, err = c.SendFile(c.d, c.w, src, 0, 64<<20)
		wantErr(t, "interrupted", err, syscall.EINTR)
	}
}

// eventfulFile is a file at which something happens before it is read for the second
// time.
type eventfulFile struct {
	*memFile
	event func()
}

func (f eventfulFile) Preadv(iovs [][]byte, offset int64) (int, error) {
	if offset > 0 {
		f.event()
	}
	return f.memFile.Preadv(iovs, offset)
}

// controlledFile is one that sendfile(2) can send, at which something happens after
// the kernel has sent the first part.
type controlledFile struct {
	kernelFile
	event func()
}

func (f controlledFile) SyscallConn() (syscall.RawConn, error) {
	raw, err := f.kernelFile.SyscallConn()
	return controlled{raw, f.event}, err
}

type controlled struct {
	syscall.RawConn
	event func()
}

func (c controlled) Control(f func(fd uintptr)) error {
	defer c.event()
	return c.RawConn.Control(f)
}

// An error after part of a file was sent is told by the next call.
func TestSendFileErrorAfterPart(t *testing.T) {
	noLeaks(t)
	data := make([]byte, 64<<20)
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for what, open := range map[string]func(event func()) descriptor.Positioned{
		"memory": func(event func()) descriptor.Positioned { return eventfulFile{&memFile{data: data}, event} },
		"kernel": func(event func()) descriptor.Positioned {
			return controlledFile{kernelFile{File: file}, event}
		},
	} {
		for _, polled := range []bool{false, true} {
			c, s := connected(t, abi.SockTypeStream)
			reset := sync.OnceFunc(func() {
				wantErr(t, "set", s.SetTime(abi.SockOptionLinger, 0, true), nil)
				wantErr(t, "reset", s.d.Release(), nil)
				if polled {
					wantErr(t, "poll", c.PollError(), syscall.ECONNRESET)
				}
			})
			wantErr(t, "set", c.d.SetFlags(abi.FdflagsNonblock), nil)
			wantErr(t, "set", c.SetSize(abi.SockOptionSendBufSize, 128<<10), nil)
			n, err := c.SendFile(c.d, c.w, open(reset), 0, uint64(len(data)))
			if n == 0 || n == uint64(len(data)) || err != nil {
				t.Errorf("%s: sent %d, %v, want a part", what, n, err)
			}
			_, err = c.send([]byte("x"))
			wantErr(t, what+" then", err, syscall.ECONNRESET)
		}
	}
}
