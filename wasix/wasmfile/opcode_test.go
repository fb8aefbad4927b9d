package wasmfile_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// unsupported are the features that the engine of these tests lacks.
const unsupported = wasmfile.FeatureLegacyExceptions | wasmfile.FeatureGC | wasmfile.FeatureRelaxedSIMD |
	wasmfile.FeatureMultiMemory | wasmfile.FeatureMemory64 | wasmfile.FeatureWideArithmetic

// TestOpcodes compares the opcode tables with an engine's. After unreachable
// code of any stack is valid, and zeros are immediates or again unreachable; so
// a few immediates suffice for every instruction.
func TestOpcodes(t *testing.T) {
	r := newRuntime(t)
	for _, opcode := range everyOpcode() {
		engine, reader := false, false
		var features wasmfile.Features
		for _, immediates := range [][]byte{{}, {1}, {2}, {3}, {4}, {1, i32}, {funcref}} {
			for _, ends := range []int{1, 2} {
				body := cat(op(unreachable), opcode, immediates, make([]byte, 20), bytes.Repeat(op(end), ends))
				in := surroundings(body)
				info, err := wasmfile.Read(in)
				if accepted := compiles(r, in) == nil; accepted {
					engine = true
					if err != nil {
						t.Errorf("% x: the engine accepts % x, the reader says %v", opcode, immediates, err)
					}
				}
				if err == nil {
					reader = true
					features |= info.Features
				}
			}
		}
		if reader && !engine && features&unsupported == 0 && !needsBlock(opcode) {
			t.Errorf("% x: the reader accepts it, the engine does not (%v)", opcode, features)
		}
	}
}

// needsBlock tells the instructions that are valid in some blocks only, which
// the test does not make: else and br_on_non_null.
func needsBlock(opcode []byte) bool { return opcode[0] == 0x05 || opcode[0] == 0xd6 }

func everyOpcode() [][]byte {
	var all [][]byte
	for b := range 0xfb {
		all = append(all, op(byte(b)))
	}
	for prefix := 0xfb; prefix <= 0xff; prefix++ {
		for n := range 0x120 {
			all = append(all, cat(op(byte(prefix)), u(n)))
		}
	}
	return all
}

// surroundings puts a function body in a module with one of everything that an
// instruction can name by index 0.
func surroundings(body []byte) []byte {
	return wasm(
		sec(1, functype(0, 0)),
		sec(3, u(0)),
		sec(4, op(funcref, 0, 9)),
		sec(5, sharedMemory),
		sec(13, op(0, 0)),
		sec(6, op(i32, 1, i32Const, 0, end)),
		sec(9, cat(op(3, 0), vec(u(0)))),
		rawSec(12, u(1)),
		sec(10, sized(cat(op(1, 1, i32), body))),
		sec(11, op(1, 0)),
	)
}

// TestImmediates has values in every immediate that zeros leave untested, and
// the rewriter find the call behind each of them.
func TestImmediates(t *testing.T) {
	cases := map[string][]byte{
		"br_table":     op(0x0e, 2, 0, 0, 0),
		"select":       op(0x1c, 1, v128),
		"try_table":    op(0x1f, 0x40, 1, 2, 0, end),
		"memory.init":  op(misc, 8, 0, 0),
		"f32.const":    op(0x43, call, call, call, call),
		"f64.const":    op(0x44, call, call, call, call, call, call, call, call),
		"i32.const":    op(0x41, 0x80, 0x80, 0x80, 0x80, 0x78),
		"i64.const":    op(0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f),
		"v128.const":   append(op(simd, 0x0c), bytes.Repeat(op(call), 16)...),
		"shuffle":      append(op(simd, 0x0d), bytes.Repeat(op(call), 16)...),
		"lane":         op(simd, 0x15, 15),
		"load lane":    op(simd, 0x54, 0, 0x90, 0x10, 15),
		"load":         op(0x28, 2, 0x90, 0x80, 0x80, 0x80, 0x0f),
		"atomic load":  op(atoms, 0x11, 3, call),
		"block":        op(0x02, v128, unreachable, end),
		"typed block":  op(0x03, 0x81, 0, end),
		"ref.null":     op(refNull, extern),
		"long number":  op(misc, 0x8a, 0x80, 0, 0, 0),
		"table.copy":   op(misc, 14, 0, 0),
		"return":       op(0x0f),
		"callIndirect": op(callIndirect, 0x80, 0, 0x80, 0),
	}
	r := newRuntime(t)
	for name, instruction := range cases {
		in := immediatesProgram(instruction)
		if err := compiles(r, in); err != nil {
			t.Errorf("%s: the case is invalid: %v", name, err)
		}
		if err := shiftedCall(r, in); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// immediatesProgram has the given instruction in front of a call and behind it.
func immediatesProgram(instruction []byte) []byte {
	one := cat(op(unreachable), instruction, op(unreachable), op(call, 1))
	return wasm(
		sec(1, functype(0, 0), functype(0, 0)),
		sec(3, u(0), u(0)),
		sec(4, op(funcref, 0, 9)),
		sec(5, sharedMemory),
		rawSec(12, u(1)),
		sec(10, fn(one, one), fn(konst(0), konst(0), notify, op(drop))),
		sec(11, op(1, 0)),
	)
}

func shiftedCall(r wazero.Runtime, in []byte) error {
	out, err := wasmfile.Rewrite(in, both)
	if err != nil {
		return err
	}
	if err := compiles(r, out); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	if before, after := bytes.Count(in, op(unreachable, call, 1)), bytes.Count(out, op(unreachable, call, 2)); before != 2 || after != 2 {
		return fmt.Errorf("%d calls before, %d shifted", before, after)
	}
	return nil
}
