package corpus

import (
	"os"
	"path/filepath"
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
	t *testing.T
}

// startOn starts a program on a terminal, with the directory at "/".
func startOn(t *testing.T, term *pty.Terminal, module wasix.Module, dir string, args ...string) *session {
	t.Helper()
	root := mounted(t, dir, "/", false)
	return &session{start(t, module, func(cmd *wasix.Cmd) {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = term.Slave, term.Slave, term.Slave
		cmd.Mounts = []vfs.Mount{root}
	}, args...), term, t}
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
		"quit":   func(s *session) { s.Type("\x11"); s.ended(0) },
		"leave":  func(s *session) { s.Type("\x12"); s.ended(0) },
		"abort":  func(s *session) { s.Type("\x18"); s.ended(134) },
		"cancel": func(s *session) { s.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			s := startOn(t, pty.Open(t, 60, 12), module, dir, "editor", "/notes.txt")
			s.See("old line", "/notes.txt 60x12")
			if raw := s.Mode(); raw.Lflag&(unix.ECHO|unix.ICANON) != 0 || raw.Iflag&(unix.ICRNL|unix.IXON) != 0 {
				t.Errorf("the terminal is not raw: %+v", raw)
			}
			end(s)
			s.IsRestored()
		})
	}
	s := startOn(t, pty.Open(t, 60, 12), module, dir, "editor", "/notes.txt")
	s.See("old line")
	s.Type("new line\rtypo\x7f!")
	s.See("new line", "typ!")
	s.Resize(40, 8)
	s.Type("\x0c")
	s.See("typ!", "/notes.txt 40x8")
	s.Type("\x13")
	s.See("saved")
	hasFile(t, file, "old line\nnew line\ntyp!")
	s.Type("\x11")
	s.ended(0)
	s.SeeNothing()
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
	term := pty.Open(t, 60, 12)
	term.MakeRaw()
	s := startOn(t, term, module, dir, "kibi", "/notes.txt")
	s.See("first", "second", "notes.txt", "Ctrl-S")
	s.Type("zeroth\r")
	s.See("zeroth", "first", "modified")
	s.Type("\x13")
	s.See("written to")
	hasFile(t, file, "zeroth\nfirst\nsecond\n")
	s.Type("\x11")
	s.ended(0)
}

// checkEpoll has a parent write to an event, and its child wait for it by epoll. On
// a terminal the child prints at once what it read; elsewhere it would at its end,
// and that of the parent comes before. The status is what the program ends with.
func checkEpoll(t *testing.T, module wasix.Module) {
	s := startOn(t, pty.Open(t, 80, 24), module, t.TempDir(), "epoll")
	s.See("success write to efd, write 8 bytes(4)", "success read from efd, read 8 bytes(4)")
	s.ended(8)
}
