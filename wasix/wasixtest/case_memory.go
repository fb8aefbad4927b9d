package wasixtest

import (
	"encoding/binary"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
)

// parameters passes 64 bits and 32 through a call and back.
func parameters(t *testing.T, e wasix.Engine) {
	g := NewGuest(t, e, nil)
	if got := g.Call("thread_local_create", 1<<63|0x1234, 16); got != abi.ESUCCESS {
		t.Fatalf("thread_local_create: %v", got)
	}
	key := uint64(binary.LittleEndian.Uint32(g.Bytes(16, 4)))
	const value = 0xfedcba9876543210
	if got := g.Call("thread_local_set", key, value); got != abi.ESUCCESS {
		t.Fatalf("thread_local_set: %v", got)
	}
	if got := g.Call("thread_local_get", key, 32); got != abi.ESUCCESS {
		t.Fatalf("thread_local_get: %v", got)
	}
	g.Wrote(Write{32, binary.LittleEndian.AppendUint64(nil, value)})
	if got := g.Call("thread_local_get", key, 1<<32-1); got != abi.EFAULT {
		t.Errorf("a result at the end of the address space: %v", got)
	}
}

func writes(t *testing.T, e wasix.Engine) {
	g := NewGuest(t, e, nil)
	last := uint64(len(g.Memory()) - 4)
	if got := g.Call("proc_id", last); got != abi.ESUCCESS {
		t.Fatalf("proc_id: %v", got)
	}
	g.Wrote(Write{uint32(last), []byte{1, 0, 0, 0}})
	for _, at := range []uint64{last + 1, last + 4, 1<<32 - 4, 1<<32 - 1} {
		if got := g.Call("proc_id", at); got != abi.EFAULT {
			t.Errorf("proc_id(%#x): %v", at, got)
		}
		g.Wrote()
	}
	if got := g.Call("thread_id", 0); got != abi.ESUCCESS {
		t.Errorf("thread_id: %v", got)
	}
}

// clockAt stores the time at addr and exits with the errno, unless that is want.
func clockAt(addr int32, want abi.Errno) []byte {
	return Body(
		I32Const(0), I64Const(0), I32Const(addr), Call(clockTime), LocalTee(2),
		I32Const(int32(want)), I32Ne, If(LocalGet(2), exit))
}

// grownMemory has a call write into memory before and after it grows there.
func grownMemory(t *testing.T, e wasix.Engine) {
	wantExit(t, run(t, compile(t, e, program(Body(
		clockAt(pageSize, abi.EFAULT),
		I32Const(maxPages-1), MemoryGrow, I32Const(1), I32Ne, If(I32Const(100), exit),
		clockAt(pageSize, abi.ESUCCESS),
		clockAt(maxPages*pageSize-8, abi.ESUCCESS),
		clockAt(maxPages*pageSize-7, abi.EFAULT),
		I32Const(1), MemoryGrow, I32Const(-1), I32Ne, If(I32Const(101), exit),
		MemorySize, I32Const(maxPages), I32Ne, If(I32Const(102), exit),
		I32Const(pageSize), I32Load(0), I32Eqz, If(I32Const(103), exit),
	), nil))), 0)
}

// grownByThread has threads grow the memory in turns. One thread ends before
// the main thread goes on to use what it added.
func grownByThread(t *testing.T, e wasix.Engine) {
	const each, threads = 5, 4
	wantExit(t, run(t, compile(t, e, program(Body(
		repeat(2, threads, spawn),
		await(0, threads),
		MemorySize, I32Const(1+each*threads), I32Ne, If(I32Const(100), exit),
		clockAt((1+each*threads)*pageSize-8, abi.ESUCCESS),
		I32Const(1), MemoryGrow, I32Const(1+each*threads), I32Ne, If(I32Const(101), exit),
		clockAt((1+each*threads)*pageSize, abi.ESUCCESS),
	), Body(
		repeat(2, each, I32Const(1), MemoryGrow, I32Const(-1), I32Sub, I32Eqz, If(I32Const(102), exit)),
		count(0),
	)))), 0)
}

// threads runs threads that count in common memory and in a global.
func threads(t *testing.T, e wasix.Engine) {
	const each, all = 1000, 8
	m := program(Body(
		repeat(2, all, spawn),
		await(4, all),
		I32Const(0), I32AtomicLoad(), I32Const(each*all), I32Ne, If(I32Const(100), exit),
		GlobalGet(0), If(I32Const(101), exit),
	), Body(
		repeat(2, each, count(0), GlobalGet(0), I32Const(1), I32Add, GlobalSet(0)),
		GlobalGet(0), I32Const(each), I32Ne, If(I32Const(102), exit),
		count(4),
	))
	m.Globals = []Global{{Export: "own", Type: abi.ValueTypeI32, Mutable: true}}
	wantExit(t, run(t, compile(t, e, m)), 0)
}

// futexes has a thread wait for a number by instruction and another by call; the
// main thread changes the number and wakes the first by call, the second by
// instruction, until both are through.
func futexes(t *testing.T, e wasix.Engine) {
	const byInstruction, byCall, through = 16, 20, 8
	waitInstruction := Body(I32Const(byInstruction), I32Const(0), I64Const(-1), MemoryAtomicWait32(), Drop)
	waitCall := Body(I32Const(byCall), I32Const(0), I32Const(64), I32Const(72), Call(futexWait), Drop)
	wantExit(t, run(t, compile(t, e, program(Body(
		spawn, spawn,
		await(0, 2),
		count(byInstruction), count(byCall),
		Loop(
			I32Const(byInstruction), I32Const(80), Call(futexWake), Drop,
			I32Const(byCall), I32Const(1), MemoryAtomicNotify(), Drop,
			Call(schedYield), Drop,
			I32Const(through), I32AtomicLoad(), I32Const(2), I32Ne, BrIf(0)),
	), Body(
		I32Const(0), I32Const(1), I32AtomicAdd(), LocalTee(2), If(waitInstruction),
		LocalGet(2), I32Eqz, If(waitCall),
		count(through),
	)))), 0)
}
