package wazero_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	. "github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// TestWaitingGuestsCostNoThread starts a thousand programs that wait for ever,
// each with 2 MiB of memory that may grow to 4 GiB, and looks at what the Go
// program then uses.
func TestWaitingGuestsCostNoThread(t *testing.T) {
	const guests = 1000
	m := newModule(t, &Module{
		Imports: []wasmfile.Import{{Module: "wasix_32v1", Name: "futex_wait", Signature: wasmfile.Signature{
			Params:  []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI32, abi.ValueTypeI32, abi.ValueTypeI32},
			Results: i32,
		}}},
		Memory: sharedMemory(32, 1<<16),
		Functions: []Function{{Export: "_start", Body: Body(
			I32Const(0), I32Const(0), I32Const(16), I32Const(32), Call(0), Drop)}},
	})
	threads, resident := status(t, "Threads"), status(t, "VmRSS")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	commands := make([]*wasix.Cmd, guests)
	for i := range commands {
		commands[i] = wasix.Command(m, "guest")
		if err := commands[i].Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if got := status(t, "Threads"); got > threads+20 {
		t.Errorf("%d threads before, %d with %d guests", threads, got, guests)
	}
	if got := status(t, "VmRSS") - resident; got > guests*400 {
		t.Errorf("%d KiB for %d guests", got, guests)
	}
	cancel()
	for _, cmd := range commands {
		_ = cmd.Wait()
	}
}

// status returns a number of /proc/self/status.
func status(t *testing.T, name string) (n int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(b, []byte("\n"+name+":"))
	if _, err := fmt.Sscan(string(after), &n); err != nil {
		t.Fatal(err)
	}
	return n
}
