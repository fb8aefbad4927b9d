package wazero_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/gowasix/gowasix/wasix"
	. "github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
	"github.com/gowasix/gowasix/wazero"
)

// growing has a memory and exports size() and store(addr).
func growing(m *wasmfile.MemoryInfo) *Module {
	return &Module{Memory: m, Functions: []Function{
		{Export: "size", Signature: toI32, Body: MemorySize},
		{Export: "store", Signature: fromI32, Body: Body(LocalGet(0), I32Const(1), I32Store(0))},
	}}
}

// grow adds pages to the memory of an instance, as package wasix does for
// memory.grow, and returns how many there were, or -1.
func grow(in wasix.Instance, pages uint32) int {
	before, ok := in.Memory().(wasix.Grower).Grow(pages)
	if !ok {
		return -1
	}
	return int(before)
}

const pageSize = 1 << 16

func TestMemoryGrows(t *testing.T) {
	for name, info := range map[string]*wasmfile.MemoryInfo{
		"shared":   sharedMemory(1, 100),
		"unshared": {Imported: true, Module: "env", Name: "memory", Min: 1, Max: 100, HasMax: true},
		"own":      ownMemory(1, 100),
	} {
		t.Run(name, func(t *testing.T) {
			m := newModule(t, growing(info), wazero.WithMemoryLimit(50*pageSize))
			in := newInstance(t, m, newProcessMemory(t, m))
			before := in.Memory().Bytes()
			if len(before) != pageSize {
				t.Fatalf("%d bytes at first", len(before))
			}
			if got := grow(in, 49); got != 1 {
				t.Fatalf("growing to the limit: %d", got)
			}
			mustCall(t, in, "store", 50*pageSize-4)
			after := in.Memory().Bytes()
			if len(after) != 50*pageSize || after[50*pageSize-4] != 1 {
				t.Errorf("%d bytes after growing", len(after))
			}
			if unsafe.SliceData(before) != unsafe.SliceData(after) {
				t.Error("the memory has moved")
			}
			if got := grow(in, 1); got != -1 {
				t.Errorf("growing past the limit: %d", got)
			}
			if got := mustCall(t, in, "size"); got != 50 {
				t.Errorf("the guest sees %d pages", got)
			}
		})
	}
}

// TestMemoryOutlivesThread closes one of two instances on the same memory; the
// other still uses it, and makes it grow.
func TestMemoryOutlivesThread(t *testing.T) {
	m := newModule(t, growing(sharedMemory(1, 100)))
	mem := newProcessMemory(t, m)
	first, second := newInstance(t, m, mem), newInstance(t, m, mem)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if got := grow(second, 9); got != 1 {
		t.Fatalf("grow: %d", got)
	}
	mustCall(t, second, "store", 10*pageSize-4)
	if b := mem.Bytes(); len(b) != 10*pageSize || b[10*pageSize-4] != 1 {
		t.Errorf("the host sees %d bytes", len(b))
	}
	third := newInstance(t, m, mem)
	if got := mustCall(t, third, "size"); got != 10 {
		t.Errorf("a later thread sees %d pages", got)
	}
}

// TestMemoryGrowsOnThreads has several threads grow one memory for their instances, each by one
// page at a time, while the host looks at it.
func TestMemoryGrowsOnThreads(t *testing.T) {
	const threads, turns = 4, 50
	m := newModule(t, growing(sharedMemory(1, 1+threads*turns)))
	mem := newProcessMemory(t, m)
	instances := make([]wasix.Instance, threads)
	for i := range instances {
		instances[i] = newInstance(t, m, mem)
	}
	var wg sync.WaitGroup
	for _, in := range instances {
		wg.Go(func() {
			for range turns {
				if old := grow(in, 1); old < 1 || len(mem.Bytes()) < int(old+1)*pageSize {
					t.Errorf("growing from %d pages leaves %d bytes", old, len(mem.Bytes()))
				}
			}
		})
	}
	wg.Wait()
	if got := len(mem.Bytes()); got != (1+threads*turns)*pageSize {
		t.Errorf("%d bytes in the end", got)
	}
}

// TestMemoryWholeAddressSpace takes all of the 4 GiB that a guest can have.
func TestMemoryWholeAddressSpace(t *testing.T) {
	m := newModule(t, growing(sharedMemory(1, 1<<16)))
	in := newInstance(t, m, newProcessMemory(t, m))
	if got := grow(in, 1<<16-1); got != 1 {
		t.Fatalf("grow: %d", got)
	}
	mustCall(t, in, "store", 1<<32-4)
	if b := in.Memory().Bytes(); len(b) != 1<<32 || b[1<<32-4] != 1 {
		t.Errorf("the host sees %d bytes", len(b))
	}
}

// TestMemoriesAreApart makes two processes of one module.
func TestMemoriesAreApart(t *testing.T) {
	m := newModule(t, growing(sharedMemory(1, 2)))
	one, two := newInstance(t, m, newProcessMemory(t, m)), newInstance(t, m, newProcessMemory(t, m))
	mustCall(t, one, "store", 0)
	if !bytes.Equal(two.Memory().Bytes(), make([]byte, pageSize)) {
		t.Error("one process writes into another")
	}
}

// TestNothingIsLeft makes and ends many processes, and counts.
func TestNothingIsLeft(t *testing.T) {
	imports := newModule(t, growing(sharedMemory(1, 1<<16)))
	owns := newModule(t, growing(ownMemory(1, 1<<16)))
	cycle := func() {
		mem, err := imports.NewMemory()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []wasix.Module{imports, imports, owns} {
			in, err := m.Instantiate(nil, mem)
			if err != nil {
				t.Fatal(err)
			}
			grow(in, 3)
			if err := in.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := mem.Close(); err != nil {
			t.Fatal(err)
		}
	}
	cycle()
	mappings, goroutines, heap := countMappings(t), runtime.NumGoroutine(), liveHeap()
	for range 1000 {
		cycle()
	}
	if got := countMappings(t); got > mappings+10 {
		t.Errorf("%d mappings before, %d after", mappings, got)
	}
	if got := runtime.NumGoroutine(); got > goroutines {
		t.Errorf("%d goroutines before, %d after", goroutines, got)
	}
	if got := liveHeap(); got > heap+1<<20 {
		t.Errorf("%d bytes on the heap before, %d after", heap, got)
	}
}

// TestNoCodeIsLeft compiles and closes many modules. wazero unmaps machine code
// when the garbage collector finds it unused.
func TestNoCodeIsLeft(t *testing.T) {
	cycle := func() {
		e, err := wazero.NewEngine(wazero.WithoutCache())
		if err != nil {
			t.Fatal(err)
		}
		m, err := e.Compile(context.Background(), growing(sharedMemory(1, 2)).Binary())
		if err != nil {
			t.Fatal(err)
		}
		mem, err := m.NewMemory()
		if err != nil {
			t.Fatal(err)
		}
		in, err := m.Instantiate(nil, mem)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(in.Close(), mem.Close(), m.Close(), e.Close()); err != nil {
			t.Fatal(err)
		}
	}
	cycle()
	liveHeap()
	mappings := countMappings(t)
	for range 100 {
		cycle()
	}
	for range 10 {
		if liveHeap(); countMappings(t) <= mappings+20 {
			return
		}
	}
	t.Errorf("%d mappings before, %d after", mappings, countMappings(t))
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
