//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package wasmer_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	. "github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
	"github.com/gowasix/gowasix/wasmer"
)

var (
	i32     = []abi.ValueType{abi.ValueTypeI32}
	toI32   = wasmfile.Signature{Results: i32}
	onI32   = wasmfile.Signature{Params: i32, Results: i32}
	fromI32 = wasmfile.Signature{Params: i32}
)

// threadID is an import that writes 4 bytes.
var threadID = wasmfile.Import{Module: "wasix_32v1", Name: "thread_id", Signature: onI32}

// sharedMemory is imported like the memory of programs with threads.
func sharedMemory(min, max uint64) *wasmfile.MemoryInfo {
	return &wasmfile.MemoryInfo{
		Imported: true, Module: "env", Name: "memory", Min: min, Max: max, HasMax: true, Shared: true,
	}
}

func ownMemory(min, max uint64) *wasmfile.MemoryInfo {
	return &wasmfile.MemoryInfo{Export: "memory", Min: min, Max: max, HasMax: true}
}

// newModule compiles m with an engine of its own, by default without a cache.
func newModule(t testing.TB, m *Module, opts ...wasmer.Option) wasix.Module {
	t.Helper()
	e, err := wasmer.NewEngine(append([]wasmer.Option{wasmer.WithoutCache()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := e.Compile(context.Background(), m.Binary())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(mod.Close(), e.Close()); err != nil {
			t.Error(err)
		}
	})
	return mod
}

// newReactor starts a process whose exports can be called.
func newReactor(t testing.TB, m wasix.Module) *wasix.Process {
	t.Helper()
	cmd := wasix.Command(m, "guest")
	cmd.Reactor = true
	if err := cmd.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process
}

func mustCall(t testing.TB, p *wasix.Process, export string, args ...uint64) uint64 {
	t.Helper()
	v, err := p.Call(export, args...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Memories may be limited, imported ones and a module's own, with a maximum and without.
func TestMemoryLimit(t *testing.T) {
	noMax := ownMemory(1, 1<<16)
	noMax.HasMax = false
	for name, memory := range map[string]*wasmfile.MemoryInfo{
		"imported": sharedMemory(1, 100), "own": ownMemory(1, 100), "own without maximum": noMax,
	} {
		m := &Module{Memory: memory, Functions: []Function{
			{Export: "grow", Signature: onI32, Body: Body(LocalGet(0), MemoryGrow)},
			{Export: "size", Signature: toI32, Body: MemorySize},
		}}
		p := newReactor(t, newModule(t, m, wasmer.WithMemoryLimit(10*pageSize+1)))
		if got := int32(mustCall(t, p, "grow", 10)); got != -1 {
			t.Errorf("%s: memory grows past the limit: %d", name, got)
		}
		if got := mustCall(t, p, "grow", 9); got != 1 {
			t.Errorf("%s: memory does not grow up to the limit: %d", name, int32(got))
		}
		if got := mustCall(t, p, "size"); got != 10 {
			t.Errorf("%s: %d pages", name, got)
		}
	}
	e, err := wasmer.NewEngine(wasmer.WithoutCache(), wasmer.WithMemoryLimit(pageSize))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Compile(context.Background(), (&Module{Memory: ownMemory(2, 2)}).Binary()); err == nil {
		t.Error("a module that needs more memory compiles")
	}
	if _, err := wasmer.NewEngine(wasmer.WithMemoryLimit(pageSize - 1)); err == nil {
		t.Error("an engine without memory is made")
	}
}

const pageSize = 1 << 16

// A start function makes system calls, on an imported memory and on one of the
// module's own.
func TestStartCalls(t *testing.T) {
	for name, memory := range map[string]*wasmfile.MemoryInfo{"imported": sharedMemory(1, 1), "own": ownMemory(1, 1)} {
		m := &Module{
			Imports: []wasmfile.Import{threadID},
			Memory:  memory,
			Start:   "start",
			Functions: []Function{
				{Export: "start", Body: Body(I32Const(8), Call(0), If(Unreachable))},
				{Export: "get", Signature: toI32, Body: Body(I32Const(8), I32Load(0))},
			},
		}
		if got := mustCall(t, newReactor(t, newModule(t, m)), "get"); got != 1 {
			t.Errorf("%s: thread %d", name, got)
		}
	}
}

// The error of a binary that needs what Wasmer lacks says what that is, and
// whether another engine helps.
func TestMissingFeatures(t *testing.T) {
	e, err := wasmer.NewEngine(wasmer.WithoutCache())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, c := range []struct {
		body   []byte
		phrase []string
	}{
		{[]byte{0x12, 0}, []string{"tail-call", "use the wazero engine"}},
		{Body([]byte{0xfd, 0x80, 0x02}), []string{"relaxed-simd", "build the program without"}},
	} {
		m := &Module{Memory: ownMemory(1, 1), Functions: []Function{{Body: c.body}}}
		_, err := e.Compile(context.Background(), m.Binary())
		if err == nil {
			t.Errorf("% x compiles", c.body)
			continue
		}
		for _, phrase := range c.phrase {
			if !strings.Contains(err.Error(), phrase) {
				t.Errorf("%q does not say %q", err, phrase)
			}
		}
	}
}

// The context is heeded before compilation.
func TestCompileCanceled(t *testing.T) {
	e, err := wasmer.NewEngine(wasmer.WithoutCache())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Compile(ctx, (&Module{Memory: ownMemory(1, 1)}).Binary()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
