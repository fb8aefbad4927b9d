package corpus

import (
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasmer"
	"github.com/gowasix/gowasix/wazero"
)

// engines returns the engines there are in this build, without their caches: a
// program must compile here, not only once upon a time.
func engines(t *testing.T) []wasix.Engine {
	t.Helper()
	return enginesWith(t, nil, nil)
}

// castingEngines returns those that let calls reach functions of another type.
func castingEngines(t *testing.T) []wasix.Engine {
	t.Helper()
	return enginesWith(t, []wazero.Option{wazero.WithCasts()}, []wasmer.Option{wasmer.WithCasts()})
}

func enginesWith(t *testing.T, forWazero []wazero.Option, forWasmer []wasmer.Option) []wasix.Engine {
	t.Helper()
	var engines []wasix.Engine
	add := func(e wasix.Engine, err error) {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
		engines = append(engines, e)
	}
	add(wazero.NewEngine(append(forWazero, wazero.WithoutCache())...))
	if wasmer.Available {
		add(wasmer.NewEngine(append(forWasmer, wasmer.WithoutCache())...))
	}
	return engines
}
