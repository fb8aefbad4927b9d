package wasmfile_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

var both = wasmfile.RewriteOptions{Unshare: true, HostFutex: true}

func rewrite(t testing.TB, wasm []byte) []byte {
	t.Helper()
	out, err := wasmfile.Rewrite(wasm, both)
	if err != nil {
		t.Fatalf("rewrite: %v", err)
	}
	again, err := wasmfile.Rewrite(out, both)
	if err != nil {
		t.Fatalf("rewrite of the output: %v", err)
	}
	if !bytes.Equal(again, out) {
		t.Fatal("a second rewrite changes the output of the first")
	}
	return out
}

// A program is a binary whose functions are, by index: 0 env.seven, which
// returns 7; 1, 2 and 3, which return 11, 22 and 33; 4, run, whose body each
// case brings; 5, which makes global 0 99. Functions 2 and 5 have a futex
// instruction. global, if any, is global 1.
type program struct {
	tables, global, export, start, elements, run []byte
}

func (p program) binary() []byte {
	return wasm(
		sec(1, functype(0, 1), functype(0, 0), functype(2, 1)),
		sec(2, importOf("env", "seven", 0, 0)),
		sec(3, u(0), u(0), u(0), u(0), u(1)),
		p.tables,
		sec(5, sharedMemory),
		sec(6, with(cat(op(i32, 1), konst(5), op(end)), p.global)...),
		sec(7, with(exportOf("run", 0, 4), p.export)...),
		p.start,
		p.elements,
		sec(10,
			fn(konst(11)),
			fn(konst(0), konst(0), notify, op(drop), konst(22)),
			fn(konst(33)),
			fn(p.run),
			fn(konst(0), konst(0), notify, op(drop), konst(99), op(globalSet, 0)),
		),
	)
}

// with is the first item, and the second if there is one.
func with(first, second []byte) [][]byte {
	if second == nil {
		return [][]byte{first}
	}
	return [][]byte{first, second}
}

var oneTable = sec(4, cat(op(funcref), op(0, 8)))

// indirect calls the function in element i of the table.
func indirect(i int32) []byte { return cat(konst(i), op(callIndirect, 0, 0)) }

// TestRewriteShiftsIndices runs one program for each kind of place that holds
// an index of a function.
func TestRewriteShiftsIndices(t *testing.T) {
	exprs := func(i ...byte) []byte {
		var items [][]byte
		for _, f := range i {
			items = append(items, op(refFunc, f, end))
		}
		return vec(items...)
	}
	zero := cat(konst(0), op(end))
	initTable := cat(konst(0), konst(0), konst(2), op(misc, 12, 0, 0))
	declare := sec(9, cat(u(3), op(0), vec(u(1), u(2), u(3), u(0))))
	cases := []struct {
		name string
		want uint32
		program
	}{
		{"call of an import", 7, program{run: op(call, 0)}},
		{"call", 22, program{run: op(call, 2)}},
		{"call, padded index", 33, program{run: cat(op(call), padded(3))}},
		{"tail call", 22, program{run: op(returnCall, 2)}},
		{"tail call of an import", 7, program{run: op(returnCall, 0)}},
		{"ref.func", 33, program{tables: oneTable, elements: declare,
			run: cat(konst(1), op(refFunc, 3), op(tableSet, 0), indirect(1))}},
		{"element segment 0", 33, program{tables: oneTable, run: indirect(1),
			elements: sec(9, cat(u(0), zero, vec(u(0), u(3))))}},
		{"element segment 0, import", 7, program{tables: oneTable, run: indirect(0),
			elements: sec(9, cat(u(0), zero, vec(u(0), u(3))))}},
		{"element segment 1", 22, program{tables: oneTable, run: cat(initTable, indirect(1)),
			elements: sec(9, cat(u(1), op(0), vec(u(1), u(2))))}},
		{"element segment 2", 22, program{tables: oneTable, run: indirect(1),
			elements: sec(9, cat(u(2), u(0), zero, op(0), vec(u(1), u(2))))}},
		{"element segment 3", 11, program{tables: oneTable, elements: declare,
			run: cat(konst(1), op(refFunc, 1), op(tableSet, 0), indirect(1))}},
		{"element segment 4", 22, program{tables: oneTable, run: indirect(1),
			elements: sec(9, cat(u(4), zero, exprs(1, 2)))}},
		{"element segment 5", 33, program{tables: oneTable, run: cat(initTable, indirect(1)),
			elements: sec(9, cat(u(5), op(funcref), exprs(1, 3)))}},
		{"element segment 6", 33, program{tables: oneTable, run: indirect(1),
			elements: sec(9, cat(u(6), u(0), zero, op(funcref), exprs(1, 3)))}},
		{"element segment 7", 11, program{tables: oneTable, elements: sec(9, cat(u(7), op(funcref), exprs(1))),
			run: cat(konst(1), op(refFunc, 1), op(tableSet, 0), indirect(1))}},
		{"initial value of a global", 22, program{tables: oneTable,
			global: op(funcref, 0, refFunc, 2, end),
			run:    cat(konst(1), op(globalGet, 1), op(tableSet, 0), indirect(1))}},
		{"initial value of a table", 33, program{run: indirect(1),
			tables: sec(4, cat(op(0x40, 0, funcref, 0, 8), op(refFunc, 3, end)))}},
		{"no start function", 5, program{run: op(globalGet, 0)}},
		{"start function", 99, program{start: rawSec(8, u(5)), run: op(globalGet, 0)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := c.binary()
			out := rewrite(t, in)
			if got := instantiate(t, in).call(t, "run"); got != c.want {
				t.Errorf("before: %d, want %d", got, c.want)
			}
			if got := instantiate(t, out).call(t, "run"); got != c.want {
				t.Errorf("after: %d, want %d", got, c.want)
			}
		})
	}
}

