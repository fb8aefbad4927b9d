package wasmfile

import (
	"slices"

	"github.com/gowasix/gowasix/wasix/abi"
)

// SignalCallback is the export of wasix-libc that takes signals.
const SignalCallback = "__wasm_signal"

// handlerType is the signature of handlers, and of the callback.
var handlerType = Signature{Params: []abi.ValueType{abi.ValueTypeI32}}

// ignoredFunction is asked about handlers that may be SIG_IGN.
var ignoredFunction = Import{HostModule, "signal_ignored", signature(abi.ValueTypeI32, abi.ValueTypeI32)}

// anyFunction is what a handler's call belongs to that is one wherever it occurs.
const anyFunction = ^uint32(0)

// callback returns the function that takes signals and those that it calls: wasm-ld
// wraps it, and the library's default actions may be apart. Without one there are none.
func (d *decoder) callback() []uint32 {
	for _, e := range d.entries {
		if e.name == SignalCallback && d.types[d.funcs[e.function]].equal(handlerType) {
			return append([]uint32{e.function}, e.callees...)
		}
	}
	return nil
}

// indirectCall notes an instruction that may call SIG_IGN, whose address is 1:
// those that call handlers in the callback, and any with a constant 1, since a
// compiler calls functions that there are by their name.
func (d *decoder) indirectCall(start, end int, opcode byte, typ uint32, constant bool) {
	if d.entry != nil {
		d.entry.indirect = true
	}
	if opcode != opCallIndirect || !d.opts.IgnoredSignals || !d.signals || !d.types[typ].equal(handlerType) {
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
	callback := d.callback()
	if d.info.imports(ignoredFunction) { // by an earlier rewrite
		callback = nil
	}
	d.edits = slices.DeleteFunc(d.edits, func(e edit) bool {
		return e.kind == editHandler && (callback == nil || e.value != anyFunction && !slices.Contains(callback, e.value))
	})
}

func (d *decoder) hasHandlers() bool {
	return slices.ContainsFunc(d.edits, func(e edit) bool { return e.kind == editHandler })
}

// sigIgn is the address of SIG_IGN. A function may have it, too.
const sigIgn = 1

// noteElement notes the type of the function in the table at the address of
// SIG_IGN, if function is that one.
func (d *decoder) noteElement(index, function uint32) {
	if index == sigIgn {
		d.sigIgnCallable = d.types[d.funcs[function]].equal(handlerType)
	}
}

// handlerCall is what a call of a handler is replaced by.
type handlerCall struct {
	number, signal uint32 // globals for the operands: the call may be anywhere
	ignored        uint32 // the function asked
	typ            uint32 // of a block that turns a signal into the one to handle
	callable       bool   // there is a handler at the address of SIG_IGN
}

// code makes the indirect call, of number 1 only when that is not SIG_IGN. The
// question may come to further calls: the globals are set after it.
func (h *handlerCall) code(call []byte) []byte {
	const (
		opI32Eq    = 0x46
		blockEmpty = 0x40
	)
	callable := byte(0)
	if h.callable {
		callable = 1
	}
	out := appendU32([]byte{opGlobalSet}, h.number)
	out = appendU32(append(out, opGlobalGet), h.number)
	out = append(out, opI32Const, sigIgn, opI32Eq, opIf)
	out = appendS32(out, int32(h.typ))
	out = appendU32(append(out, opI32Const, callable, opCall), h.ignored)
	out = appendU32(append(out, opI32Const, sigIgn, opGlobalSet), h.number)
	out = appendU32(append(out, opEnd, opGlobalSet), h.signal)
	out = appendU32(append(out, opGlobalGet), h.signal)
	out = appendU32(append(out, opIf, blockEmpty, opGlobalGet), h.signal)
	out = appendU32(append(out, opGlobalGet), h.number)
	return append(append(out, call...), opEnd)
}
