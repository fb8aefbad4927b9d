//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

// #include "bridge.h"
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

// maxPages is 4 GiB. libwasmer reserves address space for as much at once, so a
// memory grows in place.
const maxPages = 1 << 16

const pageSize = 1 << 16

// Memory is a linear memory that instances of one module import. It never
// moves.
type Memory struct {
	refs
	module *Module
	memory *C.wasm_memory_t
	base   unsafe.Pointer

	growing sync.Mutex
}

// NewMemory makes a memory for instances of m, of min pages of 64 KiB and with
// room for max, at most 65536.
func (m *Module) NewMemory(min, max uint32) (*Memory, error) {
	if min > max || max > maxPages {
		return nil, fmt.Errorf("wasmer: memory limits %d to %d pages", min, max)
	}
	if !m.acquire() {
		return nil, ErrClosed
	}
	var message *C.char
	mem := C.cw_memory_new(m.store, C.uint32_t(min), C.uint32_t(max), &message)
	if mem == nil {
		m.release()
		return nil, takeError(message)
	}
	memory := &Memory{module: m, memory: mem, base: unsafe.Pointer(C.wasm_memory_data(mem))}
	memory.init(memory.delete)
	return memory, nil
}

// Bytes returns the memory as it is now. The slice may be used as long as the memory
// is open; it does not become longer when the memory grows. It is nil when the
// memory is closed.
func (m *Memory) Bytes() []byte {
	if m.closed.Load() {
		return nil
	}
	return bytesOf(m.base, m.memory)
}

// Grow adds pages and returns how many there were, or false if that would exceed the
// maximum. It may be called by several goroutines, and within host functions; a
// guest must not grow the memory at the same time.
func (m *Memory) Grow(pages uint32) (before uint32, ok bool) {
	if m.closed.Load() {
		return 0, false
	}
	m.growing.Lock()
	defer m.growing.Unlock()
	return grow(m.memory, pages)
}

func grow(m *C.wasm_memory_t, pages uint32) (before uint32, ok bool) {
	before = uint32(C.wasm_memory_data_size(m) / pageSize)
	return before, bool(C.wasm_memory_grow(m, C.uint32_t(pages)))
}

// Close frees the memory, once the instances on it are closed, too.
func (m *Memory) Close() { m.close() }

func (m *Memory) delete() {
	C.wasm_memory_delete(m.memory)
	m.module.release()
}

func bytesOf(base unsafe.Pointer, m *C.wasm_memory_t) []byte {
	return unsafe.Slice((*byte)(base), int(C.wasm_memory_data_size(m)))
}
