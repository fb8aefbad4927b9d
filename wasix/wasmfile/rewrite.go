package wasmfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/gowasix/gowasix/wasix/abi"
)

// HostModule is the module from which rewritten binaries import what takes the
// place of instructions.
const HostModule = "gowasix"

// RewriteOptions says what [Rewrite] changes.
type RewriteOptions struct {
	// Unshare makes shared memories ordinary ones, for an engine that cannot
	// share them. Their limits stay: the engine must allocate the maximum at
	// once, so that the memory never moves under the threads that use it.
	Unshare bool
	// HostFutex makes the futex instructions calls of functions that the host
	// provides in [HostModule]. Each takes the operands of its instruction and
	// the static offset of the address:
	//
	//	memory_atomic_notify(addr i32, count i32, offset i32) -> i32
	//	memory_atomic_wait32(addr i32, expected i32, timeout i64, offset i32) -> i32
	//	memory_atomic_wait64(addr i32, expected i64, timeout i64, offset i32) -> i32
	//
	// Checking bounds and alignment is the functions' part. Only those the
	// binary needs are imported, after its own imports. The name section
	// follows the shifted functions. Custom sections that point into the code,
	// those of debuggers and linkers, are left out.
	HostFutex bool
	// Checkpoints makes the code call a function of [HostModule] now and then,
	// so that the host can act on a guest that computes:
	//
	//	checkpoint()
	//
	// That happens each time a count of loops' turns, and of calls of functions
	// that call others, reaches [CheckpointInterval]. Each instance counts for
	// itself, in a global that the binary does not export.
	Checkpoints bool
	// IgnoredSignals makes signals be ignored for which a program of wasix-libc has
	// the handler SIG_IGN. The library calls that like any other handler, though
	// there is no such function, or another one of the same address. First a
	// function of [HostModule] is asked, which returns the signal when it is to be
	// handled and 0 when not; callable tells whether there is a handler to call:
	//
	//	signal_ignored(signal i32, callable i32) -> i32
	IgnoredSignals bool
	// Unwrap has the exports that a host calls more than once, those for signals and
	// for threads, name the functions of the program where wasm-ld has wrapped them.
	// The wrapper runs constructors before, and after it what main's end runs, which
	// writes what a printf at hand has in its buffer, and calls what atexit was told.
	Unwrap bool
	// Casts makes calls through pointers reach functions of other types than the
	// caller takes them for, as they do on native machines, where such programs
	// were written; WebAssembly has them trap. Arguments too many are dropped,
	// missing ones and results are 0, integers are cut or extended. The calls cost
	// what they did; the binary has a table more for each of their types, and a
	// small function for each of those and each function in the table that is of
	// another. Binaries with several tables, an imported one or one that their code
	// changes stay as they are.
	Casts bool
	// HostGrow makes memory.grow a call of a function of [HostModule], which grows
	// the memory or not, and returns what the instruction does:
	//
	//	memory_grow(pages i32) -> i32
	HostGrow bool
}

// edits reports whether the options ask for more than flags to change.
func (o RewriteOptions) edits() bool {
	return o.HostFutex || o.Checkpoints || o.IgnoredSignals || o.Unwrap || o.Casts || o.HostGrow
}

// The functions for the futex instructions, in the order of their opcodes.
var futexFunctions = [3]Import{
	{HostModule, "memory_atomic_notify", signature(abi.ValueTypeI32, abi.ValueTypeI32, abi.ValueTypeI32)},
	{HostModule, "memory_atomic_wait32", signature(abi.ValueTypeI32, abi.ValueTypeI32, abi.ValueTypeI64, abi.ValueTypeI32)},
	{HostModule, "memory_atomic_wait64", signature(abi.ValueTypeI32, abi.ValueTypeI64, abi.ValueTypeI64, abi.ValueTypeI32)},
}

func signature(params ...abi.ValueType) Signature {
	return Signature{params, []abi.ValueType{abi.ValueTypeI32}}
}

// Rewrite returns the binary with the changes of opts. When there is nothing to
// change it returns wasm itself; it never modifies wasm. Rewriting the result
// again changes nothing.
//
// The error is one of [Read], or wraps [ErrNotRewritable] when instructions are to
// be replaced that address a memory other than the first or one of 64 bits, or when
// casts would take too much.
func Rewrite(wasm []byte, opts RewriteOptions) ([]byte, error) {
	d, err := decode(wasm, opts)
	if err != nil {
		return nil, err
	}
	if opts.Unshare && len(d.shared) > 0 {
		wasm = bytes.Clone(wasm)
		for _, flags := range d.shared {
			wasm[flags] &^= limitShared
		}
	}
	if d.info.imports(checkpointFunction) {
		d.dropCheckpoints()
	}
	d.keepHandlers()
	d.keepCasts()
	d.unwraps = d.unwrap()
	if !d.rewrites() {
		return wasm, nil
	}
	if d.wideGrow {
		return nil, fmt.Errorf("%w: memory.grow of a 64-bit or second memory", ErrNotRewritable)
	}
	if d.wide && opts.HostFutex {
		return nil, fmt.Errorf("%w: memory.atomic.wait or notify on a 64-bit or second memory", ErrNotRewritable)
	}
	w := newRewriter(d, wasm)
	if err := w.adapt(); err != nil {
		return nil, err
	}
	return w.module(), nil
}

