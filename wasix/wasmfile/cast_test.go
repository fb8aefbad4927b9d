package wasmfile_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

var casts = wasmfile.RewriteOptions{Casts: true}

// pointers is a program that calls through its table functions of other types.
// Its table has, from 1 on: zero() -> 40; sum(i32, i32) -> i32; sink(i32), which
// sets global 0; wide(i64) -> i64, which adds 1<<32; real(f64) -> f64, which adds
// 0.5; the import seven() -> 7; and nothing. Its export run makes a call.
func pointers(run []byte, segments ...[]byte) []byte {
	const f64, f64Const, f64Add, i64Add = 0x7c, 0x44, 0xa0, 0x7c
	half := op(f64Const, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f)
	return wasm(
		sec(1, functype(0, 1), functype(2, 1), functype(1, 0), op(0x60, 1, i64, 1, i64), op(0x60, 1, f64, 1, f64),
			functype(1, 1), functype(0, 0)),
		sec(2, importOf("env", "seven", 0, 0)),
		sec(3, u(0), u(1), u(2), u(3), u(4), u(0)),
		sec(4, []byte{funcref, 1, 8, 8}),
		sec(5, plainMemory),
		sec(6, cat(op(i32, 1), konst(0), op(end))),
		sec(7, exportOf("run", 0, 6)),
		sec(9, segments...),
		sec(10,
			fn(konst(40)),
			fn(op(localGet, 0, localGet, 1, i32Add)),
			fn(op(localGet, 0, globalSet, 0)),
			fn(op(localGet, 0, i64Const, 0x80, 0x80, 0x80, 0x80, 0x10, i64Add)),
			fn(op(localGet, 0), half, op(f64Add)),
			fn(run),
		),
	)
}

// twoSegments is what pointers has in its table.
var twoSegments = [][]byte{
	cat(u(0), konst(1), op(end), vec(u(1), u(2), u(3))),
	cat(u(0), konst(4), op(end), vec(u(4), u(5), u(0))),
}

func TestRewriteCasts(t *testing.T) {
	const (
		f64Const, f64ToI32, i64Shift, i64ToI32, f64Mul = 0x44, 0xaa, 0x88, 0xa7, 0xa2
		none, two, drain, wide, real, one, nothing     = 0, 1, 2, 3, 4, 5, 6
	)
	quarter := op(f64Const, 0, 0, 0, 0, 0, 0, 0xd0, 0x3f)
	indirect := func(typ byte, at int32) []byte { return cat(konst(at), op(callIndirect, typ, 0)) }
	for name, c := range map[string]struct {
		run    []byte
		traps  bool // as it is
		result uint32
	}{
		"the type it has":              {cat(konst(2), konst(3), indirect(two, 2)), false, 5},
		"an argument too many":         {cat(konst(9), indirect(one, 1)), true, 40},
		"an import":                    {cat(konst(9), indirect(one, 6)), true, 7},
		"a missing argument":           {cat(konst(9), indirect(one, 2)), true, 9},
		"a result that nobody wants":   {cat(konst(9), indirect(drain, 1), konst(8)), true, 8},
		"a missing result":             {cat(konst(9), indirect(one, 3)), true, 0},
		"what it does is done":         {cat(konst(9), indirect(one, 3), op(globalGet, 0, i32Add)), true, 9},
		"a larger integer":             {cat(konst(-1), indirect(one, 4)), true, 0xffffffff},
		"a smaller integer":            {cat(op(i64Const, 5), indirect(wide, 3), op(drop, globalGet, 0)), true, 5},
		"a larger result":              {cat(op(i64Const, 5), indirect(wide, 1), op(i64Const, 3, i64Shift, i64ToI32)), true, 5},
		"an integer for a real number": {cat(konst(3), indirect(one, 5)), true, 0},
		"a real number for nothing":    {cat(quarter, indirect(real, 1), op(f64ToI32)), true, 0},
		"a real number":                {cat(quarter, indirect(real, 5), op(f64Const, 0, 0, 0, 0, 0, 0, 0x10, 0x40), op(f64Mul, f64ToI32)), false, 3},
		"neither":                      {cat(indirect(nothing, 2), konst(4)), true, 4},
		"in the end of a function":     {cat(konst(1), op(returnCallIndirect, none, 0)), false, 40},
		"another in the end":           {cat(konst(3), op(returnCallIndirect, none, 0)), true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			in := pointers(c.run, twoSegments...)
			out, err := wasmfile.Rewrite(in, casts)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := wasmfile.Rewrite(out, casts); err != nil || !bytes.Equal(again, out) {
				t.Errorf("a second rewrite changes the output of the first: %v", err)
			}
			if _, err := instantiate(t, in).ExportedFunction("run").Call(context.Background()); (err != nil) != c.traps {
				t.Errorf("as it is: %v", err)
			}
			if got := instantiate(t, out).call(t, "run"); got != c.result {
				t.Errorf("%d, want %d", got, c.result)
			}
		})
	}
}

