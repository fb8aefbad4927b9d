package wasix

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// fakeTerminal is a terminal in memory.
type fakeTerminal struct {
	size   vfs.WindowSize
	mode   vfs.TerminalMode
	closed bool
}

func (f *fakeTerminal) Open() (descriptor.File, error)       { return nil, errors.ErrUnsupported }
func (f *fakeTerminal) WindowSize() (vfs.WindowSize, error)  { return f.size, nil }
func (f *fakeTerminal) SetWindowSize(s vfs.WindowSize) error { f.size = s; return nil }
func (f *fakeTerminal) Mode() (vfs.TerminalMode, error)      { return f.mode, nil }
func (f *fakeTerminal) SetMode(m vfs.TerminalMode) error     { f.mode = m; return nil }
func (f *fakeTerminal) Close() error                         { f.closed = true; return nil }

func newTerminalThread(t *testing.T) (*Thread, *fakeTerminal) {
	th := newFileThread(t)
	term := &fakeTerminal{vfs.WindowSize{Cols: 80, Rows: 25, Width: 800, Height: 500}, vfs.TerminalMode{Echo: true, LineBuffered: true}, false}
	th.proc.terminal = term
	return th, term
}

func TestTtyGet(t *testing.T) {
	th, term := newTerminalThread(t)
	th.want(t, abi.ESUCCESS, ttyGet, resultAt)
	b := th.result(t, abi.SizeofTty)
	want := []byte{80, 0, 0, 0, 25, 0, 0, 0, 0x20, 3, 0, 0, 0xf4, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0}
	if !bytes.Equal(b, want) {
		t.Errorf("%x, want %x", b, want)
	}
	term.size.Cols, term.mode = 300, vfs.TerminalMode{IgnoreCR: true}
	th.want(t, abi.ESUCCESS, ttyGet, resultAt)
	b = th.result(t, abi.SizeofTty)
	if cols := binary.LittleEndian.Uint32(b); cols != 300 || b[abi.OffsetofTtyEcho] != 0 || b[abi.OffsetofTtyLineFeeds] != 1 {
		t.Errorf("%x", b)
	}
	th.want(t, abi.EFAULT, ttyGet, 1<<16-abi.SizeofTty+1)
	th.proc.terminal = nil
	th.want(t, abi.ENOTTY, ttyGet, resultAt)
	th.want(t, abi.ENOTTY, ttySet, dataAt+0x100)
}

func TestTtySet(t *testing.T) {
	th, term := newTerminalThread(t)
	const state = dataAt
	get := func() []byte {
		th.want(t, abi.ESUCCESS, ttyGet, state)
		return th.mem[state:][:abi.SizeofTty]
	}
	b := get()
	b[abi.OffsetofTtyEcho], b[abi.OffsetofTtyLineBuffered], b[abi.OffsetofTtyLineFeeds] = 0, 0, 1
	th.want(t, abi.ESUCCESS, ttySet, state)
	if want := (vfs.TerminalMode{IgnoreCR: true}); term.mode != want || term.size.Cols != 80 {
		t.Errorf("%+v", term)
	}
	term.size.Cols = 100 // meanwhile, by the user
	th.want(t, abi.ESUCCESS, ttySet, state)
	if term.size.Cols != 100 {
		t.Error("the size of before came back")
	}
	binary.LittleEndian.PutUint32(get()[abi.OffsetofTtyRows:], 60)
	th.want(t, abi.ESUCCESS, ttySet, state)
	if want := (vfs.WindowSize{Cols: 100, Rows: 60, Width: 800, Height: 500}); term.size != want {
		t.Errorf("the size is %+v", term.size)
	}
	binary.LittleEndian.PutUint32(get()[abi.OffsetofTtyRows:], 1<<16)
	th.want(t, abi.EINVAL, ttySet, state)
	get()[abi.OffsetofTtyEcho] = 2
	th.want(t, abi.EINVAL, ttySet, state)
	th.want(t, abi.EFAULT, ttySet, 1<<16-8)
}

// Whoever opens a standard stream by its name gets the descriptor once more.
func TestOpenStandardStreams(t *testing.T) {
	th := newTestThread(t)
	th.proc.image = imageOf(&wasixModule{})
	if err := th.proc.openMounts(nil); err != nil {
		t.Fatal(err)
	}
	r, w := vfs.NewPipe()
	th.mustInsertAt(t, 0, r)
	th.mustInsertAt(t, 1, w)
	th.mustInsertAt(t, 2, vfs.Null())
	out := th.openFile(t, abi.ESUCCESS, "dev/stdout", 0, abi.RightsFdWrite, 0)
	in := th.openFile(t, abi.ESUCCESS, "/dev/stdin", 0, abi.RightsFdRead, 0)
	th.write(t, out, "through")
	if got := th.read(t, in, 100); got != "through" {
		t.Errorf("%q", got)
	}
	th.want(t, abi.ESUCCESS, fdClose, 2)
	th.openFile(t, abi.EBADF, "/dev/stderr", 0, abi.RightsFdWrite, 0)
	th.openFile(t, abi.ENXIO, "/dev/tty", 0, abi.RightsFdRead, 0)
}
