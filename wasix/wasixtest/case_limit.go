package wasixtest

import (
	"context"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// runLimited runs a program whose tree may have so many pages of memory, all of
// which it must give back.
func runLimited(t *testing.T, m wasix.Module, pages uint64) error {
	t.Helper()
	cmd := wasix.Command(m, "guest")
	cmd.MaxMemory = pages * pageSize
	if err := cmd.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if s := cmd.Process.Stats(); s.Memory != 0 || s.TreeMemory != 0 {
		t.Errorf("%d bytes are left of the process, %d of the tree", s.Memory, s.TreeMemory)
	}
	return err
}

// grows grows the memory by one page, which must give want, or ends with code.
func grows(want, code int32) []byte {
	return Body(I32Const(1), MemoryGrow, I32Const(want), I32Ne, If(I32Const(code), exit))
}

// growLimited grows a memory up to what the tree may have, and on each kind of
// memory.
func growLimited(t *testing.T, e wasix.Engine) {
	body := Body(grows(1, 100), grows(2, 101), grows(-1, 102), MemorySize, I32Const(3), I32Ne, If(I32Const(103), exit),
		I32Const(3*pageSize-4), I32Load(0), If(I32Const(104), exit))
	for _, memory := range []*wasmfile.MemoryInfo{
		program(nil, nil).Memory,
		{Imported: true, Module: "env", Name: "memory", Min: 1, Max: maxPages, HasMax: true},
		{Export: "memory", Min: 1, Max: maxPages, HasMax: true},
		{Export: "memory", Min: 1, Max: 1 << 16},
	} {
		m := program(body, nil)
		m.Memory = memory
		wantExit(t, runLimited(t, compile(t, e, m), 3), 0)
	}
}

// growLimitedByStart grows the memory in the start function.
func growLimitedByStart(t *testing.T, e wasix.Engine) {
	m := program(Body(MemorySize, I32Const(3), I32Ne, If(I32Const(103), exit), grows(-1, 104)), nil)
	m.Functions = append(m.Functions, Function{Export: "start", Body: Body(grows(1, 100), grows(2, 101), grows(-1, 102))})
	m.Start = "start"
	wantExit(t, runLimited(t, compile(t, e, m), 3), 0)
	m = program(Body(grows(1, 101), grows(2, 102), grows(-1, 103)), nil)
	m.Memory = &wasmfile.MemoryInfo{Export: "memory", Min: 1, Max: maxPages, HasMax: true}
	m.Functions = append(m.Functions, Function{Export: "start", Body: grows(-1, 100)}) // it is not known yet
	m.Start = "start"
	wantExit(t, runLimited(t, compile(t, e, m), 3), 0)
}

// growLimitedByThreads has threads take all the memory that there is, which each
// asks for until it gets none.
func growLimitedByThreads(t *testing.T, e wasix.Engine) {
	const limit, threads = 40, 4
	wantExit(t, runLimited(t, compile(t, e, program(Body(
		repeat(2, threads, spawn),
		await(0, threads),
		MemorySize, I32Const(limit), I32Ne, If(I32Const(100), exit),
		I32Const(0), MemoryGrow, I32Const(limit), I32Ne, If(I32Const(101), exit),
	), Body(
		Loop(I32Const(1), MemoryGrow, I32Const(-1), I32Ne, BrIf(0)),
		count(0),
	))), limit), 0)
}

// startLimited starts a program that begins with more than there may be.
func startLimited(t *testing.T, e wasix.Engine) {
	m := program(nil, nil)
	m.Memory.Min = 4
	cmd := wasix.Command(compile(t, e, m), "guest")
	cmd.MaxMemory = 4*pageSize - 1
	if err := cmd.Start(context.Background()); err == nil {
		t.Error("it starts")
	}
}

// forkLimited forks where there is room for the child, and where there is not,
// since the parent has grown.
func forkLimited(t *testing.T, e wasix.Engine) {
	m := forkProgram()
	wantExit(t, runLimited(t, compile(t, e, m), 1), int(abi.ENOMEM))
	wantExit(t, runLimited(t, compile(t, e, m), 2), 42)
	m.Functions[0].Body = Body(
		GlobalGet(forkState), I32Eqz, If(I32Const(1), MemoryGrow, Drop),
		m.Functions[0].Body)
	wantExit(t, runLimited(t, compile(t, e, m), 3), int(abi.ENOMEM))
	wantExit(t, runLimited(t, compile(t, e, m), 4), 42)
}
