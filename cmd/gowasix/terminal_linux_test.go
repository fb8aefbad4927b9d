package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/internal/pty"
)

// session is the command in the foreground of a terminal of its own.
type session struct {
	*pty.Terminal
	t      *testing.T
	cmd    *exec.Cmd
	before unix.Termios
}

func onTerminal(t *testing.T, args ...string) *session {
	t.Helper()
	term, err := pty.Open(60, 12)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(term.Close)
	s := &session{Terminal: term, t: t, cmd: exec.CommandContext(t.Context(), binary, args...)}
	s.before = s.mode()
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = term.Slave, term.Slave, term.Slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
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

// see waits until a line on the screen has the text.
func (s *session) see(text string) {
	s.t.Helper()
	err := s.Wait(limit, func(lines []string) bool {
		return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, text) })
	})
	if err != nil {
		s.t.Fatalf("waiting for %q: %v", text, err)
	}
}

func (s *session) enter(keys string) {
	s.t.Helper()
	if err := s.Type(keys); err != nil {
		s.t.Fatal(err)
	}
}

// ended waits for the end, with the terminal as it was.
func (s *session) ended(status int) {
	s.t.Helper()
	var exit *exec.ExitError
	if err := s.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if got := s.cmd.ProcessState.ExitCode(); got != status {
		s.t.Errorf("exit status %d, want %d", got, status)
	}
	if after := s.mode(); after != s.before {
		s.t.Errorf("the terminal's mode is %+v, it was %+v", after, s.before)
	}
}

// However an editor ends, the terminal is its user's again.
func TestTerminal(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		dir := t.TempDir()
		edit := func() *session {
			s := onTerminal(t, with(run, "--dir", dir+":/", guests.Path("editor"), "/notes.txt")...)
			s.see("/notes.txt 60x12")
			return s
		}
		s := edit()
		s.enter("to and fro\r")
		s.see("to and fro")
		if err := s.Resize(50, 9); err != nil {
			t.Fatal(err)
		}
		s.enter("\x13")
		s.see("/notes.txt 50x9 saved")
		s.enter("\x11")
		s.ended(0)
		if b, err := os.ReadFile(filepath.Join(dir, "notes.txt")); string(b) != "to and fro\n" || err != nil {
			t.Errorf("saved %q, %v", b, err)
		}
		for sig, status := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
			s = edit()
			if err := s.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			s.ended(status)
		}
		s = edit()
		s.enter("\x03") // the terminal makes it SIGINT
		s.ended(130)
		s = edit()
		s.enter("\x18") // a trap
		s.ended(134)
	})
}
