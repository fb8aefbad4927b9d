//go:build !race

package scale

import (
	"runtime"
	"strconv"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
)

// A setjmp allocates the stack that it saves, and what describes that; a longjmp
// nothing.
func TestAllocationsOfJumps(t *testing.T) {
	const fewer, more, perJump = 500, 5500, 2
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		m := compile(t, e, guests.Bytes("processes-shared"))
		allocated := func(n int) (objects uint64) {
			t.Helper()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := wasix.Command(m, "processes", "jump", strconv.Itoa(n)).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			return after.Mallocs - before.Mallocs
		}
		allocated(fewer)
		base, all := allocated(fewer), allocated(more)
		if all > base+(perJump*(more-fewer))*11/10 {
			t.Errorf("%d allocations in %d jumps, %d in %d", all, more, base, fewer)
		}
	})
}
