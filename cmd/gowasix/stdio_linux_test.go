package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

// A program in a pipeline ends when nobody reads what it writes: without a
// callback for signals it meets EPIPE, otherwise SIGPIPE, of which nothing is told.
func TestPipelines(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		endless, err := os.Open("/dev/zero")
		if err != nil {
			t.Fatal(err)
		}
		defer endless.Close()
		var stderr strings.Builder
		cmd := exec.CommandContext(t.Context(), binary, with(run, guests.Path("process"), "cat")...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = endless, w, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
		_ = cmd.Wait()
		result{cmd.ProcessState.ExitCode(), "", stderr.String()}.want(t, 1, "", "write: EPIPE\n")
		for signal, told := range map[int]string{13: "", 15: "killed by signal TERM"} {
			command(t, "", with(run, guests.Path("signals"), "die", strconv.Itoa(signal))...).want(t, 128+signal, "", told)
		}
	})
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
