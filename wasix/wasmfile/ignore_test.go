package wasmfile_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

var ignoredSignals = wasmfile.RewriteOptions{IgnoredSignals: true}

// signalling is a program with a callback as wasix-libc has it. Its export
// dispatch(signal, handler) calls a handler by its number, through the callback
// that wasm-ld wraps; ignore(signal) calls SIG_IGN; elsewhere(signal, handler)
// calls any function. Number 1 adds the signal to global 0, number 2 subtracts it.
func signalling() []byte {
	add := func(op byte) []byte {
		return fn([]byte{globalGet, 0, localGet, 0, op, globalSet, 0})
	}
	const void = 2
	callHandler := cat(op(localGet, 0, globalGet, 1), op(callIndirect, void, 0))
	return wasm(
		sec(1, functype(2, 0), functype(0, 1), functype(1, 0)),
		sec(3, u(void), u(void), u(void), u(void), u(0), u(void), u(0), u(1)),
		sec(4, []byte{0x70, 0, 3}),
		sec(6, cat(op(i32, 1), konst(0), op(end)), cat(op(i32, 1), konst(0), op(end))),
		sec(7, exportOf("__wasm_signal", 0, 2), exportOf("dispatch", 0, 4), exportOf("ignore", 0, 5),
			exportOf("elsewhere", 0, 6), exportOf("sum", 0, 7)),
		sec(9, cat(op(0), konst(1), op(end), vec(u(0), u(1)))),
		sec(10,
			add(0x6a), add(i32Sub),
			fn(op(localGet, 0, call, 3)),
			fn(callHandler),
			fn(op(localGet, 1, globalSet, 1, localGet, 0, call, 2)),
			fn(op(localGet, 0), konst(1), op(callIndirect, void, 0)),
			fn(op(localGet, 0, localGet, 1, callIndirect, void, 0)),
			fn(op(globalGet, 0)),
		),
	)
}

// runSignalling calls an export and returns what the handlers added up to, and
// the signals that were ignored.
func runSignalling(t *testing.T, wasm []byte, export string, args ...uint64) (sum int32, seen []uint32) {
	t.Helper()
	ctx := context.Background()
	r := newRuntime(t)
	host := r.NewHostModuleBuilder("gowasix")
	host.NewFunctionBuilder().WithFunc(func(signal uint32) { seen = append(seen, signal) }).Export("signal_ignored")
	if _, err := host.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	m, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithName("guest"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.ExportedFunction(export).Call(ctx, args...); err != nil {
		t.Fatal(err)
	}
	results, err := m.ExportedFunction("sum").Call(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return int32(results[0]), seen
}

func TestRewriteIgnoredSignals(t *testing.T) {
	for _, opts := range []wasmfile.RewriteOptions{ignoredSignals, {IgnoredSignals: true, HostFutex: true}} {
		out, err := wasmfile.Rewrite(signalling(), opts)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := wasmfile.Rewrite(out, opts); err != nil || !bytes.Equal(again, out) {
			t.Errorf("a second rewrite changes the output of the first: %v", err)
		}
		for _, tc := range []struct {
			export  string
			args    []uint64
			sum     int32
			ignored []uint32
		}{
			{"dispatch", []uint64{15, 1}, 0, []uint32{15}},
			{"dispatch", []uint64{15, 2}, -15, nil},
			{"ignore", []uint64{17}, 0, []uint32{17}},
			{"elsewhere", []uint64{5, 1}, 5, nil},
			{"elsewhere", []uint64{5, 2}, -5, nil},
		} {
			sum, seen := runSignalling(t, out, tc.export, tc.args...)
			if sum != tc.sum || !slices.Equal(seen, tc.ignored) {
				t.Errorf("%s%v: sum %d, ignored %v", tc.export, tc.args, sum, seen)
			}
		}
	}
}

// Without the callback there are no signals to ignore.
func TestRewriteIgnoredSignalsNothing(t *testing.T) {
	for name, wasm := range map[string][]byte{
		"other name":      bytes.ReplaceAll(signalling(), []byte("__wasm_signal"), []byte("__wasm_sygnal")),
		"other signature": bytes.ReplaceAll(signalling(), cat(str("__wasm_signal"), op(0, 2)), cat(str("__wasm_signal"), op(0, 6))),
	} {
		if bytes.Equal(wasm, signalling()) {
			t.Fatalf("%s: nothing was replaced", name)
		}
		if out, err := wasmfile.Rewrite(wasm, ignoredSignals); err != nil || !bytes.Equal(out, wasm) {
			t.Errorf("%s: %v, %t", name, err, bytes.Equal(out, wasm))
		}
	}
}
