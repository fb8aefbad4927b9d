//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	_ "github.com/wasmerio/wasmer-go/wasmer" // brings libwasmer and the linker flags
)

var (
	// ErrClosed is returned for an object that Close was called on.
	ErrClosed = errors.New("wasmer: closed")
	// ErrLibrary is returned when the linked libwasmer lacks functions, or does not
	// turn faults into traps.
	ErrLibrary = errors.New("wasmer: the linked libwasmer is not one that this package knows")
)

// leakyVersion is the libwasmer that leaves its vectors to whom it calls. It
// is the one wasmer-go 1.0.4 brings.
const leakyVersion = "2.0.0"

func init() {
	if C.cw_available() {
		setConforming(Version() != leakyVersion)
	}
}

// ready reports whether the library is as expected, and prepares it.
var ready = sync.OnceValue(func() bool {
	return bool(C.cw_available()) && bool(C.cw_catch_overflow())
})

// setConforming chooses whether host functions treat libwasmer's vectors as the
// C API asks, which is right for every version, or as leakyVersion needs it. It returns the
// choice before.
func setConforming(on bool) bool { return bool(C.cw_set_conforming(C.bool(on))) }

// Version returns the version of the linked libwasmer, such as "2.0.0", or ""
// when it is too old to tell.
func Version() string {
	if !C.cw_available() {
		return ""
	}
	return C.GoString(C.wasmer_version())
}

// Module is a compiled module, with the trampolines of its imported functions.
// All its methods may be called from several goroutines.
type Module struct {
	refs
	engine *C.wasm_engine_t
	store  *C.wasm_store_t
	module *C.wasm_module_t

	imports []Import
	exports []Export
	byName  map[string]int // index in exports

	funcs        []*C.cw_func
	externs      []*C.wasm_extern_t // in the order of imports; nil for the memory
	memoryImport int                // index in imports, or -1
	memoryExport int                // index in exports, or -1
}

// Compile compiles a module. It takes features up to threads (without wait and
// notify), SIMD, bulk memory, reference types and multiple values; imports must be
// functions on numbers and at most one memory. An invalid module gives
// libwasmer's message.
func Compile(wasm []byte) (*Module, error) {
	return newModule(wasm, func(s *C.wasm_store_t, p *C.char, n C.size_t, e **C.char) *C.wasm_module_t {
		return C.cw_module_new(s, p, n, e)
	})
}

// Deserialize returns the module whose [Module.Serialize] gave code. The code is
// run as it is: it must come from a trusted place.
func Deserialize(code []byte) (*Module, error) {
	return newModule(code, func(s *C.wasm_store_t, p *C.char, n C.size_t, e **C.char) *C.wasm_module_t {
		return C.cw_module_deserialize(s, p, n, e)
	})
}

func newModule(data []byte, load func(*C.wasm_store_t, *C.char, C.size_t, **C.char) *C.wasm_module_t) (*Module, error) {
	if !ready() {
		return nil, ErrLibrary
	}
	if len(data) == 0 {
		return nil, errors.New("wasmer: empty module")
	}
	m := &Module{memoryImport: -1, memoryExport: -1}
	m.init(m.delete)
	m.store = C.cw_store_new(&m.engine)
	if m.store == nil {
		m.Close()
		return nil, ErrLibrary
	}
	var message *C.char
	m.module = load(m.store, (*C.char)(unsafe.Pointer(&data[0])), C.size_t(len(data)), &message)
	if m.module == nil {
		m.Close()
		return nil, takeError(message)
	}
	if err := m.describe(); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// Serialize returns the compiled code for [Deserialize]. It suits this version
// of libwasmer and this machine's kind of processor only.
func (m *Module) Serialize() ([]byte, error) {
	if !m.acquire() {
		return nil, ErrClosed
	}
	defer m.release()
	var code C.wasm_byte_vec_t
	var message *C.char
	if !C.cw_module_serialize(m.module, &code, &message) {
		return nil, takeError(message)
	}
	defer C.wasm_byte_vec_delete(&code)
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(code.data)), int(code.size))...), nil
}

// Imports returns the imports in the order of the binary. The caller must not
// change the slice.
func (m *Module) Imports() []Import { return m.imports }

// Exports returns the exports in the order of the binary. The caller must not
// change the slice.
func (m *Module) Exports() []Export { return m.exports }

// SetCheckpoint makes the host function of the given index, which must have neither
// parameters nor results, a checkpoint: instances with a word for attention call it
// only while that is not 0. It must be called before the first Instantiate.
func (m *Module) SetCheckpoint(function int) { m.funcs[function].checkpoint = true }

// Close frees the module, once its instances and memories are closed, too.
func (m *Module) Close() { m.close() }

func (m *Module) delete() {
	for _, f := range m.funcs {
		C.cw_func_delete(f)
	}
	if m.module != nil {
		C.wasm_module_delete(m.module)
	}
	if m.store != nil {
		C.wasm_store_delete(m.store)
	}
	if m.engine != nil {
		C.wasm_engine_delete(m.engine)
	}
}

// takeError turns a message from C, which it frees, into an error.
func takeError(message *C.char) error {
	return fmt.Errorf("wasmer: %s", takeString(message))
}

func takeString(s *C.char) string {
	defer C.free(unsafe.Pointer(s))
	return C.GoString(s)
}
