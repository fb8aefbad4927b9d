package wasix

import (
	"encoding/binary"
	"reflect"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// call makes a system call as an adapter does.
func call(t *Thread, do handler, params ...uint64) (abi.Errno, error) {
	s := Syscall{do: do}
	err := s.Call(t, t.mem, dirty(do, params))
	return abi.Errno(params[0]), err
}

// dirty returns parameters as engines may hand them over: the upper half of an i32
// is whatever was there before.
func dirty(do handler, params []uint64) []uint64 {
	for i, typ := range paramTypes()[reflect.ValueOf(do).Pointer()] {
		if i < len(params) && typ == abi.ValueTypeI32 {
			params[i] |= 0xdeadbeef << 32
		}
	}
	return params
}

// paramTypes returns the parameters of the calls by their handlers.
var paramTypes = sync.OnceValue(func() map[uintptr][]abi.ValueType {
	types := map[uintptr][]abi.ValueType{}
	for _, s := range Syscalls() {
		if s.do != nil {
			types[reflect.ValueOf(s.do).Pointer()] = s.Signature.Params
		}
	}
	return types
})

// callRaw makes a system call whose result is not an errno.
func callRaw(t *Thread, raw func(*Thread, []uint64), params ...uint64) (uint64, error) {
	s := Syscall{raw: raw}
	err := s.Call(t, t.mem, params)
	return params[0], err
}

// putOption stores an option_timestamp, none when ns is 0, and returns its address.
func putOption(t *Thread, ptr uint32, ns uint64) uint64 {
	b := t.mem[ptr:]
	clear(b[:abi.SizeofOptionTimestamp])
	if ns > 0 {
		b[0] = byte(abi.OptionSome)
		binary.LittleEndian.PutUint64(b[8:], ns)
	}
	return uint64(ptr)
}

// masked is what four bytes of masked memory read as.
const masked = 0x3f3f3f3f

func TestFutexWaitResults(t *testing.T) {
	for _, c := range []struct {
		name     string
		addr     uint64
		expected uint64
		timeout  uint64
		ret      uint64
		want     abi.Errno
		woken    byte
	}{
		{"value differs", 1024, 1, 0, 3000, abi.ESUCCESS, 1},
		{"time runs out", 1024, masked, 1000, 3000, abi.ESUCCESS, 0},
		{"unaligned", 1025, masked, 1000, 3000, abi.EINVAL, '?'},
		{"word outside memory", 0xfffffffe, masked, 1000, 3000, abi.EFAULT, '?'},
		{"result outside memory", 1024, masked, 1000, 1 << 16, abi.EFAULT, '?'},
	} {
		t.Run(c.name, func(t *testing.T) {
			th := newTestThread(t)
			got, err := call(th, futexWait, c.addr, c.expected, putOption(th, 2048, c.timeout), c.ret)
			if err != nil || got != c.want || th.mem[3000] != c.woken || th.mem[3001] != '?' {
				t.Fatalf("got %v, %v, woken %q; want %v, %q", got, err, th.mem[3000:3002], c.want, c.woken)
			}
		})
	}
}

func TestFutexWakesInOrderOfArrival(t *testing.T) {
	th := newTestThread(t)
	f := &th.proc.futexes
	const n = 5
	order := make(chan int, n)
	for i := range n {
		go func() {
			w := &futexWaiter{waiter: ready.NewWaiter()}
			if err := f.wait(w, 1024, ready.Never, func() bool { return true }); err != nil {
				t.Error(err)
			}
			order <- i
		}()
		waitFor(t, func() bool { return f.waiting(1024) == i+1 })
	}
	for i := range n {
		if e, _ := call(th, futexWake, 1024, 3000); e != abi.ESUCCESS || th.mem[3000] != 1 {
			t.Fatalf("wake: %v, %d", e, th.mem[3000])
		}
		if got := <-order; got != i {
			t.Fatalf("woke %d, want %d", got, i)
		}
	}
	if e, _ := call(th, futexWakeAll, 1024, 3000); e != abi.ESUCCESS || th.mem[3000] != 0 {
		t.Fatalf("wake without waiters: %v, %d", e, th.mem[3000])
	}
	if len(f.queues) != 0 {
		t.Fatalf("%d queues left", len(f.queues))
	}
}

// waiting counts the waiters of addr.
func (f *futexTable) waiting(addr uint32) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := f.queues[addr].head; w != nil; w = w.next {
		n++
	}
	return n
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	for range 5000 {
		if cond() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("condition never held")
}

// A waiter that gives up in the middle of the list must leave it whole.
func TestFutexGivingUpLeavesTheOthers(t *testing.T) {
	f := &futexTable{}
	var wg sync.WaitGroup
	results, waiters := make([]error, 3), make([]*ready.Waiter, 3)
	for i := range waiters {
		waiters[i] = ready.NewWaiter()
		wg.Go(func() {
			results[i] = f.wait(&futexWaiter{waiter: waiters[i]}, 8, ready.Never, func() bool { return true })
		})
		waitFor(t, func() bool { return f.waiting(8) == i+1 })
	}
	waiters[1].Interrupt()
	waitFor(t, func() bool { return f.waiting(8) == 2 })
	if n := f.wake(8, 10); n != 2 {
		t.Errorf("woke %d, want 2", n)
	}
	wg.Wait()
	if results[0] != nil || results[1] != syscall.EINTR || results[2] != nil {
		t.Errorf("results %v", results)
	}
}

// A mutex made of futexes, contended by many threads, loses no wake-up.
func TestFutexMutexUnderContention(t *testing.T) {
	f := &futexTable{}
	var word atomic.Uint32
	counter := 0
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			w := &futexWaiter{waiter: ready.NewWaiter()}
			for range 500 {
				for !word.CompareAndSwap(0, 1) {
					_ = f.wait(w, 4, ready.Never, func() bool { return word.Load() == 1 })
				}
				counter++
				word.Store(0)
				f.wake(4, 1)
			}
		})
	}
	wg.Wait()
	if counter != 16*500 {
		t.Fatalf("counter %d", counter)
	}
}

