package wasixtest_test

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// TestModuleRuns writes a module with one of everything, and runs it.
func TestModuleRuns(t *testing.T) {
	i32 := []abi.ValueType{abi.ValueTypeI32}
	m := &wasixtest.Module{
		Memory: &wasmfile.MemoryInfo{Export: "memory", Min: 1, Max: 2, HasMax: true, Shared: true},
		Globals: []wasixtest.Global{
			{Export: "small", Type: abi.ValueTypeI32, Mutable: true, Value: -1},
			{Type: abi.ValueTypeI64, Value: 1 << 40},
		},
		Functions: []wasixtest.Function{
			{Export: "sum", Signature: wasmfile.Signature{Params: i32, Results: i32}, Locals: i32, Body: wasixtest.Body(
				wasixtest.Loop(
					wasixtest.LocalGet(0), wasixtest.LocalGet(1), wasixtest.I32Add, wasixtest.LocalSet(1),
					wasixtest.LocalGet(0), wasixtest.I32Const(1), wasixtest.I32Sub, wasixtest.LocalTee(0),
					wasixtest.BrIf(0)),
				wasixtest.LocalGet(1))},
			{Export: "start", Body: wasixtest.Body(wasixtest.I32Const(300), wasixtest.GlobalSet(0))},
		},
		Start: "start",
		Data:  []wasixtest.Data{{Offset: 70, Bytes: []byte("data")}},
	}
	ctx := context.Background()
	config := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesThreads)
	r := wazero.NewRuntimeWithConfig(ctx, config)
	defer r.Close(ctx)
	guest, err := r.Instantiate(ctx, m.Binary())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := guest.ExportedFunction("sum").Call(ctx, 10); err != nil || got[0] != 55 {
		t.Errorf("sum: %v, %v", got, err)
	}
	if got := guest.ExportedGlobal("small").Get(); got != 300 {
		t.Errorf("the start function left %d in the global", got)
	}
	if got, _ := guest.Memory().Read(70, 5); string(got) != "data\x00" {
		t.Errorf("data: %q", got)
	}
}

// TestPassthrough links all system calls of a module in one binary.
func TestPassthrough(t *testing.T) {
	for _, module := range []string{"wasix_32v1", "wasi_snapshot_preview1", "wasi"} {
		var calls []*wasix.Syscall
		for _, c := range wasix.Syscalls() {
			if c.Module == module {
				calls = append(calls, c)
			}
		}
		info, err := wasmfile.Read(wasixtest.Passthrough(1, calls...).Binary())
		if err != nil {
			t.Fatalf("%s: %v", module, err)
		}
		linked, err := wasix.Link(info)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range linked {
			im := info.Functions[i]
			if c.Name != im.Name || len(info.Exports[c.Name].Params) != len(c.Signature.Params) {
				t.Errorf("%s.%s is %v", im.Module, im.Name, info.Exports[im.Name])
			}
		}
	}
}
