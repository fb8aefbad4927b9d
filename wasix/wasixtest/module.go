package wasixtest

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// Module is a WebAssembly module to be written as a binary: as much of the
// format as tests of engines and system calls need.
type Module struct {
	Imports   []wasmfile.Import    // functions; the first is function 0
	Memory    *wasmfile.MemoryInfo // nil for none
	Exception bool                 // whether there is one, without values, of number 0
	Globals   []Global
	Functions []Function // numbered after the imports
	Table     []int      // the numbers of functions, as a table holds them
	Start     string     // the export that is the start function, if any
	Data      []Data
}

// Global is a global variable with an integer as its initial value; one that is a
// reference is null.
type Global struct {
	Export  string // the name it is exported under, if it is
	Type    abi.ValueType
	Mutable bool
	Value   int64
}

// Function is a function of a module.
type Function struct {
	Export    string // the name it is exported under, if it is
	Signature wasmfile.Signature
	Locals    []abi.ValueType // beyond the parameters
	Body      []byte          // instructions, without the last end
}

// Data is what memory holds at the beginning.
type Data struct {
	Offset uint32
	Bytes  []byte
}

// Passthrough returns a module that imports the given system calls and exports
// for each a function of the same name and signature that does nothing but call
// it. It has a memory of the given number of pages, which neither grows nor is
// shared, exported as "memory". Of calls with the same name, the first counts.
func Passthrough(pages uint64, calls ...*wasix.Syscall) *Module {
	m := &Module{Memory: &wasmfile.MemoryInfo{Export: "memory", Min: pages, Max: pages, HasMax: true}}
	exported := make(map[string]bool)
	for _, c := range calls {
		if exported[c.Name] {
			continue
		}
		exported[c.Name] = true
		var body []byte
		for i := range c.Signature.Params {
			body = append(body, LocalGet(uint32(i))...)
		}
		body = append(body, Call(uint32(len(m.Imports)))...)
		m.Imports = append(m.Imports, wasmfile.Import{Module: c.Module, Name: c.Name, Signature: c.Signature})
		m.Functions = append(m.Functions, Function{Export: c.Name, Signature: c.Signature, Body: body})
	}
	return m
}

const pageSize = 1 << 16

// The sections, in the order of the format, and the kinds of exports.
const (
	sectionType     = 1
	sectionImport   = 2
	sectionFunction = 3
	sectionTable    = 4
	sectionMemory   = 5
	sectionGlobal   = 6
	sectionExport   = 7
	sectionStart    = 8
	sectionElement  = 9
	sectionCode     = 10
	sectionData     = 11
	sectionTag      = 13 // between memory and globals

	kindFunction = 0
	kindMemory   = 2
	kindGlobal   = 3
)

// Binary returns the module in the binary format. It does not check it.
func (m *Module) Binary() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	out = section(out, sectionType, m.types())
	out = section(out, sectionImport, m.imports())
	var types [][]byte
	for i := range m.Functions {
		types = append(types, u32(len(m.Imports)+i))
	}
	out = section(out, sectionFunction, types)
	out = section(out, sectionTable, m.tables())
	if m.Memory != nil && !m.Memory.Imported {
		out = section(out, sectionMemory, [][]byte{limits(m.Memory)})
	}
	if m.Exception {
		out = section(out, sectionTag, [][]byte{cat([]byte{0}, u32(len(m.Imports)+len(m.Functions)))})
	}
	out = section(out, sectionGlobal, m.globals())
	out = section(out, sectionExport, m.exports())
	if m.Start != "" {
		start := u32(m.function(m.Start))
		out = append(out, sectionStart, byte(len(start)))
		out = append(out, start...)
	}
	out = section(out, sectionElement, m.elements())
	out = section(out, sectionCode, m.code())
	return section(out, sectionData, m.data())
}

// types has one type for each function, imported ones first, and that of the exception.
func (m *Module) types() [][]byte {
	var types [][]byte
	for _, im := range m.Imports {
		types = append(types, functionType(im.Signature))
	}
	for _, f := range m.Functions {
		types = append(types, functionType(f.Signature))
	}
	if m.Exception {
		types = append(types, functionType(wasmfile.Signature{}))
	}
	return types
}

