package wazero

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"

	"github.com/gowasix/gowasix/wasix"
)

// instance is a [wasix.Instance].
type instance struct {
	module      *Module
	guest       api.Module
	context     *guestContext
	thread      *wasix.Thread
	memory      *memory
	ownMemory   bool
	interrupted atomic.Bool
	closed      bool
	ended       error                   // why a host function unwinds the guest
	idle        map[string]api.Function // exports that were called and are free for the next call
}

var errInterrupted error = &wasix.Trap{Message: "interrupted"}

// start instantiates the module and runs its start function.
func (in *instance) start(p *program) (err error) {
	in.context = &guestContext{Context: context.Background(), instance: in}
	ctx := experimental.WithImportResolver(in.context, p.resolver(in.memory))
	if in.ownMemory {
		ctx = experimental.WithMemoryAllocator(ctx, in.memory)
	}
	in.guest, err = p.runtime.InstantiateModule(&guestContext{ctx, in}, p.code, anonymous)
	if in.ownMemory {
		in.memory.definer = in.guest
	}
	if err == nil {
		return nil
	}
	if in.ownMemory {
		_ = in.memory.Close()
	}
	return in.failure(err)
}

// Memory implements [wasix.Instance].
func (in *instance) Memory() wasix.Memory { return in.memory }

// HasExport implements [wasix.Instance].
func (in *instance) HasExport(name string) bool {
	_, ok := in.module.info.Exports[name]
	return ok
}

// Call implements [wasix.Instance]. A host function may call its own guest.
func (in *instance) Call(export string, args ...uint64) (uint64, error) {
	signature, ok := in.module.info.Exports[export]
	if !ok {
		return 0, fmt.Errorf("wazero: no function %q is exported", export)
	}
	if len(args) != len(signature.Params) {
		return 0, fmt.Errorf("wazero: %q takes %d arguments, not %d", export, len(signature.Params), len(args))
	}
	if in.closed || in.interrupted.Load() {
		return 0, errInterrupted
	}
	f := in.function(export)
	results, err := f.Call(in.context, args...)
	if err != nil {
		return 0, in.failure(err)
	}
	in.idle[export] = f
	if len(results) == 0 {
		return 0, nil
	}
	return results[0], nil
}

// function returns an exported function with a stack that no call uses. After a
// call that went well it may be used again.
func (in *instance) function(export string) api.Function {
	if f := in.idle[export]; f != nil {
		delete(in.idle, export)
		return f
	}
	return in.guest.ExportedFunction(export)
}

// unwind ends the call into the guest that a host function serves, with err.
func (in *instance) unwind(err error) {
	in.ended = err
	panic(unwinding)
}

// failure turns an error of wazero into one of [wasix.Instance].
func (in *instance) failure(err error) error {
	if exit := (*sys.ExitError)(nil); errors.As(err, &exit) {
		return in.ended
	}
	return &wasix.Trap{Message: strings.TrimPrefix(err.Error(), "wasm error: ")}
}

// Interrupt implements [wasix.Instance].
func (in *instance) Interrupt() { in.interrupted.Store(true) }

// Close implements [wasix.Instance].
func (in *instance) Close() error {
	if in.closed {
		return nil
	}
	in.closed = true
	err := closeInstance(in.guest)
	if in.ownMemory {
		err = errors.Join(err, in.memory.Close())
	}
	return err
}

// Global implements [wasix.Instance].
func (in *instance) Global(name string) wasix.Global {
	if !in.module.info.Globals[name].IsNumber() {
		return nil
	}
	return global{in.guest.ExportedGlobal(name)}
}

// global is a [wasix.Global]. Setting an immutable one has no effect.
type global struct{ api.Global }

// Get returns the value; of one with 32 bits, the upper half is 0.
func (g global) Get() uint64 {
	v := g.Global.Get()
	switch g.Type() {
	case api.ValueTypeI32, api.ValueTypeF32:
		v = uint64(uint32(v))
	}
	return v
}

// Set implements [wasix.Global].
func (g global) Set(v uint64) {
	if m, ok := g.Global.(api.MutableGlobal); ok {
		m.Set(v)
	}
}
