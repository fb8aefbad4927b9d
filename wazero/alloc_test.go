//go:build !race

package wazero_test

import (
	"context"
	"testing"

	"github.com/gowasix/gowasix/wasix"
)

// TestHostCallsDoNotAllocate makes ten thousand system calls in each run.
func TestHostCallsDoNotAllocate(t *testing.T) {
	cmd := wasix.Command(newModule(t, calling(sharedMemory(1, 1))), "guest")
	cmd.Reactor = true
	if err := cmd.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	allocated := testing.AllocsPerRun(10, func() {
		if _, err := cmd.Process.Call("run", 10000); err != nil {
			t.Fatal(err)
		}
	})
	if allocated > 100 {
		t.Errorf("%v allocations in 10000 calls", allocated)
	}
	cmd.Process.Kill()
	_ = cmd.Wait()
}
