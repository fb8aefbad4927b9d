package wasixtest_test

import (
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/wasixtest"
)

// TestFiles runs the cases of the calls on files without an engine.
func TestFiles(t *testing.T) {
	wasixtest.RunFiles(t, func() (wasix.Engine, error) { return wasixtest.Direct(), nil })
}