func TestRewriteShiftsExports(t *testing.T) {
	in := program{run: konst(1), export: exportOf("two", 0, 2)}.binary()
	for _, b := range [][]byte{in, rewrite(t, in)} {
		if got := instantiate(t, b).call(t, "two"); got != 22 {
			t.Errorf("two returns %d, want 22", got)
		}
	}
	in = program{run: konst(1), export: exportOf("seven", 0, 0)}.binary()
	info, err := wasmfile.Read(rewrite(t, in))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := info.Exports["seven"]; !ok {
		t.Error("the export of an import is gone")
	}
}

// TestRewriteGrowsIndices has indices that take a byte more when shifted, in
// bodies and sections whose sizes then do too.
func TestRewriteGrowsIndices(t *testing.T) {
	const functions = 300
	types := make([][]byte, functions)
	bodies := make([][]byte, functions)
	for i := range functions {
		types[i] = u(0)
		bodies[i] = fn(konst(int32(i)))
	}
	// The first sums functions 101 to 140, and notifies nobody.
	sum := cat(konst(0), konst(0), notify)
	want := uint32(0)
	for i := 101; i <= 140; i++ {
		sum = cat(sum, op(call), u(i), op(i32Add))
		want += uint32(i)
	}
	bodies[0] = fn(sum)
	in := wasm(
		sec(1, functype(0, 1)),
		sec(3, types...),
		sec(5, sharedMemory),
		sec(7, exportOf("sum", 0, 0), exportOf("127", 0, 127), exportOf("299", 0, 299)),
		sec(10, bodies...),
	)
	for _, b := range [][]byte{in, rewrite(t, in)} {
		g := instantiate(t, b)
		if got := g.call(t, "sum"); got != want {
			t.Errorf("sum %d, want %d", got, want)
		}
		if g.call(t, "127") != 127 || g.call(t, "299") != 299 {
			t.Error("exports name other functions")
		}
	}
}

