package wasmfile_test

import (
	"bytes"
	"encoding/binary"
)

// The value types and the instructions that the tests write by name.
const (
	i32, i64, v128     = 0x7f, 0x7e, 0x7b
	funcref, extern    = 0x70, 0x6f
	unreachable, nop   = 0x00, 0x01
	end, call          = 0x0b, 0x10
	callIndirect       = 0x11
	returnCall         = 0x12
	returnCallIndirect = 0x13
	drop               = 0x1a
	localGet           = 0x20
	globalGet          = 0x23
	globalSet          = 0x24
	tableSet           = 0x26
	i32Const           = 0x41
	i64Const           = 0x42
	i32Add             = 0x6a
	refNull, refFunc   = 0xd0, 0xd2
	misc, simd, atoms  = 0xfc, 0xfd, 0xfe
)

// wasm is a binary of the given sections.
func wasm(sections ...[]byte) []byte {
	return append([]byte("\x00asm\x01\x00\x00\x00"), cat(sections...)...)
}

// sec is a section that is a vector of the given items.
func sec(id byte, items ...[]byte) []byte {
	return rawSec(id, vec(items...))
}

func rawSec(id byte, contents []byte) []byte {
	return cat([]byte{id}, sized(contents))
}

func customSec(name string, contents ...[]byte) []byte {
	return rawSec(0, cat(str(name), cat(contents...)))
}

func vec(items ...[]byte) []byte { return cat(u(len(items)), cat(items...)) }

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func sized(b []byte) []byte { return cat(u(len(b)), b) }

func str(s string) []byte { return sized([]byte(s)) }

func u(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

// padded is n in the five bytes that linkers reserve for it.
func padded(n int) []byte {
	return []byte{byte(n) | 0x80, byte(n>>7) | 0x80, byte(n>>14) | 0x80, byte(n>>21) | 0x80, byte(n>>28) & 0x0f}
}

// konst is an i32.const.
func konst(v int32) []byte {
	out := []byte{i32Const}
	for v < -64 || v >= 64 {
		out = append(out, byte(v)|0x80)
		v >>= 7
	}
	return append(out, byte(v)&0x7f)
}

func op(b ...byte) []byte { return b }

// fn is a function body without locals.
func fn(instructions ...[]byte) []byte {
	return sized(cat([]byte{0}, cat(instructions...), []byte{end}))
}

// functype is a type of a function with the given numbers of parameters and
// results, all i32.
func functype(params, results int) []byte {
	return cat([]byte{0x60}, sized(bytes.Repeat([]byte{i32}, params)), sized(bytes.Repeat([]byte{i32}, results)))
}

func importOf(module, name string, desc ...byte) []byte {
	return cat(str(module), str(name), desc)
}

func exportOf(name string, kind byte, index int) []byte {
	return cat(str(name), []byte{kind}, u(index))
}

// The memories the tests use: limits as in a binary.
var (
	plainMemory  = []byte{1, 1, 1}
	sharedMemory = []byte{3, 1, 1}
)

// The futex instructions on no static offset, aligned as they must be.
var (
	notify = op(atoms, 0, 2, 0)
	wait32 = op(atoms, 1, 2, 0)
	wait64 = op(atoms, 2, 3, 0)
)
