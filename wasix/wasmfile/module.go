package wasmfile

import (
	"bytes"
	"math"
)

const (
	magicNumber = "\x00asm"
	preamble    = magicNumber + "\x01\x00\x00\x00"
)

// The ids of the sections that a rewrite treats specially.
const (
	sectionCustom   = 0
	sectionType     = 1
	sectionImport   = 2
	sectionFunction = 3
	sectionTable    = 4
	sectionGlobal   = 6
	sectionElement  = 9
	sectionCode     = 10
)

// sections describes the sections by id. They occur in the order given here,
// each at most once, custom ones anywhere.
var sections = [...]struct {
	name   string
	order  int
	decode func(*decoder, *reader)
}{
	sectionCustom:   {"custom", 0, (*decoder).customSection},
	sectionType:     {"type", 1, (*decoder).typeSection},
	sectionImport:   {"import", 2, (*decoder).importSection},
	sectionFunction: {"function", 3, (*decoder).functionSection},
	sectionTable:    {"table", 4, (*decoder).tableSection},
	5:               {"memory", 5, (*decoder).memorySection},
	13:              {"tag", 6, (*decoder).tagSection},
	sectionGlobal:   {"global", 7, (*decoder).globalSection},
	7:               {"export", 8, (*decoder).exportSection},
	8:               {"start", 9, (*decoder).startSection},
	sectionElement:  {"element", 10, (*decoder).elementSection},
	12:              {"data count", 11, (*decoder).dataCountSection},
	sectionCode:     {"code", 12, (*decoder).codeSection},
	11:              {"data", 13, (*decoder).dataSection},
}

// A section is the place of a section's contents in the binary.
type section struct {
	id         byte
	start, end int
}

// A decoder reads a module.
type decoder struct {
	info     Info
	sections []section

	types     []typeDef
	funcs     []uint32 // the type of each function, imported ones first
	imported  int      // how many functions are imported
	bodies    int
	tables    int
	memories  []*MemoryInfo
	globals   []GlobalType // imported ones first
	foreign   int          // how many globals are imported
	tags      int
	segments  int // of data
	dataCount int // what the data count section says, -1 without one

	// What a rewrite may change: flag bytes of shared memories and, if opts ask
	// for edits, places in the code and indices of functions, in the order of
	// the binary.
	opts           RewriteOptions
	shared         []int
	edits          []edit
	calls          bool    // the function at hand calls others
	function       uint32  // the function at hand
	entries        []entry // exports whose calls matter
	entry          *entry  // the function at hand, if it is one of them
	signals        bool    // one takes signals
	unwraps        bool    // exports are to name other functions
	cast           cast
	sigIgnCallable bool    // the table has a handler at the address of SIG_IGN
	futex          [3]bool // which of the futex instructions occur
	wide           bool    // one of them is on another memory than the first, or a 64-bit one
	wideGrow       bool    // a memory.grow is on such a memory
}

// Read decodes a core WebAssembly module, function bodies included, and says
// what it needs. It checks the whole encoding, but types only as far as it must
// to understand it: that is the engine's part. The result shares no memory with
// wasm.
//
// The error wraps [ErrNotWasm], is [ErrComponent], or is a [*FormatError].
func Read(wasm []byte) (*Info, error) {
	d, err := decode(wasm, RewriteOptions{})
	if err != nil {
		return nil, err
	}
	return &d.info, nil
}

func decode(wasm []byte, opts RewriteOptions) (*decoder, error) {
	if err := checkPreamble(wasm); err != nil {
		return nil, err
	}
	d := &decoder{dataCount: -1, opts: opts}
	d.info.Exports = map[string]Signature{}
	d.info.Globals = map[string]GlobalType{}
	r := reader{buf: wasm, pos: len(preamble)}
	order := 0
	for r.more() {
		d.section(&r, &order)
	}
	if r.err == nil {
		d.checkCounts(&r)
	}
	return d, r.err
}

func checkPreamble(wasm []byte) error {
	if !bytes.HasPrefix(wasm, []byte(magicNumber)) || len(wasm) < len(preamble) {
		return notWasm(wasm)
	}
	r := reader{buf: wasm, pos: len(magicNumber)}
	switch version := wasm[len(magicNumber):len(preamble)]; {
	case len(wasm) > math.MaxUint32:
		r.fail(0, "more than 4 GiB")
	case version[2] == 1: // the layer; its version is in the first half
		return ErrComponent
	case string(version) != preamble[len(magicNumber):]:
		r.fail(r.pos, "unknown version % x", version)
	}
	return r.err
}

func (d *decoder) section(r *reader, order *int) {
	at := r.pos
	id := r.byte()
	if int(id) >= len(sections) {
		r.fail(at, "unknown section %d", id)
		return
	}
	s := sections[id]
	size := r.u32()
	if rest := len(r.buf) - r.pos; uint64(size) > uint64(rest) {
		r.section = s.name
		r.fail(at, "%d bytes long, but the file ends after %d", size, rest)
	}
	if id != sectionCustom {
		if s.order <= *order {
			r.fail(at, "%s section is misplaced or occurs twice", s.name)
		}
		*order = s.order
	}
	if r.err != nil {
		return
	}
	contents := r.sub(int(size), s.name)
	d.sections = append(d.sections, section{id, contents.pos, r.pos})
	s.decode(d, &contents)
	if err := contents.finish(); err != nil {
		r.stop(err)
	}
}

// checkCounts compares sections that must agree.
func (d *decoder) checkCounts(r *reader) {
	if n := len(d.funcs) - d.imported; n != d.bodies {
		r.fail(r.pos, "%d functions, but %d bodies", n, d.bodies)
	}
	if d.dataCount >= 0 && d.dataCount != d.segments {
		r.fail(r.pos, "%d data segments announced, but there are %d", d.dataCount, d.segments)
	}
}
