package wasixtest

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
)

// guestPages is the size of a guest's memory: small, so that it can be compared
// as a whole after each call.
const guestPages = 1

// mask fills the memory of a guest, so that a stray write shows.
const mask = '?'

// Guest is a process that makes the system calls that a test tells it to make,
// one at a time. Its memory is one page, full of '?' at first. The methods end
// the test when something is wrong with the guest itself.
type Guest struct {
	Process *wasix.Process

	t        testing.TB
	cancel   context.CancelFunc // of the context that the process runs in
	first    sync.Once
	instance wasix.Instance // of the main thread
	wait     func() error   // for the end of the process
	before   []byte         // the memory as it was before the last call
	waiting  int            // threads that make calls of their own; then before is older
}

// NewGuest starts a guest on an engine, [Direct] for none. setup, if not nil,
// changes the command before it starts: mounts, network, standard streams. The
// guest ends with the test.
func NewGuest(t testing.TB, e wasix.Engine, setup func(*wasix.Cmd)) *Guest {
	t.Helper()
	m, err := e.Compile(context.Background(), Passthrough(guestPages, guestCalls()...).Binary())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return startGuest(t, m, setup)
}

// startGuest starts a guest that ends with the test.
func startGuest(t testing.TB, m wasix.Module, setup func(*wasix.Cmd)) *Guest {
	t.Helper()
	g := &Guest{t: t}
	cmd := wasix.Command(&watchedModule{m, g}, "guest")
	if setup != nil {
		setup(cmd)
	}
	cmd.Reactor = true
	ctx, cancel := context.WithCancel(context.Background())
	if err := cmd.Start(ctx); err != nil {
		cancel()
		t.Fatal(err)
	}
	g.Process, g.cancel, g.wait = cmd.Process, cancel, cmd.Wait
	t.Cleanup(func() {
		g.Process.Kill()
		_ = cmd.Wait()
		cancel()
	})
	g.Mask()
	return g
}

// guestCalls are the calls of WASIX, and those of WASI that WASIX has not.
func guestCalls() []*wasix.Syscall {
	var calls []*wasix.Syscall
	for _, module := range []string{"wasix_32v1", "wasi_snapshot_preview1"} {
		for _, c := range wasix.Syscalls() {
			if c.Module == module {
				calls = append(calls, c)
			}
		}
	}
	return calls
}

// watchedModule tells the guest the instance of its main thread.
type watchedModule struct {
	wasix.Module
	guest *Guest
}

func (m *watchedModule) Instantiate(t *wasix.Thread, mem wasix.Memory) (wasix.Instance, error) {
	in, err := m.Module.Instantiate(t, mem)
	m.guest.first.Do(func() { m.guest.instance = in })
	return in, err
}

// Call makes a system call that returns an errno, by its name in wasix_32v1 or,
// if it is not there, in wasi_snapshot_preview1.
func (g *Guest) Call(name string, args ...uint64) abi.Errno {
	g.t.Helper()
	v, err := g.Raw(name, args...)
	if err != nil {
		g.t.Fatalf("%s: %v", name, err)
	}
	return abi.Errno(v)
}

// Raw makes a system call and returns its result, whatever it is, or why the
// guest did not survive it.
func (g *Guest) Raw(name string, args ...uint64) (uint64, error) {
	g.snapshot()
	return g.Process.Call(name, args...)
}

// snapshot remembers the memory as it is, unless other threads may be writing.
func (g *Guest) snapshot() {
	if g.waiting == 0 {
		g.before = append(g.before[:0], g.Memory()...)
	}
}

// Memory returns the guest's memory. It may be read and changed between calls.
func (g *Guest) Memory() []byte { return g.instance.Memory().Bytes() }

// Mask fills the memory with '?'.
func (g *Guest) Mask() {
	memory := g.Memory()
	for i := range memory {
		memory[i] = mask
	}
}

// Put stores bytes in the guest's memory.
func (g *Guest) Put(at uint32, b ...byte) {
	copy(g.Memory()[at:], b)
	if g.waiting > 0 {
		copy(g.before[at:], b)
	}
}

// Bytes returns n bytes of the guest's memory.
func (g *Guest) Bytes(at, n uint32) []byte { return g.Memory()[at : uint64(at)+uint64(n)] }

// Write is a range of memory that a call is to write.
type Write struct {
	At    uint32
	Bytes []byte
}

// Wrote fails the test unless the last call left these bytes in memory and
// touched nothing else.
func (g *Guest) Wrote(writes ...Write) {
	g.t.Helper()
	if g.waiting > 0 {
		return
	}
	want := bytes.Clone(g.before)
	for _, w := range writes {
		copy(want[w.At:], w.Bytes)
	}
	memory := g.Memory()
	for at := range memory {
		if memory[at] == want[at] {
			continue
		}
		from, to := max(at-8, 0), min(at+24, len(memory))
		g.t.Errorf("memory differs at %d; from %d on it is\n\t% x\nnot\n\t% x", at, from, memory[from:to], want[from:to])
		return
	}
}
