package wazero_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	. "github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
	"github.com/gowasix/gowasix/wazero"
)

// cached has functions enough that damage to any part of its machine code, or of
// what describes that, is met when answer runs.
var cached = &Module{
	Memory: sharedMemory(1, 1),
	Functions: []Function{
		{Signature: toI32, Body: I32Const(40)},
		{Signature: toI32, Locals: []abi.ValueType{abi.ValueTypeI32}, Body: I32Const(2)},
		{Export: "answer", Signature: toI32, Body: Body(Call(0), Call(1), I32Add)},
	},
}

// compileIn compiles the module with a cache in dir, and checks that it works.
func compileIn(t *testing.T, dir string) {
	t.Helper()
	m := newModule(t, cached, wazero.WithCache(dir))
	in := newInstance(t, m, newProcessMemory(t, m))
	if got := mustCall(t, in, "answer"); got != 42 {
		t.Errorf("answer() = %d", got)
	}
}

// cacheFiles returns the files of the cache by name.
func cacheFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func writeFile(t *testing.T, path string, contents []byte) {
	t.Helper()
	if err := os.WriteFile(path, contents, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCacheIsUsed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	compileIn(t, dir)
	var inodes []os.FileInfo
	paths := cacheFiles(t, dir)
	if len(paths) < 2 {
		t.Fatalf("the cache has %d files", len(paths))
	}
	for path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		inodes = append(inodes, info)
	}
	compileIn(t, dir)
	for _, before := range inodes {
		found := false
		for path := range cacheFiles(t, dir) {
			after, err := os.Stat(path)
			found = found || err == nil && os.SameFile(before, after)
		}
		if !found {
			t.Errorf("%s was written again", before.Name())
		}
	}
}

// TestCacheOfOtherVersions turns the files into those of another version of
// wazero: neither version drives out the other's.
func TestCacheOfOtherVersions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	compileIn(t, dir)
	own, err := filepath.Glob(filepath.Join(dir, "*", "wazero-*"))
	if err != nil || len(own) != 1 {
		t.Fatalf("%q, %v", own, err)
	}
	sums := filepath.Join(filepath.Dir(own[0]), "SHA256SUMS")
	name := []byte(filepath.Base(own[0]))
	other := bytes.ReplaceAll(cacheFiles(t, dir)[sums], name, []byte("wazero-other"))
	writeFile(t, sums, other)
	if err := os.Rename(own[0], filepath.Join(filepath.Dir(sums), "wazero-other")); err != nil {
		t.Fatal(err)
	}
	compileIn(t, dir)
	both := cacheFiles(t, dir)
	if len(both) != 5 {
		t.Errorf("%d files, want two of each version and the list", len(both))
	}
	if !bytes.HasSuffix(both[sums], other) && !bytes.HasPrefix(both[sums], other) || !bytes.Contains(both[sums], name) {
		t.Errorf("the list is\n%s", both[sums])
	}
	writeFile(t, sums, append(both[sums], '\n'))
	compileIn(t, dir)
	if after := cacheFiles(t, dir); len(after) != 3 {
		t.Errorf("%d files after damage, want one version's", len(after))
	}
}

// TestCacheDamaged flips each bit position of the files in turn, and cuts them
// off everywhere: the module must work all the same, and the cache be mended.
func TestCacheDamaged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	compileIn(t, dir)
	intact := cacheFiles(t, dir)
	damaged := 0
	for path, contents := range intact {
		for at := range contents {
			flipped := bytes.Clone(contents)
			flipped[at] ^= 1 << (at % 8)
			for _, damage := range [][]byte{flipped, contents[:at]} {
				writeFile(t, path, damage)
				compileIn(t, dir)
				damaged++
				if t.Failed() {
					t.Fatalf("%s damaged at %d of %d bytes", path, at, len(contents))
				}
			}
		}
		if after := cacheFiles(t, dir)[path]; !bytes.Equal(after, contents) {
			t.Errorf("%s was not mended", path)
		}
	}
	if damaged < 1000 {
		t.Errorf("only %d kinds of damage", damaged)
	}
}

func TestCacheMissingAndForeignFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	compileIn(t, dir)
	for path := range cacheFiles(t, dir) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		compileIn(t, dir)
		writeFile(t, path+".1", []byte("?"))
		compileIn(t, dir)
		writeFile(t, path, nil)
		compileIn(t, dir)
	}
}

// TestCacheOfAnotherModule puts the files of one module in the place of another's.
func TestCacheOfAnotherModule(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	other := *cached
	other.Functions = append([]Function{{Signature: toI32, Body: I32Const(-1)}}, cached.Functions[1:]...)
	newModule(t, &other, wazero.WithCache(dir))
	foreign := cacheFiles(t, dir)
	compileIn(t, dir)
	for path := range cacheFiles(t, dir) {
		for name, contents := range foreign {
			if foreign[path] == nil && filepath.Ext(name) == filepath.Ext(path) {
				writeFile(t, path, contents)
				compileIn(t, dir)
			}
		}
	}
}

// TestCacheConcurrently has engines compile the same module at the same time.
func TestCacheConcurrently(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			e, err := wazero.NewEngine(wazero.WithCache(dir))
			if err != nil {
				t.Error(err)
				return
			}
			m, err := e.Compile(context.Background(), cached.Binary())
			if err != nil {
				t.Error(err)
				return
			}
			if err := errors.Join(m.Close(), e.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	compileIn(t, dir)
}

// TestCacheDirectoryGone takes the directory away from under the engine.
func TestCacheDirectoryGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	e, err := wazero.NewEngine(wazero.WithCache(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, []byte("in the way"))
	m, err := e.Compile(context.Background(), cached.Binary())
	if err != nil {
		t.Fatal(err)
	}
	in := newInstance(t, m, newProcessMemory(t, m))
	if got := mustCall(t, in, "answer"); got != 42 {
		t.Errorf("answer() = %d", got)
	}
}

// TestCacheInvalidModule leaves an error of the module as it is without cache.
func TestCacheInvalidModule(t *testing.T) {
	invalid := &Module{Functions: []Function{{Signature: wasmfile.Signature{}, Body: I32Const(1)}}}
	messages := make([]string, 0, 2)
	for _, opt := range []wazero.Option{wazero.WithoutCache(), wazero.WithCache(filepath.Join(t.TempDir(), "cache"))} {
		e, err := wazero.NewEngine(opt)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Compile(context.Background(), invalid.Binary())
		if err == nil {
			t.Fatal("compiled")
		}
		messages = append(messages, err.Error())
	}
	if messages[0] != messages[1] || !strings.HasPrefix(messages[0], "wazero: ") {
		t.Errorf("%q", messages)
	}
}
