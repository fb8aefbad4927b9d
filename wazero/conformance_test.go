package wazero_test

import (
	"path/filepath"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wazero"
)

func TestConformance(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	wasixtest.Run(t, func() (wasix.Engine, error) { return wazero.NewEngine(wazero.WithCache(dir)) })
}

func TestCasts(t *testing.T) {
	wasixtest.RunCasts(t, func() (wasix.Engine, error) {
		return wazero.NewEngine(wazero.WithoutCache(), wazero.WithCasts())
	})
}
