package wasmfile

// The kinds of imports and exports.
const (
	kindFunc = iota
	kindTable
	kindMemory
	kindGlobal
	kindTag
)

func (d *decoder) customSection(r *reader) {
	d.info.CustomSections = append(d.info.CustomSections, r.name())
	r.skip(uint64(len(r.buf) - r.pos))
}

func (d *decoder) importSection(r *reader) {
	for range r.count() {
		d.importEntry(r)
	}
	d.imported = len(d.funcs)
	d.foreign = len(d.globals)
}

func (d *decoder) importEntry(r *reader) {
	module, name := r.name(), r.name()
	at := r.pos
	other := ""
	switch kind := r.byte(); kind {
	case kindFunc:
		i := d.funcType(r)
		if r.err != nil {
			return
		}
		d.funcs = append(d.funcs, i)
		d.info.Functions = append(d.info.Functions, Import{module, name, d.types[i].Signature})
	case kindTable:
		d.tableType(r)
		other = "table"
	case kindMemory:
		m := d.memoryType(r)
		m.Imported, m.Module, m.Name = true, module, name
		if len(d.memories) > 1 {
			other = "memory"
		}
	case kindGlobal:
		d.globalType(r)
		if d.globals[len(d.globals)-1].Mutable {
			d.info.Features |= FeatureMutableGlobals
		}
		other = "global"
	case kindTag:
		d.tagType(r)
		other = "tag"
	default:
		r.fail(at, "unknown kind %d of an import", kind)
	}
	if other != "" {
		d.info.OtherImports = append(d.info.OtherImports, module+"."+name+" ("+other+")")
	}
}

func (d *decoder) functionSection(r *reader) {
	for range r.count() {
		d.funcs = append(d.funcs, d.funcType(r))
	}
}

func (d *decoder) tableSection(r *reader) {
	for range r.count() {
		initialized := r.more() && r.buf[r.pos] == 0x40
		if initialized {
			r.skip(1)
			if at := r.pos; r.byte() != 0 {
				r.fail(at, "unknown form of a table")
			}
			d.info.Features |= FeatureFunctionReferences
		}
		at := r.pos
		d.tableType(r)
		d.cast.table = extent{at, r.pos}
		if initialized {
			d.expression(r, true)
			d.cast.opaque = true
		}
	}
}

func (d *decoder) memorySection(r *reader) {
	for range r.count() {
		d.memoryType(r)
	}
}

func (d *decoder) tagSection(r *reader) {
	for range r.count() {
		d.tagType(r)
	}
}

func (d *decoder) tagType(r *reader) {
	if at := r.pos; r.byte() != 0 {
		r.fail(at, "unknown attribute of a tag")
	}
	d.funcType(r)
	d.tags++
	d.info.Features |= FeatureExceptions
}

func (d *decoder) globalType(r *reader) {
	typ := d.valueType(r)
	d.globals = append(d.globals, GlobalType{typ, mutability(r)})
}

func (d *decoder) globalSection(r *reader) {
	for range r.count() {
		d.globalType(r)
		d.expression(r, true)
	}
}

func (d *decoder) exportSection(r *reader) {
	n := r.count()
	seen := make(map[string]struct{})
	for range n {
		at := r.pos
		name := r.name()
		if _, twice := seen[name]; twice {
			r.fail(at, "%q is exported twice", name)
		}
		seen[name] = struct{}{}
		d.exportEntry(r, name)
	}
}

func (d *decoder) exportEntry(r *reader, name string) {
	at := r.pos
	kind := r.byte()
	indexAt := r.pos
	if kind == kindFunc {
		i := d.funcIndex(r)
		if r.err == nil {
			d.info.Exports[name] = d.types[d.funcs[i]].Signature
			d.noteEntry(name, i, indexAt)
		}
		return
	}
	i := r.u32()
	bound := 0
	switch kind {
	case kindTable:
		bound = d.tables
	case kindMemory:
		bound = len(d.memories)
	case kindGlobal:
		bound = len(d.globals)
	case kindTag:
		bound = d.tags
	default:
		r.fail(at, "unknown kind %d of an export", kind)
	}
	if r.err == nil && uint64(i) >= uint64(bound) {
		r.fail(indexAt, "export %q names number %d of %d", name, i, bound)
	}
	if r.err != nil {
		return
	}
	switch kind {
	case kindMemory:
		if m := d.memories[i]; m.Export == "" {
			m.Export = name
		}
	case kindGlobal:
		d.info.Globals[name] = d.globals[i]
		if d.globals[i].Mutable {
			d.info.Features |= FeatureMutableGlobals
		}
	}
}

func (d *decoder) startSection(r *reader) {
	d.funcIndex(r)
	d.info.HasStart = true
}

// The flags of an element segment.
const (
	elementPassive     = 1 // or declared only, with elementExplicit
	elementExplicit    = 2 // names its table
	elementExpressions = 4 // has expressions for indices
)

func (d *decoder) elementSection(r *reader) {
	for range r.count() {
		d.elementSegment(r)
	}
}

func (d *decoder) elementSegment(r *reader) {
	at := r.pos
	flags := r.u32()
	switch flags {
	case 0:
	case elementPassive, elementPassive | elementExpressions:
		d.info.Features |= FeatureBulkMemory
	case 2, 3, 4, 6, 7:
		d.info.Features |= FeatureReferenceTypes
	default:
		r.fail(at, "unknown flags %#x of a segment", flags)
		return
	}
	first := ^uint32(0) // where it goes, if that is known
	var offset extent
	if flags&elementPassive == 0 {
		if flags&elementExplicit != 0 {
			r.u32()
		}
		if ahead := *r; ahead.byte() == opI32Const {
			first = uint32(ahead.signed(32))
		}
		offset.start = r.pos
		d.expression(r, true)
		offset.end = r.pos
	}
	if flags&(elementPassive|elementExplicit) != 0 {
		d.elementKind(r, flags&elementExpressions != 0)
	}
	var functions []uint32
	for i := range r.count() {
		if flags&elementExpressions != 0 {
			d.expression(r, true)
		} else if function := d.funcIndex(r); r.err == nil {
			d.noteElement(first+uint32(i), function)
			if d.opts.Casts {
				functions = append(functions, function)
			}
		}
	}
	d.castElements(flags, offset, functions)
}

func (d *decoder) elementKind(r *reader, isType bool) {
	if isType {
		d.refType(r)
	} else if at := r.pos; r.byte() != 0 {
		r.fail(at, "unknown kind of elements")
	}
}

func (d *decoder) dataCountSection(r *reader) {
	d.dataCount = int(r.u32())
	d.info.Features |= FeatureBulkMemory
}

func (d *decoder) dataSection(r *reader) {
	d.segments = r.count()
	for range d.segments {
		at := r.pos
		flags := r.u32()
		switch flags {
		case 0:
			d.expression(r, true)
		case 1:
			d.info.Features |= FeatureBulkMemory
		case 2:
			r.u32()
			d.expression(r, true)
		default:
			r.fail(at, "unknown flags %#x of a segment", flags)
		}
		r.bytes()
	}
}

// funcIndex reads an index of a function and records its place for a rewrite
// when functions to be imported would move it.
func (d *decoder) funcIndex(r *reader) uint32 {
	at := r.pos
	i := r.u32()
	if r.err != nil {
		return 0
	}
	if i >= uint32(len(d.funcs)) {
		r.fail(at, "function %d of %d", i, len(d.funcs))
		return 0
	}
	if d.opts.edits() && i >= uint32(d.imported) {
		d.edits = append(d.edits, edit{uint32(at), uint32(r.pos), editIndex, i})
	}
	return i
}
