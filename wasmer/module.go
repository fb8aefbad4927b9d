//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package wasmer

import (
	"fmt"
	"slices"

	cwasmer "github.com/gowasix/gowasix/cgo"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// Module is a [wasix.Module]. Its methods may be called concurrently.
type Module struct {
	info      *wasmfile.Info
	code      *cwasmer.Module
	calls     []*wasix.Syscall
	callStart bool
	maxPages  uint32
}

func newModule(b *binary, code *cwasmer.Module, memoryLimit uint64) *Module {
	if i := slices.IndexFunc(b.calls, isCheckpoint); i >= 0 {
		code.SetCheckpoint(i)
	}
	return &Module{info: b.info, code: code, calls: b.calls, callStart: b.callStart,
		maxPages: uint32(memoryLimit / pageSize)}
}

// isCheckpoint reports whether the guest makes the call only to be stopped.
func isCheckpoint(c *wasix.Syscall) bool {
	return c.Module == wasmfile.HostModule && c.Name == "checkpoint"
}

// Info implements [wasix.Module].
func (m *Module) Info() *wasmfile.Info { return m.info }

// NewMemory implements [wasix.Module]. The memory takes 6 GiB of address space. The
// error is about address space that the system refuses.
func (m *Module) NewMemory() (wasix.Memory, error) {
	mem := m.info.Memory
	if mem == nil || !mem.Imported {
		return nil, nil
	}
	made, err := m.code.NewMemory(uint32(mem.Min), min(uint32(mem.Max), m.maxPages))
	if err != nil {
		return nil, err
	}
	return memory{made}, nil
}

// Instantiate implements [wasix.Module]. The error is a [*wasix.Trap] when the
// start function traps, or libwasmer's own, as when a data segment lies outside
// memory.
func (m *Module) Instantiate(t *wasix.Thread, mem wasix.Memory) (wasix.Instance, error) {
	imported, ok := mem.(memory)
	if mem != nil && !ok {
		return nil, fmt.Errorf("wasmer: a memory of another engine, %T", mem)
	}
	t.BindOSThread()
	in := &instance{module: m}
	var err error
	in.guest, err = m.code.Instantiate(func(index int, mem []byte, stack []uint64) error {
		return m.calls[index].Call(t, mem, stack)
	}, imported.Memory, t.Attention())
	if err != nil {
		return nil, failure(err)
	}
	if m.callStart {
		if _, err := in.call(startExport); err != nil {
			_ = in.Close()
			return nil, err
		}
	}
	return in, nil
}

// Close implements [wasix.Module].
func (m *Module) Close() error {
	m.code.Close()
	return nil
}

// memory is the memory that a process's instances import.
type memory struct{ *cwasmer.Memory }

// Close implements [wasix.Memory].
func (m memory) Close() error {
	m.Memory.Close()
	return nil
}

// ownMemory is the memory an instance exports, or an empty one.
type ownMemory struct{ guest *cwasmer.Instance }

func (m ownMemory) Bytes() []byte { return m.guest.Bytes() }
func (m ownMemory) Close() error  { return nil }

// Grow implements [wasix.Grower].
func (m ownMemory) Grow(pages uint32) (before uint32, ok bool) { return m.guest.Grow(pages) }
