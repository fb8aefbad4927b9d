package wasixtest_test

import (
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/wasixtest"
)

// TestSockets runs the cases of the socket calls without an engine.
func TestSockets(t *testing.T) {
	wasixtest.RunSockets(t, func() (wasix.Engine, error) { return wasixtest.Direct(), nil })
}
