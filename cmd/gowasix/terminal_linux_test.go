package main

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/internal/pty"
)

// session is the command in the foreground of a terminal of its own.
type session struct {
	*pty.Terminal
	t   *testing.T
	cmd *exec.Cmd
}

func onTerminal(t *testing.T, args ...string) *session {
	t.Helper()
	s := &session{pty.Open(t, 60, 12), t, exec.CommandContext(t.Context(), binary, args...)}
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = s.Slave, s.Slave, s.Slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return s
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
	s.IsRestored()
}

// However an editor ends, the terminal is its user's again.
func TestTerminal(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		dir := t.TempDir()
		edit := func() *session {
			s := onTerminal(t, with(run, "--dir", dir+":/", guests.Path("editor"), "/notes.txt")...)
			s.See("/notes.txt 60x12")
			return s
		}
		s := edit()
		s.Type("to and fro\r")
		s.See("to and fro")
		s.Resize(50, 9)
		s.Type("\x13")
		s.See("/notes.txt 50x9 saved")
		s.Type("\x11")
		s.ended(0)
		if b, err := os.ReadFile(filepath.Join(dir, "notes.txt")); string(b) != "to and fro\n" || err != nil {
			t.Errorf("saved %q, %v", b, err)
		}
		for sig, status := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
			if signal.Ignored(sig) { // as under nohup: then it is ignored by what is started, too
				continue
			}
			s = edit()
			if err := s.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			s.ended(status)
		}
		s = edit()
		s.Type("\x03") // the terminal makes it SIGINT
		s.ended(130)
		s = edit()
		s.Type("\x18") // a trap
		s.ended(134)
	})
}
