//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package wasmer_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/gowasix/gowasix/wasmer"
)

// TestCorpus compiles and links each binary in the folder that GOWASIX_CORPUS
// names.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("GOWASIX_CORPUS")
	if dir == "" {
		t.Skip("GOWASIX_CORPUS names no folder")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.wasm"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no binaries in %s: %v", dir, err)
	}
	e, err := wasmer.NewEngine(wasmer.WithCache(filepath.Join(t.TempDir(), "cache")))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			wasm, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m, err := e.Compile(context.Background(), wasm)
			if err != nil {
				t.Fatal(err)
			}
			mem, err := m.NewMemory()
			if err != nil {
				t.Fatal(err)
			}
			if mem != nil {
				if err := mem.Close(); err != nil {
					t.Error(err)
				}
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
