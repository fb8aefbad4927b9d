package wasixtest

import (
	"context"
	"sync"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
)

// Where a program with a handler keeps the name of its callback, and the one that
// blocks signals.
const (
	callbackName = "handler"
	callbackAt   = 2048
	blockedName  = "__wasm_signal_blocked"
	blockedAt    = callbackAt + 64
)

// handlerProgram is program with a signal handler, which has the signal's number
// as its local 0, and two more locals.
func handlerProgram(handler, start, thread []byte) *Module {
	m := program(Body(register, start), thread)
	m.Data = append(m.Data, Data{callbackAt, []byte(callbackName)}, Data{blockedAt, []byte(blockedName)})
	m.Functions = append(m.Functions, Function{
		Export: callbackName, Signature: takesI32,
		Locals: []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI32}, Body: handler,
	})
	return m
}

var (
	register = Body(I32Const(callbackAt), I32Const(int32(len(callbackName))), Call(callbackSignal))
	block    = Body(I32Const(blockedAt), I32Const(int32(len(blockedName))), Call(callbackSignal))
)

// raise sends the calling thread a signal, and traps if that fails.
func raise(sig abi.Signal) []byte {
	return Body(I32Const(0), I32Const(int32(sig)), Call(threadSignal), If(Unreachable))
}

// onSignal runs the body when the handler's signal is sig.
func onSignal(sig abi.Signal, body ...[]byte) []byte {
	return Body(LocalGet(0), I32Const(int32(sig)), I32Sub, I32Eqz, If(body...))
}

// wantMemory exits with code unless the number at addr is want.
func wantMemory(addr, want, code int32) []byte {
	return Body(I32Const(addr), I32AtomicLoad(), I32Const(want), I32Ne, If(I32Const(code), exit))
}

func handlerReturns(t *testing.T, e wasix.Engine) {
	wantExit(t, run(t, compile(t, e, handlerProgram(
		Body(count(0), I32Const(4), LocalGet(0), I32AtomicAdd(), Drop),
		Body(
			repeat(2, 1000, raise(abi.SignalUsr1), raise(abi.SignalTerm)),
			wantMemory(0, 2000, 100),
			wantMemory(4, 1000*int32(abi.SignalUsr1+abi.SignalTerm), 101)),
		nil))), 0)
}

// handlersNest raises another signal in the handler of each, which is blocked
// meanwhile itself. The number at 4 is the present depth.
func handlersNest(t *testing.T, e wasix.Engine) {
	down := func(from, to abi.Signal) []byte {
		return onSignal(from, raise(from), raise(to))
	}
	wantExit(t, run(t, compile(t, e, handlerProgram(
		Body(
			count(0), count(4),
			I32Const(0), LocalGet(0), I32Const(4), I32Mul, I32Add, // a word for each signal
			I32Const(4), I32AtomicLoad(), I32Store(64),
			I32Const(0), I32AtomicLoad(), I32Const(4), I32LtS, If(
				down(abi.SignalUsr1, abi.SignalUsr2), down(abi.SignalUsr2, abi.SignalTerm), down(abi.SignalTerm, abi.SignalHup)),
			I32Const(4), I32Const(-1), I32AtomicAdd(), Drop),
		Body(
			raise(abi.SignalUsr1),
			wantMemory(4, 0, 100),
			wantMemory(64+4*int32(abi.SignalHup), 4, 101),
			// Each of the three was raised in its own handler and handled after it.
			wantMemory(0, 7, 102)),
		nil))), 0)
}

func handlerExits(t *testing.T, e wasix.Engine) {
	wantExit(t, run(t, compile(t, e, handlerProgram(
		Body(onSignal(abi.SignalUsr1, raise(abi.SignalUsr2)), onSignal(abi.SignalUsr2, I32Const(42), exit)),
		Body(raise(abi.SignalUsr1), Unreachable), nil))), 42)
}

func handlerTraps(t *testing.T, e wasix.Engine) {
	checkTrap(t, e, handlerProgram(Unreachable, raise(abi.SignalUsr1), nil))
	checkTrap(t, e, handlerProgram(Body(LocalGet(0), Call(imported+1)), raise(abi.SignalUsr1), nil))
}

// handlerUnwinds traps in a callback that has blocked signals, as wasix-libc does
// for a signal without a handler that is to be ignored: then it counts for
// nothing, and the program runs on as before. Its stack pointer is what it was.
func handlerUnwinds(t *testing.T, e wasix.Engine) {
	m := handlerProgram(
		Body(count(0), GlobalGet(0), I32Const(16), I32Sub, GlobalSet(0),
			onSignal(abi.SignalChld, block, Unreachable),
			onSignal(abi.SignalWinch, raise(abi.SignalChld), count(4))),
		Body(
			repeat(2, 100, raise(abi.SignalWinch), raise(abi.SignalChld)),
			wantMemory(0, 300, 100), wantMemory(4, 100, 101),
			GlobalGet(0), I32Const(1<<15), I32Ne, If(I32Const(102), exit)),
		nil)
	m.Globals = []Global{{Export: "__stack_pointer", Type: abi.ValueTypeI32, Mutable: true, Value: 1 << 15}}
	wantExit(t, run(t, compile(t, e, m)), 0)
}

