package wasmfile_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// wrapping is a program whose exports are wrapped, as by wasm-ld. Global 0 counts
// calls: constructors 1, destructors 10, main 100, and what else there is for
// destructors 1000; a signal adds its number times 10,000.
func wrapping(start, signal []byte) []byte {
	add := func(n int32) []byte { return fn(op(globalGet, 0), konst(n), op(i32Add, globalSet, 0)) }
	const i32Mul = 0x6c
	return wasm(
		sec(1, functype(0, 0), functype(1, 0), functype(0, 1)),
		sec(2, importOf("env", "seven", 0, 2)),
		sec(3, u(0), u(0), u(0), u(0), u(1), u(0), u(1), u(2)),
		sec(4, []byte{funcref, 0, 2}),
		sec(5, plainMemory),
		sec(6, cat(op(i32, 1), konst(0), op(end))),
		sec(7, exportOf("_start", 0, 6), exportOf("__wasm_signal", 0, 7), exportOf("count", 0, 8)),
		sec(9, cat(u(0), konst(1), op(end), vec(u(1)))),
		sec(10,
			add(1), add(10), add(100), add(1000),
			fn(op(globalGet, 0, localGet, 0), konst(10000), op(i32Mul, i32Add, globalSet, 0)),
			fn(start), fn(signal),
			fn(op(globalGet, 0)),
		),
	)
}

func TestRewriteUnwrap(t *testing.T) {
	const constructors, destructors, mainFunction, others, handler = 1, 2, 3, 4, 5
	calls := func(functions ...byte) (code []byte) {
		for _, f := range functions {
			if f == handler {
				code = append(code, localGet, 0)
			}
			code = append(code, call, f)
		}
		return code
	}
	start := calls(constructors, mainFunction, destructors)
	for name, c := range map[string]struct {
		start, signal []byte
		count         uint32 // after a signal of number 2
	}{
		"wrapped":                      {start, calls(constructors, handler, destructors), 20000},
		"wrapped without constructors": {start, calls(handler, destructors), 20000},
		"the function itself":          {start, op(), 0},
		"other destructors":            {start, calls(constructors, handler, others), 21001},
		"more calls":                   {start, calls(constructors, others, handler, destructors), 21011},
		"no handler":                   {start, calls(constructors, others, destructors), 1011},
		"an import":                    {start, cat(op(call, 0, drop), calls(handler, destructors)), 20010},
		"an indirect call":             {start, cat(calls(handler), konst(1), op(callIndirect, 0, 0), calls(destructors)), 20011},
		"main is not wrapped":          {cat(calls(mainFunction), op(call, 0, drop)), calls(constructors, handler, destructors), 20011},
		"main calls nothing":           {op(), calls(handler, destructors), 20010},
	} {
		t.Run(name, func(t *testing.T) {
			unwrap := wasmfile.RewriteOptions{Unwrap: true}
			out, err := wasmfile.Rewrite(wrapping(c.start, c.signal), unwrap)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := wasmfile.Rewrite(out, unwrap); err != nil || !bytes.Equal(again, out) {
				t.Errorf("a second rewrite changes the output of the first: %v", err)
			}
			g := instantiate(t, out)
			before := g.call(t, "count")
			if _, err := g.ExportedFunction("__wasm_signal").Call(context.Background(), 2); err != nil {
				t.Fatal(err)
			}
			if got := g.call(t, "count") - before; got != c.count {
				t.Errorf("%d, want %d", got, c.count)
			}
		})
	}
}
