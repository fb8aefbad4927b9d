//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package wasmer_test

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasmer"
)

var cached = &Module{Memory: sharedMemory(1, 1), Functions: []Function{
	{Signature: toI32, Body: I32Const(40)},
	{Export: "answer", Signature: toI32, Body: Body(Call(0), I32Const(2), I32Add)},
}}

// compileIn compiles a module with a cache in dir and checks that it works.
func compileIn(t *testing.T, dir string) {
	t.Helper()
	if got := mustCall(t, newReactor(t, newModule(t, cached, wasmer.WithCache(dir))), "answer"); got != 42 {
		t.Errorf("answer() = %d", got)
	}
}

// entry returns the path of the only file of a cache.
func entry(t *testing.T, dir string) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("cache: %v, %v", files, err)
	}
	return filepath.Join(dir, files[0].Name())
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestCacheIsUsed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	compileIn(t, dir)
	before := stat(t, entry(t, dir))
	if before.Mode().Perm() != 0o600 || stat(t, dir).Mode().Perm() != 0o700 {
		t.Errorf("modes %v, %v", before.Mode(), stat(t, dir).Mode())
	}
	compileIn(t, dir)
	if !os.SameFile(before, stat(t, entry(t, dir))) {
		t.Error("the entry was made anew")
	}
}

// An entry with any byte changed, cut short, or with another's contents, is
// not run, but replaced.
func TestDamagedEntry(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	compileIn(t, dir)
	path := entry(t, dir)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var damaged [][]byte
	for at := 0; at < len(good); at += 1 + len(good)/50 {
		bad := append([]byte(nil), good...)
		bad[at] ^= 0x10
		damaged = append(damaged, bad, good[:at])
	}
	for i, bad := range append(damaged, append(good[:len(good):len(good)], 0)) {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		compileIn(t, dir)
		if now, err := os.ReadFile(path); err != nil || len(now) < len(good)/2 || string(now) == string(bad) {
			t.Fatalf("damage %d is still there, %v", i, err)
		}
	}
}

// A file of some size takes no memory.
func TestHugeEntry(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	compileIn(t, dir)
	path := entry(t, dir)
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Fatal(err)
	}
	compileIn(t, dir)
	if size := stat(t, path).Size(); size > 1<<30 {
		t.Errorf("the entry has still %d bytes", size)
	}
}

// What others could have written is not run.
func TestForeignEntry(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	compileIn(t, dir)
	path := entry(t, dir)
	before := stat(t, path)
	if err := os.Chmod(path, 0o622); err != nil {
		t.Fatal(err)
	}
	compileIn(t, dir)
	if after := stat(t, path); os.SameFile(before, after) || after.Mode().Perm() != 0o600 {
		t.Error("the entry was used")
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := wasmer.NewEngine(wasmer.WithCache(dir)); err == nil {
		t.Error("a directory for everybody is used")
	}
}

// A cache that cannot be written to is no reason to fail.
func TestCacheVanishes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	e, err := wasmer.NewEngine(wasmer.WithCache(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := e.Compile(t.Context(), cached.Binary())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}
