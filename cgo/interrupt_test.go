//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

import (
	"errors"
	"sync/atomic"
	"testing"
)

// A guest that calls a host function in its loop ends, and a call after that
// ends at once.
func TestInterrupt(t *testing.T) {
	m := compileWat(t, `(module (import "h" "check" (func $check))
		(func (export "spin") (loop (call $check) (br 0))))`)
	for range 20 {
		started := make(chan bool, 1)
		in := instantiate(t, m, func(int, []byte, []uint64) error {
			select {
			case started <- true:
			default:
			}
			return nil
		}, nil)
		ended := make(chan error)
		go func() { _, err := call(t, in, "spin"); ended <- err }()
		<-started
		in.Interrupt()
		in.Interrupt()
		if err := <-ended; err != (Interrupted{}) {
			t.Errorf("interrupted call: %v", err)
		}
		if _, err := call(t, in, "spin"); err != (Interrupted{}) {
			t.Errorf("call after Interrupt: %v", err)
		}
	}
}

// A host function in progress returns first, and the guest does not run on.
func TestInterruptHostCall(t *testing.T) {
	m := compileWat(t, `(module (import "h" "f" (func $f)) (global (export "after") (mut i32) (i32.const 0))
		(func (export "run") (call $f) (global.set 0 (i32.const 1))))`)
	entered, proceed := make(chan bool), make(chan bool)
	in := instantiate(t, m, func(int, []byte, []uint64) error { close(entered); <-proceed; return nil }, nil)
	ended := make(chan error)
	go func() { _, err := call(t, in, "run"); ended <- err }()
	<-entered
	in.Interrupt()
	close(proceed)
	if err := <-ended; err != (Interrupted{}) {
		t.Errorf("error %v", err)
	}
	if i, _ := m.Export("after", Global); in.Global(i) != 0 {
		t.Error("the guest ran on")
	}
}

// A panic is caught whether or not the instance is interrupted.
func TestInterruptAndPanic(t *testing.T) {
	var in *Instance
	in = instantiate(t, compileWat(t, `(module (import "h" "f" (func $f)) (func (export "run") (call $f)))`),
		func(int, []byte, []uint64) error { in.Interrupt(); panic("boom") }, nil)
	var p *Panic
	if _, err := call(t, in, "run"); !errors.As(err, &p) {
		t.Errorf("error %v", err)
	}
}

func TestInterruptAfterClose(t *testing.T) {
	m := compileWat(t, `(module (func (export "f")))`)
	in := instantiate(t, m, nil, nil)
	in.Close()
	in.Interrupt()
	if _, err := call(t, in, "f"); !errors.Is(err, ErrClosed) {
		t.Errorf("call after Close: %v", err)
	}
}

// A checkpoint is called while the guest is to pay attention, and not else, but for
// an instance without a word for that.
func TestCheckpoint(t *testing.T) {
	const turns = 1000
	m := compileWat(t, `(module (import "h" "check" (func $check)) (import "h" "f" (func $f))
		(func (export "run") (param i32)
			(loop (call $check) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
			(call $f))
		(func (export "spin") (loop (call $check) (br 0))))`)
	m.SetCheckpoint(0)
	var calls [2]int
	host := func(index int, _ []byte, _ []uint64) error { calls[index]++; return nil }
	attention := new(atomic.Uint32)
	run := func(in *Instance, want int) {
		t.Helper()
		calls = [2]int{}
		if _, err := call(t, in, "run", turns); err != nil || calls != [2]int{want, 1} {
			t.Errorf("%d calls, want %d; %v", calls, want, err)
		}
	}
	run(instantiate(t, m, host, nil), turns)
	in, err := m.Instantiate(host, nil, attention)
	if err != nil {
		t.Fatal(err)
	}
	run(in, 0)
	attention.Store(1)
	run(in, turns)
	attention.Store(0)
	ended := make(chan error)
	go func() { _, err := call(t, in, "spin"); ended <- err }()
	in.Interrupt()
	if err := <-ended; err != (Interrupted{}) {
		t.Errorf("interrupted call: %v", err)
	}
	in.Close()
	in.Interrupt()
}
