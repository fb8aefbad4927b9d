package corpus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// suiteTest is a test of WebAssembly/wasi-testsuite: a program, and what its
// specification says in the older form, which all tests of wasip1 have.
type suiteTest struct {
	file string

	Args     []string
	Env      map[string]string
	Dirs     []string
	ExitCode int     `json:"exit_code"`
	Stdout   *string // nil: anything
	Stderr   *string
}

// suiteFailures are tests that do not pass, with the reasons.
var suiteFailures = map[string]string{}

// TestSuite runs the tests for wasip1 and wasi-threads of the folder in
// GOWASIX_TESTSUITE, on each engine.
func TestSuite(t *testing.T) {
	folder := os.Getenv("GOWASIX_TESTSUITE")
	if folder == "" {
		t.Log("GOWASIX_TESTSUITE names no folder with the WASI test suite")
		return
	}
	tests := suiteTests(t, folder)
	for _, engine := range engines(t) {
		t.Run(engine.Name(), func(t *testing.T) {
			for _, test := range tests {
				name := test.name(t, folder)
				t.Run(name, func(t *testing.T) { test.judge(t, engine, name) })
			}
		})
	}
}

// suiteTests finds the tests of all suites: folders with a manifest, other than
// those for components. Every suite must be there.
func suiteTests(t *testing.T, folder string) (tests []*suiteTest) {
	t.Helper()
	suites := map[string]int{"assemblyscript": 0, "c": 0, "rust": 0, "proposals": 0}
	err := filepath.WalkDir(filepath.Join(folder, "tests"), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "wasm32-wasip3" || strings.HasSuffix(d.Name(), ".dir")):
			return filepath.SkipDir
		case filepath.Ext(path) != ".wasm":
			return nil
		}
		test := readSuiteTest(t, path)
		tests = append(tests, test)
		suites[strings.Split(test.name(t, folder), "/")[0]]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for suite, n := range suites {
		if n == 0 {
			t.Errorf("there is no test in %s: not the branch prod/testsuite-all?", suite)
		}
	}
	return tests
}

func readSuiteTest(t *testing.T, path string) *suiteTest {
	t.Helper()
	test := &suiteTest{file: path}
	spec, err := os.Open(strings.TrimSuffix(path, ".wasm") + ".json")
	if os.IsNotExist(err) {
		return test
	}
	if err != nil {
		t.Fatal(err)
	}
	defer spec.Close()
	d := json.NewDecoder(spec)
	d.DisallowUnknownFields() // such as operations
	if err := d.Decode(test); err != nil {
		t.Fatalf("%s: %v", spec.Name(), err)
	}
	return test
}

// name is the suite and the name of the test: "rust/isatty".
func (s *suiteTest) name(t *testing.T, folder string) string {
	t.Helper()
	rel, err := filepath.Rel(filepath.Join(folder, "tests"), strings.TrimSuffix(s.file, ".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(filepath.ToSlash(rel), "/testsuite/wasm32-wasip1", "", 1)
}

// judge fails when the test does, unless that is known; then when it does not.
func (s *suiteTest) judge(t *testing.T, engine wasix.Engine, name string) {
	before := openThings(t)
	wrong := s.run(t, engine)
	reason, known := suiteFailures[name]
	switch {
	case wrong != "" && !known:
		t.Error(wrong)
	case wrong == "" && known:
		t.Errorf("it passes: take it from suiteFailures (%s)", reason)
	}
	before.compare(t)
}

// run runs the test, with fresh copies of its directories and an input that
// never comes, and tells what is wrong.
func (s *suiteTest) run(t *testing.T, engine wasix.Engine) (wrong string) {
	module := compile(t, engine, s.file)
	defer module.Close()
	stdin, silent, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	defer stdin.Close()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := wasix.Command(module, append([]string{filepath.Base(s.file)}, s.Args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	for name, value := range s.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	for _, dir := range s.Dirs {
		fresh, err := vfs.HostDir(s.copyOf(t, dir), false)
		if err != nil {
			t.Fatal(err)
		}
		defer fresh.(io.Closer).Close()
		cmd.Mounts = append(cmd.Mounts, vfs.Mount{Guest: dir, FS: fresh})
	}
	status := 0
	err = cmd.Run(ctx)
	var exit *wasix.ExitError
	if errors.As(err, &exit) {
		status = exit.ExitCode()
	}
	switch {
	case err != nil && exit == nil, exit != nil && exit.Signal() != 0, status != s.ExitCode:
		return fmt.Sprintf("exit status %d, want %d (%v)\n%s%s", status, s.ExitCode, err, &stdout, &stderr)
	case s.Stdout != nil && *s.Stdout != stdout.String():
		return fmt.Sprintf("output %q, want %q", &stdout, *s.Stdout)
	case s.Stderr != nil && *s.Stderr != stderr.String():
		return fmt.Sprintf("error output %q, want %q", &stderr, *s.Stderr)
	}
	return ""
}

// copyOf copies a directory that lies beside the test.
func (s *suiteTest) copyOf(t *testing.T, dir string) string {
	t.Helper()
	fresh := t.TempDir()
	if err := os.CopyFS(fresh, os.DirFS(filepath.Join(filepath.Dir(s.file), dir))); err != nil {
		t.Fatal(err)
	}
	return fresh
}
