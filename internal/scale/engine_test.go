package scale

import (
	"context"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasmer"
	"github.com/gowasix/gowasix/wazero"
)

// engine makes an engine for a test.
type engine struct {
	name string
	make func() (wasix.Engine, error)
}

var wazeroEngine = engine{"wazero", func() (wasix.Engine, error) { return wazero.NewEngine() }}

// engines returns those that this build has.
func engines() []engine {
	all := []engine{wazeroEngine}
	if wasmer.Available {
		all = append(all, engine{"wasmer", func() (wasix.Engine, error) { return wasmer.NewEngine() }})
	}
	return all
}

// onEngines runs a test on each engine.
func onEngines(t *testing.T, test func(*testing.T, wasix.Engine)) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) { test(t, newEngine(t, e)) })
	}
}

func newEngine(t *testing.T, e engine) wasix.Engine {
	t.Helper()
	made, err := e.make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := made.Close(); err != nil {
			t.Error(err)
		}
	})
	return made
}

// compile compiles a module and closes it with the test.
func compile(t *testing.T, e wasix.Engine, wasm []byte) wasix.Module {
	t.Helper()
	m, err := e.Compile(context.Background(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}
