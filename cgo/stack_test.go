//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"
)

// mainThread runs functions on the program's first OS thread, whose stack the
// kernel makes, unlike those of other threads.
var mainThread = make(chan func())

func TestMain(m *testing.M) {
	runtime.LockOSThread()
	code := make(chan int)
	go func() { code <- m.Run() }()
	for {
		select {
		case f := <-mainThread:
			f()
		case c := <-code:
			os.Exit(c)
		}
	}
}

func onMainThread(f func()) {
	done := make(chan bool)
	mainThread <- func() { defer close(done); f() }
	<-done
}

// onNewThread runs f on an OS thread that ends with it.
func onNewThread(f func()) {
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}

const recursion = `(module (import "h" "f" (func $f (param i32)))
	(func $deep (export "deep") (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))
	(func $calls (export "calls") (param i32) (result i32)
		(call $f (local.get 0)) (i32.add (i32.const 1) (call $calls (i32.add (local.get 0) (i32.const 1)))))
	(func $call_at (export "call_at") (param i32) (result i32)
		(if (i32.eqz (local.get 0)) (then (call $f (i32.const 0)) (return (i32.const 0))))
		(i32.add (i32.const 1) (call $call_at (i32.sub (local.get 0) (i32.const 1))))))`

// A guest that exhausts the stack of its OS thread traps, whatever the thread
// and whether or not it calls the host on the way.
func TestStackExhaustion(t *testing.T) {
	m := compileWat(t, recursion)
	host := func(int, []byte, []uint64) error { useStack(5); return nil }
	for name, run := range map[string]func(func()){"main": onMainThread, "new": onNewThread, "any": func(f func()) { f() }} {
		t.Run(name, func(t *testing.T) {
			in := instantiate(t, m, host, nil)
			run(func() {
				for range 3 {
					testExhaustion(t, in, "deep", 0)
					testExhaustion(t, in, "calls", 0)
				}
			})
		})
	}
	var wg sync.WaitGroup
	for range 8 {
		in := instantiate(t, m, host, nil)
		wg.Go(func() { testExhaustion(t, in, "calls", 0) })
	}
	wg.Wait()
}

// useStack makes the goroutine's stack grow.
func useStack(n int) int {
	var frame [128]int
	if n > 0 {
		frame[n%len(frame)] = useStack(n - 1)
	}
	return frame[n%len(frame)]
}

// The guest calls the host when hardly anything of its stack is left: at each
// of the last depths it can reach.
func TestHostCallAtTheEnd(t *testing.T) {
	m := compileWat(t, recursion)
	onNewThread(func() {
		in := instantiate(t, m, func(int, []byte, []uint64) error { return nil }, nil)
		deepest := deepestCall(t, in)
		for depth := deepest - 100; depth < deepest+20000; depth += 7 {
			if _, err := call(t, in, "call_at", uint64(depth)); err != nil && !isExhaustion(err) {
				t.Fatalf("depth %d: %v", depth, err)
			}
		}
	})
}

// deepestCall returns the largest depth from which the host can be called.
func deepestCall(t *testing.T, in *Instance) int {
	low, high := 0, 1<<22
	for low+1 < high {
		middle := (low + high) / 2
		if _, err := call(t, in, "call_at", uint64(middle)); err == nil {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

func isExhaustion(err error) bool {
	var trap *Trap
	return errors.As(err, &trap) && strings.Contains(trap.Message, "stack exhausted")
}

// A function whose frame is larger than a page probes the stack in libwasmer.
func TestLargeFrames(t *testing.T) {
	for _, locals := range []int{100, 600, 5000} {
		in := instantiate(t, compileWat(t, largeFrame(locals)), nil, nil)
		testExhaustion(t, in, "deep", 1)
	}
}

// Code that is loaded when the address space around libwasmer is taken still
// reaches its stack probe.
func TestLargeFramesFarAway(t *testing.T) {
	m := compileWat(t, `(module (import "env" "memory" (memory 1 1)))`)
	mem, err := m.NewMemory(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	fillAddressSpace(t)
	for range 20 {
		in := instantiate(t, compileWat(t, largeFrame(600)), nil, nil)
		testExhaustion(t, in, "deep", 1)
	}
}

// fillAddressSpace makes mappings until new ones are out of reach of those that
// were there before.
func fillAddressSpace(t *testing.T) {
	t.Helper()
	const reach = 2 << 30
	for _, size := range []int{1 << 20, 64 << 10, 16 << 10} {
		first := uintptr(0)
		for range 10000 {
			b, err := syscall.Mmap(-1, 0, size, syscall.PROT_NONE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = syscall.Munmap(b) })
			at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
			if first == 0 {
				first = at
			}
			if at-first > reach && first-at > reach {
				break
			}
		}
	}
}

// largeFrame has a recursive function with so many locals in use across its
// call.
func largeFrame(locals int) string {
	var decl, set, use strings.Builder
	for i := range locals {
		fmt.Fprintf(&decl, "(local $l%d i64)", i)
		fmt.Fprintf(&set, "(local.set $l%d (i64.add (i64.extend_i32_u (local.get 0)) (i64.const %d)))", i, i)
		fmt.Fprintf(&use, "(i64.mul (local.get $l%d)) (i64.add (i64.const 1))", i)
	}
	return `(module (func $deep (export "deep") (param i32) (result i64) ` + decl.String() + set.String() +
		`(drop (call $deep (i32.add (local.get 0) (i32.const 1)))) (i64.const 0)` + use.String() + `))`
}

// A library call in the guest's code, memory.grow, faults at the stack's end.
func TestLibraryCallAtTheEnd(t *testing.T) {
	m := compileWat(t, `(module (memory 1) (table 1 funcref)
		(func $call_at (export "call_at") (param i32) (result i32)
			(if (i32.eqz (local.get 0)) (then (drop (memory.grow (i32.const 0))) (return (table.grow (ref.null func) (i32.const 0)))))
			(i32.add (i32.const 1) (call $call_at (i32.sub (local.get 0) (i32.const 1))))))`)
	onNewThread(func() {
		in := instantiate(t, m, nil, nil)
		deepest := deepestCall(t, in)
		for depth := deepest - 300; depth < deepest+300; depth++ {
			if _, err := call(t, in, "call_at", uint64(depth)); err != nil && !isExhaustion(err) {
				t.Fatalf("depth %d: %v", depth, err)
			}
		}
	})
}

// Guests that call guests through the host exhaust the stack, too.
func TestNestedExhaustion(t *testing.T) {
	m := compileWat(t, `(module (import "h" "f" (func $f)) (func (export "run") (call $f)))`)
	var in *Instance
	depth := 0
	in = instantiate(t, m, func(int, []byte, []uint64) error {
		depth++
		_, err := call(t, in, "run")
		return err
	}, nil)
	if _, err := call(t, in, "run"); !isExhaustion(err) || depth < 100 {
		t.Errorf("depth %d: %v", depth, err)
	}
}
