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
	add(wazero.NewEngine(wazero.WithoutCache()))
	if wasmer.Available {
		add(wasmer.NewEngine(wasmer.WithoutCache()))
	}
	return engines
}
