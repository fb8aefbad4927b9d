package wasmfile

import (
	"slices"

	"github.com/gowasix/gowasix/wasix/abi"
)

// SignalCallback is the export of wasix-libc that takes signals.
const SignalCallback = "__wasm_signal"

// ignoredFunction takes the place of handlers that are SIG_IGN.
var ignoredFunction = Import{HostModule, "signal_ignored", Signature{Params: []abi.ValueType{abi.ValueTypeI32}}}

// anyFunction is what a handler's call belongs to that is one wherever it occurs.
const anyFunction = ^uint32(0)

// noteCallback remembers the function that takes signals.
func (d *decoder) noteCallback(name string, function uint32) {
	if name == SignalCallback && d.opts.IgnoredSignals && d.types[d.funcs[function]].equal(ignoredFunction.Signature) {
		d.callback = []uint32{function}
	}
}

// noteCall remembers the functions that the callback calls: wasm-ld wraps it, and
// the library's default actions may be apart.
func (d *decoder) noteCall(callee uint32) {
	if len(d.callback) > 0 && d.function == d.callback[0] {
		d.callback = append(d.callback, callee)
	}
}

// indirectCall notes an instruction that calls function number 1 of the table
// when that is SIG_IGN, whose address is 1. That is so for calls of handlers in
// the callback, and where the number is a constant: a compiler calls functions
// that there are by their name.
func (d *decoder) indirectCall(start, end int, typ uint32, constant bool) {
	if len(d.callback) == 0 || !d.types[typ].equal(ignoredFunction.Signature) {
		return
	}
	in := d.function
	if constant {
		in = anyFunction
	}
	d.edits = append(d.edits, edit{uint32(start), uint32(end), editHandler, in})
}

// keepHandlers drops what indirectCall noted in other functions than the
// callback and those it calls.
func (d *decoder) keepHandlers() {
	if d.info.imports(ignoredFunction) { // by an earlier rewrite
		d.callback = nil
	}
	d.edits = slices.DeleteFunc(d.edits, func(e edit) bool {
		return e.kind == editHandler && (d.callback == nil || e.value != anyFunction && !slices.Contains(d.callback, e.value))
	})
}

func (d *decoder) hasHandlers() bool {
	return slices.ContainsFunc(d.edits, func(e edit) bool { return e.kind == editHandler })
}

// handlerCall is what a call of a handler is replaced by.
type handlerCall struct {
	number  uint32 // the global for the handler's number: the call may be anywhere
	ignored uint32 // the function called for SIG_IGN
	typ     uint32 // its type
}

// code makes the indirect call unless it is one of number 1.
func (h *handlerCall) code(call []byte) []byte {
	const (
		opElse  = 0x05
		opI32Eq = 0x46
		sigIgn  = 1
	)
	out := appendU32([]byte{opGlobalSet}, h.number)
	out = appendU32(append(out, opGlobalGet), h.number)
	out = append(out, opI32Const, sigIgn, opI32Eq, opIf)
	out = appendS32(out, int32(h.typ))
	out = appendU32(append(out, opCall), h.ignored)
	out = appendU32(append(out, opElse, opGlobalGet), h.number)
	return append(append(out, call...), opEnd)
}
