package wazero_test

import (
	"context"
	"testing"

	wz "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/gowasix/gowasix/wasix"
	. "github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
	"github.com/gowasix/gowasix/wazero"
)

// turns is a loop of as many turns as local 0 says.
func turns(body ...[]byte) []byte {
	return Loop(Body(body...), LocalGet(0), I32Const(1), I32Sub, LocalTee(0), BrIf(0))
}

// calling calls one system call so many times, one that does next to nothing.
func calling(m *wasmfile.MemoryInfo) *Module {
	return &Module{
		Imports: []wasmfile.Import{{Module: "wasix_32v1", Name: "thread_id", Signature: wasmfile.Signature{Params: i32, Results: i32}}},
		Memory:  m,
		Functions: []Function{{Export: "run", Signature: fromI32, Body: Body(
			turns(I32Const(8), Call(0), Drop))}},
	}
}

// benchmark has a guest run b.N turns.
func benchmark(b *testing.B, m *Module, opts ...wazero.Option) {
	b.Helper()
	cmd := wasix.Command(newModule(b, m, opts...), "guest")
	cmd.Reactor = true
	if err := cmd.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := cmd.Process.Call("run", uint64(b.N)); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	cmd.Process.Kill()
	_ = cmd.Wait()
}

// BenchmarkHostCall compares a system call with a host function of wazero that
// does nothing at all.
func BenchmarkHostCall(b *testing.B) {
	b.Run("gowasix", func(b *testing.B) { benchmark(b, calling(sharedMemory(1, 1))) })
	b.Run("wazero", func(b *testing.B) {
		ctx := context.Background()
		r := wz.NewRuntime(ctx)
		defer r.Close(ctx)
		i32 := []api.ValueType{api.ValueTypeI32}
		nothing := api.GoFunc(func(_ context.Context, stack []uint64) { stack[0] = 0 })
		_, err := r.NewHostModuleBuilder("wasix_32v1").
			NewFunctionBuilder().WithGoFunction(nothing, i32, i32).Export("thread_id").Instantiate(ctx)
		if err != nil {
			b.Fatal(err)
		}
		guest, err := r.Instantiate(ctx, calling(ownMemory(1, 1)).Binary())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		b.ResetTimer()
		if _, err := guest.ExportedFunction("run").Call(ctx, uint64(b.N)); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkInterrupt shows what it costs that a loop can be interrupted: an
// empty one, and one that changes memory.
func BenchmarkInterrupt(b *testing.B) {
	for name, body := range map[string][]byte{
		"empty":  nil,
		"memory": Body(I32Const(0), I32Const(0), I32Load(0), LocalGet(0), I32Add, I32Store(0)),
	} {
		m := &Module{
			Memory:    sharedMemory(1, 1),
			Functions: []Function{{Export: "run", Signature: fromI32, Body: turns(body)}},
		}
		b.Run(name+"/with", func(b *testing.B) { benchmark(b, m) })
		b.Run(name+"/without", func(b *testing.B) { benchmark(b, m, wazero.WithoutInterrupt()) })
	}
}

// BenchmarkInstantiate makes a process's memory and the instance of its only
// thread, and closes them.
func BenchmarkInstantiate(b *testing.B) {
	m := newModule(b, growing(sharedMemory(1, 1<<16)))
	b.ReportAllocs()
	for b.Loop() {
		mem, err := m.NewMemory()
		if err != nil {
			b.Fatal(err)
		}
		in, err := m.Instantiate(nil, mem)
		if err != nil {
			b.Fatal(err)
		}
		_ = in.Close()
		_ = mem.Close()
	}
}
