package wasmfile

import "github.com/gowasix/gowasix/wasix/abi"

// The first bytes of types. All are negative numbers of one byte in signed
// LEB128, so that where a type index may stand too the two are told apart.
const (
	typeFunc      = 0x60
	typeStruct    = 0x5f
	typeArray     = 0x5e
	typeSub       = 0x50
	typeSubFinal  = 0x4f
	typeRec       = 0x4e
	typeEmpty     = 0x40 // of a block
	typeI8        = 0x78
	typeI16       = 0x77
	typeRefNull   = 0x63
	typeRef       = 0x64
	typeExnref    = 0x69
	typeNoexn     = 0x74
	typeNone      = 0x71
	typeNoextern  = 0x72
	typeNofunc    = 0x73
	typeArrayref  = 0x6a
	typeAnyref    = 0x6e
	typeFuncref   = byte(abi.ValueTypeFuncref)
	typeExternref = byte(abi.ValueTypeExternref)
	typeV128      = byte(abi.ValueTypeV128)
)

// A typeDef is an entry of the type section.
type typeDef struct {
	Signature
	isFunc bool
	plain  bool // neither part of a recursive group nor of a hierarchy
}

func (d *decoder) typeSection(r *reader) {
	for range r.count() {
		if r.more() && r.buf[r.pos] == typeRec {
			r.pos++
			d.info.Features |= FeatureGC
			for range r.count() {
				d.subType(r, false)
			}
			continue
		}
		d.subType(r, true)
	}
}

func (d *decoder) subType(r *reader, plain bool) {
	at := r.pos
	b := r.byte()
	if b == typeSub || b == typeSubFinal {
		plain = false
		d.info.Features |= FeatureGC
		for range r.count() {
			r.u32()
		}
		at, b = r.pos, r.byte()
	}
	t := typeDef{isFunc: b == typeFunc, plain: plain}
	switch b {
	case typeFunc:
		t.Params = d.valueTypes(r)
		t.Results = d.valueTypes(r)
		if len(t.Results) > 1 {
			d.info.Features |= FeatureMultiValue
		}
	case typeStruct:
		d.info.Features |= FeatureGC
		for range r.count() {
			d.fieldType(r)
		}
	case typeArray:
		d.info.Features |= FeatureGC
		d.fieldType(r)
	default:
		r.fail(at, "unknown form of type %#02x", b)
	}
	if r.err == nil {
		d.types = append(d.types, t)
	}
}

func (d *decoder) fieldType(r *reader) {
	if r.more() && (r.buf[r.pos] == typeI8 || r.buf[r.pos] == typeI16) {
		r.pos++
	} else {
		d.valueType(r)
	}
	mutability(r)
}

func mutability(r *reader) (mutable bool) {
	at := r.pos
	b := r.byte()
	if b > 1 {
		r.fail(at, "unknown mutability %#02x", b)
	}
	return b == 1
}

func (d *decoder) valueTypes(r *reader) []abi.ValueType {
	var types []abi.ValueType
	for range r.count() {
		types = append(types, d.valueType(r))
	}
	return types
}

func (d *decoder) valueType(r *reader) abi.ValueType {
	if r.more() {
		switch t := abi.ValueType(r.buf[r.pos]); t {
		case abi.ValueTypeI32, abi.ValueTypeI64, abi.ValueTypeF32, abi.ValueTypeF64:
			r.pos++
			return t
		case abi.ValueTypeV128:
			r.pos++
			d.info.Features |= FeatureSIMD
			return t
		}
	}
	d.info.Features |= FeatureReferenceTypes
	return d.refType(r)
}

func (d *decoder) refType(r *reader) abi.ValueType {
	at := r.pos
	b := r.byte()
	switch {
	case b == typeRef, b == typeRefNull:
		d.info.Features |= FeatureFunctionReferences
		d.heapType(r)
	default:
		d.abstractType(r, at, b)
	}
	return abi.ValueType(b)
}

// heapType reads an index of a type or the name of an abstract one.
func (d *decoder) heapType(r *reader) {
	if at := r.pos; r.more() && r.buf[at]&0xc0 == 0x40 {
		d.abstractType(r, at, r.byte())
		return
	}
	d.typeIndex(r)
	d.info.Features |= FeatureFunctionReferences
}