func handlerGrows(t *testing.T, e wasix.Engine) {
	wantExit(t, run(t, compile(t, e, handlerProgram(
		Body(I32Const(1), MemoryGrow, Drop, clockAt(pageSize, abi.ESUCCESS)),
		Body(
			clockAt(pageSize, abi.EFAULT), raise(abi.SignalUsr1),
			I32Const(pageSize), I32Load(0), I32Eqz, If(I32Const(100), exit),
			clockAt(pageSize, abi.ESUCCESS)),
		nil))), 0)
}

// startCounting starts a program and returns when it has counted to n at address 0.
func startCounting(t *testing.T, e wasix.Engine, m *Module, n uint32) (*wasix.Cmd, *Guest) {
	t.Helper()
	g := &Guest{}
	cmd := wasix.Command(&watchedModule{compile(t, e, m), g}, "guest")
	if err := cmd.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	awaitCount(g.Memory(), n)
	return cmd, g
}

// checkSignal starts a program that counts to ready at address 0 and sends it
// signals; its handler makes it end with exit code 0 after the third.
func checkSignal(t *testing.T, e wasix.Engine, m *Module, ready uint32) {
	t.Helper()
	cmd, g := startCounting(t, e, m, ready)
	for n := range uint32(3) {
		awaitCount(g.Bytes(4, 4), n)
		if err := cmd.Process.Signal(abi.SignalUsr1); err != nil {
			t.Error(err)
		}
	}
	wantExit(t, cmd.Wait(), 0)
}

// endsAfterThree counts signals at address 4.
var endsAfterThree = Body(I32Const(4), I32Const(1), I32AtomicAdd(), I32Const(2), I32Sub, I32Eqz, If(I32Const(0), exit))

func signalComputing(t *testing.T, e wasix.Engine) {
	checkSignal(t, e, handlerProgram(endsAfterThree, Body(count(0), spin), nil), 1)
	// The main thread has signals blocked, so the other takes them.
	checkSignal(t, e, handlerProgram(endsAfterThree, Body(spawn, block, count(0), spin), Body(count(0), spin)), 2)
}

// signalRedZone computes with what a function that calls none may have below the
// stack pointer. The handler has that, too, where it stands then.
func signalRedZone(t *testing.T, e wasix.Engine) {
	const top = 1 << 15
	for _, below := range []int32{4, 128} {
		below := Body(GlobalGet(0), I32Const(below), I32Sub)
		m := handlerProgram(Body(below, I32Const(9), I32Store(0), endsAfterThree), Body(
			below, I32Const(7), I32Store(0), count(0),
			Loop(
				below, I32Load(0), I32Const(7), I32Ne, If(I32Const(100), exit),
				GlobalGet(0), I32Const(top), I32Ne, If(I32Const(101), exit), Br(0))), nil)
		m.Globals = []Global{{Export: "__stack_pointer", Type: abi.ValueTypeI32, Mutable: true, Value: top}}
		checkSignal(t, e, m, 1)
	}
}

func signalWaiting(t *testing.T, e wasix.Engine) {
	wait := Loop(I32Const(8), I32Const(0), I32Const(64), I32Const(72), Call(futexWait), Drop, Br(0))
	checkSignal(t, e, handlerProgram(endsAfterThree, Body(count(0), wait), nil), 1)
	checkSignal(t, e, handlerProgram(endsAfterThree, Body(spawn, block, count(0), wait), Body(count(0), wait)), 2)
}

func signalAtomicWait(t *testing.T, e wasix.Engine) {
	wait := Loop(I32Const(8), I32Const(0), I64Const(-1), MemoryAtomicWait32(), Drop, Br(0))
	checkSignal(t, e, handlerProgram(endsAfterThree, Body(count(0), wait), nil), 1)
}

func signalEnds(t *testing.T, e wasix.Engine) {
	for _, m := range []*Module{
		program(Body(count(0), spin), nil),
		// A callback that aborts, blocked: the library's default action.
		handlerProgram(Body(block, raise(abi.SignalAbrt), I32Const(127), exit), Body(count(0), spin), nil),
	} {
		cmd, _ := startCounting(t, e, m, 1)
		for _, sig := range []abi.Signal{abi.SignalNone, abi.SignalTerm} {
			if err := cmd.Process.Signal(sig); err != nil {
				t.Error(err)
			}
		}
		wantExit(t, cmd.Wait(), 128+int(abi.SignalTerm))
	}
}

// signalStorm has threads that wait, compute and make system calls, and host
// goroutines that send signals to the process. Each signal sent once the handler
// has run for the one before is handled.
func signalStorm(t *testing.T, e wasix.Engine) {
	const each, senders = 200, 3
	wait := Body(I32Const(8), I32Const(0), I32Const(64), I32Const(72), Call(futexWait), Drop)
	body := Body(count(0), Loop(
		repeat(2, 50, Call(schedYield), Drop), repeat(2, 1000), wait, Br(0)))
	// Signal n counts at 256 + 4n.
	handler := Body(LocalGet(0), I32Const(4), I32Mul, I32Const(256), I32Add, I32Const(1), I32AtomicAdd(), Drop)
	cmd, g := startCounting(t, e, handlerProgram(handler, Body(spawn, spawn, body), body), 3)
	var wg sync.WaitGroup
	for _, sig := range []abi.Signal{abi.SignalUsr1, abi.SignalUsr2, abi.SignalHup}[:senders] {
		wg.Go(func() {
			for n := range uint32(each) {
				if err := cmd.Process.Signal(sig); err != nil {
					t.Error(err)
				}
				awaitCount(g.Bytes(256+4*uint32(sig), 4), n+1)
			}
		})
	}
	wg.Wait()
	cmd.Process.Kill()
	_ = cmd.Wait()
}
