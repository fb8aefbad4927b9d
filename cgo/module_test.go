//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

import (
	"reflect"
	"strings"
	"testing"

	"github.com/wasmerio/wasmer-go/wasmer"
)

func compileWat(tb testing.TB, wat string) *Module {
	tb.Helper()
	wasm, err := wasmer.Wat2Wasm(wat)
	if err != nil {
		tb.Fatal(err)
	}
	m, err := Compile(wasm)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.Close)
	return m
}

func instantiate(tb testing.TB, m *Module, host HostFunc, mem *Memory) *Instance {
	tb.Helper()
	in, err := m.Instantiate(host, mem, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(in.Close)
	return in
}

func call(tb testing.TB, in *Instance, export string, args ...uint64) (uint64, error) {
	tb.Helper()
	i, ok := in.module.Export(export, Func)
	if !ok {
		tb.Fatalf("no export %q", export)
	}
	return in.Call(i, args...)
}

func TestVersion(t *testing.T) {
	if v := Version(); v != leakyVersion {
		t.Errorf("version %q: the tests of leaks are for %q", v, leakyVersion)
	}
}

func TestModuleDescription(t *testing.T) {
	m := compileWat(t, `(module
		(import "a" "f" (func (param i32 i64 f32 f64) (result i64)))
		(import "env" "memory" (memory 2 7))
		(import "b" "g" (func))
		(func (export "run") (param i32) (result f64) (f64.const 1))
		(global (export "sp") (mut i32) (i32.const 5)))`)
	want := []Import{
		{Module: "a", Name: "f", Kind: Func, Params: []ValueType{I32, I64, F32, F64}, Results: []ValueType{I64}},
		{Module: "env", Name: "memory", Kind: MemoryKind, Min: 2, Max: 7},
		{Module: "b", Name: "g", Kind: Func, Index: 1, Params: []ValueType{}, Results: []ValueType{}},
	}
	if got := m.Imports(); !reflect.DeepEqual(got, want) {
		t.Errorf("imports %+v\nwant %+v", got, want)
	}
	run, sp := m.Exports()[0], m.Exports()[1]
	if run.Name != "run" || !run.Callable || run.Results[0] != F64 {
		t.Errorf("run: %+v", run)
	}
	if sp.Name != "sp" || sp.Kind != Global || !sp.Mutable || sp.Value != I32 {
		t.Errorf("sp: %+v", sp)
	}
}

func TestCompileErrors(t *testing.T) {
	for name, wat := range map[string]string{
		"global import": `(module (import "a" "g" (global i32)))`,
		"reference":     `(module (import "a" "f" (func (param externref))))`,
		"two memories":  `(module (import "a" "m" (memory 1)) (import "a" "n" (memory 1)))`,
	} {
		wasm, err := wasmer.Wat2Wasm(wat)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := Compile(wasm); err == nil {
			m.Close()
			t.Errorf("%s compiles", name)
		}
	}
	for name, wasm := range map[string]string{"empty": "", "text": "hello world", "cut": "\x00asm\x01\x00\x00\x00\x01"} {
		if m, err := Compile([]byte(wasm)); err == nil || !strings.HasPrefix(err.Error(), "wasmer: ") {
			m.Close()
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestSerialize(t *testing.T) {
	m := compileWat(t, `(module (import "h" "f" (func $f (param i32) (result i32)))
		(func (export "run") (param i32) (result i32) (call $f (local.get 0))))`)
	code, err := m.Serialize()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Deserialize(code)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	in := instantiate(t, again, func(_ int, _ []byte, stack []uint64) error { stack[0] *= 2; return nil }, nil)
	if v, err := call(t, in, "run", 21); v != 42 || err != nil {
		t.Errorf("run: %d, %v", v, err)
	}
	if m, err := Deserialize([]byte("no code at all, just bytes")); err == nil {
		m.Close()
		t.Error("rubbish is deserialized")
	}
}
