package wasixtest

import (
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// The parameter lists and signatures that the cases' programs use.
var (
	i32    = []abi.ValueType{abi.ValueTypeI32}
	i32i32 = []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI32}

	takesI32   = wasmfile.Signature{Params: i32}
	returnsI32 = wasmfile.Signature{Results: i32}
	maps32     = wasmfile.Signature{Params: i32, Results: i32}
)

// What the programs import, by number.
const (
	procExit = iota // (code)
	threadSpawn
	schedYield
	futexWait      // (addr, expected, timeout, woken)
	futexWake      // (addr, woken)
	clockTime      // (id, precision, time)
	callbackSignal // (name, length)
	threadSignal   // (thread, signal)
	imported       // the number of the first function of the program
)

// programImports are the calls numbered above.
var programImports = []wasmfile.Import{
	{Module: "wasix_32v1", Name: "proc_exit", Signature: takesI32},
	{Module: "wasi", Name: "thread-spawn", Signature: maps32},
	{Module: "wasix_32v1", Name: "sched_yield", Signature: returnsI32},
	{Module: "wasix_32v1", Name: "futex_wait", Signature: wasmfile.Signature{
		Params: []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI32, abi.ValueTypeI32, abi.ValueTypeI32}, Results: i32}},
	{Module: "wasix_32v1", Name: "futex_wake", Signature: wasmfile.Signature{Params: i32i32, Results: i32}},
	{Module: "wasix_32v1", Name: "clock_time_get", Signature: wasmfile.Signature{
		Params: []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI64, abi.ValueTypeI32}, Results: i32}},
	{Module: "wasix_32v1", Name: "callback_signal", Signature: wasmfile.Signature{Params: i32i32}},
	{Module: "wasix_32v1", Name: "thread_signal", Signature: wasmfile.Signature{Params: i32i32, Results: i32}},
}

// maxPages is how far the memory of programs may grow.
const maxPages = 64

// program returns a program with an imported, shared memory of one page that
// runs start, and runs thread, if not nil, in each thread that it spawns. Both
// bodies may use locals 2 and 3; a thread's id is its local 0.
func program(start, thread []byte) *Module {
	locals := []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI32, abi.ValueTypeI32, abi.ValueTypeI32}
	m := &Module{
		Imports: programImports,
		Memory: &wasmfile.MemoryInfo{
			Imported: true, Module: "env", Name: "memory", Min: 1, Max: maxPages, HasMax: true, Shared: true,
		},
		Functions: []Function{{Export: "_start", Locals: locals, Body: start}},
	}
	if thread != nil {
		m.Functions = append(m.Functions, Function{
			Export:    "wasi_thread_start",
			Signature: wasmfile.Signature{Params: i32i32},
			Locals:    locals[2:],
			Body:      thread,
		})
	}
	return m
}

// exit ends the process with the operand as its exit code.
var exit = Call(procExit)

// spawn starts a thread, and traps if that fails. All threads may share the
// structure at 1024 that describes them, as their entry does not look at it.
var spawn = Body(I32Const(1024), Call(threadSpawn), I32Const(0), I32LtS, If(Unreachable))

// await spins, with system calls, until the number at addr is n.
func await(addr, n int32) []byte {
	return Loop(Call(schedYield), Drop, I32Const(addr), I32AtomicLoad(), I32Const(n), I32Ne, BrIf(0))
}

// count adds one to the number at addr.
func count(addr int32) []byte { return Body(I32Const(addr), I32Const(1), I32AtomicAdd(), Drop) }

// repeat runs a body n times. It uses a local.
func repeat(local uint32, n int32, body ...[]byte) []byte {
	return Body(I32Const(n), LocalSet(local), Loop(
		Body(body...), LocalGet(local), I32Const(1), I32Sub, LocalTee(local), BrIf(0)))
}
