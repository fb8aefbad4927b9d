package wasmfile_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// corpus returns binaries of real toolchains by path: the guests of this
// repository and, if the environment names a folder in GOWASIX_CORPUS, those in
// there.
func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/guests/*.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if folder := os.Getenv("GOWASIX_CORPUS"); folder != "" {
		more, err := filepath.Glob(filepath.Join(folder, "*.wasm"))
		if err != nil || len(more) == 0 {
			t.Fatalf("no binaries in GOWASIX_CORPUS (%v)", err)
		}
		paths = append(paths, more...)
	}
	binaries := make(map[string][]byte, len(paths))
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		binaries[path] = b
	}
	return binaries
}

// TestCorpus reads and rewrites real binaries, to the same but for what was
// asked, and has an engine compile the outcome.
func TestCorpus(t *testing.T) {
	r := newRuntime(t)
	binaries := corpus(t)
	for _, path := range slices.Sorted(maps.Keys(binaries)) {
		in := binaries[path]
		t.Run(filepath.Base(path), func(t *testing.T) {
			before, err := wasmfile.Read(in)
			if err != nil {
				t.Fatal(err)
			}
			out := rewrite(t, in)
			after, err := wasmfile.Read(out)
			if err != nil {
				t.Fatalf("output: %v", err)
			}
			for _, f := range after.Functions[len(before.Functions):] {
				if f.Module != wasmfile.HostModule {
					t.Errorf("import of %s.%s was added", f.Module, f.Name)
				}
			}
			after.Functions = after.Functions[:len(before.Functions)]
			if want := rewritten(before); !reflect.DeepEqual(after, want) {
				t.Errorf("the output is\n%+v\nwant\n%+v", after, want)
			}
			if err := compiles(r, out); err != nil {
				t.Errorf("output: %v", err)
			}
			if out, err = wasmfile.Rewrite(in, everything); err != nil {
				t.Errorf("with checkpoints: %v", err)
			} else if err := compiles(r, out); err != nil {
				t.Errorf("output with checkpoints: %v", err)
			}
			t.Logf("%-24s %8d bytes, rewritten %8d; %s, threads by %q, asyncify %v, signals %v; %d imports; %v",
				filepath.Base(path), len(in), len(out), before.Kind(), before.ThreadEntry(),
				before.Asyncify(), before.HandlesSignals(), len(before.Functions), before.Features)
		})
	}
}

// rewritten is what a binary says of itself after the rewrite called both, but
// for the functions that it imports for the futex instructions.
func rewritten(before *wasmfile.Info) *wasmfile.Info {
	after := *before
	if before.Memory != nil {
		memory := *before.Memory
		memory.Shared = false
		after.Memory = &memory
	}
	if !before.AtomicWait {
		return &after
	}
	after.AtomicWait = false
	after.CustomSections = nil
	for _, name := range before.CustomSections {
		if !strings.HasPrefix(name, ".debug_") {
			after.CustomSections = append(after.CustomSections, name)
		}
	}
	return &after
}

func BenchmarkRead(b *testing.B) {
	benchmark(b, func(in []byte) error {
		_, err := wasmfile.Read(in)
		return err
	})
}

func BenchmarkRewrite(b *testing.B) {
	benchmark(b, func(in []byte) error {
		_, err := wasmfile.Rewrite(in, both)
		return err
	})
}

func benchmark(b *testing.B, do func(in []byte) error) {
	binaries := corpus(b)
	binaries["synthetic"] = manyFunctions(20000)
	for path, in := range binaries {
		b.Run(filepath.Base(path), func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if err := do(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// manyFunctions has n functions with a loop, a call, loads and stores each.
func manyFunctions(n int) []byte {
	types := make([][]byte, n)
	bodies := make([][]byte, n)
	for i := range n {
		types[i] = u(0)
		bodies[i] = fn(
			op(loop, blockVoid, localGet, 0, 0x28, 2, 8, localGet, 0), konst(1000), op(i32Sub, localTee, 0, branchIf, 0, end),
			op(localGet, 0, localGet, 0, 0x36, 2, 16, localGet, 0, call), u(i), op(drop), konst(0), konst(0), notify,
		)
	}
	return wasm(sec(1, functype(1, 1)), sec(3, types...), sec(5, sharedMemory), sec(10, bodies...))
}