func (d *decoder) abstractType(r *reader, at int, b byte) {
	switch {
	case b == typeFuncref:
	case b == typeExternref:
		d.info.Features |= FeatureReferenceTypes
	case b == typeExnref, b == typeNoexn:
		d.info.Features |= FeatureExceptions
	case b >= typeArrayref && b <= typeAnyref, b >= typeNone && b <= typeNofunc:
		d.info.Features |= FeatureGC
	default:
		r.fail(at, "unknown type %#02x", b)
	}
}

// typeIndex reads an index of a type where negative numbers have meanings of
// their own: a signed number of 33 bits.
func (d *decoder) typeIndex(r *reader) (typeDef, bool) {
	at := r.pos
	i := r.signed(33)
	if r.err != nil {
		return typeDef{}, false
	}
	if i < 0 {
		r.fail(at, "unknown type %d", i)
		return typeDef{}, false
	}
	// A type may refer to later ones, so there is nothing to compare with yet.
	if i >= int64(len(d.types)) {
		return typeDef{}, false
	}
	return d.types[i], true
}

func (d *decoder) blockType(r *reader) {
	if r.more() && r.buf[r.pos]&0xc0 == 0x40 {
		if r.buf[r.pos] == typeEmpty {
			r.pos++
		} else {
			d.valueType(r)
		}
		return
	}
	at := r.pos
	if t, ok := d.typeIndex(r); !ok || !t.isFunc {
		r.fail(at, "block has no type of a function")
	}
	d.info.Features |= FeatureMultiValue
}

// funcType reads an index of a function type.
func (d *decoder) funcType(r *reader) uint32 {
	at := r.pos
	i := r.u32()
	if r.err == nil && (i >= uint32(len(d.types)) || !d.types[i].isFunc) {
		r.fail(at, "type %d is not one of a function", i)
	}
	return i
}

const (
	limitMax    = 1
	limitShared = 2
	limit64     = 4
)

func (r *reader) limits(flags byte) (low, high uint64) {
	bits := uint(32)
	if flags&limit64 != 0 {
		bits = 64
	}
	at := r.pos
	low = r.unsigned(bits)
	if flags&limitMax == 0 {
		return low, 0
	}
	if high = r.unsigned(bits); low > high {
		r.fail(at, "minimum %d exceeds maximum %d", low, high)
	}
	return low, high
}

func (d *decoder) tableType(r *reader) {
	d.refType(r)
	at := r.pos
	flags := r.byte()
	if flags&^(limitMax|limit64) != 0 {
		r.fail(at, "unknown flags %#02x of a table", flags)
	}
	if flags&limit64 != 0 {
		d.info.Features |= FeatureMemory64
	}
	r.limits(flags)
	if d.tables++; d.tables > 1 {
		d.info.Features |= FeatureReferenceTypes
	}
}

func (d *decoder) memoryType(r *reader) *MemoryInfo {
	at := r.pos
	flags := r.byte()
	m := &MemoryInfo{
		HasMax: flags&limitMax != 0,
		Shared: flags&limitShared != 0,
		Is64:   flags&limit64 != 0,
	}
	largest := uint64(1 << 16)
	if m.Is64 {
		largest = 1 << 48
		d.info.Features |= FeatureMemory64
	}
	m.Min, m.Max = r.limits(flags)
	switch {
	case r.err != nil:
	case flags&^(limitMax|limitShared|limit64) != 0:
		r.fail(at, "unknown flags %#02x of a memory", flags)
	case m.Shared && !m.HasMax:
		r.fail(at, "shared memory has no maximum")
	case m.Min > largest || m.Max > largest:
		r.fail(at, "memory of more than %d pages", largest)
	}
	if !m.HasMax {
		m.Max = largest
	}
	d.addMemory(m, at)
	return m
}

func (d *decoder) addMemory(m *MemoryInfo, at int) {
	d.memories = append(d.memories, m)
	if len(d.memories) > 1 {
		d.info.Features |= FeatureMultiMemory
	} else {
		d.info.Memory = m
	}
	if m.Shared {
		d.info.Features |= FeatureThreads
		d.shared = append(d.shared, at)
	}
}
