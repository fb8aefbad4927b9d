package wasmfile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

const engineFeatures = api.CoreFeaturesV2 | experimental.CoreFeaturesThreads |
	experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst |
	experimental.CoreFeaturesExceptionHandling | experimental.CoreFeaturesTypedFunctionReferences

// newRuntime makes an interpreter, which takes malformed code no worse than the
// compiler does and compiles faster.
func newRuntime(t testing.TB) wazero.Runtime {
	t.Helper()
	ctx := context.Background()
	config := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(engineFeatures)
	r := wazero.NewRuntimeWithConfig(ctx, config)
	t.Cleanup(func() { r.Close(ctx) })
	return r
}

// compiles says whether the engine accepts a binary. The engine panics on some
// that are malformed.
func compiles(r wazero.Runtime, wasm []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	m, err := r.CompileModule(context.Background(), wasm)
	if err == nil {
		m.Close(context.Background())
	}
	return err
}

var errPanic = errors.New("the engine panics")

// A futexCall is what a host function of the rewriter was given.
type futexCall struct {
	name string
	args [4]uint64
}

// A guest runs a binary beside the host modules its tests import:
//
//	env.seven() -> i32 returns 7
//	gowasix.*, the functions of the rewriter, as the engine's instructions
//	behave when nobody waits and no value is as expected
type guest struct {
	api.Module
	calls []futexCall
}

func instantiate(t testing.TB, wasm []byte) *guest {
	t.Helper()
	ctx := context.Background()
	r := newRuntime(t)
	g := new(guest)
	env := r.NewHostModuleBuilder("env")
	env.NewFunctionBuilder().WithFunc(func() uint32 { return 7 }).Export("seven")
	if _, err := env.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	futex := r.NewHostModuleBuilder("gowasix")
	futex.NewFunctionBuilder().WithFunc(func(addr, count, offset uint32) uint32 {
		g.note("memory_atomic_notify", addr, count, offset)
		return 0
	}).Export("memory_atomic_notify")
	futex.NewFunctionBuilder().WithFunc(func(addr, expected uint32, timeout uint64, offset uint32) uint32 {
		g.calls = append(g.calls, futexCall{"memory_atomic_wait32", [4]uint64{uint64(addr), uint64(expected), timeout, uint64(offset)}})
		return 1
	}).Export("memory_atomic_wait32")
	futex.NewFunctionBuilder().WithFunc(func(addr uint32, expected, timeout uint64, offset uint32) uint32 {
		g.calls = append(g.calls, futexCall{"memory_atomic_wait64", [4]uint64{uint64(addr), expected, timeout, uint64(offset)}})
		return 1
	}).Export("memory_atomic_wait64")
	if _, err := futex.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	m, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithName("guest"))
	if err != nil {
		t.Fatalf("instantiate: %v\n% x", err, wasm)
	}
	g.Module = m
	return g
}

func (g *guest) note(name string, args ...uint32) {
	c := futexCall{name: name}
	for i, a := range args {
		c.args[i] = uint64(a)
	}
	g.calls = append(g.calls, c)
}

// call returns the i32 result of an exported function.
func (g *guest) call(t testing.TB, name string, args ...uint64) uint32 {
	t.Helper()
	results, err := g.ExportedFunction(name).Call(context.Background(), args...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return uint32(results[0])
}

// tryCall returns the result of an exported function, or "trap".
func (g *guest) tryCall(name string) string {
	results, err := g.ExportedFunction(name).Call(context.Background())
	if err != nil {
		return "trap"
	}
	return fmt.Sprint(results)
}

// trap returns the message of the trap an exported function ends with.
func (g *guest) trap(t testing.TB, name string) string {
	t.Helper()
	_, err := g.ExportedFunction(name).Call(context.Background())
	if err == nil || !strings.Contains(err.Error(), "wasm error") {
		t.Fatalf("%s: %v, want a trap", name, err)
	}
	return err.Error()
}
