package scale

import (
	"context"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
)

// TestManyGuests starts many servers, each waiting for a connection. On wazero a
// guest that waits has no OS thread; on wasmer it has one.
func TestManyGuests(t *testing.T) {
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		guests, perGuest := 1000, 0
		if e.Name() == "wasmer" {
			guests, perGuest = 300, 1
		}
		p := &program{}
		setup := p.listen()
		m := compile(t, e, p.binary(1, setup, p.accept(firstFD)))
		cancelOnce(t, m, 1, 0)
		before := measureFreed(t)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		cmds := startMany(t, ctx, m, guests)
		during := measureFreed(t)
		t.Logf("%d guests: %d OS threads, %d goroutines and %d descriptors more, %d KiB each", guests,
			during.threads-before.threads, during.goroutines-before.goroutines,
			during.descriptors-before.descriptors, (during.resident-before.resident)/guests)
		if n := during.threads - before.threads; n > guests*perGuest+30 {
			t.Errorf("%d OS threads for %d guests", n, guests)
		}
		if n := during.resident - before.resident; n > guests*memoryOfGuest {
			t.Errorf("%d KiB for %d guests", n, guests)
		}
		checkIdle(t)
		cancel()
		for _, cmd := range cmds {
			_ = end(t, cmd)
		}
		checkBack(t, before)
	})
}

// startMany starts guests and returns when all of them are about to wait.
func startMany(t *testing.T, ctx context.Context, m wasix.Module, guests int) []*wasix.Cmd {
	t.Helper()
	cmds := make([]*wasix.Cmd, guests)
	for i := range cmds {
		w := &watched{Module: m}
		cmds[i] = wasix.Command(w, "guest")
		cmds[i].Network = network.Host()
		if err := cmds[i].Start(ctx); err != nil {
			t.Fatal(err)
		}
		w.await(1, cmds[i].Process)
	}
	return cmds
}
