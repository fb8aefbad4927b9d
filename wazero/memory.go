package wazero

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	wz "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

const (
	pageSize  = 1 << 16
	maxMemory = 1 << 32
)

// memory is a linear memory in address space that is reserved at its full size
// and committed as it grows: it never moves, and what the guest does not touch
// costs nothing. It is the allocator of its own buffer.
type memory struct {
	reserved []byte
	size     atomic.Uint64
	owner    api.Module // exports the memory; nil when the instance itself defines it
	definer  api.Module // the module that defines the memory, whose size it knows
	inUse    atomic.Bool
	close    sync.Once
	err      error // of closing
}

// checkMemory tells whether a module's memory can be made at all.
func checkMemory(m *wasmfile.MemoryInfo, limit uint64) error {
	if m != nil && m.Min > limit/pageSize {
		return fmt.Errorf("wazero: the module needs %d pages of memory, the limit is %d", m.Min, limit/pageSize)
	}
	return nil
}

// newMemory returns a memory of the size that m begins with.
func newMemory(m *wasmfile.MemoryInfo, limit uint64) (*memory, error) {
	mem := new(memory)
	mem.inUse.Store(true)
	if m == nil {
		return mem, nil
	}
	reserved, err := reserve(min(m.Max, limit/pageSize) * pageSize)
	if err != nil {
		return nil, fmt.Errorf("wazero: reserving memory: %w", err)
	}
	mem.reserved = reserved
	if mem.Reallocate(m.Min*pageSize) == nil && m.Min > 0 {
		_ = release(reserved)
		return nil, fmt.Errorf("wazero: no memory for %d pages", m.Min)
	}
	return mem, nil
}

// newImportedMemory returns a memory for instances to import from mem.owner.
func newImportedMemory(p *program, m *wasmfile.MemoryInfo, limit uint64) (*memory, error) {
	mem, err := newMemory(m, limit)
	if err != nil {
		return nil, err
	}
	ctx := experimental.WithMemoryAllocator(context.Background(), mem)
	mem.owner, err = p.runtime.InstantiateModule(ctx, p.memory, anonymous)
	mem.definer = mem.owner
	if err != nil {
		_ = release(mem.reserved)
		return nil, fmt.Errorf("wazero: %w", err)
	}
	return mem, nil
}

// anonymous is the configuration of all instances: a named one could exist only
// once in a runtime.
var anonymous = wz.NewModuleConfig().WithName("").WithStartFunctions()

// Bytes implements [wasix.Memory].
func (m *memory) Bytes() []byte { return m.reserved[:m.size.Load()] }

// Grow implements [wasix.Grower].
func (m *memory) Grow(pages uint32) (before uint32, ok bool) {
	if m.definer == nil {
		return 0, false
	}
	return m.definer.Memory().Grow(pages)
}

// Close implements [wasix.Memory].
func (m *memory) Close() error {
	m.close.Do(func() {
		m.inUse.Store(false)
		if m.owner != nil {
			_ = m.owner.Close(context.Background())
		}
		m.err = release(m.reserved)
		m.size.Store(0)
		m.reserved, m.owner, m.definer = nil, nil, nil
	})
	return m.err
}

// Allocate implements [experimental.MemoryAllocator].
func (m *memory) Allocate(_, _ uint64) experimental.LinearMemory { return m }

// Reallocate implements [experimental.LinearMemory]. wazero serializes calls.
func (m *memory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.reserved)) {
		return nil
	}
	if old := m.size.Load(); size > old {
		if commit(m.reserved[old:size]) != nil {
			return nil
		}
		m.size.Store(size)
	}
	return m.reserved[:size:size]
}

// keepMemory is what Free panics with.
type keepMemory struct{}

// Free implements [experimental.LinearMemory]. wazero frees a memory, and
// forgets its allocator, when any of the instances closes that import it, even
// though other threads run on. The panic makes it do neither.
func (m *memory) Free() {
	if m.inUse.Load() {
		panic(keepMemory{})
	}
}

// closeInstance closes an instance, but not the memory it uses.
func closeInstance(mod api.Module) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(keepMemory); !ok {
				panic(r)
			}
		}
	}()
	return mod.Close(context.Background())
}

// memoryModule is the binary of a module that does nothing but define and
// export a memory as m describes it.
func memoryModule(m *wasmfile.MemoryInfo) []byte {
	const (
		sectionMemory = 5
		sectionExport = 7
		hasMax        = 1
		shared        = 2
		kindMemory    = 2
	)
	limits := []byte{1, hasMax}
	if m.Shared {
		limits[1] |= shared
	}
	limits = appendU32(limits, m.Min)
	limits = appendU32(limits, m.Max)
	export := appendU32([]byte{1}, uint64(len(m.Name)))
	export = append(export, m.Name...)
	export = append(export, kindMemory, 0)
	out := []byte("\x00asm\x01\x00\x00\x00")
	out = append(append(out, sectionMemory, byte(len(limits))), limits...)
	out = appendU32(append(out, sectionExport), uint64(len(export)))
	return append(out, export...)
}
