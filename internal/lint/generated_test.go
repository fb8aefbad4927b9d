package lint

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Each generator, run again, writes what is in the tree.
func TestGeneratedFilesAreUpToDate(t *testing.T) {
	for _, c := range []struct {
		command string // gets -o and the output
		output  string // a file, or a directory
		pattern string // the files of the directory that it writes
	}{
		{"./internal/abigen", "wasix/abi", "z*.go"},
		{"./internal/syscalldoc", "docs/SYSCALLS.md", ""},
	} {
		t.Run(filepath.Base(c.command), func(t *testing.T) {
			dir := t.TempDir()
			out, tree := dir, filepath.Join(root, c.output)
			if c.pattern == "" {
				out, tree = filepath.Join(dir, filepath.Base(c.output)), filepath.Dir(tree)
				c.pattern = filepath.Base(c.output)
			}
			cmd := exec.Command("go", "run", c.command, "-o", out)
			cmd.Dir = root
			if msg, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, msg)
			}
			got, want := list(t, tree, c.pattern), list(t, dir, c.pattern)
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Fatalf("the tree has %q, the generator writes %q; run go generate ./...", got, want)
			}
			for _, name := range want {
				if !bytes.Equal(read(t, tree, name), read(t, dir, name)) {
					t.Errorf("%s is out of date; run go generate ./...", filepath.Join(tree, name))
				}
			}
		})
	}
}

// list returns the names of the files of dir that match pattern.
func list(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		names[i] = filepath.Base(name)
	}
	return names
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
