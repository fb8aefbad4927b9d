package scale

import (
	"context"
	"errors"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
	. "github.com/gowasix/gowasix/wasix/wasixtest"
)

// mappingTolerance is how many memory mappings may be new after 250 guests.
const mappingTolerance = 50

// ends are the ways to end, with the exit code.
var ends = []struct {
	how  string
	code int
}{{"return", 0}, {"exit", 3}, {"trap", 134}, {"cancel", killed}}

const killed = 137

// TestNothingIsLeft starts and ends a thousand guests, each of which has a
// listener, a pipe and a second thread, in all ways to end.
func TestNothingIsLeft(t *testing.T) {
	const guests = 250 // of each of four ways
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		for _, end := range ends {
			t.Run(end.how, func(t *testing.T) {
				m := compile(t, e, ending(end.how))
				runMany(t, m, guests/5, end.code)
				before := measureFreed(t)
				runMany(t, m, guests, end.code)
				checkBack(t, before)
				after := measureFreed(t)
				t.Logf("%d guests: %d KiB, %d mappings more", guests,
					after.resident-before.resident, after.mappings-before.mappings)
				if n := after.resident - before.resident; n > residentTolerance {
					t.Errorf("resident memory grew by %d KiB", n)
				}
				if n := after.mappings - before.mappings; n > mappingTolerance {
					t.Errorf("%d memory mappings more", n)
				}
			})
		}
	})
}

// ending returns a program that ends in the given way while a second thread
// waits for a connection.
func ending(how string) []byte {
	p := &program{}
	setup := Body(p.listen(), p.pipe())
	end := Body(nil...)
	switch how {
	case "exit":
		end = Body(I32Const(3), p.call("proc_exit"))
	case "trap":
		end = Unreachable
	case "cancel":
		end = p.accept(firstFD)
	}
	return p.binary(2, setup, Body(LocalGet(0), I32Const(1), I32Ne, If(p.accept(firstFD)), end))
}

// runMany runs guests one after the other.
func runMany(t *testing.T, m wasix.Module, n, wantExit int) {
	t.Helper()
	for range n {
		ctx, cancel := context.WithCancel(context.Background())
		w := &watched{Module: m}
		cmd := wasix.Command(w, "guest")
		cmd.Network = network.Host()
		if err := cmd.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if wantExit == killed {
			w.await(2, cmd.Process)
			cancel()
		}
		err := end(t, cmd)
		cancel()
		code := 0
		if exit := (*wasix.ExitError)(nil); errors.As(err, &exit) {
			code = exit.ExitCode()
		}
		if code != wantExit {
			t.Fatalf("%v, want exit code %d", err, wantExit)
		}
	}
}
