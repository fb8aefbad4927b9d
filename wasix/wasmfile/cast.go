package wasmfile

import (
	"fmt"
	"slices"

	"github.com/gowasix/gowasix/wasix/abi"
)

// What a binary grows by, with many functions in its table or types of calls, is
// bounded, and so is the time that takes. Large programs have some dozens of types.
const (
	maxAdapters  = 1 << 17
	maxElements  = 1 << 20 // in all tables that are added
	maxCallTypes = 1 << 10
)

// A cast collects what concerns calls through pointers.
type cast struct {
	types    []uint32 // of calls through the table, each once
	table    extent   // the type of the table
	elements []elements
	opaque   bool // the table has, or may get, other contents than elements says
}

// elements are functions that go into the table from an offset on.
type elements struct {
	offset    extent // an expression
	functions []uint32
}

// An extent is a place in the binary.
type extent struct{ start, end int }

// An adapter is a function of one type that calls one of another.
type adapter struct{ typ, function uint32 }

// castCall notes an instruction that calls through a table.
func (d *decoder) castCall(start, end int, opcode byte, typ, table uint32) {
	if !d.opts.Casts || table != 0 || len(d.cast.types) > maxCallTypes {
		return
	}
	i := slices.IndexFunc(d.cast.types, func(t uint32) bool { return d.sameType(t, typ) })
	if i < 0 {
		i = len(d.cast.types)
		d.cast.types = append(d.cast.types, typ)
	}
	kind := editCast
	if opcode != opCallIndirect {
		kind = editTailCast
	}
	d.edits = append(d.edits, edit{uint32(start), uint32(end), kind, uint32(i)})
}

func (d *decoder) sameType(a, b uint32) bool {
	return a == b || d.types[a].plain && d.types[b].plain && d.types[a].equal(d.types[b].Signature)
}

// castElements notes the functions of a segment.
func (d *decoder) castElements(flags uint32, offset extent, functions []uint32) {
	switch {
	case flags&elementPassive != 0: // of use with instructions that make the table opaque
	case flags&elementExpressions != 0:
		d.cast.opaque = true
	default:
		d.cast.elements = append(d.cast.elements, elements{offset, functions})
	}
}

// keepCasts drops what castCall noted when the table is not known.
func (d *decoder) keepCasts() {
	if len(d.cast.types) == 0 || d.tables == 1 && d.cast.table.end > 0 && !d.cast.opaque {
		return
	}
	d.cast.types = nil
	d.edits = slices.DeleteFunc(d.edits, func(e edit) bool { return e.kind == editCast || e.kind == editTailCast })
}

// adapt decides which functions stand in the table for each type: those of the
// type, and adapters to the others, as far as there are any.
func (w *rewriter) adapt() error {
	elements := 0
	for _, e := range w.cast.elements {
		elements += len(e.functions)
	}
	if n := len(w.cast.types); n > maxCallTypes || n*elements > maxElements {
		return fmt.Errorf("%w: casts of functions take %d tables with %d elements each", ErrNotRewritable, n, elements)
	}
	seen := map[adapter]bool{}
	for _, t := range w.cast.types {
		for _, e := range w.cast.elements {
			for _, f := range e.functions {
				if a := (adapter{t, f}); !seen[a] && w.adaptable(a) {
					seen[a] = true
					w.adapters = append(w.adapters, a)
				}
			}
		}
		if len(w.adapters) > maxAdapters {
			return fmt.Errorf("%w: casts of functions take more than %d adapters", ErrNotRewritable, maxAdapters)
		}
	}
	w.adapterOf = make(map[adapter]uint32, len(w.adapters))
	for i, a := range w.adapters {
		w.adapterOf[a] = uint32(len(w.funcs) + len(w.added) + i)
	}
	return nil
}

func (w *rewriter) adaptable(a adapter) bool {
	from, to := w.decoder.types[a.typ], w.decoder.types[w.funcs[a.function]]
	return from.isPlain() && to.isPlain() && !from.equal(to.Signature)
}

// isPlain reports whether an adapter can make and take the type's values.
func (t *typeDef) isPlain() bool {
	return t.plain && len(t.Results) <= 1 &&
		!slices.ContainsFunc(t.Params, isNoNumber) && !slices.ContainsFunc(t.Results, isNoNumber)
}

func isNoNumber(t abi.ValueType) bool {
	switch t {
	case abi.ValueTypeI32, abi.ValueTypeI64, abi.ValueTypeF32, abi.ValueTypeF64:
		return false
	}
	return true
}
