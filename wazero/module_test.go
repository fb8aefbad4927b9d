package wazero_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	. "github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
	"github.com/gowasix/gowasix/wazero"
)

var (
	i32     = []abi.ValueType{abi.ValueTypeI32}
	toI32   = wasmfile.Signature{Results: i32}
	fromI32 = wasmfile.Signature{Params: i32}
)

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
func newModule(t testing.TB, m *Module, opts ...wazero.Option) wasix.Module {
	t.Helper()
	e, err := wazero.NewEngine(append([]wazero.Option{wazero.WithoutCache()}, opts...)...)
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

// newMemory returns the memory of a process, nil if the module has its own.
func newProcessMemory(t testing.TB, m wasix.Module) wasix.Memory {
	t.Helper()
	mem, err := m.NewMemory()
	if err != nil {
		t.Fatal(err)
	}
	if mem != nil {
		t.Cleanup(func() {
			if err := mem.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return mem
}

func newInstance(t testing.TB, m wasix.Module, mem wasix.Memory) wasix.Instance {
	t.Helper()
	in, err := m.Instantiate(nil, mem)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	return in
}

func mustCall(t testing.TB, in wasix.Instance, export string, args ...uint64) uint64 {
	t.Helper()
	v, err := in.Call(export, args...)
	if err != nil {
		t.Fatalf("%s: %v", export, err)
	}
	return v
}

func TestCall(t *testing.T) {
	m := newModule(t, &Module{Functions: []Function{
		{Export: "nothing"},
		{Export: "inc", Signature: wasmfile.Signature{Params: i32, Results: i32},
			Body: Body(LocalGet(0), I32Const(1), I32Add)},
	}})
	in := newInstance(t, m, newProcessMemory(t, m))
	if got := mustCall(t, in, "inc", 41); got != 42 {
		t.Errorf("inc(41) = %d", got)
	}
	if got := mustCall(t, in, "inc", math.MaxUint32); got != 0 {
		t.Errorf("inc(2^32 - 1) = %#x", got)
	}
	if got := mustCall(t, in, "nothing"); got != 0 {
		t.Errorf("nothing() = %d", got)
	}
	if !in.HasExport("inc") || in.HasExport("dec") {
		t.Error("HasExport")
	}
	var trap *wasix.Trap
	if _, err := in.Call("dec"); err == nil || errors.As(err, &trap) {
		t.Errorf("a call of what is not exported: %v", err)
	}
	if _, err := in.Call("inc"); err == nil || errors.As(err, &trap) {
		t.Errorf("a call with too few arguments: %v", err)
	}
	if got := len(in.Memory().Bytes()); got != 0 {
		t.Errorf("a module without memory has %d bytes", got)
	}
}

func TestTraps(t *testing.T) {
	m := newModule(t, &Module{
		Memory: ownMemory(1, 1),
		Functions: []Function{
			{Export: "unreachable", Body: Unreachable},
			{Export: "bounds", Signature: toI32, Body: Body(I32Const(1<<16-3), I32Load(0))},
			{Export: "divide", Signature: toI32, Body: Body(I32Const(1), I32Const(0), I32DivS)},
			{Export: "recurse", Body: Body(Call(3))},
			{Export: "fine", Signature: toI32, Body: I32Const(7)},
		},
	}, wazero.WithoutInterrupt())
	in := newInstance(t, m, nil)
	for export, want := range map[string]string{
		"unreachable": "unreachable",
		"bounds":      "out of bounds",
		"divide":      "divide by zero",
		"recurse":     "stack overflow",
	} {
		_, err := in.Call(export)
		var trap *wasix.Trap
		if !errors.As(err, &trap) || !strings.Contains(trap.Message, want) {
			t.Errorf("%s: %v, want a trap that says %q", export, err, want)
		}
		if got := mustCall(t, in, "fine"); got != 7 {
			t.Errorf("after %s: %d", export, got)
		}
	}
	if _, err := in.Call("bounds"); !strings.Contains(err.Error(), "wasm stack trace") {
		t.Errorf("no stack trace: %v", err)
	}
}

// TestStackOverflowOnThreads exhausts several stacks at the same time.
func TestStackOverflowOnThreads(t *testing.T) {
	m := newModule(t, &Module{
		Memory:    sharedMemory(1, 1),
		Functions: []Function{{Export: "recurse", Body: Body(Call(0))}},
	}, wazero.WithoutInterrupt())
	mem := newProcessMemory(t, m)
	var wg sync.WaitGroup
	for range 4 {
		in := newInstance(t, m, mem)
		wg.Go(func() {
			var trap *wasix.Trap
			if _, err := in.Call("recurse"); !errors.As(err, &trap) {
				t.Errorf("%v, want a trap", err)
			}
		})
	}
	wg.Wait()
}

func TestStartFunction(t *testing.T) {
	store := func(body ...[]byte) *Module {
		return &Module{
			Memory:    ownMemory(1, 1),
			Functions: []Function{{Export: "start", Body: Body(body...)}},
			Start:     "start",
		}
	}
	in := newInstance(t, newModule(t, store(I32Const(8), I32Const(77), I32Store(0))), nil)
	if got := in.Memory().Bytes()[8]; got != 77 {
		t.Errorf("the start function stored %d", got)
	}
	_, err := newModule(t, store(Unreachable)).Instantiate(nil, nil)
	var trap *wasix.Trap
	if !errors.As(err, &trap) || !strings.Contains(trap.Message, "unreachable") {
		t.Errorf("a start function that traps: %v", err)
	}
}

func TestGlobals(t *testing.T) {
	m := newModule(t, &Module{
		Globals: []Global{
			{Export: "i32", Type: abi.ValueTypeI32, Mutable: true, Value: -2},
			{Export: "i64", Type: abi.ValueTypeI64, Mutable: true, Value: -3},
			{Export: "const", Type: abi.ValueTypeI32, Value: 5},
		},
		Functions: []Function{{Export: "read", Signature: toI32, Body: GlobalGet(0)}},
	})
	in := newInstance(t, m, nil)
	for _, tc := range []struct {
		name          string
		before, after uint64 // after setting 9
	}{
		{"i32", math.MaxUint32 - 1, 9}, {"i64", math.MaxUint64 - 2, 9}, {"const", 5, 5},
	} {
		g := in.Global(tc.name)
		if g == nil {
			t.Fatalf("no global %s", tc.name)
		}
		if got := g.Get(); got != tc.before {
			t.Errorf("%s is %#x at first", tc.name, got)
		}
		g.Set(9)
		if got := in.Global(tc.name).Get(); got != tc.after {
			t.Errorf("%s is %#x in the end", tc.name, got)
		}
	}
	if got := mustCall(t, in, "read"); got != 9 {
		t.Errorf("the guest sees %d", got)
	}
	if g := in.Global("none"); g != nil {
		t.Errorf("a global that is not exported: %v", g)
	}
}

// TestManyInstances runs one module in many goroutines, each with its process.
func TestManyInstances(t *testing.T) {
	m := newModule(t, &Module{
		Memory: sharedMemory(1, 4),
		Functions: []Function{{Export: "count", Signature: wasmfile.Signature{Params: i32, Results: i32}, Body: Body(
			Loop(
				I32Const(0), I32Const(0), I32Load(0), I32Const(1), I32Add, I32Store(0),
				LocalGet(0), I32Const(1), I32Sub, LocalTee(0), BrIf(0)),
			I32Const(0), I32Load(0))}},
	}, wazero.WithoutInterrupt())
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			mem, err := m.NewMemory()
			if err != nil {
				t.Error(err)
				return
			}
			in, err := m.Instantiate(nil, mem)
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := in.Call("count", uint64(1000+i)); err != nil || got != uint64(1000+i) {
				t.Errorf("%d, %v", got, err)
			}
			if err := errors.Join(in.Close(), mem.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestClosed(t *testing.T) {
	e, err := wazero.NewEngine(wazero.WithoutCache())
	if err != nil {
		t.Fatal(err)
	}
	source := &Module{Memory: sharedMemory(1, 1), Functions: []Function{{Export: "f", Signature: toI32, Body: I32Const(3)}}}
	m, err := e.Compile(context.Background(), source.Binary())
	if err != nil {
		t.Fatal(err)
	}
	mem := newProcessMemory(t, m)
	in := newInstance(t, m, mem)
	if err := errors.Join(m.Close(), m.Close(), e.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	if got := mustCall(t, in, "f"); got != 3 {
		t.Errorf("an open instance of a closed module: %d", got)
	}
	if _, err := m.Instantiate(nil, mem); err == nil {
		t.Error("a closed module can be instantiated")
	}
	if _, err := m.NewMemory(); err == nil {
		t.Error("a closed module makes memories")
	}
	if _, err := e.Compile(context.Background(), source.Binary()); err == nil {
		t.Error("a closed engine compiles")
	}
	if err := errors.Join(in.Close(), in.Close(), mem.Close(), mem.Close()); err != nil {
		t.Error(err)
	}
	if _, err := in.Call("f"); err == nil {
		t.Error("a closed instance can be called")
	}
}

func TestCompileErrors(t *testing.T) {
	e, err := wazero.NewEngine(wazero.WithoutCache(), wazero.WithMemoryLimit(2*pageSize))
	if err != nil {
		t.Fatal(err)
	}
	for name, wasm := range map[string][]byte{
		"text":     []byte("(module)"),
		"invalid":  (&Module{Functions: []Function{{Body: I32Const(1)}}}).Binary(),
		"unlinked": (&Module{Imports: []wasmfile.Import{{Module: "env", Name: "f"}}}).Binary(),
		"memory":   (&Module{Memory: ownMemory(3, 3)}).Binary(),
	} {
		if m, err := e.Compile(context.Background(), wasm); err == nil {
			t.Errorf("%s: compiled to %v", name, m)
		}
	}
	if _, err := wazero.NewEngine(wazero.WithMemoryLimit(1)); err == nil {
		t.Error("a memory limit of one byte")
	}
}

func TestForeignMemory(t *testing.T) {
	m := newModule(t, &Module{Memory: sharedMemory(1, 1)})
	for _, mem := range []wasix.Memory{nil, foreignMemory{}} {
		if _, err := m.Instantiate(nil, mem); err == nil {
			t.Errorf("instantiated on %T", mem)
		}
	}
}

type foreignMemory struct{}

func (foreignMemory) Bytes() []byte { return nil }
func (foreignMemory) Close() error  { return nil }
