//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package wasmer

import (
	"errors"
	"fmt"

	cwasmer "github.com/gowasix/gowasix/cgo"
	"github.com/gowasix/gowasix/wasix"
)

// instance is a [wasix.Instance].
type instance struct {
	module *Module
	guest  *cwasmer.Instance
}

// Memory implements [wasix.Instance].
func (in *instance) Memory() wasix.Memory {
	if m := in.guest.Memory(); m != nil {
		return memory{m}
	}
	return ownMemory{in.guest}
}

// HasExport implements [wasix.Instance].
func (in *instance) HasExport(name string) bool {
	_, ok := in.module.info.Exports[name]
	return ok
}

// Call implements [wasix.Instance]. A host function may call its own guest.
func (in *instance) Call(export string, args ...uint64) (uint64, error) {
	return in.call(export, args...)
}

func (in *instance) call(export string, args ...uint64) (uint64, error) {
	index, ok := in.module.code.Export(export, cwasmer.Func)
	if !ok {
		return 0, fmt.Errorf("wasmer: no function %q is exported", export)
	}
	result, err := in.guest.Call(index, args...)
	if err != nil {
		return 0, failure(err)
	}
	return result, nil
}

// failure turns an error of a call into one of [wasix.Instance].
func failure(err error) error {
	var trap *cwasmer.Trap
	var panicked *cwasmer.Panic
	switch {
	case errors.As(err, &trap):
		return &wasix.Trap{Message: trap.Message}
	case errors.As(err, &panicked):
		return &wasix.Trap{Message: fmt.Sprintf("%v\n\n%s", panicked, panicked.Stack)}
	case errors.As(err, new(cwasmer.Interrupted)):
		return &wasix.Trap{Message: "interrupted"}
	}
	return err
}

// Interrupt implements [wasix.Instance].
func (in *instance) Interrupt() { in.guest.Interrupt() }

// Close implements [wasix.Instance].
func (in *instance) Close() error {
	in.guest.Close()
	return nil
}

// Global implements [wasix.Instance].
func (in *instance) Global(name string) wasix.Global {
	typ := in.module.info.Globals[name]
	index, ok := in.module.code.Export(name, cwasmer.Global)
	if !ok || !typ.IsNumber() {
		return nil
	}
	return global{in.guest, index, typ.Mutable}
}

// global is a [wasix.Global]. Setting an immutable one has no effect.
type global struct {
	guest   *cwasmer.Instance
	index   int
	mutable bool
}

// Get returns the value; of one with 32 bits, the upper half is 0.
func (g global) Get() uint64 { return g.guest.Global(g.index) }

// Set implements [wasix.Global].
func (g global) Set(v uint64) {
	if g.mutable {
		g.guest.SetGlobal(g.index, v)
	}
}