func functionType(s wasmfile.Signature) []byte {
	const function = 0x60
	return cat([]byte{function}, valueTypes(s.Params), valueTypes(s.Results))
}

func valueTypes(types []abi.ValueType) []byte {
	out := u32(len(types))
	for _, t := range types {
		out = append(out, byte(t))
	}
	return out
}

func (m *Module) imports() [][]byte {
	var imports [][]byte
	for i, im := range m.Imports {
		imports = append(imports, cat(sized([]byte(im.Module)), sized([]byte(im.Name)), []byte{kindFunction}, u32(i)))
	}
	if mem := m.Memory; mem != nil && mem.Imported {
		imports = append(imports, cat(sized([]byte(mem.Module)), sized([]byte(mem.Name)), []byte{kindMemory}, limits(mem)))
	}
	return imports
}

func limits(m *wasmfile.MemoryInfo) []byte {
	const hasMax, shared = 1, 2
	var flags byte
	if m.Shared {
		flags |= shared
	}
	if !m.HasMax {
		return cat([]byte{flags}, u32(int(m.Min)))
	}
	return cat([]byte{flags | hasMax}, u32(int(m.Min)), u32(int(m.Max)))
}

func (m *Module) globals() [][]byte {
	const refNull = 0xd0
	var globals [][]byte
	for _, g := range m.Globals {
		value := I32Const(int32(g.Value))
		switch g.Type {
		case abi.ValueTypeI64:
			value = I64Const(g.Value)
		case abi.ValueTypeFuncref, abi.ValueTypeExternref:
			value = []byte{refNull, byte(g.Type)}
		}
		var mutable byte
		if g.Mutable {
			mutable = 1
		}
		globals = append(globals, cat([]byte{byte(g.Type), mutable}, value, End))
	}
	return globals
}

func (m *Module) exports() [][]byte {
	var exports [][]byte
	add := func(name string, kind byte, index int) {
		if name != "" {
			exports = append(exports, cat(sized([]byte(name)), []byte{kind}, u32(index)))
		}
	}
	if m.Memory != nil {
		add(m.Memory.Export, kindMemory, 0)
	}
	for i, g := range m.Globals {
		add(g.Export, kindGlobal, i)
	}
	for i, f := range m.Functions {
		add(f.Export, kindFunction, len(m.Imports)+i)
	}
	return exports
}

func (m *Module) tables() [][]byte {
	const funcref, noMax = 0x70, 0
	if m.Table == nil {
		return nil
	}
	return [][]byte{cat([]byte{funcref, noMax}, u32(len(m.Table)))}
}

func (m *Module) elements() [][]byte {
	if m.Table == nil {
		return nil
	}
	segment := cat(u32(0), I32Const(0), End, u32(len(m.Table)))
	for _, function := range m.Table {
		segment = append(segment, u32(function)...)
	}
	return [][]byte{segment}
}

// function returns the number of an exported function.
func (m *Module) function(export string) int {
	for i, f := range m.Functions {
		if f.Export == export {
			return len(m.Imports) + i
		}
	}
	panic("wasixtest: no function " + export)
}

func (m *Module) code() [][]byte {
	var bodies [][]byte
	for _, f := range m.Functions {
		locals := u32(len(f.Locals))
		for _, t := range f.Locals {
			locals = append(locals, 1, byte(t))
		}
		bodies = append(bodies, sized(cat(locals, f.Body, End)))
	}
	return bodies
}

func (m *Module) data() [][]byte {
	var segments [][]byte
	for _, d := range m.Data {
		segments = append(segments, cat(u32(0), I32Const(int32(d.Offset)), End, sized(d.Bytes)))
	}
	return segments
}

// section appends a section that is a vector of items, unless there are none.
func section(out []byte, id byte, items [][]byte) []byte {
	if len(items) == 0 {
		return out
	}
	contents := cat(append([][]byte{u32(len(items))}, items...)...)
	return append(append(out, id), sized(contents)...)
}

func u32(n int) []byte { return binary.AppendUvarint(nil, uint64(uint32(n))) }

func sized(b []byte) []byte { return cat(u32(len(b)), b) }
