package wasixtest

import (
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// The imports and globals of programs that fork, by number.
const (
	forkExit = iota // (code)
	forkFork        // (copy, pid)
	forkJoin        // (option, flags, status)

	forkState = 1 // what asyncify was told last: 1 to unwind, 2 to rewind, 0 to stop
)

// Where programs that fork keep what calls store.
const (
	forkPid    = 64
	forkOption = 128
	forkStatus = 160
	forkCode   = forkStatus + 2
	forkResult = 256 // of the child, if it stores one
)

// forkProgram is a program that does by hand what asyncify would have it do: it
// returns when its stack is to be saved, and comes to the fork again when it is to
// go down. It ends with the errno of the fork when that fails, else with what the
// child ends with.
func forkProgram() *Module { return forkingProgram(1, Body(I32Const(42), Call(forkExit)), forkCode) }

// forkingProgram is forkProgram with what the child does, whether on a copy of the
// memory, and where the status that the parent ends with lies then.
func forkingProgram(copyMemory int32, child []byte, status int32) *Module {
	set := func(state int32) []byte { return Body(I32Const(state), GlobalSet(forkState)) }
	end := Call(forkExit)
	return &Module{
		Imports: []wasmfile.Import{
			{Module: "wasix_32v1", Name: "proc_exit", Signature: takesI32},
			{Module: "wasix_32v1", Name: "proc_fork", Signature: wasmfile.Signature{Params: i32i32, Results: i32}},
			{Module: "wasix_32v1", Name: "proc_join", Signature: wasmfile.Signature{
				Params: []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI32, abi.ValueTypeI32}, Results: i32}},
		},
		Memory: program(nil, nil).Memory,
		Globals: []Global{
			{Export: "__stack_pointer", Type: abi.ValueTypeI32, Mutable: true, Value: 1 << 15},
			{Type: abi.ValueTypeI32, Mutable: true},
			{Export: "__data_end", Type: abi.ValueTypeI32, Value: 1 << 10},
			{Export: "function", Type: abi.ValueTypeFuncref, Mutable: true},
			{Export: "reference", Type: abi.ValueTypeExternref, Mutable: true},
		},
		Functions: []Function{
			{Export: "_start", Locals: []abi.ValueType{abi.ValueTypeI32}, Body: Body(
				I32Const(copyMemory), I32Const(forkPid), Call(forkFork), LocalSet(0),
				GlobalGet(forkState), If(Return),
				LocalGet(0), If(LocalGet(0), end),
				I32Const(forkPid), I32Load(0), I32Eqz, If(child),
				I32Const(forkOption), I32Const(0), I32Const(forkStatus), Call(forkJoin), If(Unreachable),
				I32Const(status), I32Load(0), end)},
			{Export: "asyncify_start_unwind", Signature: takesI32, Body: set(1)},
			{Export: "asyncify_stop_unwind", Body: set(0)},
			{Export: "asyncify_start_rewind", Signature: takesI32, Body: set(2)},
			{Export: "asyncify_stop_rewind", Body: set(0)},
		},
	}
}

func forks(t *testing.T, e wasix.Engine) {
	wantExit(t, run(t, compile(t, e, forkProgram())), 42)
}

// vforks has children work on their parent's memory until they end, in each way.
func vforks(t *testing.T, e wasix.Engine) {
	const top, frame = 1 << 15, 64
	store := func(at int32) []byte { return Body(I32Const(at), I32Const(7), I32Store(0)) }
	exit := Body(I32Const(42), Call(forkExit))
	for name, c := range map[string]struct {
		child  []byte
		status int32
		want   int
	}{
		"exits":               {exit, forkCode, 42},
		"writes":              {Body(store(forkResult), exit), forkResult, 7},
		"writes to the stack": {Body(store(top-frame), store(top-4), exit), top - 4, 0},
		"writes below it":     {Body(store(top-frame-4), exit), top - frame - 4, 7},
		"returns":             {Return, forkStatus, int(abi.JoinStatusTypeExitNormal)},
		"traps":               {Unreachable, forkStatus, int(abi.JoinStatusTypeExitSignal)},
	} {
		t.Run(name, func(t *testing.T) {
			m := forkingProgram(0, c.child, c.status)
			start := &m.Functions[0].Body
			*start = Body(I32Const(top-frame), GlobalSet(0), *start)
			wantExit(t, run(t, compile(t, e, m)), c.want)
		})
	}
}

// vforksForEver is ended while the child computes on its parent's memory.
func vforksForEver(t *testing.T, e wasix.Engine) {
	for _, sig := range []abi.Signal{abi.SignalTerm, abi.SignalKill} {
		cmd, _ := startCounting(t, e, forkingProgram(0, Body(count(0), spin), forkCode), 1)
		if err := cmd.Process.Signal(sig); err != nil {
			t.Error(err)
		}
		wantExit(t, cmd.Wait(), 128+int(sig))
	}
}

func forksNot(t *testing.T, e wasix.Engine) {
	for i := range 4 {
		m := forkProgram()
		m.Functions[1+i].Export = ""
		wantExit(t, run(t, compile(t, e, m)), int(abi.ENOSYS))
		m = forkProgram()
		m.Functions[1+i].Signature = wasmfile.Signature{Params: i32i32}
		wantExit(t, run(t, compile(t, e, m)), int(abi.ENOSYS))
	}
}

// forksBadly breaks each of the exports in turn.
func forksBadly(t *testing.T, e wasix.Engine) {
	const unwind, rewind = 1, 3
	overflow := Body(LocalGet(0), I32Const(-1), I32Store(0))
	for _, c := range []struct {
		function int
		body     []byte
		want     string
	}{
		{unwind, nil, "asyncify: the program calls wasix_32v1.proc_exit"},
		{unwind, Body(I32Const(1), I32Const(forkPid), Call(forkFork), Drop), "asyncify: the program calls wasix_32v1.proc_fork"},
		{unwind, Body(overflow, I32Const(1), GlobalSet(forkState)), "no valid stack"},
		{unwind, Unreachable, "unreachable"},
		{rewind, Body(I32Const(0), GlobalSet(forkState), I32Const(0), Call(forkExit)), "asyncify: the program calls wasix_32v1.proc_exit"},
		{rewind, Unreachable, "unreachable"},
	} {
		m := forkProgram()
		m.Functions[c.function].Body = c.body
		err := run(t, compile(t, e, m))
		wantTrap(t, err)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "guest: ") {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// forksForEver computes without end where the program should go up its stack, or down
// it in both processes. A signal in between ends it all the same.
func forksForEver(t *testing.T, e wasix.Engine) {
	const unwind, rewind = 1, 2
	for _, state := range []int32{unwind, rewind} {
		m := forkProgram()
		start := &m.Functions[0].Body
		stuck := Body(GlobalGet(forkState), I32Const(state), I32Sub, I32Eqz, If(count(0), spin))
		if state == unwind {
			*start = Body(I32Const(1), I32Const(forkPid), Call(forkFork), Drop, stuck)
		} else {
			*start = Body(stuck, *start)
		}
		for _, sig := range []abi.Signal{abi.SignalTerm, abi.SignalKill} {
			cmd, _ := startCounting(t, e, m, 1)
			if err := cmd.Process.Signal(sig); err != nil {
				t.Error(err)
			}
			wantExit(t, cmd.Wait(), 128+int(sig))
		}
	}
}
