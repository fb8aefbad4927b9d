package wasmfile

import "github.com/gowasix/gowasix/wasix/abi"

// functionSection appends the types of the adapters.
func (w *rewriter) functionSection(out []byte, s section) []byte {
	out = w.vector(out, s, len(w.adapters))
	for _, a := range w.adapters {
		out = appendU32(out, a.typ)
	}
	return out
}

// tableSection appends a table for each type of calls, like the first.
func (w *rewriter) tableSection(out []byte, s section) []byte {
	out = w.vector(out, s, len(w.cast.types))
	for range w.cast.types {
		out = append(out, w.wasm[w.cast.table.start:w.cast.table.end]...)
	}
	return out
}

// elementSection appends the contents of the tables that are added.
func (w *rewriter) elementSection(out []byte, s section) []byte {
	out = w.vector(out, s, len(w.cast.types)*len(w.cast.elements))
	const kindFunctions = 0
	for i, t := range w.cast.types {
		for _, e := range w.cast.elements {
			out = append(out, elementExplicit)
			out = appendU32(out, uint32(1+i))
			out = append(out, w.wasm[e.offset.start:e.offset.end]...)
			out = appendU32(append(out, kindFunctions), uint32(len(e.functions)))
			for _, f := range e.functions {
				out = appendU32(out, w.functionFor(t, f))
			}
		}
	}
	return out
}

// functionFor returns the index of what stands for a function in the table of
// a type.
func (w *rewriter) functionFor(typ, function uint32) uint32 {
	if i, ok := w.adapterOf[adapter{typ, function}]; ok {
		return i
	}
	return w.shifted(function)
}

// shifted returns the index that a function has once the added ones precede it.
func (w *rewriter) shifted(function uint32) uint32 {
	if function < uint32(w.imported) {
		return function
	}
	return function + uint32(len(w.added))
}

// castCode makes a call through the table of its type.
func (w *rewriter) castCode(out []byte, e edit) []byte {
	opcode := byte(opCallIndirect)
	if e.kind == editTailCast {
		opcode = opReturnCallIndirect
	}
	out = appendU32(append(out, opcode), w.cast.types[e.value])
	return appendU32(out, 1+e.value)
}

// body makes an adapter: it passes on the arguments that there are, as far as
// the function wants them, and zeros for the others.
func (w *rewriter) body(a adapter) []byte {
	from, to := w.decoder.types[a.typ].Signature, w.decoder.types[w.funcs[a.function]].Signature
	out := []byte{0} // no locals
	for i, want := range to.Params {
		if i < len(from.Params) && convertible(from.Params[i], want) {
			out = appendU32(append(out, opLocalGet), uint32(i))
			out = convert(out, from.Params[i], want)
		} else {
			out = appendZero(out, want)
		}
	}
	out = appendU32(append(out, opCall), w.shifted(a.function))
	return append(adaptResult(out, to.Results, from.Results), opEnd)
}

// adaptResult makes the result that the caller wants of the one that there is.
func adaptResult(out []byte, have, want []abi.ValueType) []byte {
	switch {
	case len(have) > 0 && len(want) > 0 && convertible(have[0], want[0]):
		return convert(out, have[0], want[0])
	case len(have) > 0:
		out = append(out, opDrop)
	}
	if len(want) > 0 {
		out = appendZero(out, want[0])
	}
	return out
}

// convertible reports whether values are in registers of the same kind on
// native machines.
func convertible(have, want abi.ValueType) bool {
	return have == want || isInteger(have) && isInteger(want)
}

func isInteger(t abi.ValueType) bool { return t == abi.ValueTypeI32 || t == abi.ValueTypeI64 }

func convert(out []byte, have, want abi.ValueType) []byte {
	const (
		opI32WrapI64    = 0xa7
		opI64ExtendI32U = 0xad
	)
	switch {
	case have == want:
		return out
	case want == abi.ValueTypeI32:
		return append(out, opI32WrapI64)
	}
	return append(out, opI64ExtendI32U)
}

func appendZero(out []byte, t abi.ValueType) []byte {
	const (
		opI64Const = 0x42
		opF32Const = 0x43
		opF64Const = 0x44
	)
	switch t {
	case abi.ValueTypeI32:
		return append(out, opI32Const, 0)
	case abi.ValueTypeI64:
		return append(out, opI64Const, 0)
	case abi.ValueTypeF32:
		return append(out, opF32Const, 0, 0, 0, 0)
	}
	return append(out, opF64Const, 0, 0, 0, 0, 0, 0, 0, 0)
}
