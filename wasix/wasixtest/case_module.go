package wasixtest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

func wantNoModule(t *testing.T, e wasix.Engine, wasm []byte) error {
	t.Helper()
	m, err := e.Compile(context.Background(), wasm)
	if err == nil {
		_ = m.Close()
		t.Fatal("it compiles")
	}
	return err
}

func notWasm(t *testing.T, e wasix.Engine) {
	for _, b := range [][]byte{nil, []byte("(module)"), []byte("\x00asm")} {
		if err := wantNoModule(t, e, b); !errors.Is(err, wasmfile.ErrNotWasm) {
			t.Errorf("%q: %v", b, err)
		}
	}
}

func invalidModule(t *testing.T, e wasix.Engine) {
	wantNoModule(t, e, program(I32Add, nil).Binary())
}

func unlinked(t *testing.T, e wasix.Engine) {
	m := program(nil, nil)
	m.Imports = append([]wasmfile.Import{{Module: "env", Name: "missing"}}, m.Imports...)
	var link *wasix.LinkError
	if err := wantNoModule(t, e, m.Binary()); !errors.As(err, &link) || len(link.Imports) != 1 {
		t.Error(err)
	}
}

func moduleInfo(t *testing.T, e wasix.Engine) {
	info := compile(t, e, program(nil, nil)).Info()
	if len(info.Functions) != len(programImports) || !info.Memory.Shared || info.Memory.Max != maxPages {
		t.Errorf("%+v", info)
	}
	if e.Name() == "" {
		t.Error("the engine has no name")
	}
}

func closedEngine(t *testing.T, e wasix.Engine) {
	m := compile(t, e, program(Body(I32Const(3), exit), nil))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	wantExit(t, run(t, m), 3)
	wantNoModule(t, e, program(nil, nil).Binary())
}

func closedModule(t *testing.T, e wasix.Engine) {
	m := compile(t, e, Passthrough(1, guestCalls()...))
	g := NewGuest(t, e, nil)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := run(t, m); err == nil {
		t.Error("a closed module was run")
	}
	if got := g.Call("sched_yield"); got != abi.ESUCCESS {
		t.Errorf("sched_yield: %v", got)
	}
}

func closedTwice(t *testing.T, e wasix.Engine) {
	m := compile(t, e, program(nil, nil))
	mem, err := m.NewMemory()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(mem.Close(), mem.Close(), m.Close(), m.Close(), e.Close()); err != nil {
		t.Error(err)
	}
}

func returns(t *testing.T, e wasix.Engine) {
	wantExit(t, run(t, compile(t, e, program(nil, nil))), 0)
}

func exits(t *testing.T, e wasix.Engine) {
	wantExit(t, run(t, compile(t, e, program(Body(I32Const(42), exit, Unreachable), nil))), 42)
}

// globals runs a reactor whose exports use its globals, and watches them.
func globals(t *testing.T, e wasix.Engine) {
	m := program(nil, nil)
	m.Globals = []Global{
		{Export: "small", Type: abi.ValueTypeI32, Mutable: true, Value: -2},
		{Export: "large", Type: abi.ValueTypeI64, Mutable: true, Value: -3},
		{Export: "fixed", Type: abi.ValueTypeI32, Value: 5},
		{Type: abi.ValueTypeI32, Mutable: true, Value: 1},
	}
	m.Functions = append(m.Functions, Function{Export: "get", Signature: returnsI32, Body: GlobalGet(0)})
	g := &Guest{}
	cmd := wasix.Command(&watchedModule{compile(t, e, m), g}, "guest")
	cmd.Reactor = true
	if err := cmd.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	for name, want := range map[string][2]uint64{
		"small": {1<<32 - 2, 9}, "large": {1<<64 - 3, 9}, "fixed": {5, 5},
	} {
		global := g.instance.Global(name)
		if global == nil {
			t.Fatalf("no global %s", name)
		}
		if got := global.Get(); got != want[0] {
			t.Errorf("%s is %#x at first, not %#x", name, got, want[0])
		}
		global.Set(9)
		if got := global.Get(); got != want[1] {
			t.Errorf("%s is %#x after setting 9", name, got)
		}
	}
	if got, err := cmd.Process.Call("get"); err != nil || got != 9 {
		t.Errorf("the guest sees %d, %v", got, err)
	}
	if global := g.instance.Global("none"); global != nil {
		t.Errorf("a global that there is not: %v", global)
	}
}

// processes runs programs that fail if they do not begin with empty memory.
func processes(t *testing.T, e wasix.Engine) {
	const all = 64
	m := compile(t, e, program(Body(
		repeat(2, 1000, count(0)),
		I32Const(0), I32Load(0), I32Const(1000), I32Sub, exit), nil))
	var wg sync.WaitGroup
	for range all {
		wg.Go(func() { wantExit(t, wasix.Command(m, "guest").Run(context.Background()), 0) })
	}
	wg.Wait()
}
