package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
)

// inShell runs the guest process in mode cat with the redirections of a shell.
func inShell(t *testing.T, run []string, redirections string) result {
	t.Helper()
	args := with([]string{"-c", `"$0" "$@" ` + redirections, binary}, with(run, guests.Path("process"), "cat")...)
	cmd := exec.CommandContext(t.Context(), "sh", args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func TestRedirections(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte("text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	eachEngine(t, func(t *testing.T, run ...string) {
		if err := os.WriteFile(out, []byte("before\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		inShell(t, run, "<"+in).want(t, 0, "text\n", "")
		inShell(t, run, "<"+in+" >>"+out).want(t, 0, "", "")
		inShell(t, run, "<"+in+" | cat").want(t, 0, "text\n", "")
		inShell(t, run, "<"+in+" >/dev/full").want(t, 1, "", "write: ENOSPC\n")
		inShell(t, run, "</dev/null >&-").want(t, 0, "", "")
		inShell(t, run, "<&- 2>&-").want(t, 0, "", "")
		inShell(t, run, "<"+dir).want(t, 125, "", "standard streams: is a directory")
		if b, err := os.ReadFile(out); string(b) != "before\ntext\n" || err != nil {
			t.Errorf("after appending there is %q, %v", b, err)
		}
	})
}
