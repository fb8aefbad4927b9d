package wasmfile_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

var checkpoints = wasmfile.RewriteOptions{Checkpoints: true}

const (
	loop, ifElse = 0x03, 0x04
	branchIf     = 0x0d
	localTee     = 0x22
	i32Sub       = 0x6b
	blockVoid    = 0x40
	interval     = wasmfile.CheckpointInterval
	otherGlobal  = 42
)

// computing has two functions that take a count: loop turns so often, and recur
// calls itself so often. Both return global 0.
func computing() []byte {
	countDown := cat(op(localGet, 0), konst(1), op(i32Sub))
	return wasm(
		sec(1, functype(1, 1)),
		sec(3, u(0), u(0)),
		sec(6, cat(op(i32, 1), konst(otherGlobal), op(end))),
		sec(7, exportOf("loop", 0, 0), exportOf("recur", 0, 1)),
		sec(10,
			fn(op(loop, blockVoid), countDown, op(localTee, 0, branchIf, 0, end, globalGet, 0)),
			fn(op(localGet, 0, ifElse, blockVoid), countDown, op(call, 1, drop, end, globalGet, 0)),
		),
	)
}

// runCounting calls an export with n and returns its result and how many
// checkpoints it met.
func runCounting(t *testing.T, wasm []byte, export string, n uint64) (result uint64, met int) {
	t.Helper()
	ctx := context.Background()
	r := newRuntime(t)
	host := r.NewHostModuleBuilder("gowasix")
	host.NewFunctionBuilder().WithFunc(func() { met++ }).Export("checkpoint")
	if _, err := host.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	m, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithName("guest"))
	if err != nil {
		t.Fatal(err)
	}
	results, err := m.ExportedFunction(export).Call(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	return results[0], met
}

func TestRewriteCheckpoints(t *testing.T) {
	out, err := wasmfile.Rewrite(computing(), checkpoints)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		export string
		turns  uint64
		want   int
	}{
		{"loop", interval - 1, 0},
		{"loop", interval, 1},
		{"loop", 10 * interval, 10},
		{"recur", 1000, 0},
	} {
		result, met := runCounting(t, out, tc.export, tc.turns)
		if met != tc.want || result != otherGlobal {
			t.Errorf("%s %d: %d checkpoints and result %d, want %d and %d",
				tc.export, tc.turns, met, result, tc.want, otherGlobal)
		}
	}
}

// TestRewriteCheckpointsCalls takes a call tree that is wide, not deep.
func TestRewriteCheckpointsCalls(t *testing.T) {
	countDown := cat(op(localGet, 0), konst(1), op(i32Sub))
	tree := wasm(
		sec(1, functype(1, 1)),
		sec(3, u(0)),
		sec(7, exportOf("tree", 0, 0)),
		sec(10, fn(
			op(localGet, 0, ifElse, blockVoid), countDown, op(call, 0, drop), countDown, op(call, 0, drop, end),
			op(localGet, 0))),
	)
	out, err := wasmfile.Rewrite(tree, checkpoints)
	if err != nil {
		t.Fatal(err)
	}
	const height = 16 // 2^17 - 1 calls
	if _, met := runCounting(t, out, "tree", height); met != (2<<height-1)/interval {
		t.Errorf("%d checkpoints, want %d", met, (2<<height-1)/interval)
	}
}

func TestRewriteCheckpointsOnce(t *testing.T) {
	out, err := wasmfile.Rewrite(computing(), checkpoints)
	if err != nil {
		t.Fatal(err)
	}
	again, err := wasmfile.Rewrite(out, checkpoints)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, out) {
		t.Error("a second rewrite adds checkpoints again")
	}
}

func TestRewriteCheckpointsNothing(t *testing.T) {
	straight := wasm(sec(1, functype(0, 1)), sec(3, u(0)), sec(10, fn(konst(1))))
	out, err := wasmfile.Rewrite(straight, checkpoints)
	if err != nil {
		t.Fatal(err)
	}
	if &out[0] != &straight[0] {
		t.Error("code without loops and calls was rewritten")
	}
}

// TestRewriteCheckpointsKeepFutex leaves the futex instructions alone unless
// they are to be replaced as well.
func TestRewriteCheckpointsKeepFutex(t *testing.T) {
	p := program{tables: oneTable, run: cat(op(call, 1, drop), op(call, 2))}.binary()
	for _, hostFutex := range []bool{false, true} {
		out, err := wasmfile.Rewrite(p, wasmfile.RewriteOptions{HostFutex: hostFutex, Checkpoints: true})
		if err != nil {
			t.Fatal(err)
		}
		info, err := wasmfile.Read(out)
		if err != nil {
			t.Fatal(err)
		}
		if info.AtomicWait == hostFutex {
			t.Errorf("HostFutex %v: the rewritten code has futex instructions: %v", hostFutex, info.AtomicWait)
		}
		if err := compiles(newRuntime(t), out); err != nil {
			t.Errorf("HostFutex %v: %v", hostFutex, err)
		}
	}
}
