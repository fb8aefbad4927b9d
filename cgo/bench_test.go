//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

import (
	"runtime"
	"testing"

	"github.com/wasmerio/wasmer-go/wasmer"
)

const looped = `(module (import "h" "f" (func $f (param i32 i32) (result i32)))
	(func (export "run") (param i32)
		(loop (drop (call $f (i32.const 1) (i32.const 2)))
			(br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`

// BenchmarkHostCall is a call from the guest to a host function (i32, i32) -> i32.
func BenchmarkHostCall(b *testing.B) {
	m := compileWat(b, looped)
	in := instantiate(b, m, func(_ int, _ []byte, stack []uint64) error { stack[0] += stack[1]; return nil }, nil)
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := call(b, in, "run", uint64(b.N)); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkHostCallWasmerGo is the same through wasmer-go's own host functions.
func BenchmarkHostCallWasmerGo(b *testing.B) {
	wasm, err := wasmer.Wat2Wasm(looped)
	if err != nil {
		b.Fatal(err)
	}
	engine := wasmer.NewEngine()
	store := wasmer.NewStore(engine)
	module, err := wasmer.NewModule(store, wasm)
	if err != nil {
		b.Fatal(err)
	}
	i32 := wasmer.NewValueTypes(wasmer.I32, wasmer.I32)
	f := wasmer.NewFunction(store, wasmer.NewFunctionType(i32, wasmer.NewValueTypes(wasmer.I32)),
		func(args []wasmer.Value) ([]wasmer.Value, error) {
			return []wasmer.Value{wasmer.NewI32(args[0].I32() + args[1].I32())}, nil
		})
	imports := wasmer.NewImportObject()
	imports.Register("h", map[string]wasmer.IntoExtern{"f": f})
	instance, err := wasmer.NewInstance(module, imports)
	if err != nil {
		b.Fatal(err)
	}
	run, err := instance.Exports.GetFunction("run")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := run(b.N); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	for _, used := range []any{engine, store, module, f, imports, instance} {
		runtime.KeepAlive(used) // or a finalizer frees it
	}
}

// BenchmarkGuestCall is a call of an exported function.
func BenchmarkGuestCall(b *testing.B) {
	in := instantiate(b, compileWat(b, `(module (func (export "f")))`), nil, nil)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = in.Call(0)
	}
}

// BenchmarkInstantiate makes and closes an instance with a memory.
func BenchmarkInstantiate(b *testing.B) {
	m := compileWat(b, sharedModule)
	mem, err := m.NewMemory(1, 2)
	if err != nil {
		b.Fatal(err)
	}
	defer mem.Close()
	b.ReportAllocs()
	for b.Loop() {
		in, err := m.Instantiate(nil, mem, nil)
		if err != nil {
			b.Fatal(err)
		}
		in.Close()
	}
}
