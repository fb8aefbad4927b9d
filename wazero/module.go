package wazero

import (
	"context"
	stdbinary "encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	wz "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// Module is a [wasix.Module]. Its methods may be called concurrently.
type Module struct {
	info        *wasmfile.Info
	memoryLimit uint64
	program     atomic.Pointer[program] // nil when closed
}

// A program is a compiled module and what its instances import. wazero frees
// machine code when nothing refers to it any more, in a finalizer: neither its
// runtimes nor its compiled modules can be closed under open instances.
type program struct {
	runtime wz.Runtime
	code    wz.CompiledModule
	memory  wz.CompiledModule     // exports what code imports as its memory, if it does
	hosts   map[string]api.Module // the system calls that code imports
}

var errModuleClosed = errors.New("wazero: the module is closed")

// compile makes the program of b in a runtime of its own.
func compile(ctx context.Context, b *binary, c wz.CompilationCache) (p *program, err error) {
	p = &program{runtime: newRuntime(ctx, c)}
	if p.code, err = p.runtime.CompileModule(ctx, b.code); err != nil {
		return nil, err
	}
	if m := b.info.Memory; m != nil && m.Imported {
		if p.memory, err = p.runtime.CompileModule(ctx, memoryModule(m)); err != nil {
			return nil, err
		}
	}
	p.hosts, err = instantiateHosts(ctx, p.runtime, b.calls)
	return p, err
}

// Info implements [wasix.Module].
func (m *Module) Info() *wasmfile.Info { return m.info }

// NewMemory implements [wasix.Module]. The error is about memory or address
// space that the system or the limit of the engine refuses.
func (m *Module) NewMemory() (wasix.Memory, error) {
	p := m.program.Load()
	if p == nil {
		return nil, errModuleClosed
	}
	if p.memory == nil {
		return nil, nil
	}
	mem, err := newImportedMemory(p, m.info.Memory, m.memoryLimit)
	if err != nil {
		return nil, err
	}
	return mem, nil
}

// Instantiate implements [wasix.Module]. The error is a [*wasix.Trap] when the
// start function traps or a data segment lies outside memory.
func (m *Module) Instantiate(t *wasix.Thread, mem wasix.Memory) (wasix.Instance, error) {
	p := m.program.Load()
	if p == nil {
		return nil, errModuleClosed
	}
	in := &instance{module: m, thread: t, exports: make(map[string]*export)}
	if p.memory == nil {
		own, err := newMemory(m.info.Memory, m.memoryLimit)
		if err != nil {
			return nil, err
		}
		in.memory, in.ownMemory = own, true
	} else if imported, ok := mem.(*memory); ok && imported.owner != nil {
		in.memory = imported
	} else {
		return nil, fmt.Errorf("wazero: the module imports a memory, which %T is not", mem)
	}
	if err := in.start(p); err != nil {
		return nil, err
	}
	return in, nil
}

// resolver returns where a module's imports come from.
func (p *program) resolver(m *memory) experimental.ImportResolver {
	return func(name string) api.Module {
		if host := p.hosts[name]; host != nil {
			return host
		}
		return m.owner
	}
}

// Close implements [wasix.Module].
func (m *Module) Close() error {
	m.program.Store(nil)
	return nil
}

func appendU32(out []byte, v uint64) []byte { return stdbinary.AppendUvarint(out, v) }