// TestRewriteFutex has the host see the operands and offsets of each futex
// instruction.
func TestRewriteFutex(t *testing.T) {
	memarg := func(number, align byte, offset int) []byte {
		return cat(op(atoms, number, align), u(offset))
	}
	offsets := []int{0, 63, 64, 0x1234567, 0x7fffffff, 0x80000000, 0xffffffff}
	for _, offset := range offsets {
		in := wasm(
			sec(1, functype(2, 1), cat(op(0x60), sized(op(i32, i32, i64)), sized(op(i32))),
				cat(op(0x60), sized(op(i32, i64, i64)), sized(op(i32)))),
			sec(3, u(0), u(1), u(2)),
			sec(5, sharedMemory),
			sec(7, exportOf("notify", 0, 0), exportOf("wait32", 0, 1), exportOf("wait64", 0, 2)),
			sec(10,
				fn(op(localGet, 0, localGet, 1), memarg(0, 2, offset)),
				fn(op(localGet, 0, localGet, 1, localGet, 2), memarg(1, 2, offset)),
				fn(op(localGet, 0, localGet, 1, localGet, 2), memarg(2, 3, offset)),
			),
		)
		g := instantiate(t, rewrite(t, in))
		results := []uint32{
			g.call(t, "notify", 1, 0xfffffffe),
			g.call(t, "wait32", 2, 0xfffffffd, 1<<63),
			g.call(t, "wait64", 3, 1<<63+1, 1<<62),
		}
		if !reflect.DeepEqual(results, []uint32{0, 1, 1}) {
			t.Errorf("results %v", results)
		}
		o := uint64(offset)
		want := []futexCall{
			{"memory_atomic_notify", [4]uint64{1, 0xfffffffe, o}},
			{"memory_atomic_wait32", [4]uint64{2, 0xfffffffd, 1 << 63, o}},
			{"memory_atomic_wait64", [4]uint64{3, 1<<63 + 1, 1 << 62, o}},
		}
		if !reflect.DeepEqual(g.calls, want) {
			t.Errorf("offset %#x: the host saw %v, want %v", offset, g.calls, want)
		}
	}
}

