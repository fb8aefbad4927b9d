package scale

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix"
)

// resources is what the Go process holds.
type resources struct {
	goroutines, descriptors, threads, mappings int
	resident, heap                             int // KiB; heap is Go's
}

func measure(t *testing.T) resources {
	t.Helper()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return resources{
		goroutines:  runtime.NumGoroutine(),
		descriptors: entries(t, "/proc/self/fd"),
		threads:     entries(t, "/proc/self/task"),
		mappings:    lines(t, "/proc/self/maps"),
		resident:    resident(t),
		heap:        int(m.HeapAlloc >> 10),
	}
}

// measureFreed is measure after the garbage is collected and given back.
func measureFreed(t *testing.T) resources {
	t.Helper()
	for range 2 {
		runtime.GC() // the second collects what finalizers let go
	}
	debug.FreeOSMemory()
	return measure(t)
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func lines(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte("\n"))
}

func resident(t *testing.T) (kib int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(b, []byte("\nVmRSS:"))
	if _, err := fmt.Sscan(string(after), &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}

// idleThreads is how many OS threads may be kept for later: those of package
// wasix, and Go's own.
const idleThreads = 64 + 10

// checkBack fails the test unless all goroutines, descriptors and OS threads
// that came since before are gone, once those that are ending have ended.
func checkBack(t *testing.T, before resources) {
	t.Helper()
	const attempts = 400
	var now resources
	for range attempts {
		now = measure(t)
		if now.goroutines <= before.goroutines && now.descriptors <= before.descriptors &&
			now.threads <= before.threads+idleThreads {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("before %+v, after %+v\n%s", before, now, stacks[:runtime.Stack(stacks, true)])
}

// cpuTime is the processor time of the Go process so far.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// end waits for a command that is to end at once and returns its error.
func end(t *testing.T, cmd *wasix.Cmd) error {
	t.Helper()
	const patience = time.Minute
	select {
	case <-cmd.Process.Done():
	case <-time.After(patience):
		stacks := make([]byte, 1<<20)
		t.Fatalf("the guest does not end\n%s", stacks[:runtime.Stack(stacks, true)])
	}
	return cmd.Wait()
}