// Calls of what is no function trap as before.
func TestRewriteCastsTraps(t *testing.T) {
	for _, at := range []int32{0, 7, 8, -1} {
		out, err := wasmfile.Rewrite(pointers(cat(konst(9), konst(at), op(callIndirect, 5, 0)), twoSegments...), casts)
		if err != nil {
			t.Fatal(err)
		}
		if got := instantiate(t, out).trap(t, "run"); !strings.Contains(got, "table") {
			t.Errorf("at %d: %s", at, got)
		}
	}
}

// With other changes, too, indices are right.
func TestRewriteCastsAmongOthers(t *testing.T) {
	run := cat(konst(0), konst(0), notify, op(drop), konst(9), konst(1), op(callIndirect, 5, 0))
	in := pointers(run, twoSegments...)
	in = bytes.Replace(in, sec(5, plainMemory), sec(5, sharedMemory), 1)
	out, err := wasmfile.Rewrite(in, wasmfile.RewriteOptions{Unshare: true, HostFutex: true, Casts: true})
	if err != nil {
		t.Fatal(err)
	}
	g := instantiate(t, out)
	if got := g.call(t, "run"); got != 40 || len(g.calls) != 1 {
		t.Errorf("%d, with calls %v", got, g.calls)
	}
}

// A table of which it is not known what it holds is left alone.
func TestRewriteCastsNothing(t *testing.T) {
	call := cat(konst(9), konst(2), op(callIndirect, 5, 0))
	expressions := cat(u(4), konst(1), op(end), vec(op(refFunc, 1, end)))
	for name, in := range map[string][]byte{
		"no calls":     pointers(konst(1), twoSegments...),
		"table.set":    pointers(cat(konst(0), konst(0), op(0x25, 0, tableSet, 0), call), twoSegments...),
		"table.fill":   pointers(cat(konst(0), op(refNull, funcref), konst(0), op(misc, 17, 0), call), twoSegments...),
		"table.grow":   pointers(cat(op(refNull, funcref), konst(0), op(misc, 15, 0, drop), call), twoSegments...),
		"table.copy":   pointers(cat(konst(0), konst(0), konst(0), op(misc, 14, 0, 0), call), twoSegments...),
		"table.init":   pointers(cat(konst(0), konst(0), konst(0), op(misc, 12, 0, 0), call), cat(u(1), u(0), vec(u(1)))),
		"expressions":  pointers(call, expressions),
		"other tables": bytes.Replace(pointers(call, twoSegments...), sec(4, []byte{funcref, 1, 8, 8}), sec(4, []byte{funcref, 1, 8, 8}, []byte{funcref, 0, 1}), 1),
	} {
		if err := compiles(newRuntime(t), in); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if out, err := wasmfile.Rewrite(in, casts); err != nil || !bytes.Equal(out, in) {
			t.Errorf("%s: %v, or it is changed", name, err)
		}
	}
}

// Many types, and many elements for functions that adapters do not know.
func TestRewriteCastsTooMany(t *testing.T) {
	for _, c := range []struct {
		types, functions int
		param            byte
	}{{40, 4000, i32}, {1100, 1, i32}, {300, 4000, v128}} {
		in := calling(c.types, c.functions, c.param)
		if _, err := wasmfile.Rewrite(in, casts); !errors.Is(err, wasmfile.ErrNotRewritable) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// calling is a program that calls, as functions of types with ever more parameters,
// functions without any.
func calling(types, functions int, param byte) []byte {
	all := make([][]byte, types)
	var run []byte
	for i := range all {
		all[i] = cat([]byte{0x60}, sized(bytes.Repeat([]byte{param}, i)), u(0))
		run = append(run, unreachable)
		run = cat(run, konst(1), op(callIndirect), u(i), op(0))
	}
	kinds := make([][]byte, functions)
	bodies := make([][]byte, functions)
	indices := make([][]byte, functions)
	for i := range functions {
		kinds[i], bodies[i], indices[i] = u(0), fn(), u(i)
	}
	bodies[0] = fn(run)
	return wasm(sec(1, all...), sec(3, kinds...), sec(4, cat([]byte{funcref, 0}, u(functions+1))),
		sec(9, cat(u(0), konst(1), op(end), vec(indices...))), sec(10, bodies...))
}
