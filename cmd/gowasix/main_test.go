package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binary is the command as users have it, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gowasix")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "gowasix")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	_ = os.Setenv("XDG_CACHE_HOME", dir) // keep compiled guests to the tests
	return m.Run()
}

// result is what became of a command.
type result struct {
	status         int
	stdout, stderr string
}

// command carries out a command line within this process.
func command(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	in, out, errs := tempFile(t, stdin), tempFile(t, ""), tempFile(t, "")
	return result{gowasix(args, in, out, errs), content(t, out), content(t, errs)}
}

func tempFile(t *testing.T, content string) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "stream")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func content(t *testing.T, f *os.File) string {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// want compares the status and looks for parts of the outputs; "" is an output
// that must be empty.
func (r result) want(t *testing.T, status int, stdout, stderr string) {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d", r.status, status)
	}
	for _, o := range []struct{ name, got, want string }{{"stdout", r.stdout, stdout}, {"stderr", r.stderr, stderr}} {
		if o.want == "" && o.got != "" || !strings.Contains(o.got, o.want) {
			t.Errorf("%s is\n%s\nwant\n%s", o.name, o.got, o.want)
		}
	}
}

// eachEngine runs a test on every engine of this build, with the arguments that
// choose it.
func eachEngine(t *testing.T, test func(t *testing.T, run ...string)) {
	for _, name := range engineNames() {
		t.Run(name, func(t *testing.T) { test(t, "run", "--engine", name) })
	}
}

// with returns args and more, as a new slice.
func with(args []string, more ...string) []string { return append(args[:len(args):len(args)], more...) }
