package scale

import (
	"context"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
)

// TestThousandGuests starts a thousand servers, each waiting for a connection.
// On wazero a guest that waits has no OS thread.
func TestThousandGuests(t *testing.T) {
	const guests = 1000
	e := newEngine(t, wazeroEngine)
	p := &program{}
	setup := p.listen()
	m := compile(t, e, p.binary(1, setup, p.accept(firstFD)))
	cancelOnce(t, m, 1, 0)
	before := measureFreed(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
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
	during := measureFreed(t)
	t.Logf("%d guests: %d OS threads and %d goroutines more, %d KiB each", guests,
		during.threads-before.threads, during.goroutines-before.goroutines, (during.resident-before.resident)/guests)
	if n := during.threads - before.threads; n > 30 {
		t.Errorf("%d OS threads for %d guests", n, guests)
	}
	if n := during.resident - before.resident; n > guests*256 {
		t.Errorf("%d KiB for %d guests", n, guests)
	}
	checkIdle(t)
	cancel()
	for _, cmd := range cmds {
		_ = end(t, cmd)
	}
	checkBack(t, before)
}