func TestAtomicInstructions(t *testing.T) {
	neverNegative := ^uint64(0)
	for _, c := range []struct {
		name   string
		raw    func(*Thread, []uint64)
		params []uint64
		want   uint64
		trap   string
	}{
		{"wait32 not equal", memoryAtomicWait32, []uint64{1000, 1, neverNegative, 24}, atomicWaitNotEqual, ""},
		{"wait32 times out", memoryAtomicWait32, []uint64{1000, masked, 1000, 24}, atomicWaitTimedOut, ""},
		{"wait64 not equal", memoryAtomicWait64, []uint64{1000, masked, neverNegative, 24}, atomicWaitNotEqual, ""},
		{"wait64 times out", memoryAtomicWait64, []uint64{1000, masked<<32 | masked, 0, 24}, atomicWaitTimedOut, ""},
		{"notify nobody", memoryAtomicNotify, []uint64{1000, 1, 24}, 0, ""},
		{"wait32 unaligned", memoryAtomicWait32, []uint64{1000, masked, 0, 25}, 0, "unaligned atomic"},
		{"wait64 unaligned", memoryAtomicWait64, []uint64{1000, masked, 0, 28}, 0, "unaligned atomic"},
		{"address past memory", memoryAtomicWait32, []uint64{0xfffffffc, masked, 0, 0xfffffffc}, 0, "out of bounds memory access"},
		{"notify past memory", memoryAtomicNotify, []uint64{1 << 16, 1, 0}, 0, "out of bounds memory access"},
	} {
		t.Run(c.name, func(t *testing.T) {
			th := newTestThread(t)
			got, err := callRaw(th, c.raw, c.params...)
			if c.trap != "" {
				trap := th.proc.status.trap
				if err != ErrUnwind || trap == nil || trap.Message != c.trap {
					t.Fatalf("err %v, trap %v, want %q", err, trap, c.trap)
				}
				return
			}
			if err != nil || got != c.want {
				t.Fatalf("got %d, %v, want %d", got, err, c.want)
			}
		})
	}
}

func TestFutexCallsDoNotAllocate(t *testing.T) {
	th := newTestThread(t)
	stack := make([]uint64, 4)
	wait, wake := Syscall{do: futexWait}, Syscall{do: futexWake}
	putOption(th, 2048, 1)
	_ = wait.Call(th, th.mem, append(stack[:0], 1024, masked, 2048, 3000)) // makes the timer
	allocs := testing.AllocsPerRun(100, func() {
		stack = append(stack[:0], 1024, masked, 2048, 3000)
		_ = wait.Call(th, th.mem, stack)
		stack = append(stack[:0], 1024, 3000, 0, 0)
		_ = wake.Call(th, th.mem, stack)
	})
	if allocs > 0 {
		t.Fatalf("%v allocations per wait and wake", allocs)
	}
}
