//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package wasmer_test

import (
	"testing"

	. "github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
	"github.com/gowasix/gowasix/wasmer"
)

// turns is a loop of as many turns as local 0 says.
func turns(body ...[]byte) []byte {
	return Loop(Body(body...), LocalGet(0), I32Const(1), I32Sub, LocalTee(0), BrIf(0))
}

// benchmark has a guest run b.N turns.
func benchmark(b *testing.B, m *Module, opts ...wasmer.Option) {
	b.Helper()
	p := newReactor(b, newModule(b, m, opts...))
	b.ReportAllocs()
	b.ResetTimer()
	mustCall(b, p, "run", uint64(b.N))
	b.StopTimer()
}

// BenchmarkHostCall is a system call that does next to nothing.
func BenchmarkHostCall(b *testing.B) {
	benchmark(b, &Module{
		Imports:   []wasmfile.Import{threadID},
		Memory:    sharedMemory(1, 1),
		Functions: []Function{{Export: "run", Signature: fromI32, Body: turns(I32Const(8), Call(0), Drop)}},
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
		b.Run(name+"/without", func(b *testing.B) { benchmark(b, m, wasmer.WithoutInterrupt()) })
	}
}

// BenchmarkProcess runs a process of three threads.
func BenchmarkProcess(b *testing.B) {
	m := newModule(b, threaded)
	b.ReportAllocs()
	for b.Loop() {
		runThreaded(b, m)
	}
}
