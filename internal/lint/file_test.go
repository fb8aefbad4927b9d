package lint

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// maxLines is how long a file may be before it should be two.
const maxLines = 600

func TestFileLength(t *testing.T) {
	for _, name := range goFiles(t) {
		src := readFile(t, name)
		if strings.HasSuffix(name, "_test.go") || isGenerated(src) {
			continue
		}
		if n := bytes.Count(src, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines; %d are enough for one topic", name, n, maxLines)
		}
	}
}

func isGenerated(src []byte) bool {
	line, _, _ := bytes.Cut(src, []byte("\n"))
	return bytes.HasPrefix(line, []byte("// Code generated ")) && bytes.HasSuffix(line, []byte(" DO NOT EDIT."))
}

// A reader finds all unsafe code by the names of files.
func TestUnsafeIsInUnsafeFiles(t *testing.T) {
	for _, im := range readImports(t) {
		if im.path == "unsafe" && !strings.Contains(filepath.Base(im.file), "_unsafe") && !matches("cgo/...", im.pkg) {
			t.Errorf("%s imports unsafe; that belongs in a file named *_unsafe.go", im.file)
		}
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
