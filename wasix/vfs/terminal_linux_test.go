package vfs

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/internal/pty"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// newTerminal returns a terminal as its user has it, and as a guest's.
func newTerminal(t *testing.T) (*pty.Terminal, Terminal) {
	t.Helper()
	user := pty.Open(t, 120, 40)
	term, err := TerminalOf(nil, (*os.File)(nil), openDir(t), user.Slave)
	if err != nil || term == nil {
		t.Fatal(term, err)
	}
	return user, term
}

func TestTerminalFile(t *testing.T) {
	user, term := newTerminal(t)
	defer term.Close()
	direct, err := hostStream(user.Slave)
	if err != nil {
		t.Fatal(err)
	}
	again, err := term.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []descriptor.File{direct, again} {
		if r := Rights(file); r.Base&(abi.RightsFdSeek|abi.RightsFdTell) != 0 || file.Filetype() != abi.FiletypeCharacterDevice {
			t.Errorf("not a terminal to isatty: %x, %v", r.Base, file.Filetype())
		}
		if !IsTerminal(file) || IsTerminal(Null()) {
			t.Error("taken for something else")
		}
		user.Type("line\n")
		buf := make([]byte, 10)
		d := descriptor.NewDescription(file, 0)
		if n, err := d.Readv(ready.NewWaiter(), one(buf)); string(buf[:n]) != "line\n" || err != nil {
			t.Errorf("%q, %v", buf[:n], err)
		}
		if err := d.Release(); err != nil {
			t.Error(err)
		}
	}
}

func TestTerminalSize(t *testing.T) {
	user, term := newTerminal(t)
	defer term.Close()
	want := func(want WindowSize) {
		t.Helper()
		if got, err := term.WindowSize(); got != want || err != nil {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
	want(WindowSize{Cols: 120, Rows: 40})
	user.Resize(80, 25)
	want(WindowSize{Cols: 80, Rows: 25})
	other := WindowSize{Cols: 90, Rows: 30, Width: 900, Height: 600}
	if err := term.SetWindowSize(other); err != nil {
		t.Fatal(err)
	}
	want(other)
}

func TestTerminalMode(t *testing.T) {
	user, term := newTerminal(t)
	original := user.Mode()
	set := func(m TerminalMode) unix.Termios {
		t.Helper()
		if err := term.SetMode(m); err != nil {
			t.Fatal(err)
		}
		if got, err := term.Mode(); got != m || err != nil {
			t.Errorf("%+v, %v; want %+v", got, err, m)
		}
		return user.Mode()
	}
	if got := set(TerminalMode{Echo: true, LineBuffered: true}); got != original {
		t.Error("nothing was to change")
	}
	raw := set(TerminalMode{IgnoreCR: true})
	if raw.Iflag&(unix.IXON|unix.ICRNL) != 0 || raw.Lflag&unix.ISIG == 0 || raw.Cc[unix.VMIN] != 1 {
		t.Errorf("%+v", raw)
	}
	if got := set(TerminalMode{LineBuffered: true}); got.Iflag != original.Iflag || got.Lflag != original.Lflag&^unix.ECHO {
		t.Errorf("lines without echo are %+v, was %+v", got, original)
	}
	set(TerminalMode{})
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	user.IsRestored()
}

func TestNoTerminal(t *testing.T) {
	if term, err := TerminalOf(nil, 5, openDir(t)); term != nil || err != nil {
		t.Error(term, err)
	}
}
