package wasixtest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix"
)

// Run checks an engine adapter: each case compiles a module with an engine of
// its own that newEngine makes, and none may leave a goroutine behind. A case
// that hangs fails when the test's own time is up.
func Run(t *testing.T, newEngine func() (wasix.Engine, error)) {
	runCases(t, newEngine, slices.Concat(cases, filesCases, socketCases(false)))
}

// RunSockets is the part of [Run] that checks the socket calls, but not on the
// host's loopback interface alone: each case runs on a virtual network and without
// a network, too, and holds there as well, or is listed as one that does not, with
// the reason. It also takes [Direct].
func RunSockets(t *testing.T, newEngine func() (wasix.Engine, error)) {
	runCases(t, newEngine, socketCases(true))
}

// RunFiles is the part of [Run] that checks the calls on files, each case on a
// directory of the host, in memory, and on an fs.FS, unless it changes something; and
// that no call gets out of a directory of the host. It also takes [Direct].
func RunFiles(t *testing.T, newEngine func() (wasix.Engine, error)) {
	runCases(t, newEngine, filesCases)
}

// RunCasts is [Run] for an engine that was told to let calls reach functions of
// another type, as wasmfile.RewriteOptions.Casts does.
func RunCasts(t *testing.T, newEngine func() (wasix.Engine, error)) {
	runCases(t, newEngine, castCases)
}

func runCases(t *testing.T, newEngine func() (wasix.Engine, error), cases []engineCase) {
	if len(cases) == 0 {
		t.Fatal("there are no cases")
	}
	startPoller()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			e, err := newEngine()
			if err != nil {
				t.Fatal(err)
			}
			t.Run("case", func(t *testing.T) { c.run(t, e) })
			if err := errors.Join(e.Close(), e.Close()); err != nil {
				t.Error(err)
			}
			checkGoroutines(t, before)
		})
	}
}

// engineCase is a case, named as a sentence about what an engine must do.
type engineCase struct {
	name string
	run  func(*testing.T, wasix.Engine)
}

var cases = []engineCase{
	{"a binary that is not WebAssembly does not compile", notWasm},
	{"an invalid module does not compile", invalidModule},
	{"imports that nobody provides are a LinkError", unlinked},
	{"the module tells what it is", moduleInfo},
	{"a closed engine does not compile, and open modules run on", closedEngine},
	{"a closed module is not instantiated, and processes run on", closedModule},
	{"things can be closed twice", closedTwice},
	{"a program that returns ends with exit code 0", returns},
	{"proc_exit ends the program where it stands", exits},
	{"unreachable code is a trap", trapUnreachable},
	{"an access out of bounds is a trap", trapBounds},
	{"a division by zero is a trap", trapDivision},
	{"endless recursion is a trap", trapRecursion},
	{"a call of a function of another type is a trap", trapCast},
	{"a trap of another thread ends the process", trapThread},
	{"a trap in the start function fails the start", trapStart},
	{"a computing program is killed", killLoop},
	{"a recursing program is killed", killRecursion},
	{"a computing thread is killed", killThread},
	{"a waiting program is killed", killWaiting},
	{"a program waiting in an instruction is killed", killAtomicWait},
	{"a computing program is killed before it began", killEarly},
	{"calls get all bits of their parameters", parameters},
	{"calls write into memory what they should and nothing else", writes},
	{"calls see memory as it has grown", grownMemory},
	{"memory grows for all threads", grownByThread},
	{"memory grows up to what the tree may have, and is given back", growLimited},
	{"the start function grows the memory up to what the tree may have", growLimitedByStart},
	{"threads together grow the memory to what the tree may have", growLimitedByThreads},
	{"a program that needs more memory than the tree may have does not start", startLimited},
	{"a fork fails beyond what the tree may have", forkLimited},
	{"threads share their memory and have their own globals", threads},
	{"futex instructions and futex calls meet", futexes},
	{"exported globals can be read and set", globals},
	{"many processes of a module run at once and are apart", processes},
	{"the garbage collector runs beside a computing program", collector},
	{"the guest is called from within a host call, and the call goes on", handlerReturns},
	{"calls from within host calls nest", handlersNest},
	{"a call from within a host call can end the process", handlerExits},
	{"a trap in a call from within a host call ends the process", handlerTraps},
	{"a call from within a host call can unwind alone", handlerUnwinds},
	{"memory that grows in a call from within a host call stays", handlerGrows},
	{"a computing program takes signals", signalComputing},
	{"a computing program keeps what it has below its stack pointer", signalRedZone},
	{"a waiting program takes signals", signalWaiting},
	{"a thread that waits in an instruction takes signals", signalAtomicWait},
	{"a signal without handler ends a computing program", signalEnds},
	{"signals from everywhere arrive, each at least once", signalStorm},
	{"a program that goes up and down its stack forks", forks},
	{"a child of vfork works on its parent's memory until it ends", vforks},
	{"a child of vfork that computes for ever is ended", vforksForEver},
	{"a program without asyncify's exports, or with others of their names, does not fork", forksNot},
	{"a program that does not go up and down its stack where it should traps", forksBadly},
	{"a program that computes for ever where it should go up or down its stack is ended", forksForEver},
}

// checkGoroutines fails the test if there are more goroutines than before, once
// those that are ending have ended.
func checkGoroutines(t *testing.T, before int) {
	t.Helper()
	const attempts = 200
	for range attempts {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines before, %d after\n%s",
		before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
}

// compile compiles a module and closes it with the test.
func compile(t testing.TB, e wasix.Engine, m *Module) wasix.Module {
	t.Helper()
	mod, err := e.Compile(context.Background(), m.Binary())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mod.Close(); err != nil {
			t.Error(err)
		}
	})
	return mod
}

// run runs a program to its end.
func run(t *testing.T, m wasix.Module) error {
	t.Helper()
	return wasix.Command(m, "guest").Run(context.Background())
}

// wantExit checks the exit code of a program.
func wantExit(t *testing.T, err error, code int) {
	t.Helper()
	got := 0
	if exit := (*wasix.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		t.Fatalf("%v, want exit code %d", err, code)
	}
	if got != code {
		t.Errorf("exit code %d (%v), want %d", got, err, code)
	}
}

func wantTrap(t *testing.T, err error) {
	t.Helper()
	if trap := (*wasix.Trap)(nil); !errors.As(err, &trap) || trap.Message == "" {
		t.Errorf("%v, want a trap with a message", err)
	}
}