// TestRewriteImports has only the functions imported whose instruction occurs,
// with a type the binary may lack, in a binary that may have no imports yet.
func TestRewriteImports(t *testing.T) {
	cases := []struct {
		name        string
		instruction []byte
		want        []string
	}{
		{"notify", cat(konst(0), konst(0), notify), []string{"memory_atomic_notify"}},
		{"wait32", cat(konst(0), konst(1), op(i64Const, 0), wait32), []string{"memory_atomic_wait32"}},
		{"wait64", cat(konst(0), op(i64Const, 1, i64Const, 0), wait64), []string{"memory_atomic_wait64"}},
		{"notify and wait64", cat(konst(0), konst(0), notify, op(drop), konst(0), op(i64Const, 1, i64Const, 0), wait64),
			[]string{"memory_atomic_notify", "memory_atomic_wait64"}},
	}
	for _, c := range cases {
		in := wasm(sec(1, functype(0, 1)), sec(3, u(0)), sec(5, sharedMemory),
			sec(7, exportOf("run", 0, 0)), sec(10, fn(c.instruction)))
		out := rewrite(t, in)
		info, err := wasmfile.Read(out)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range info.Functions {
			got = append(got, f.Name)
			if f.Module != wasmfile.HostModule {
				t.Errorf("%s: imports from %q", c.name, f.Module)
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: imports %v, want %v", c.name, got, c.want)
		}
		if info.AtomicWait || info.Memory.Shared {
			t.Errorf("%s: the output still needs what was to be replaced", c.name)
		}
		if before, after := instantiate(t, in).tryCall("run"), instantiate(t, out).tryCall("run"); before != after {
			t.Errorf("%s: %s before, %s after", c.name, before, after)
		}
	}
}

func TestRewriteUnshare(t *testing.T) {
	imported := wasm(sec(2, importOf("env", "memory", 2, 3, 2, 9)))
	defined := wasm(sec(5, op(3, 2, 9)))
	for _, in := range [][]byte{imported, defined} {
		kept := bytes.Clone(in)
		out, err := wasmfile.Rewrite(in, wasmfile.RewriteOptions{Unshare: true})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(in, kept) {
			t.Error("the input was changed")
		}
		want := bytes.Replace(in, op(3, 2, 9), op(1, 2, 9), 1)
		if !bytes.Equal(out, want) {
			t.Errorf("% x, want % x", out, want)
		}
	}
}

func TestRewriteKeepsMemoryShared(t *testing.T) {
	in := program{run: konst(1)}.binary()
	out, err := wasmfile.Rewrite(in, wasmfile.RewriteOptions{HostFutex: true})
	if err != nil {
		t.Fatal(err)
	}
	info, err := wasmfile.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	if !info.Memory.Shared || info.AtomicWait {
		t.Errorf("shared %v, futex instructions %v; want true, false", info.Memory.Shared, info.AtomicWait)
	}
}

func TestRewriteNothing(t *testing.T) {
	plain := wasm(sec(1, functype(0, 1)), sec(3, u(0)), sec(5, plainMemory), sec(10, fn(konst(1))),
		customSec(".debug_info", op(1, 2, 3)))
	shared := program{run: konst(1)}.binary()
	cases := []struct {
		name string
		in   []byte
		opts wasmfile.RewriteOptions
	}{
		{"no threads", plain, both},
		{"nothing asked", shared, wasmfile.RewriteOptions{}},
	}
	for _, c := range cases {
		out, err := wasmfile.Rewrite(c.in, c.opts)
		if err != nil {
			t.Fatal(err)
		}
		if &out[0] != &c.in[0] || len(out) != len(c.in) {
			t.Errorf("%s: the output is not the input", c.name)
		}
	}
}

func TestRewriteRefuses(t *testing.T) {
	body := fn(konst(0), konst(0), notify)
	wide := wasm(sec(1, functype(0, 1)), sec(3, u(0)), sec(5, op(7, 1, 1)), sec(10, body))
	second := wasm(sec(1, functype(0, 1)), sec(3, u(0)), sec(5, sharedMemory, sharedMemory),
		sec(10, fn(konst(0), konst(0), op(atoms, 0, 0x42, 1, 0))))
	for _, in := range [][]byte{wide, second} {
		if _, err := wasmfile.Rewrite(in, both); !errors.Is(err, wasmfile.ErrNotRewritable) {
			t.Errorf("error %v, want ErrNotRewritable", err)
		}
		if _, err := wasmfile.Rewrite(in, wasmfile.RewriteOptions{Unshare: true}); err != nil {
			t.Errorf("without futex: %v", err)
		}
	}
}

// TestRewriteNames has the engine name the functions of a stack trace.
func TestRewriteNames(t *testing.T) {
	names := func(locals byte) []byte {
		return customSec("name",
			rawSec(0, str("program")),
			rawSec(1, vec(cat(u(0), str("seven")), cat(u(2), str("two")), cat(u(4), str("boom")))),
			rawSec(2, vec(cat(u(int(locals)), vec(cat(u(0), str("x")))))),
			rawSec(3, vec(cat(u(int(locals)), vec(cat(u(0), str("label")))))),
			rawSec(7, vec(cat(u(0), str("counter")))),
		)
	}
	in := cat(program{run: op(unreachable)}.binary(), names(4))
	out := rewrite(t, in)
	for _, b := range [][]byte{in, out} {
		if trap := instantiate(t, b).trap(t, "run"); !strings.Contains(trap, ".boom(") {
			t.Errorf("trap %q does not name boom", trap)
		}
	}
	want := cat(rawSec(2, vec(cat(u(5), vec(cat(u(0), str("x")))))),
		rawSec(3, vec(cat(u(5), vec(cat(u(0), str("label")))))),
		rawSec(7, vec(cat(u(0), str("counter")))))
	if !bytes.HasSuffix(out, want) {
		t.Errorf("names of locals and labels are not those of function 5: %q", out[len(out)-60:])
	}
}

func TestRewriteCustomSections(t *testing.T) {
	kept := []string{"dylink.0", "producers", "target_features", "mine"}
	dropped := []string{"reloc.CODE", "linking", ".debug_line", "metadata.code.branch_hint", "sourceMappingURL", "name"}
	in := program{run: konst(1)}.binary()
	for _, name := range append(kept, dropped...) {
		in = cat(in, customSec(name, op(1, 0xff))) // malformed as a name section
	}
	info, err := wasmfile.Read(rewrite(t, in))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(info.CustomSections, kept) {
		t.Errorf("custom sections %v, want %v", info.CustomSections, kept)
	}
}
