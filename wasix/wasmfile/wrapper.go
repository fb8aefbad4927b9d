package wasmfile

import "slices"

// startExport is the export of a program that runs main.
const startExport = "_start"

// repeatedExports are those that a host calls more than once.
var repeatedExports = []string{SignalCallback, "wasi_thread_start", "_start_thread"}

// An entry is an export that the host calls, of which it matters what it calls.
type entry struct {
	name     string
	function uint32
	at       int      // where its index stands
	callees  []uint32 // in their order
	indirect bool     // it calls others through the table
}

// noteEntry remembers an export whose calls are to be noted.
func (d *decoder) noteEntry(name string, function uint32, at int) {
	if (d.opts.Unwrap || d.opts.IgnoredSignals) && (name == startExport || slices.Contains(repeatedExports, name)) {
		d.entries = append(d.entries, entry{name: name, function: function, at: at})
		d.signals = d.signals || name == SignalCallback
	}
}

// entryOf returns the entry that a function is, or nil.
func (d *decoder) entryOf(function uint32) *entry {
	for i := range d.entries {
		if d.entries[i].function == function {
			return &d.entries[i]
		}
	}
	return nil
}

// noteCall remembers what an entry calls.
func (d *decoder) noteCall(callee uint32) {
	if d.entry != nil {
		d.entry.callees = append(d.entry.callees, callee)
	}
}

// unwrap has exports name what wasm-ld has wrapped, and reports whether there were any.
func (d *decoder) unwrap() (any bool) {
	if !d.opts.Unwrap {
		return false
	}
	for _, e := range d.entries {
		inner, ok := d.wrapped(e)
		if !ok || e.name == startExport {
			continue
		}
		i, found := slices.BinarySearchFunc(d.edits, uint32(e.at), func(e edit, at uint32) int { return int(e.start) - int(at) })
		if found {
			d.edits[i].value = inner
			any = true
		}
	}
	return any
}

// wrapped returns the function that an entry wraps: it calls the constructors,
// if there are any, the function, and the destructors, which end main's wrapper, too.
func (d *decoder) wrapped(e entry) (inner uint32, ok bool) {
	n := len(e.callees)
	if e.indirect || n < 2 || n > 3 || e.callees[n-1] != d.destructors() {
		return 0, false
	}
	inner = e.callees[n-2]
	plain := inner >= uint32(d.imported) && d.sameType(d.funcs[inner], d.funcs[e.function])
	return inner, plain && (n == 2 || d.takesNothing(e.callees[0]))
}

// destructors returns the function that main's wrapper ends with, or one that is
// no function.
func (d *decoder) destructors() uint32 {
	for _, e := range d.entries {
		if n := len(e.callees); e.name == startExport && n > 0 && d.takesNothing(e.callees[n-1]) {
			return e.callees[n-1]
		}
	}
	return ^uint32(0)
}

// takesNothing reports whether a function of the binary has neither parameters nor results.
func (d *decoder) takesNothing(function uint32) bool {
	return function >= uint32(d.imported) && d.types[d.funcs[function]].equal(Signature{})
}
