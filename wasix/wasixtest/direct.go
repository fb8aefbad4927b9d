package wasixtest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// Direct returns an engine that runs no code. It takes the modules that
// [Passthrough] makes, also with the threads that [RunSockets] gives them, and
// carries out their system calls on memory of the Go heap: fast, and nothing but
// package wasix takes part.
func Direct() wasix.Engine { return direct{} }

type direct struct{}

func (direct) Name() string { return "direct" }
func (direct) Close() error { return nil }

func (direct) Compile(_ context.Context, wasm []byte) (wasix.Module, error) {
	info, err := wasmfile.Read(wasm)
	if err != nil {
		return nil, err
	}
	linked, err := wasix.Link(info)
	if err != nil {
		return nil, err
	}
	m := &directModule{info: info, calls: make(map[string]*wasix.Syscall)}
	for _, c := range linked {
		m.calls[c.Name] = c
	}
	for export := range info.Exports {
		if m.calls[export] == nil && export != threadStart {
			return nil, fmt.Errorf("direct: %s is not the name of an import", export)
		}
	}
	return m, nil
}

type directModule struct {
	info  *wasmfile.Info
	calls map[string]*wasix.Syscall // by export
}

func (m *directModule) Info() *wasmfile.Info { return m.info }
func (m *directModule) Close() error         { return nil }

// NewMemory makes the memory that a module imports.
func (m *directModule) NewMemory() (wasix.Memory, error) {
	if m.info.Memory == nil || !m.info.Memory.Imported {
		return nil, nil
	}
	return m.memory(), nil
}

func (m *directModule) memory() directMemory {
	if m.info.Memory == nil {
		return nil
	}
	return make(directMemory, m.info.Memory.Min*pageSize)
}

func (m *directModule) Instantiate(t *wasix.Thread, imported wasix.Memory) (wasix.Instance, error) {
	memory, ok := imported.(directMemory)
	if !ok {
		memory = m.memory()
	}
	return &directInstance{module: m, thread: t, memory: memory}, nil
}

type directMemory []byte

func (m directMemory) Bytes() []byte { return m }
func (m directMemory) Close() error  { return nil }

type directInstance struct {
	module      *directModule
	thread      *wasix.Thread
	memory      directMemory
	interrupted atomic.Bool
}

func (in *directInstance) Memory() wasix.Memory       { return in.memory }
func (in *directInstance) Global(string) wasix.Global { return nil }
func (in *directInstance) Interrupt()                 { in.interrupted.Store(true) }
func (in *directInstance) Close() error               { return nil }

func (in *directInstance) HasExport(name string) bool {
	_, ok := in.module.info.Exports[name]
	return ok
}

var errDirect = errors.New("direct: no such export, or another number of arguments")

// Call carries out a system call. A panic below it is a trap, as in an engine.
func (in *directInstance) Call(export string, args ...uint64) (result uint64, err error) {
	if export == threadStart && len(args) == 2 {
		return 0, in.runThread(uint32(args[1]))
	}
	c := in.module.calls[export]
	if c == nil || len(args) != len(c.Signature.Params) {
		return 0, errDirect
	}
	defer func() {
		if r := recover(); r != nil {
			err = &wasix.Trap{Message: fmt.Sprint(r)}
		}
	}()
	stack := make([]uint64, max(len(args), 1))
	copy(stack, args)
	if err := c.Call(in.thread, in.memory, stack); err != nil {
		return 0, err
	}
	if in.interrupted.Load() {
		return 0, &wasix.Trap{Message: "interrupted"}
	}
	return stack[0], nil
}
