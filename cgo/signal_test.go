//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

import (
	"io"
	"runtime/pprof"
	"sync"
	"testing"
)

// A nil dereference of Go's is recovered as ever, on threads that run guests and on
// others.
func TestGoFaults(t *testing.T) {
	fault := func() (recovered bool) {
		defer func() { recovered = recover() != nil }()
		var p *int
		*p = 1
		return false
	}
	in := instantiate(t, compileWat(t, `(module (func (export "f") (unreachable)))`), nil, nil)
	for range 10 {
		onNewThread(func() {
			if !fault() {
				t.Error("not recovered before a guest ran")
			}
			if _, err := call(t, in, "f"); err == nil {
				t.Error("no trap")
			}
			if !fault() {
				t.Error("not recovered after a guest trapped")
			}
		})
	}
}

// The profiler's signals meet guests, host functions and traps.
func TestProfiling(t *testing.T) {
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	defer pprof.StopCPUProfile()
	m := compileWat(t, `(module (import "h" "f" (func $f (param i32)))
		(func $deep (export "deep") (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))
		(func (export "run") (param i32) (local i32)
			(loop (call $f (local.get 0)) (local.set 1 (i32.const 1000))
				(loop (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
				(br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`)
	var wg sync.WaitGroup
	for range 4 {
		in := instantiate(t, m, func(int, []byte, []uint64) error { return nil }, nil)
		wg.Go(func() {
			if _, err := call(t, in, "run", 100_000); err != nil {
				t.Error(err)
			}
			testExhaustion(t, in, "deep", 1)
		})
	}
	wg.Wait()
}
