package socket_test

import (
	"runtime"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

// A receive that waits in the kernel lets the garbage collector stop its thread,
// and goes on waiting after the signal of that.
func TestReceiveOutlastsSignals(t *testing.T) {
	client, server := connected(t, abi.SockTypeStream)
	server.w.OwnsThread = true
	type result struct {
		b   []byte
		err error
	}
	got := make(chan result)
	go func() {
		for range 3 {
			b, err := server.recv(8, 0)
			got <- result{b, err}
		}
	}()
	for _, message := range []string{"one", "two", "three"} {
		for range 10 {
			runtime.GC()
		}
		if _, err := client.Send(client.d, client.w, [][]byte{[]byte(message)}, 0, nil); err != nil {
			t.Fatal(err)
		}
		if r := <-got; string(r.b) != message || r.err != nil {
			t.Errorf("received %q, %v, want %q", r.b, r.err, message)
		}
	}
}