// An editKind says what takes the place of some bytes: below editIndex, a call
// of the futex function of that number.
type editKind uint32

const (
	editIndex      editKind = 3 + iota // the index of a function
	editCheckpoint                     // nothing, where a checkpoint goes
	editHandler                        // a call that may be one of SIG_IGN
	editCast                           // a call through the table
	editTailCast                       // the same in the end of a function
	editGrow                           // memory.grow
)

// An edit is a place in the binary where an index of a function is, or one of
// the instructions that are replaced.
type edit struct {
	start, end uint32
	kind       editKind
	value      uint32 // the index, the instruction's offset, the function it is in, or the number of its type
}

type rewriter struct {
	*decoder
	wasm  []byte
	edits []edit // those still ahead

	added []Import
	types []uint32  // the type of each added import
	fresh []Import  // those of them whose type the binary lacks
	index [3]uint32 // of the function for each futex instruction

	counters   []int32 // initial values of the globals that are added
	checkpoint []byte  // the code of one, nil without any
	handler    handlerCall
	adapters   []adapter
	adapterOf  map[adapter]uint32 // their indices
	grow       uint32             // the function for memory.grow
}

func newRewriter(d *decoder, wasm []byte) *rewriter {
	w := &rewriter{decoder: d, wasm: wasm, edits: d.edits}
	for i, used := range d.futex {
		if used && d.opts.HostFutex {
			w.index[i] = w.add(futexFunctions[i])
		}
	}
	if d.hasCheckpoints() {
		w.checkpoint = checkpointCode(w.addGlobal(CheckpointInterval), w.add(checkpointFunction))
	}
	if slices.ContainsFunc(d.edits, isGrow) {
		w.grow = w.add(growFunction)
	}
	if d.hasHandlers() {
		w.handler = handlerCall{
			number: w.addGlobal(0), signal: w.addGlobal(0), ignored: w.add(ignoredFunction),
			typ: w.typeOf(Import{Signature: signature(abi.ValueTypeI32)}), callable: d.sigIgnCallable,
		}
	}
	return w
}

// addGlobal adds a global for a number and returns its index.
func (w *rewriter) addGlobal(initial int32) uint32 {
	w.counters = append(w.counters, initial)
	return uint32(len(w.globals) + len(w.counters) - 1)
}

// add imports one more function and returns its index.
func (w *rewriter) add(f Import) uint32 {
	w.added = append(w.added, f)
	w.types = append(w.types, w.typeOf(f))
	return uint32(w.imported + len(w.added) - 1)
}

// typeOf returns the index of the type of f, which it adds to the binary's if
// need be.
func (w *rewriter) typeOf(f Import) uint32 {
	for i, t := range w.decoder.types {
		if t.isFunc && t.plain && t.equal(f.Signature) {
			return uint32(i)
		}
	}
	w.fresh = append(w.fresh, f)
	return uint32(len(w.decoder.types) + len(w.fresh) - 1)
}

func (s Signature) equal(t Signature) bool {
	return slices.Equal(s.Params, t.Params) && slices.Equal(s.Results, t.Results)
}

func (w *rewriter) module() []byte {
	out := make([]byte, 0, len(w.wasm)+len(w.wasm)/4)
	out = append(out, preamble...)
	var contents []byte
	for _, s := range w.withAdded() {
		size := s.end - s.start
		contents = slices.Grow(contents[:0], size+size/4)
		switch s.id {
		case sectionCustom:
			var keep bool
			if contents, keep = w.custom(contents, s); !keep {
				continue
			}
		case sectionType:
			contents = w.typeSection(contents, s)
		case sectionImport:
			contents = w.importSection(contents, s)
		case sectionFunction:
			contents = w.functionSection(contents, s)
		case sectionTable:
			contents = w.tableSection(contents, s)
		case sectionElement:
			contents = w.elementSection(contents, s)
		case sectionGlobal:
			contents = w.globalSection(contents, s)
		case sectionCode:
			contents = w.codeSection(contents, s)
		default:
			contents = w.splice(contents, s.start, s.end)
		}
		out = append(out, s.id)
		out = appendBytes(out, contents)
	}
	return out
}

