package scale

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
)

// startTree starts the guest "tree" and returns when its first process has said line.
// The function that it returns kills the tree, by its root or by its context, and
// tells how long it took until nothing was left.
func startTree(t *testing.T, m wasix.Module, maxProcesses int, line string, args ...string) (kill func(byContext bool) time.Duration) {
	t.Helper()
	read, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := wasix.Command(m, append([]string{"tree"}, args...)...)
	cmd.Stdout, cmd.MaxProcesses = stdout, maxProcesses
	if err := cmd.Start(ctx); err != nil {
		t.Fatal(err)
	}
	_ = stdout.Close()
	if got, err := bufio.NewReader(read).ReadString('\n'); got != line+"\n" {
		t.Errorf("%q, %v", got, err)
	}
	return func(byContext bool) time.Duration {
		t.Helper()
		defer cancel()
		start := time.Now()
		if byContext {
			cancel()
		} else {
			cmd.Process.Kill()
		}
		if err := end(t, cmd); err == nil {
			t.Error("a killed process ends well")
		}
		return time.Since(start)
	}
}

// TestKillTree kills the first of many processes, whatever they do, and prints how
// long it took until all had ended.
func TestKillTree(t *testing.T) {
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		m := compile(t, e, guests.Bytes("tree-shared"))
		for what, n := range map[string]int{ // those that compute take long to make
			"computes": howMany(8, 200), "sleeps": howMany(40, 200), "reads": howMany(40, 200), "chain": howMany(40, 200),
		} {
			t.Run(what, func(t *testing.T) {
				kill := func(byContext bool) time.Duration {
					return startTree(t, m, 0, fmt.Sprintf("%d children", n), what, strconv.Itoa(n))(byContext)
				}
				kill(false) // starts what lives as long as the Go process
				before := measureFreed(t)
				took := []time.Duration{kill(false), kill(true)}
				checkBack(t, before)
				grown := measureFreed(t).resident - before.resident
				t.Logf("%d processes: %v, %d KiB more", n, took, grown)
				checkResident(t, e, 2*n, keptAtOnce, grown)
			})
		}
	})
}

// TestForkBomb has processes fork as fast as they can, and fork on when they are told
// that there are too many. Another guest works beside them, and so does the host's
// garbage collector.
func TestForkBomb(t *testing.T) {
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		limit := howMany(20, 200)
		m, other := compile(t, e, guests.Bytes("tree-shared")), compile(t, e, guests.Bytes("processes-shared"))
		bomb := func() (kill func(bool) time.Duration) {
			return startTree(t, m, limit, "fork: EAGAIN", "bomb")
		}
		work := func() {
			t.Helper()
			var out strings.Builder
			cmd := wasix.Command(other, "processes", "fork", "3")
			cmd.Stdout = &out
			if err := cmd.Run(t.Context()); err != nil || out.String() != "fork: 3 done\n" {
				t.Errorf("%v, %q", err, out.String())
			}
		}
		work()
		bomb()(false)
		before := measureFreed(t)
		var took []time.Duration
		for _, byContext := range []bool{false, true} {
			kill := bomb()
			work()
			during := measureFreed(t)
			t.Logf("%d goroutines, %d threads more", during.goroutines-before.goroutines, during.threads-before.threads)
			took = append(took, kill(byContext))
		}
		checkBack(t, before)
		grown := measureFreed(t).resident - before.resident
		t.Logf("ended after %v, %d KiB more", slices.Max(took), grown)
		checkResident(t, e, 2*limit, keptAtOnce, grown)
	})
}
