package scale

import (
	"bufio"
	"context"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
)

// howMany returns how many processes a test makes: as many as in every run, or all
// of them when GOWASIX_SCALE is set.
func howMany(usual, all int) int {
	switch {
	case os.Getenv("GOWASIX_SCALE") != "":
		return all
	case residentTolerance == math.MaxInt: // under the race detector
		return usual / 4
	}
	return usual
}

// How many KiB of a process libwasmer 2.0.0, the C library's heaps and idle threads
// may keep: processes that follow each other share memories and threads. In turn, it is
// libwasmer's registry of functions, of which an instance takes entries if it lies
// where none of its module lay before: one of a hundred forks, and of ten execs. That
// comes to less than half a KiB of a fork and to about one of a fork and an exec; of
// the first thousand of these, to nearly three.
const (
	keptInTurn = 2
	keptAtOnce = 32
)

// checkResident fails the test when memory has grown for each of n processes by more
// than kept on wasmer, and at all on wazero.
func checkResident(t *testing.T, e wasix.Engine, n, kept, grown int) {
	t.Helper()
	allowed := residentTolerance
	if e.Name() == "wasmer" && allowed < math.MaxInt {
		allowed += n * kept
	}
	if grown > allowed {
		t.Errorf("resident memory grew by %d KiB", grown)
	}
}

// processes returns a command that makes n processes by the guest of that name.
func processes(m, program wasix.Module, how string, n int) *wasix.Cmd {
	args := []string{"processes", how, strconv.Itoa(n)}
	if how != "fork" {
		args = append(args, "/bin/true")
	}
	cmd := wasix.Command(m, args...)
	cmd.Programs = map[string]wasix.Module{"true": program}
	return cmd
}

// TestManyProcesses makes processes one after the other, in each of the ways.
func TestManyProcesses(t *testing.T) {
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		m, program := compile(t, e, guests.Bytes("processes-shared")), compile(t, e, guests.Bytes("tools-shared"))
		for how, n := range map[string]int{
			"fork": howMany(100, 10_000), "exec": howMany(24, 1000), "vfork": howMany(24, 1000), "spawn": howMany(24, 1000),
		} {
			t.Run(how, func(t *testing.T) {
				run := func(n int) {
					t.Helper()
					var out strings.Builder
					cmd := processes(m, program, how, n)
					cmd.Stdout = &out
					if err := cmd.Run(t.Context()); err != nil || !strings.HasSuffix(out.String(), " done\n") {
						t.Fatalf("%v, %s", err, out.String())
					}
				}
				run(max(10, n/3)) // until there are as many threads, with heaps of their own, as it takes
				before := measureFreed(t)
				run(n)
				checkBack(t, before)
				after := measureFreed(t)
				t.Logf("%d processes: %d KiB, %d mappings more", n, after.resident-before.resident, after.mappings-before.mappings)
				checkResident(t, e, n, keptInTurn, after.resident-before.resident)
				if n := after.mappings - before.mappings; n > mappingTolerance {
					t.Errorf("%d memory mappings more", n)
				}
			})
		}
	})
}

// TestCrowdOfProcesses has many processes in one tree that wait at once, lets them
// go, and, once more, kills the first of them all.
func TestCrowdOfProcesses(t *testing.T) {
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		n := howMany(100, 200)
		m := compile(t, e, guests.Bytes("processes-shared"))
		crowd := func(n int, let func(stdin io.Closer, kill func())) error {
			t.Helper()
			stdin, keep, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			defer keep.Close()
			read, stdout, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			cmd := processes(m, m, "crowd", n)
			cmd.Stdin, cmd.Stdout = stdin, stdout
			if err := cmd.Start(ctx); err != nil {
				t.Fatal(err)
			}
			_ = stdout.Close()
			if line, err := bufio.NewReader(read).ReadString('\n'); line != strconv.Itoa(n)+" wait\n" {
				t.Errorf("%q, %v", line, err)
			}
			let(keep, cmd.Process.Kill)
			return end(t, cmd)
		}
		release := func(stdin io.Closer, _ func()) { _ = stdin.Close() }
		if err := crowd(n, release); err != nil {
			t.Fatal(err)
		}
		before := measureFreed(t)
		if err := crowd(n, release); err != nil {
			t.Error(err)
		}
		if err := crowd(n, func(_ io.Closer, kill func()) { kill() }); err == nil {
			t.Error("a killed process ends well")
		}
		checkBack(t, before)
		grown := measureFreed(t).resident - before.resident
		t.Logf("%d processes, twice: %d KiB more", n, grown)
		checkResident(t, e, 2*n, keptAtOnce, grown)
	})
}
