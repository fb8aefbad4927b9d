//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

// #include "bridge.h"
import "C"

import (
	"fmt"
	"unsafe"
)

// Kind is what an import or export is.
type Kind uint8

// The kinds, numbered as in the C API.
const (
	Func Kind = iota
	Global
	Table
	MemoryKind
)

func (k Kind) String() string {
	return [...]string{"function", "global", "table", "memory"}[k]
}

// ValueType is the type of a parameter, result or global, numbered as in the C
// API.
type ValueType uint8

// The number types.
const (
	I32 ValueType = iota
	I64
	F32
	F64
)

// Import is an import of a module.
type Import struct {
	Module, Name string
	Kind         Kind
	// Index is the function's number among the imported functions, by which a
	// [HostFunc] is told which one was called.
	Index int
	// Min and Max are a memory's limits, in pages of 64 KiB. Max is 2^32-1 for
	// none.
	Min, Max uint32
	// Params and Results are a function's type.
	Params, Results []ValueType
}

// Export is an export of a module.
type Export struct {
	Name string
	Kind Kind
	// Callable says that a function has numbers only for parameters and
	// results, and at most 32 of each.
	Callable bool
	// Params and Results are a function's type when Callable.
	Params, Results []ValueType
	// Value and Mutable are a global's type.
	Value   ValueType
	Mutable bool

	signature C.cw_signature
}

// describe reads the module's imports, makes the functions, and reads the
// exports.
func (m *Module) describe() error {
	if err := m.readImports(); err != nil {
		return err
	}
	m.readExports()
	return nil
}

func (m *Module) readImports() error {
	var vec C.wasm_importtype_vec_t
	C.wasm_module_imports(m.module, &vec)
	defer C.wasm_importtype_vec_delete(&vec)
	for i, t := range unsafe.Slice(vec.data, int(vec.size)) {
		im := Import{
			Module: nameString(C.wasm_importtype_module(t)),
			Name:   nameString(C.wasm_importtype_name(t)),
			Kind:   Kind(C.wasm_externtype_kind(C.wasm_importtype_type(t))),
		}
		extern, err := m.bind(&im, i, C.wasm_importtype_type(t))
		if err != nil {
			return fmt.Errorf("wasmer: import %s.%s: %w", im.Module, im.Name, err)
		}
		m.imports = append(m.imports, im)
		m.externs = append(m.externs, extern)
	}
	return nil
}

// bind describes import number i and makes what stands in for it; a memory
// comes with the instance.
func (m *Module) bind(im *Import, i int, t *C.wasm_externtype_t) (*C.wasm_extern_t, error) {
	switch im.Kind {
	case Func:
		return m.bindFunc(im, C.wasm_externtype_as_functype_const(t))
	case MemoryKind:
		if m.memoryImport >= 0 {
			return nil, fmt.Errorf("a second memory is not supported")
		}
		m.memoryImport = i
		limits := C.wasm_memorytype_limits(C.wasm_externtype_as_memorytype_const(t))
		im.Min, im.Max = uint32(limits.min), uint32(limits.max)
		return nil, nil
	default:
		return nil, fmt.Errorf("an imported %s is not supported", im.Kind)
	}
}

func (m *Module) bindFunc(im *Import, t *C.wasm_functype_t) (*C.wasm_extern_t, error) {
	var s C.cw_signature
	if !C.cw_signature_of(t, &s) {
		return nil, fmt.Errorf("more than %d values, or values other than numbers", C.CW_MAX_VALUES)
	}
	im.Index = len(m.funcs)
	im.Params, im.Results = valueTypes(s.params[:s.nparams]), valueTypes(s.results[:s.nresults])
	f := C.cw_func_new(m.store, t, C.uint32_t(im.Index))
	m.funcs = append(m.funcs, f)
	return C.wasm_func_as_extern(f._func), nil
}

func (m *Module) readExports() {
	var vec C.wasm_exporttype_vec_t
	C.wasm_module_exports(m.module, &vec)
	defer C.wasm_exporttype_vec_delete(&vec)
	m.byName = make(map[string]int, int(vec.size))
	for i, t := range unsafe.Slice(vec.data, int(vec.size)) {
		ex := Export{Name: nameString(C.wasm_exporttype_name(t))}
		ex.describe(C.wasm_exporttype_type(t))
		if ex.Kind == MemoryKind && m.memoryExport < 0 {
			m.memoryExport = i
		}
		m.exports = append(m.exports, ex)
		m.byName[ex.Name] = i
	}
}

func (ex *Export) describe(t *C.wasm_externtype_t) {
	ex.Kind = Kind(C.wasm_externtype_kind(t))
	switch ex.Kind {
	case Func:
		s := &ex.signature
		ex.Callable = bool(C.cw_signature_of(C.wasm_externtype_as_functype_const(t), s))
		if ex.Callable {
			ex.Params, ex.Results = valueTypes(s.params[:s.nparams]), valueTypes(s.results[:s.nresults])
		}
	case Global:
		g := C.wasm_externtype_as_globaltype_const(t)
		ex.Value = ValueType(C.wasm_valtype_kind(C.wasm_globaltype_content(g)))
		ex.Mutable = C.wasm_globaltype_mutability(g) != 0
	}
}

func valueTypes(kinds []C.uint8_t) []ValueType {
	types := make([]ValueType, len(kinds))
	for i, k := range kinds {
		types[i] = ValueType(k)
	}
	return types
}

func nameString(name *C.wasm_byte_vec_t) string {
	return C.GoStringN(name.data, C.int(name.size))
}
