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
	ended       error              // why a host function unwinds the guest
	exports     map[string]*export // those that were called
}

// export is an exported function.
type export struct {
	name            string
	params, results int
	idle            []call // that went well, and are free for the next
}

// call is what one call takes: a function with a stack that no other call uses, and
// the parameters, in whose place it puts the result.
type call struct {
	function api.Function
	values   []uint64
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
	e, err := in.export(export)
	if err != nil {
		return 0, err
	}
	if len(args) != e.params {
		return 0, fmt.Errorf("wazero: %q takes %d arguments, not %d", export, e.params, len(args))
	}
	if in.closed || in.interrupted.Load() {
		return 0, errInterrupted
	}
	c := in.begin(e)
	copy(c.values, args)
	if err := c.function.CallWithStack(in.context, c.values); err != nil {
		return 0, in.failure(err)
	}
	e.idle = append(e.idle, c)
	if e.results == 0 {
		return 0, nil
	}
	return c.values[0], nil
}

// export returns the exported function of that name.
func (in *instance) export(name string) (*export, error) {
	if e := in.exports[name]; e != nil {
		return e, nil
	}
	signature, ok := in.module.info.Exports[name]
	if !ok {
		return nil, fmt.Errorf("wazero: no function %q is exported", name)
	}
	e := &export{name: name, params: len(signature.Params), results: len(signature.Results)}
	in.exports[name] = e
	return e, nil
}

// begin returns what a call of e takes.
func (in *instance) begin(e *export) call {
	if last := len(e.idle) - 1; last >= 0 {
		c := e.idle[last]
		e.idle = e.idle[:last]
		return c
	}
	return call{in.guest.ExportedFunction(e.name), make([]uint64, max(e.params, e.results, 1))}
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
