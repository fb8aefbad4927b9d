package wasmfile

import "fmt"

func (d *decoder) codeSection(r *reader) {
	at := r.pos
	n := r.count()
	if want := len(d.funcs) - d.imported; r.err == nil && n != want {
		r.fail(at, "%d bodies for %d functions", n, want)
		return
	}
	for i := range n {
		size := r.u32()
		if uint64(size) > uint64(len(r.buf)-r.pos) {
			r.truncated()
			return
		}
		d.function = uint32(d.imported + i)
		d.entry = d.entryOf(d.function)
		body := r.sub(int(size), r.section)
		d.body(&body)
		if err := body.finish(); err != nil {
			r.stop(inFunction(err, d.imported+i))
			return
		}
	}
	d.bodies = n
}

func inFunction(err error, index int) error {
	e := *err.(*FormatError)
	e.Reason = fmt.Sprintf("function %d: %s", index, e.Reason)
	return &e
}

func (d *decoder) body(r *reader) {
	d.locals(r)
	start, edits := r.pos, len(d.edits)
	d.expression(r, false)
	if d.calls {
		d.checkpoint(start, edits)
	}
}

// maxLocals is the limit that engines have in common. Some allocate as many as
// a body claims.
const maxLocals = 50000

func (d *decoder) locals(r *reader) {
	total := uint64(0)
	for range r.count() {
		at := r.pos
		if total += uint64(r.u32()); total > maxLocals {
			r.fail(at, "more than %d locals", maxLocals)
		}
		d.valueType(r)
	}
}

// expression reads instructions up to the end that closes them.
func (d *decoder) expression(r *reader, constant bool) {
	features, calls := Features(0), false
	one := false // the instruction before pushed 1
	for depth := 1; depth > 0 && r.err == nil; {
		at := r.pos
		b := r.byte()
		op := coreOpcodes[b]
		if constant {
			d.constant(r, b)
		}
		var number uint32
		if op.imm == immPrefix {
			features |= op.feature
			number = r.u32()
			op = prefixedOpcode(b, number)
		}
		features |= op.feature
		calls = calls || b >= opCall && b <= opReturnCallRef
		wasOne := one
		one = false
		switch op.imm {
		case immNone:
		case immIndex:
			r.u32()
		case immI32:
			one = r.signed(32) == 1
		case immMemarg:
			d.memarg(r)
		case immFunc:
			d.noteCall(d.funcIndex(r))
		case immBlock:
			d.blockType(r)
			depth++
			if b == opLoop {
				d.checkpoint(r.pos, len(d.edits))
			}
		case immTryTable:
			d.tryTable(r)
			depth++
		case immEnd:
			depth--
		case immDelegate:
			r.u32()
			if depth--; depth == 0 {
				r.fail(at, "delegate outside of a try block")
			}
		case immMemory:
			d.growInstruction(r, at, b)
		case immFutex:
			d.futexInstruction(r, at, number)
		case immCallIndirect:
			typ, table := d.callIndirect(r)
			if r.err == nil {
				d.indirectCall(at, r.pos, b, typ, wasOne)
				d.castCall(at, r.pos, b, typ, table)
			}
		case immInvalid:
			d.unknown(r, at, b, number)
		default:
			d.immediates(r, op.imm)
		}
	}
	d.info.Features |= features
	d.calls = calls
}

func prefixedOpcode(prefix byte, number uint32) opcode {
	table := prefixed[prefix-0xfb]
	if number >= uint32(len(table)) {
		return opcode{}
	}
	return table[number]
}

func (d *decoder) unknown(r *reader, at int, b byte, number uint32) {
	if r.err != nil {
		return
	}
	if coreOpcodes[b].imm == immPrefix {
		r.fail(at, "unknown instruction %#02x %d", b, number)
	} else {
		r.fail(at, "unknown instruction %#02x", b)
	}
}

// constant notes the instructions that are new in constant expressions only.
func (d *decoder) constant(r *reader, b byte) {
	switch b {
	case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // add, sub, mul
		d.info.Features |= FeatureExtendedConst
	case 0x23: // global.get, of a global defined here
		ahead := *r
		if i := ahead.u32(); uint64(i) >= uint64(d.foreign) {
			d.info.Features |= FeatureExtendedConst
		}
	}
}

// immediates reads the rarer immediates.
func (d *decoder) immediates(r *reader, imm immediate) {
	switch imm {
	case immLabels:
		for range r.count() {
			r.u32()
		}
		r.u32()
	case immIndex2:
		r.u32()
		r.u32()
	case immTable:
		r.u32()
		d.cast.opaque = true
	case immTable2:
		r.u32()
		r.u32()
		d.cast.opaque = true
	case immMemory2:
		d.memoryIndex(r)
		d.memoryIndex(r)
	case immDataMemory:
		r.u32()
		d.memoryIndex(r)
	case immMemargLane:
		d.memarg(r)
		r.byte()
	case immI64:
		r.signed(64)
	case imm1:
		r.byte()
	case imm4:
		r.skip(4)
	case imm8:
		r.skip(8)
	case imm16:
		r.skip(16)
	case immZero:
		if at := r.pos; r.byte() != 0 {
			r.fail(at, "zero expected")
		}
	case immValueTypes:
		d.valueTypes(r)
	case immHeapType:
		d.heapType(r)
	case immBranchCast:
		r.byte()
		r.u32()
		d.heapType(r)
		d.heapType(r)
	}
}

// callIndirect reads a type and a table, and returns them. The table was a zero
// byte before there could be several.
func (d *decoder) callIndirect(r *reader) (typ, table uint32) {
	typ = d.funcType(r)
	at := r.pos
	if table = r.u32(); table != 0 || r.pos != at+1 {
		d.info.Features |= FeatureReferenceTypes
	}
	return typ, table
}

func (d *decoder) memoryIndex(r *reader) uint32 {
	i := r.u32()
	if i != 0 {
		d.info.Features |= FeatureMultiMemory
	}
	return i
}

// memarg reads the immediates of a load or store.
func (d *decoder) memarg(r *reader) (memory uint32, offset uint64) {
	const hasMemory = 0x40
	at := r.pos
	align := r.u32()
	if align >= 2*hasMemory {
		r.fail(at, "unknown flags %#x of an address", align)
		return 0, 0
	}
	if align&hasMemory != 0 {
		memory = r.u32()
		d.info.Features |= FeatureMultiMemory
	}
	if uint64(memory) < uint64(len(d.memories)) && d.memories[memory].Is64 {
		return memory, r.unsigned(64)
	}
	return memory, uint64(r.u32())
}

// tryTable reads a block type and the clauses that say what is caught.
func (d *decoder) tryTable(r *reader) {
	d.blockType(r)
	for range r.count() {
		at := r.pos
		switch kind := r.byte(); kind {
		case 0, 1: // catch, catch_ref
			r.u32()
		case 2, 3: // catch_all, catch_all_ref
		default:
			r.fail(at, "unknown kind %d of a catch clause", kind)
		}
		r.u32()
	}
}

func (d *decoder) futexInstruction(r *reader, at int, number uint32) {
	memory, offset := d.memarg(r)
	if r.err != nil {
		return
	}
	d.info.AtomicWait = true
	d.futex[number] = true
	if memory != 0 || len(d.memories) > 0 && d.memories[0].Is64 {
		d.wide = true
	}
	if d.opts.HostFutex {
		d.edits = append(d.edits, edit{uint32(at), uint32(r.pos), editKind(number), uint32(offset)})
	}
}
