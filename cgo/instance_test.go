//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
)

const echo = `(module
	(import "h" "f" (func $f (param i32 i64 f32 f64) (result i64)))
	(memory (export "memory") 1)
	(func (export "run") (param i32 i64 f32 f64) (result i64)
		(call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3))))`

func TestHostCall(t *testing.T) {
	for _, conforming := range []bool{false, true} {
		was := setConforming(conforming)
		m := compileWat(t, echo)
		var got [4]uint64
		var size int
		in := instantiate(t, m, func(index int, mem []byte, stack []uint64) error {
			copy(got[:], stack)
			size = len(mem)
			mem[7] = 1
			stack[0] = 1 << 40
			return nil
		}, nil)
		args := [4]uint64{math.MaxUint32, 1 << 50, uint64(math.Float32bits(1.5)), math.Float64bits(-2.5)}
		v, err := call(t, in, "run", args[:]...)
		if v != 1<<40 || err != nil || got != args || size != 1<<16 {
			t.Errorf("conforming %v: %d, %v, arguments %v, memory %d", conforming, v, err, got, size)
		}
		if in.Bytes()[7] != 1 {
			t.Error("the memory is another")
		}
		setConforming(was)
	}
}

func TestHostResults(t *testing.T) {
	m := compileWat(t, `(module
		(import "h" "i32" (func $i32 (result i32)))
		(import "h" "f32" (func $f32 (result f32)))
		(import "h" "two" (func $two (param i64) (result i32 i64)))
		(import "h" "none" (func $none))
		(func (export "i32") (result i64) (i64.extend_i32_u (call $i32)))
		(func (export "f32") (result f32) (f32.add (call $f32) (f32.const 1)))
		(func (export "two") (result i64) (call $none) (call $two (i64.const 7)) (drop) (i64.extend_i32_u)))`)
	in := instantiate(t, m, func(index int, _ []byte, stack []uint64) error {
		switch m.Imports()[index].Name {
		case "i32":
			stack[0] = 0xdead_0000_8000_0001
		case "f32":
			stack[0] = uint64(math.Float32bits(0.25))
		case "two":
			stack[0], stack[1] = stack[0]+1, 9
		}
		return nil
	}, nil)
	for export, want := range map[string]uint64{"i32": 0x8000_0001, "f32": uint64(math.Float32bits(1.25)), "two": 8} {
		if v, err := call(t, in, export); v != want || err != nil {
			t.Errorf("%s: %#x, %v", export, v, err)
		}
	}
}

func TestTraps(t *testing.T) {
	m := compileWat(t, `(module (memory 1)
		(func (export "unreachable") (unreachable))
		(func (export "bounds") (drop (i32.load (i32.const 65536))))
		(func (export "far") (drop (i32.load offset=4294967295 (i32.const -1))))
		(func (export "zero") (drop (i32.div_s (i32.const 1) (i32.const 0))))
		(func $deep (export "deep") (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0)))))`)
	in := instantiate(t, m, nil, nil)
	for export, want := range map[string]string{
		"unreachable": "unreachable", "bounds": "out of bounds memory access",
		"far": "out of bounds memory access", "zero": "integer divide by zero",
	} {
		var trap *Trap
		if _, err := call(t, in, export); !errors.As(err, &trap) || !strings.Contains(trap.Message, want) {
			t.Errorf("%s: %v", export, err)
		}
	}
	testExhaustion(t, in, "deep", 0)
}

func testExhaustion(t *testing.T, in *Instance, export string, arg uint64) {
	t.Helper()
	for range 3 {
		var trap *Trap
		if _, err := call(t, in, export, arg); !errors.As(err, &trap) || !strings.Contains(trap.Message, "stack exhausted") {
			t.Errorf("%s: %v", export, err)
		}
	}
}

func TestHostErrorUnwinds(t *testing.T) {
	m := compileWat(t, `(module (import "h" "f" (func $f (param i32)))
		(func (export "run") (param i32) (call $f (local.get 0)) (unreachable)))`)
	want := errors.New("exit")
	in := instantiate(t, m, func(_ int, _ []byte, stack []uint64) error {
		switch stack[0] {
		case 0:
			return want
		case 1:
			panic("boom")
		}
		var p *int
		*p = 1
		return nil
	}, nil)
	for range 3 {
		if _, err := call(t, in, "run", 0); err != want {
			t.Errorf("error %v", err)
		}
		var p *Panic
		if _, err := call(t, in, "run", 1); !errors.As(err, &p) || p.Value != "boom" || !bytes.Contains(p.Stack, []byte("panic")) {
			t.Errorf("panic: %v", err)
		}
		if _, err := call(t, in, "run", 2); !errors.As(err, &p) || !strings.Contains(err.Error(), "nil pointer") {
			t.Errorf("nil dereference: %v", err)
		}
	}
}

// Host functions call the guest again, by turns on two instances. The innermost
// call traps; the host functions up to depth 3 pass that on.
func TestNestedCalls(t *testing.T) {
	m := compileWat(t, `(module (import "h" "f" (func $f (param i32) (result i32)))
		(func (export "run") (param i32) (result i32)
			(if (result i32) (local.get 0)
				(then (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
				(else (unreachable)))))`)
	var first, second *Instance
	depth, unwound := 0, 0
	host := func(in **Instance) HostFunc {
		return func(_ int, _ []byte, stack []uint64) error {
			depth++
			defer func() { depth-- }()
			v, err := call(t, *in, "run", stack[0])
			if err != nil && depth > 3 {
				unwound++
				return err
			}
			stack[0] = v + 100
			return nil
		}
	}
	first = instantiate(t, m, host(&second), nil)
	second = instantiate(t, m, host(&first), nil)
	if v, err := call(t, first, "run", 9); v != 303 || err != nil || unwound != 6 {
		t.Errorf("%d, %v; %d unwound", v, err, unwound)
	}
}

