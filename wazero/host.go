package wazero

import (
	"context"

	wz "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
)

// instantiateHosts makes the modules that calls are imported from, by name.
// Each compiled module has its own, as two binaries may import the same name
// with different signatures.
func instantiateHosts(ctx context.Context, r wz.Runtime, calls []*wasix.Syscall) (map[string]api.Module, error) {
	builders := make(map[string]wz.HostModuleBuilder)
	for _, c := range calls {
		b := builders[c.Module]
		if b == nil {
			b = r.NewHostModuleBuilder(c.Module)
			builders[c.Module] = b
		}
		b.NewFunctionBuilder().
			WithGoFunction(hostFunction{c}, valueTypes(c.Signature.Params), valueTypes(c.Signature.Results)).
			Export(c.Name)
	}
	hosts := make(map[string]api.Module, len(builders))
	for name, b := range builders {
		compiled, err := b.Compile(ctx)
		if err != nil {
			return nil, err
		}
		if hosts[name], err = r.InstantiateModule(ctx, compiled, anonymous); err != nil {
			return nil, err
		}
	}
	return hosts, nil
}

func valueTypes(types []abi.ValueType) []api.ValueType {
	out := make([]api.ValueType, len(types))
	for i, t := range types {
		out[i] = api.ValueType(t)
	}
	return out
}

// hostFunction is a system call as wazero calls it.
type hostFunction struct{ syscall *wasix.Syscall }

// Call implements [api.GoFunction].
func (f hostFunction) Call(ctx context.Context, stack []uint64) {
	in := ctx.(*guestContext).instance
	if err := f.syscall.Call(in.thread, in.memory.Bytes(), stack); err != nil {
		in.unwind(err)
	}
	if in.interrupted.Load() {
		in.unwind(errInterrupted)
	}
}

// unwinding is what a host function panics with to end the guest's call:
// wazero hands on an ExitError as it is.
var unwinding = sys.NewExitError(0)

// guestContext is the context of all calls into a guest. It leads host functions
// to the instance without a look-up, and is never done: wazero would have a
// goroutine watch it.
type guestContext struct {
	context.Context
	instance *instance
}
