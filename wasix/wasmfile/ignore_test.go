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
// calls any function. Function first is number 1: 0 adds the signal to global 0, as
// a handler may, and 7 returns that. Number 2 subtracts the signal.
func signalling(first int) []byte {
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
		sec(9, cat(op(0), konst(1), op(end), vec(u(first), u(1)))),
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
// the signals that it asked about: they are ignored.
func runSignalling(t *testing.T, wasm []byte, export string, args ...uint64) (sum int32, asked [][2]uint32) {
	t.Helper()
	ctx := context.Background()
	r := newRuntime(t)
	host := r.NewHostModuleBuilder("gowasix")
	host.NewFunctionBuilder().WithFunc(func(signal, callable uint32) uint32 {
		asked = append(asked, [2]uint32{signal, callable})
		return signal * callable
	}).Export("signal_ignored")
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
	return int32(results[0]), asked
}

func TestRewriteIgnoredSignals(t *testing.T) {
	for _, opts := range []wasmfile.RewriteOptions{ignoredSignals, {IgnoredSignals: true, HostFutex: true}} {
		for _, tc := range []struct {
			export string
			args   []uint64
			first  int
			sum    int32
			asked  [][2]uint32
		}{
			{"dispatch", []uint64{15, 1}, 7, 0, [][2]uint32{{15, 0}}},
			{"dispatch", []uint64{15, 1}, 0, 15, [][2]uint32{{15, 1}}},
			{"dispatch", []uint64{15, 2}, 0, -15, nil},
			{"ignore", []uint64{17}, 7, 0, [][2]uint32{{17, 0}}},
			{"ignore", []uint64{17}, 0, 17, [][2]uint32{{17, 1}}},
			{"elsewhere", []uint64{5, 1}, 0, 5, nil},
			{"elsewhere", []uint64{5, 2}, 7, -5, nil},
		} {
			out, err := wasmfile.Rewrite(signalling(tc.first), opts)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := wasmfile.Rewrite(out, opts); err != nil || !bytes.Equal(again, out) {
				t.Errorf("a second rewrite changes the output of the first: %v", err)
			}
			sum, asked := runSignalling(t, out, tc.export, tc.args...)
			if sum != tc.sum || !slices.Equal(asked, tc.asked) {
				t.Errorf("%s%v with %d: sum %d, asked %v", tc.export, tc.args, tc.first, sum, asked)
			}
		}
	}
}

// Without the callback there are no signals to ignore.
func TestRewriteIgnoredSignalsNothing(t *testing.T) {
	binary := signalling(0)
	for name, wasm := range map[string][]byte{
		"other name":      bytes.ReplaceAll(binary, []byte("__wasm_signal"), []byte("__wasm_sygnal")),
		"other signature": bytes.ReplaceAll(binary, cat(str("__wasm_signal"), op(0, 2)), cat(str("__wasm_signal"), op(0, 6))),
	} {
		if bytes.Equal(wasm, binary) {
			t.Fatalf("%s: nothing was replaced", name)
		}
		if out, err := wasmfile.Rewrite(wasm, ignoredSignals); err != nil || !bytes.Equal(out, wasm) {
			t.Errorf("%s: %v, %t", name, err, bytes.Equal(out, wasm))
		}
	}
}
