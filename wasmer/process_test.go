//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package wasmer_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/gowasix/gowasix/cgo/mallinfo"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	. "github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// threaded starts two threads, waits until they run, and exits with code 7 while
// one of them waits and the other computes.
var threaded = &Module{
	Imports: []wasmfile.Import{
		{Module: "wasix_32v1", Name: "proc_exit", Signature: wasmfile.Signature{Params: i32}},
		{Module: "wasi", Name: "thread-spawn", Signature: onI32},
		{Module: "wasix_32v1", Name: "sched_yield", Signature: toI32},
	},
	Memory: sharedMemory(1, 2),
	Functions: []Function{
		{Export: "_start", Body: Body(
			I32Const(1024), Call(1), Drop, I32Const(1024), Call(1), Drop,
			Loop(Call(2), Drop, I32Const(0), I32AtomicLoad(), I32Const(2), I32Ne, BrIf(0)),
			I32Const(7), Call(0))},
		{Export: "wasi_thread_start", Signature: wasmfile.Signature{Params: []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI32}},
			Body: Body(
				I32Const(0), I32Const(1), I32AtomicAdd(),
				If(I32Const(8), I32Const(0), I64Const(-1), MemoryAtomicWait32(), Drop),
				Loop(Br(0)))},
	},
}

func runThreaded(t testing.TB, m wasix.Module) {
	t.Helper()
	var exit *wasix.ExitError
	if err := wasix.Command(m, "guest").Run(context.Background()); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Fatal(err)
	}
}

// census counts what processes could leave behind.
type census struct{ heap, goroutines, tasks, files, maps int }

func takeCensus(t *testing.T) census {
	t.Helper()
	runtime.GC()
	c := census{heap: mallinfo.InUse(), goroutines: runtime.NumGoroutine(), tasks: entries(t, "task"), files: entries(t, "fd")}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range maps {
		if b == '\n' {
			c.maps++
		}
	}
	return c
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/" + dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// exceeds reports whether more is left than chance accounts for: idle threads
// that Go keeps, and what the C heap has cached for them. libwasmer forgets some
// dozens of bytes for each thread that is unwound.
func (c census) exceeds(before census) bool {
	const someThreads, someMaps, perProcess = 8, 40, 256
	return c.heap > before.heap+cycles*perProcess || c.goroutines > before.goroutines ||
		c.tasks > before.tasks+someThreads || c.files > before.files || c.maps > before.maps+someMaps
}

const cycles = 1000

// A thousand processes of three threads each leave nothing behind.
func TestProcessesLeaveNothing(t *testing.T) {
	m := newModule(t, threaded)
	for range 100 {
		runThreaded(t, m)
	}
	before := takeCensus(t)
	for range cycles {
		runThreaded(t, m)
	}
	after := takeCensus(t)
	for range 200 { // what is ending may take a moment
		if !after.exceeds(before) {
			break
		}
		time.Sleep(5 * time.Millisecond)
		after = takeCensus(t)
	}
	t.Logf("before %+v, after %+v", before, after)
	if after.exceeds(before) {
		t.Error("something is left")
	}
}

// Processes end while the garbage collector runs all the time.
func TestProcessesUnderCollection(t *testing.T) {
	m := newModule(t, threaded)
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	for range 300 {
		runThreaded(t, m)
	}
	close(stop)
	<-stopped
}
