package wasixtest

import "slices"

// Instructions without immediates.
var (
	Unreachable = []byte{0x00}
	Throw       = []byte{0x08, 0} // the module's exception
	End         = []byte{0x0b}
	Return      = []byte{0x0f}
	Drop        = []byte{0x1a}
	I32Eqz      = []byte{0x45}
	I32Ne       = []byte{0x47}
	I32LtS      = []byte{0x48}
	I32Add      = []byte{0x6a}
	I32Sub      = []byte{0x6b}
	I32Mul      = []byte{0x6c}
	I32DivS     = []byte{0x6d}
	I64Add      = []byte{0x7c}
	MemorySize  = []byte{0x3f, 0}
	MemoryGrow  = []byte{0x40, 0}
)

// Body joins instructions.
func Body(instructions ...[]byte) []byte { return cat(instructions...) }

// Loop is a loop without parameters and results around a body. Br(0) in the
// body starts its next turn.
func Loop(body ...[]byte) []byte {
	const loop, empty = 0x03, 0x40
	return cat([]byte{loop, empty}, cat(body...), End)
}

// If runs the body when the operand is not zero. It counts as a level for Br.
func If(body ...[]byte) []byte {
	const ifElse, empty = 0x04, 0x40
	return cat([]byte{ifElse, empty}, cat(body...), End)
}

// Try is a body whose exception, if it throws the module's, ends it as its own end does.
func Try(body ...[]byte) []byte {
	const block, tryTable, empty, catch = 0x02, 0x1f, 0x40, 0x00
	return cat([]byte{block, empty, tryTable, empty, 1, catch, 0, 0}, cat(body...), End, End)
}

// Br branches to the loop, or the end of the block, that is so many levels out.
func Br(level uint32) []byte { return indexed(0x0c, level) }

// BrIf is Br when the operand is not zero.
func BrIf(level uint32) []byte { return indexed(0x0d, level) }

// Call calls a function by its number.
func Call(function uint32) []byte { return indexed(0x10, function) }

// CallIndirect calls the function whose place in the table is the operand, as one
// of the type that the function of the given number has.
func CallIndirect(function uint32) []byte { return cat(indexed(0x11, function), []byte{0}) }

// LocalGet pushes a parameter or local.
func LocalGet(local uint32) []byte { return indexed(0x20, local) }

// LocalSet sets a parameter or local.
func LocalSet(local uint32) []byte { return indexed(0x21, local) }

// LocalTee sets a parameter or local to the operand and leaves that.
func LocalTee(local uint32) []byte { return indexed(0x22, local) }

// GlobalGet pushes a global.
func GlobalGet(global uint32) []byte { return indexed(0x23, global) }

// GlobalSet sets a global.
func GlobalSet(global uint32) []byte { return indexed(0x24, global) }

// I32Load loads from the address given by the operand and the offset.
func I32Load(offset uint32) []byte { return cat([]byte{0x28, 2}, u32(int(offset))) }

// I64Load loads from the address given by the operand and the offset.
func I64Load(offset uint32) []byte { return cat([]byte{0x29, 3}, u32(int(offset))) }

// I32Store stores at the address given by the operand and the offset.
func I32Store(offset uint32) []byte { return cat([]byte{0x36, 2}, u32(int(offset))) }

// I32Const pushes a number.
func I32Const(v int32) []byte { return signed(0x41, int64(v)) }

// I64Const pushes a number.
func I64Const(v int64) []byte { return signed(0x42, v) }

// I32AtomicLoad loads from the operand's address.
func I32AtomicLoad() []byte { return []byte{0xfe, 0x10, 2, 0} }

// I32AtomicAdd adds to the number at the operand's address and pushes what it was.
func I32AtomicAdd() []byte { return []byte{0xfe, 0x1e, 2, 0} }

// MemoryAtomicNotify is memory.atomic.notify at the operand's address.
func MemoryAtomicNotify() []byte { return []byte{0xfe, 0x00, 2, 0} }

// MemoryAtomicWait32 is memory.atomic.wait32 at the operand's address.
func MemoryAtomicWait32() []byte { return []byte{0xfe, 0x01, 2, 0} }

func indexed(opcode byte, index uint32) []byte { return cat([]byte{opcode}, u32(int(index))) }

func signed(opcode byte, v int64) []byte {
	out := []byte{opcode}
	for v < -0x40 || v >= 0x40 {
		out = append(out, byte(v)|0x80)
		v >>= 7
	}
	return append(out, byte(v)&0x7f)
}

func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }
