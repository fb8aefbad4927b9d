//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

// #include "bridge.h"
import "C"

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"unsafe"
)

// HostFunc carries out the imported function of the given index. stack has the
// parameters as raw bits, an i32 in the low half, and takes the results; it has
// at least one element. mem is the instance's memory as it is now, nil while
// the start function of a module with a memory of its own runs. Both are
// valid during the call. A non-nil error unwinds the guest and is what [Instance.Call]
// returns; so does a panic, as a [*Panic].
type HostFunc func(index int, mem []byte, stack []uint64) error

// Trap is the end of a guest by its own doing.
type Trap struct {
	Message string // libwasmer's
}

func (t *Trap) Error() string { return "wasm trap: " + t.Message }

// Panic is the panic of a host function.
type Panic struct {
	Value any
	Stack []byte // of the goroutine, as debug.Stack gives it
}

func (p *Panic) Error() string { return fmt.Sprintf("host function panicked: %v", p.Value) }

// Interrupted is the error of a call that [Instance.Interrupt] ended.
type Interrupted struct{}

func (Interrupted) Error() string { return "wasm trap: interrupted" }

// Instance is an instance of a module, for one guest thread: it may be used by
// several goroutines, but only one at a time, except for Interrupt.
type Instance struct {
	module *Module
	memory *Memory // imported; nil without
	host   HostFunc
	handle uint64
	c      *C.cw_instance

	attention *atomic.Uint32 // nil without
	pinner    runtime.Pinner // of attention

	values [][]C.uint64_t // of the calls under way, from the outermost, and spare ones
	depth  int            // how many are under way

	hostError   error // what the host function returned that unwinds the guest
	interrupted atomic.Bool
	closed      atomic.Bool
}

// attend is what Interrupt sets of the word for attention.
const attend = 1 << 31

// Instantiate makes an instance and runs the module's start function. memory is
// nil unless the module imports one; it must be made by the same module. At
// checkpoints (see [Module.SetCheckpoint]) the guest calls the host only while
// attention is not 0, or always when that is nil; Interrupt sets its highest bit,
// which must stay.
// The error is as that of [Instance.Call], or libwasmer's message.
func (m *Module) Instantiate(host HostFunc, memory *Memory, attention *atomic.Uint32) (*Instance, error) {
	if (memory != nil) != (m.memoryImport >= 0) || memory != nil && memory.module != m {
		return nil, fmt.Errorf("wasmer: the memory is not for this module")
	}
	if !m.acquire() {
		return nil, ErrClosed
	}
	if memory != nil && !memory.acquire() {
		m.release()
		return nil, ErrClosed
	}
	in := &Instance{module: m, memory: memory, host: host, attention: attention}
	if !newHandle(in) {
		in.releaseOwners()
		return nil, fmt.Errorf("wasmer: too many instances")
	}
	if attention != nil {
		in.pinner.Pin(attention)
	}
	if err := in.start(); err != nil {
		in.free()
		return nil, err
	}
	return in, nil
}

// free gives back what the instance holds besides itself.
func (in *Instance) free() {
	in.pinner.Unpin()
	freeHandle(in)
	in.releaseOwners()
}

func (in *Instance) start() error {
	m := in.module
	externs := append([]*C.wasm_extern_t{nil}, m.externs...)[1:]
	var cmem *C.wasm_memory_t
	if in.memory != nil {
		cmem = in.memory.memory
		externs[m.memoryImport] = C.wasm_memory_as_extern(cmem)
	}
	var trapped C.bool
	var message *C.char
	in.c = C.cw_instance_new(m.store, m.module, unsafe.SliceData(externs), C.size_t(len(externs)),
		C.uint64_t(in.handle), cmem, C.int(m.memoryExport), C.uintptr_t(uintptr(unsafe.Pointer(in.attention))), &trapped, &message)
	switch {
	case in.c != nil:
		return nil
	case bool(trapped):
		return in.trapError(takeString(message))
	default:
		return takeError(message)
	}
}

func (in *Instance) releaseOwners() {
	if in.memory != nil {
		in.memory.release()
	}
	in.module.release()
}

// Export returns the index of an exported function for [Instance.Call], or of a
// global for Global and SetGlobal.
func (m *Module) Export(name string, kind Kind) (index int, ok bool) {
	i, ok := m.byName[name]
	return i, ok && m.exports[i].Kind == kind
}

// Call calls the exported function of the given index on the current OS thread and
// returns its first result, 0 when it has none. Host functions may call again.
// The error is what a host function returned, a *Trap, a *Panic, or Interrupted.
func (in *Instance) Call(export int, args ...uint64) (uint64, error) {
	ex := &in.module.exports[export]
	if !ex.Callable || len(args) != len(ex.Params) {
		return 0, fmt.Errorf("wasmer: %s cannot be called with %d arguments", ex.Name, len(args))
	}
	if in.closed.Load() {
		return 0, ErrClosed
	}
	if in.interrupted.Load() {
		return 0, Interrupted{}
	}
	values := in.beginCall()
	defer in.endCall()
	for i, arg := range args {
		values[i] = C.uint64_t(arg)
	}
	if message := C.cw_call(in.c, C.uint32_t(export), &ex.signature, &values[0]); message != nil {
		return 0, in.trapError(takeString(message))
	}
	return uint64(values[0]), nil
}

// beginCall returns room for the values of one more call. It is on the heap: the
// goroutine's stack may move while C has a pointer to it.
func (in *Instance) beginCall() []C.uint64_t {
	if in.depth == len(in.values) {
		in.values = append(in.values, make([]C.uint64_t, C.CW_MAX_VALUES))
	}
	in.depth++
	return in.values[in.depth-1]
}

func (in *Instance) endCall() { in.depth-- }

// trapError says why the guest was unwound.
func (in *Instance) trapError(message string) error {
	if err := in.hostError; err != nil {
		in.hostError = nil
		return err
	}
	if in.interrupted.Load() {
		return Interrupted{}
	}
	return &Trap{Message: message}
}

// Global returns the value of the exported global of the given index as raw
// bits, 0 when the instance is closed.
func (in *Instance) Global(export int) uint64 {
	if in.closed.Load() {
		return 0
	}
	return uint64(C.cw_global_get(in.c, C.uint32_t(export)))
}

// SetGlobal sets the exported global of the given index, which must be mutable.
func (in *Instance) SetGlobal(export int, bits uint64) {
	if in.closed.Load() {
		return
	}
	kind := in.module.exports[export].Value
	C.cw_global_set(in.c, C.uint32_t(export), C.uint8_t(kind), C.uint64_t(bits))
}

// Memory returns the memory the instance imports, nil without.
func (in *Instance) Memory() *Memory { return in.memory }

// Bytes returns the instance's memory, imported or exported, as it is now; nil
// when it has none. The slice may be used as long as the instance is open.
func (in *Instance) Bytes() []byte {
	if in.closed.Load() || in.c.memory == nil {
		return nil
	}
	return bytesOf(unsafe.Pointer(in.c.base), in.c.memory)
}

// Grow is [Memory.Grow] for the instance's memory, imported or exported; false
// when it has none. For an exported one it may be called within the instance's own
// host functions only.
func (in *Instance) Grow(pages uint32) (before uint32, ok bool) {
	switch {
	case in.closed.Load() || in.c == nil || in.c.memory == nil:
		return 0, false
	case in.memory != nil:
		return in.memory.Grow(pages)
	}
	return grow(in.c.memory, pages)
}

// Interrupt ends the call in progress with [Interrupted] when the guest next calls a
// host function, or the one it is in returns; later calls end at once. It may be
// called at any time, by any goroutine. A guest that is to be stopped while it
// computes must call a host function now and then.
func (in *Instance) Interrupt() {
	in.interrupted.Store(true)
	if in.attention != nil {
		in.attention.Or(attend)
	}
}

// Close frees the instance. No call may be in progress. It may be closed before or
// after its module and memory.
func (in *Instance) Close() {
	if !in.closed.CompareAndSwap(false, true) {
		return
	}
	C.cw_instance_delete(in.c)
	in.free()
}

// cwasmerHostCall is what the trampolines call. It returns false when the guest
// is to be unwound.
//
//export cwasmerHostCall
func cwasmerHostCall(handle C.uint64_t, index C.uint32_t, stack *C.uint64_t, n C.uint32_t, base *C.char, size C.size_t) (ok C.bool) {
	in := instanceOf(uint64(handle))
	if in == nil {
		return false
	}
	panicked := true
	defer func() {
		if panicked {
			in.hostError = &Panic{Value: recover(), Stack: debug.Stack()}
		}
	}()
	mem := unsafe.Slice((*byte)(unsafe.Pointer(base)), int(size))
	err := in.host(int(index), mem, unsafe.Slice((*uint64)(unsafe.Pointer(stack)), int(n)))
	panicked = false
	if err != nil {
		in.hostError = err
		return false
	}
	return C.bool(!in.interrupted.Load())
}
