//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package wasmer_test

import (
	"path/filepath"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasmer"
)

// TestConformance runs the suite on freshly compiled code, and twice on a cache,
// so that the second time the code comes from there.
func TestConformance(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	for name, option := range map[string]wasmer.Option{
		"compiled": wasmer.WithoutCache(), "cached": wasmer.WithCache(dir), "from the cache": wasmer.WithCache(dir),
	} {
		t.Run(name, func(t *testing.T) {
			wasixtest.Run(t, func() (wasix.Engine, error) { return wasmer.NewEngine(option) })
		})
	}
}

func TestCasts(t *testing.T) {
	wasixtest.RunCasts(t, func() (wasix.Engine, error) {
		return wasmer.NewEngine(wasmer.WithoutCache(), wasmer.WithCasts())
	})
}
