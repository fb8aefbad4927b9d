//go:build linux

package difftest

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain fails when goroutines or descriptors are left over after all tests.
func TestMain(m *testing.M) {
	// The poller of the runtime and its descriptors come with the first use.
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	r.Close()
	w.Close()
	// So does that of package ready: a goroutine with a descriptor.
	goroutines, descriptors := runtime.NumGoroutine()+1, openDescriptors()+1
	code := m.Run()
	os.RemoveAll(nativeDir)
	for range 500 {
		if runtime.NumGoroutine() <= goroutines && openDescriptors() <= descriptors {
			os.Exit(code)
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Printf("left over: %d goroutines, %d descriptors\n", runtime.NumGoroutine()-goroutines, openDescriptors()-descriptors)
	buf := make([]byte, 1<<20)
	fmt.Printf("%s\n", buf[:runtime.Stack(buf, true)])
	os.Exit(1)
}

func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(entries)
}