// withAdded returns the sections, an empty one where the binary has none for
// what is added.
func (w *rewriter) withAdded() []section {
	all := slices.Clone(w.sections)
	added := []byte{sectionType, sectionImport}
	if len(w.counters) > 0 {
		added = append(added, sectionGlobal)
	}
	for _, id := range added {
		at := 0
		for at < len(all) && sections[all[at].id].order < sections[id].order {
			at++
		}
		if at == len(all) || all[at].id != id {
			all = slices.Insert(all, at, section{id: id})
		}
	}
	return all
}

// vector appends a vector's contents with n more elements announced.
func (w *rewriter) vector(out []byte, s section, n int) []byte {
	r := reader{buf: w.wasm[:s.end], pos: s.start}
	count := 0
	if r.more() {
		count = r.count()
	}
	out = appendU32(out, uint32(count+n))
	return w.splice(out, r.pos, s.end)
}

func (w *rewriter) typeSection(out []byte, s section) []byte {
	out = w.vector(out, s, len(w.fresh))
	for _, f := range w.fresh {
		out = append(out, typeFunc)
		out = appendTypes(out, f.Signature.Params)
		out = appendTypes(out, f.Signature.Results)
	}
	return out
}

func (w *rewriter) importSection(out []byte, s section) []byte {
	out = w.vector(out, s, len(w.added))
	for i, f := range w.added {
		out = appendBytes(out, []byte(f.Module))
		out = appendBytes(out, []byte(f.Name))
		out = append(out, kindFunc)
		out = appendU32(out, w.types[i])
	}
	return out
}

// globalSection appends the globals, and those that are added.
func (w *rewriter) globalSection(out []byte, s section) []byte {
	const isMutable = 1
	out = w.vector(out, s, len(w.counters))
	for _, initial := range w.counters {
		out = append(out, byte(abi.ValueTypeI32), isMutable, opI32Const)
		out = append(appendS32(out, initial), opEnd)
	}
	return out
}

func (w *rewriter) codeSection(out []byte, s section) []byte {
	r := reader{buf: w.wasm[:s.end], pos: s.start}
	out = appendU32(out, r.u32()+uint32(len(w.adapters)))
	var body []byte
	for r.more() {
		size := int(r.u32())
		body = w.splice(body[:0], r.pos, r.pos+size)
		out = appendBytes(out, body)
		r.skip(uint64(size))
	}
	for _, a := range w.adapters {
		out = appendBytes(out, w.body(a))
	}
	return out
}

// splice appends the bytes from start to end with their edits done.
func (w *rewriter) splice(out []byte, start, end int) []byte {
	for len(w.edits) > 0 && int(w.edits[0].start) < end {
		e := w.edits[0]
		w.edits = w.edits[1:]
		if int(e.start) < start { // of an instruction that another edit has replaced
			continue
		}
		out = append(out, w.wasm[start:e.start]...)
		switch e.kind {
		case editIndex:
			out = appendU32(out, e.value+uint32(len(w.added)))
		case editCheckpoint:
			out = append(out, w.checkpoint...)
		case editCast, editTailCast:
			out = w.castCode(out, e)
		case editHandler:
			out = append(out, w.handler.code(w.wasm[e.start:e.end])...)
		case editGrow:
			out = appendU32(append(out, opCall), w.grow)
		default:
			out = append(out, opI32Const)
			out = appendS32(out, int32(e.value))
			out = append(out, opCall)
			out = appendU32(out, w.index[e.kind])
		}
		start = int(e.end)
	}
	return append(out, w.wasm[start:end]...)
}

// custom appends the contents of a custom section, unless they would be wrong
// after the code has moved.
func (w *rewriter) custom(out []byte, s section) (contents []byte, keep bool) {
	r := reader{buf: w.wasm[:s.end], pos: s.start}
	name := r.name()
	if name == "name" {
		names, err := shiftNames(append(out, w.wasm[s.start:r.pos]...), &r, uint32(w.imported), uint32(len(w.added)))
		return names, err == nil
	}
	return append(out, w.wasm[s.start:s.end]...), !pointsIntoCode(name)
}

func pointsIntoCode(customSection string) bool {
	switch customSection {
	case "linking", "sourceMappingURL", "external_debug_info":
		return true
	}
	for _, prefix := range []string{"reloc.", ".debug_", "metadata.code."} {
		if strings.HasPrefix(customSection, prefix) {
			return true
		}
	}
	return false
}

func appendU32(out []byte, v uint32) []byte {
	return binary.AppendUvarint(out, uint64(v))
}

func appendS32(out []byte, v int32) []byte {
	for v < -0x40 || v >= 0x40 {
		out = append(out, byte(v)|0x80)
		v >>= 7
	}
	return append(out, byte(v)&0x7f)
}

func appendBytes(out, b []byte) []byte {
	return append(appendU32(out, uint32(len(b))), b...)
}

func appendTypes(out []byte, types []abi.ValueType) []byte {
	out = appendU32(out, uint32(len(types)))
	for _, t := range types {
		out = append(out, byte(t))
	}
	return out
}
