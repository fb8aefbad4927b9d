package wasmfile_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

var hostGrow = wasmfile.RewriteOptions{HostGrow: true}

// memoryGrow is the instruction for a memory.
func memoryGrow(memory byte) []byte { return op(0x40, memory) }

func growing(memory, grow []byte) []byte {
	return wasm(
		sec(1, functype(1, 1)),
		sec(3, u(0)),
		sec(5, memory),
		sec(7, exportOf("grow", 0, 0)),
		sec(10, fn(op(localGet, 0), grow)),
	)
}

// TestRewriteGrow has the host asked in the place of each memory.grow, and tell
// the result.
func TestRewriteGrow(t *testing.T) {
	in := growing(op(0, 1), cat(memoryGrow(0), memoryGrow(0), op(0x3f, 0), op(i32Add)))
	out, err := wasmfile.Rewrite(in, hostGrow)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := wasmfile.Rewrite(out, hostGrow); err != nil || !bytes.Equal(again, out) {
		t.Errorf("a second rewrite changes something, %v", err)
	}
	ctx, r := context.Background(), newRuntime(t)
	var asked []uint32
	host := r.NewHostModuleBuilder(wasmfile.HostModule)
	host.NewFunctionBuilder().WithFunc(func(pages uint32) uint32 {
		asked = append(asked, pages)
		return pages + 100
	}).Export("memory_grow")
	if _, err := host.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	m, err := r.InstantiateWithConfig(ctx, out, wazero.NewModuleConfig())
	if err != nil {
		t.Fatal(err)
	}
	results, err := m.ExportedFunction("grow").Call(ctx, 7)
	if err != nil || results[0] != 208 || len(asked) != 2 || asked[0] != 7 || asked[1] != 107 {
		t.Errorf("%v, %v; the host was asked for %v", results, err, asked)
	}
}

func TestRewriteGrowFails(t *testing.T) {
	for name, in := range map[string][]byte{
		"64 bits":       growing(op(4, 1), memoryGrow(0)),
		"second memory": growing(op(0, 1), memoryGrow(1)),
	} {
		if _, err := wasmfile.Rewrite(in, hostGrow); !errors.Is(err, wasmfile.ErrNotRewritable) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := wasmfile.Rewrite(in, wasmfile.RewriteOptions{Checkpoints: true}); err != nil {
			t.Errorf("%s, not asked for: %v", name, err)
		}
	}
}
