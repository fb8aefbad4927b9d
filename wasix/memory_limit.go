package wasix

import (
	"errors"
	"math"
	"sync/atomic"
)

// wasmPageSize is the unit in which memories grow.
const wasmPageSize = 64 << 10

// hugeGrowth is what a guest must ask for at once to get large pages, of which it
// would otherwise leave much unused.
const hugeGrowth = 8 << 20

var errMemoryLimit = errors.New("wasix: too much memory in the tree")

// memoryBudget is what the memories of all processes of a tree may take together,
// by their size, not by what of it is in use.
type memoryBudget struct {
	limit uint64 // bytes
	used  atomic.Uint64
}

func newMemoryBudget(limit uint64) *memoryBudget {
	if limit == 0 {
		limit = math.MaxUint64
	}
	return &memoryBudget{limit: limit}
}

// take takes n bytes, or nothing when there are less left.
func (b *memoryBudget) take(n uint64) bool {
	for {
		used := b.used.Load()
		if n > b.limit-used {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

func (b *memoryBudget) giveBack(n uint64) { b.used.Add(-n) }

// memoryCharge is what one image has taken of the budget.
type memoryCharge struct {
	budget *memoryBudget
	bytes  atomic.Uint64
}

// add takes n more bytes of the budget. Returns false when there are less left.
func (c *memoryCharge) add(n uint64) bool {
	if !c.budget.take(n) {
		return false
	}
	c.bytes.Add(n)
	return true
}

// remove gives back n of the bytes.
func (c *memoryCharge) remove(n uint64) {
	c.bytes.Add(-n)
	c.budget.giveBack(n)
}

// close gives back everything.
func (c *memoryCharge) close() { c.budget.giveBack(c.bytes.Swap(0)) }

// replace takes n bytes in the place of those of old, which is about to end: only
// what is more has to be there. Returns false, and changes nothing, when it is not.
func (c *memoryCharge) replace(old *memoryCharge, n uint64) bool {
	for {
		had := old.bytes.Load()
		over := min(had, n)
		if !old.bytes.CompareAndSwap(had, had-over) {
			continue
		}
		if !c.budget.take(n - over) {
			old.bytes.Add(over)
			return false
		}
		c.bytes.Add(n)
		return true
	}
}

// memoryGrow is what memory.grow calls in its place: makes the memory larger by
// a number of pages and returns how many there were, or -1 when that would exceed
// the memory's maximum or [Cmd.MaxMemory].
func memoryGrow(t *Thread, stack []uint64) {
	before, ok := t.growMemory(uint32(stack[0]))
	if !ok {
		before = math.MaxUint32
	}
	stack[0] = uint64(before)
}

// growMemory adds pages to the memory of the process and returns how many there
// were. Returns false when it cannot grow, as in a module's start function that
// has a memory of its own.
func (t *Thread) growMemory(pages uint32) (before uint32, ok bool) {
	memory := t.proc.memory
	if memory == nil && t.instance != nil {
		memory = t.instance.Memory()
	}
	g, ok := memory.(Grower)
	bytes := uint64(pages) * wasmPageSize
	if !ok || !t.proc.charge.add(bytes) {
		return 0, false
	}
	if before, ok = g.Grow(pages); !ok {
		t.proc.charge.remove(bytes)
		return 0, false
	}
	if bytes >= hugeGrowth {
		adviseHuge(memory.Bytes()[uint64(before)*wasmPageSize:][:bytes])
	}
	return before, true
}