func TestStartFunction(t *testing.T) {
	m := compileWat(t, `(module (import "h" "f" (func $f (result i32))) (import "env" "memory" (memory 1 1))
		(func $start (if (call $f) (then (unreachable)))) (start $start))`)
	mem, err := m.NewMemory(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	var size int
	good := func(_ int, b []byte, stack []uint64) error { size, stack[0] = len(b), 0; return nil }
	instantiate(t, m, good, mem)
	if size != 1<<16 {
		t.Errorf("memory of %d bytes", size)
	}
	var trap *Trap
	if _, err := m.Instantiate(func(_ int, _ []byte, s []uint64) error { s[0] = 1; return nil }, mem, nil); !errors.As(err, &trap) {
		t.Errorf("trap in start: %v", err)
	}
	want := errors.New("no")
	if _, err := m.Instantiate(func(int, []byte, []uint64) error { return want }, mem, nil); err != want {
		t.Errorf("host error in start: %v", err)
	}
}

func TestGlobals(t *testing.T) {
	m := compileWat(t, `(module
		(global $i (export "i") (mut i32) (i32.const -1)) (global (export "l") (mut i64) (i64.const -2))
		(global (export "f") (mut f32) (f32.const 1)) (global (export "d") (mut f64) (f64.const 2))
		(func (export "get") (result i32) (global.get $i)))`)
	in := instantiate(t, m, nil, nil)
	for name, want := range map[string]uint64{"i": math.MaxUint32, "l": math.MaxUint64 - 1,
		"f": uint64(math.Float32bits(1)), "d": math.Float64bits(2)} {
		i, ok := m.Export(name, Global)
		if !ok || in.Global(i) != want {
			t.Errorf("%s: %#x", name, in.Global(i))
		}
		in.SetGlobal(i, want-1)
		if in.Global(i) != want-1 {
			t.Errorf("%s is set to %#x", name, in.Global(i))
		}
	}
	if v, _ := call(t, in, "get"); v != math.MaxUint32-1 {
		t.Errorf("the guest sees %#x", v)
	}
}

// A memory grows under one instance, in sight of the other, without moving.
func TestMemoryGrows(t *testing.T) {
	m := compileWat(t, `(module (import "env" "memory" (memory 1 65536))
		(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
		(func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))`)
	mem, err := m.NewMemory(1, 65536)
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	a, b := instantiate(t, m, nil, mem), instantiate(t, m, nil, mem)
	before := mem.Bytes()
	if _, err := call(t, b, "load", 1<<16); err == nil {
		t.Error("no trap beyond the end")
	}
	if v, err := call(t, a, "grow", 10000); v != 1 || err != nil {
		t.Fatal(v, err)
	}
	after := mem.Bytes()
	if &before[0] != &after[0] || len(after) != 10001<<16 {
		t.Errorf("%p %d, then %p %d", &before[0], len(before), &after[0], len(after))
	}
	after[len(after)-1] = 77
	if v, err := call(t, b, "load", uint64(len(after)-1)); v != 77 || err != nil {
		t.Error(v, err)
	}
	pages, grown := mem.Grow(1)
	if _, more := mem.Grow(65536); !grown || more || pages != 10001 || len(b.Bytes()) != 10002<<16 {
		t.Errorf("size %d", len(b.Bytes()))
	}
	for _, limits := range [][2]uint32{{2, 1}, {0, 65537}} {
		if _, err := m.NewMemory(limits[0], limits[1]); err == nil {
			t.Errorf("memory of %v pages", limits)
		}
	}
}

// Threads share a memory and each runs in its own instance.
func TestThreads(t *testing.T) {
	m := compileWat(t, `(module (import "h" "id" (func $id (result i32))) (import "env" "memory" (memory 1 1))
		(func (export "add") (param i32) (result i32)
			(loop (drop (i32.atomic.rmw.add (i32.const 0) (call $id)))
				(br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
			(call $id)))`)
	mem, err := m.NewMemory(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	const threads, rounds = 8, 10000
	var wg sync.WaitGroup
	for id := range uint64(threads) {
		in := instantiate(t, m, func(_ int, _ []byte, stack []uint64) error { stack[0] = id; return nil }, mem)
		wg.Go(func() {
			if v, err := call(t, in, "add", rounds); v != id || err != nil {
				t.Errorf("thread %d: %d, %v", id, v, err)
			}
		})
	}
	wg.Wait()
	sum := uint32(mem.Bytes()[0]) | uint32(mem.Bytes()[1])<<8 | uint32(mem.Bytes()[2])<<16
	if sum != rounds*threads*(threads-1)/2 {
		t.Errorf("sum %d", sum)
	}
}

func TestWrongArguments(t *testing.T) {
	m := compileWat(t, `(module (import "env" "memory" (memory 1 1)) (func (export "f") (param i32)))`)
	if _, err := m.Instantiate(nil, nil, nil); err == nil {
		t.Error("instance without memory")
	}
	other := compileWat(t, `(module (import "env" "memory" (memory 1 1)))`)
	mem, err := other.NewMemory(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	if _, err := m.Instantiate(nil, mem, nil); err == nil {
		t.Error("instance on another module's memory")
	}
	plain := compileWat(t, `(module (func (export "f") (param i32)))`)
	in := instantiate(t, plain, nil, nil)
	if _, err := call(t, in, "f"); err == nil {
		t.Error("call without arguments")
	}
}
