package wasixtest

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
)

// spin never ends and makes no system call.
var spin = Loop(Br(0))

// checkTrap runs a program that traps, and then one that does not.
func checkTrap(t *testing.T, e wasix.Engine, m *Module) {
	t.Helper()
	wantTrap(t, run(t, compile(t, e, m)))
	wantExit(t, run(t, compile(t, e, program(nil, nil))), 0)
}

func trapUnreachable(t *testing.T, e wasix.Engine) { checkTrap(t, e, program(Unreachable, nil)) }

func trapBounds(t *testing.T, e wasix.Engine) {
	checkTrap(t, e, program(Body(I32Const(pageSize-3), I32Load(0), Drop), nil))
	checkTrap(t, e, program(Body(I32Const(-4), I32Load(1<<32-1), Drop), nil))
}

func trapDivision(t *testing.T, e wasix.Engine) {
	checkTrap(t, e, program(Body(I32Const(1), I32Const(0), I32DivS, Drop), nil))
}

func trapRecursion(t *testing.T, e wasix.Engine) {
	checkTrap(t, e, program(Call(imported), nil))
	checkTrap(t, e, program(Body(spawn, spawn, spin), Body(LocalGet(0), LocalGet(1), Call(imported+1))))
}

func trapThread(t *testing.T, e wasix.Engine) {
	checkTrap(t, e, program(Body(spawn, spin), Unreachable))
}

func trapStart(t *testing.T, e wasix.Engine) {
	m := program(nil, nil)
	m.Functions = append(m.Functions, Function{Export: "start", Body: Unreachable})
	m.Start = "start"
	checkTrap(t, e, m)
}

// checkKill starts a program, waits until it has counted to ready at address 0
// and kills it in each of the ways there are.
func checkKill(t *testing.T, e wasix.Engine, m *Module, ready uint32) {
	t.Helper()
	mod := compile(t, e, m)
	for _, byContext := range []bool{true, false} {
		ctx, cancel := context.WithCancel(context.Background())
		g := &Guest{}
		cmd := wasix.Command(&watchedModule{mod, g}, "guest")
		if err := cmd.Start(ctx); err != nil {
			t.Fatal(err)
		}
		awaitCount(g.Memory(), ready)
		if byContext {
			cancel()
		} else {
			cmd.Process.Kill()
		}
		err := cmd.Wait()
		cancel()
		var exit *wasix.ExitError
		if !errors.As(err, &exit) || exit.Signal() != abi.SignalKill {
			t.Errorf("%v, want death by SIGKILL", err)
		}
		if errors.Is(err, context.Canceled) != byContext {
			t.Errorf("%v; killed by the context: %v", err, byContext)
		}
	}
}

// awaitCount returns when the number at address 0 is at least n.
func awaitCount(memory []byte, n uint32) {
	for loadUint32(memory) < n {
		runtime.Gosched()
	}
}

func killLoop(t *testing.T, e wasix.Engine) {
	checkKill(t, e, program(Body(count(0), spin), nil), 1)
}

// killRecursion kills a program whose calls, two in each, would take years but
// never nest deeply.
func killRecursion(t *testing.T, e wasix.Engine) {
	m := program(Body(count(0), I32Const(64), Call(imported+1)), nil)
	m.Functions = append(m.Functions, Function{Export: "tree", Signature: takesI32, Body: Body(
		LocalGet(0), If(
			LocalGet(0), I32Const(1), I32Sub, Call(imported+1),
			LocalGet(0), I32Const(1), I32Sub, Call(imported+1)))})
	checkKill(t, e, m, 1)
}

func killThread(t *testing.T, e wasix.Engine) {
	checkKill(t, e, program(Body(spawn, spawn, spin), Body(count(0), spin)), 2)
}

func killWaiting(t *testing.T, e wasix.Engine) {
	wait := Body(I32Const(4), I32Const(0), I32Const(64), I32Const(72), Call(futexWait), Drop)
	checkKill(t, e, program(Body(spawn, count(0), wait, Unreachable), Body(count(0), wait, Unreachable)), 2)
}

func killAtomicWait(t *testing.T, e wasix.Engine) {
	wait := Body(I32Const(4), I32Const(0), I64Const(-1), MemoryAtomicWait32(), Drop)
	checkKill(t, e, program(Body(spawn, count(0), wait, Unreachable), Body(count(0), wait, Unreachable)), 2)
}

// killEarly kills a program at any time around its start.
func killEarly(t *testing.T, e wasix.Engine) {
	m := compile(t, e, program(spin, nil))
	for range 50 {
		cmd := wasix.Command(m, "guest")
		if err := cmd.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		cmd.Process.Kill()
		if err := cmd.Wait(); err == nil {
			t.Fatal("a killed program ended well")
		}
	}
}

// collector calls the garbage collector, which stops the world, while two
// threads compute that never end.
func collector(t *testing.T, e wasix.Engine) {
	g := &Guest{}
	m := compile(t, e, program(Body(spawn, count(0), spin), Body(count(0), spin)))
	cmd := wasix.Command(&watchedModule{m, g}, "guest")
	if err := cmd.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	awaitCount(g.Memory(), 2)
	runtime.GC()
	cmd.Process.Kill()
	_ = cmd.Wait()
}
