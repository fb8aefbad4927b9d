package corpus

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/internal/pty"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// session is a program that runs on a terminal.
type session struct {
	*guest
	*pty.Terminal
	t      *testing.T
	before unix.Termios // the mode
}

// onTerminal starts a program on a terminal in the given mode, nil for the
// kernel's, with the directory at "/".
func onTerminal(t *testing.T, module wasix.Module, dir string, mode func(unix.Termios) unix.Termios, args ...string) *session {
	t.Helper()
	term, err := pty.Open(60, 12)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(term.Close)
	s := &session{t: t, Terminal: term}
	if mode != nil {
		if err := term.SetMode(mode(s.mode())); err != nil {
			t.Fatal(err)
		}
	}
	s.before = s.mode()
	root := mounted(t, dir, "/", false)
	s.guest = start(t, module, func(cmd *wasix.Cmd) {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = term.Slave, term.Slave, term.Slave
		cmd.Mounts = []vfs.Mount{root}
	}, args...)
	return s
}

func (s *session) mode() unix.Termios {
	s.t.Helper()
	mode, err := s.Mode()
	if err != nil {
		s.t.Fatal(err)
	}
	return mode
}

// see waits until all parts are on the screen, each in a line.
func (s *session) see(parts ...string) {
	s.t.Helper()
	err := s.Wait(limit, func(lines []string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool {
			return !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, part) })
		})
	})
	if err != nil {
		s.t.Fatalf("waiting for %q: %v", parts, err)
	}
}

// enter types keys.
func (s *session) enter(keys string) {
	s.t.Helper()
	if err := s.Type(keys); err != nil {
		s.t.Fatal(err)
	}
}

// hasFile compares a file with what was saved.
func hasFile(t *testing.T, name, want string) {
	t.Helper()
	if got, err := os.ReadFile(name); err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; want %q", filepath.Base(name), got, err, want)
	}
}

// checkEditor edits, resizes the window, saves and quits, and ends the editor in
// all ways. The terminal is as before each time.
func checkEditor(t *testing.T, module wasix.Module) {
	dir := t.TempDir()
	file := filepath.Join(dir, "notes.txt")
	writeFile(t, file, []byte("old line\n"))
	for name, end := range map[string]func(s *session){
		"quit":   func(s *session) { s.enter("\x11"); s.ended(0) },
		"leave":  func(s *session) { s.enter("\x12"); s.ended(0) },
		"abort":  func(s *session) { s.enter("\x18"); s.ended(134) },
		"cancel": func(s *session) { s.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			s := onTerminal(t, module, dir, nil, "editor", "/notes.txt")
			s.see("old line", "/notes.txt 60x12")
			if raw := s.mode(); raw.Lflag&(unix.ECHO|unix.ICANON) != 0 || raw.Iflag&(unix.ICRNL|unix.IXON) != 0 {
				t.Errorf("the terminal is not raw: %+v", raw)
			}
			end(s)
			if after := s.mode(); after != s.before {
				t.Errorf("the terminal's mode is %+v, it was %+v", after, s.before)
			}
		})
	}
	s := onTerminal(t, module, dir, nil, "editor", "/notes.txt")
	s.see("old line")
	s.enter("new line\rtypo\x7f!")
	s.see("new line", "typ!")
	if err := s.Resize(40, 8); err != nil {
		t.Fatal(err)
	}
	s.enter("\x0c")
	s.see("typ!", "/notes.txt 40x8")
	s.enter("\x13")
	s.see("saved")
	hasFile(t, file, "old line\nnew line\ntyp!")
	s.enter("\x11")
	s.ended(0)
	if err := s.Wait(limit, func(lines []string) bool { return strings.Join(lines, "") == "" }); err != nil {
		t.Errorf("at the end, %v", err)
	}
}

// ended waits for the end with an exit status.
func (s *session) ended(want int) {
	s.t.Helper()
	if status, _ := s.wait(); status != want {
		s.t.Errorf("exit status %d, want %d", status, want)
	}
}

// checkKibi edits a file with an editor that asks the terminal for its size, and
// is to be started in raw mode.
func checkKibi(t *testing.T, module wasix.Module) {
	dir := t.TempDir()
	file := filepath.Join(dir, "notes.txt")
	writeFile(t, file, []byte("first\nsecond\n"))
	s := onTerminal(t, module, dir, pty.Raw, "kibi", "/notes.txt")
	s.see("first", "second", "notes.txt", "Ctrl-S")
	s.enter("zeroth\r")
	s.see("zeroth", "first", "modified")
	s.enter("\x13")
	s.see("written to")
	hasFile(t, file, "zeroth\nfirst\nsecond\n")
	s.enter("\x11")
	s.ended(0)
}
