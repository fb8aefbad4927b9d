package wasix

import (
	"encoding/binary"
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// futexTable holds the threads of one process that wait for a word of memory,
// by address. futex_wait and the memory.atomic.wait instructions share it.
type futexTable struct {
	mu     sync.Mutex
	queues map[uint32]futexList
}

// futexList holds waiters in the order of arrival.
type futexList struct{ head, tail *futexWaiter }

// futexWaiter is a thread's place in a list; a thread waits for one futex at a time.
type futexWaiter struct {
	waiter *ready.Waiter
	next   *futexWaiter
	woken  bool
}

// wait sleeps until woken, as long as unchanged reports that the word still has
// the expected value; it is asked with the table locked. Returns nil except:
//   - EAGAIN: the value differs
//   - ETIMEDOUT: the deadline has passed
//   - EINTR: the waiter was interrupted
func (f *futexTable) wait(w *futexWaiter, addr uint32, deadline int64, unchanged func() bool) error {
	f.mu.Lock()
	if !unchanged() {
		f.mu.Unlock()
		return syscall.EAGAIN
	}
	f.enqueue(addr, w)
	f.mu.Unlock()
	for {
		err := w.waiter.Park(deadline)
		f.mu.Lock()
		if w.woken {
			f.mu.Unlock()
			return nil
		}
		if err != nil {
			f.dequeue(addr, w)
			f.mu.Unlock()
			return err
		}
		f.mu.Unlock()
	}
}

func (f *futexTable) enqueue(addr uint32, w *futexWaiter) {
	w.woken, w.next = false, nil
	if f.queues == nil {
		f.queues = map[uint32]futexList{}
	}
	l := f.queues[addr]
	if l.head == nil {
		l.head = w
	} else {
		l.tail.next = w
	}
	l.tail = w
	f.queues[addr] = l
}

func (f *futexTable) dequeue(addr uint32, w *futexWaiter) {
	l := f.queues[addr]
	var prev *futexWaiter
	for e := l.head; e != w; e = e.next {
		prev = e
	}
	if prev == nil {
		l.head = w.next
	} else {
		prev.next = w.next
	}
	if l.tail == w {
		l.tail = prev
	}
	f.store(addr, l)
}

func (f *futexTable) store(addr uint32, l futexList) {
	if l.head == nil {
		delete(f.queues, addr)
	} else {
		f.queues[addr] = l
	}
}

// wake wakes up to n waiters of addr, the longest waiting first, and returns how many.
func (f *futexTable) wake(addr, n uint32) (woken uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, ok := f.queues[addr]
	if !ok {
		return 0
	}
	for ; l.head != nil && woken < n; woken++ {
		w := l.head
		l.head = w.next
		w.woken, w.next = true, nil
		w.waiter.Unpark()
	}
	f.store(addr, l)
	return woken
}

// futexWait is futex_wait(futex, expected, timeout, woken): sleeps while the
// word at futex is expected. timeout points to an option_timestamp, relative,
// in nanoseconds. *woken is false only when the time ran out.
//
// returns 0 except:
//   - EFAULT: a pointer lies outside memory
//   - EINVAL: futex is not a multiple of four
func futexWait(t *Thread, p []uint64) abi.Errno {
	addr, expected, timeout, ret := uint32(p[0]), uint32(p[1]), uint32(p[2]), uint32(p[3])
	word, ok := t.bytes(addr, 4)
	if !ok || !t.inMemory(ret, 1) {
		return abi.EFAULT
	}
	deadline, ok := t.optionTimestamp(timeout)
	if !ok {
		return abi.EFAULT
	}
	if addr%4 != 0 {
		return abi.EINVAL
	}
	err := t.proc.futexes.wait(&t.futex, addr, deadline, func() bool {
		return atomicUint32(word) == expected
	})
	var woken uint8 = 1
	if err == syscall.ETIMEDOUT {
		woken = 0
	}
	t.putUint8(ret, woken)
	return abi.ESUCCESS
}

// optionTimestamp returns the deadline that the option_timestamp at ptr stands
// for: [ready.Never] for none and, as wasix-libc means it, for values up to 0.
func (t *Thread) optionTimestamp(ptr uint32) (deadline int64, ok bool) {
	b, ok := t.bytes(ptr, abi.SizeofOptionTimestamp)
	if !ok {
		return 0, false
	}
	ns := int64(binary.LittleEndian.Uint64(b[8:]))
	if abi.Option(b[0]) != abi.OptionSome || ns <= 0 {
		return ready.Never, true
	}
	return ready.After(uint64(ns)), true
}

// futexWake is futex_wake(futex, woken): wakes one thread that waits for the
// word at futex, and stores whether there was one.
//
// returns 0 except:
//   - EFAULT: a pointer lies outside memory
func futexWake(t *Thread, p []uint64) abi.Errno {
	return t.futexWakeUpTo(uint32(p[0]), uint32(p[1]), 1)
}

// futexWakeAll is futex_wake_all(futex, woken): wakes every thread that waits
// for the word at futex, and stores whether there was any.
//
// returns 0 except:
//   - EFAULT: a pointer lies outside memory
func futexWakeAll(t *Thread, p []uint64) abi.Errno {
	return t.futexWakeUpTo(uint32(p[0]), uint32(p[1]), ^uint32(0))
}

func (t *Thread) futexWakeUpTo(addr, ret, n uint32) abi.Errno {
	if !t.inMemory(addr, 4) || !t.inMemory(ret, 1) {
		return abi.EFAULT
	}
	var any uint8
	if t.proc.futexes.wake(addr, n) > 0 {
		any = 1
	}
	t.putUint8(ret, any)
	return abi.ESUCCESS
}

// memoryAtomicNotify is the instruction memory.atomic.notify(addr, count) with
// its static offset: returns how many threads it woke.
func memoryAtomicNotify(t *Thread, stack []uint64) {
	addr, ok := t.atomicAddress(stack[0], stack[2], 4)
	count := uint32(stack[1])
	stack[0] = 0
	if ok {
		stack[0] = uint64(t.proc.futexes.wake(addr, count))
	}
}

// The results of memory.atomic.wait.
const (
	atomicWaitOK       = 0
	atomicWaitNotEqual = 1
	atomicWaitTimedOut = 2
)

// memoryAtomicWait32 is memory.atomic.wait32(addr, expected, timeout) with its
// static offset.
func memoryAtomicWait32(t *Thread, stack []uint64) {
	addr, ok := t.atomicAddress(stack[0], stack[3], 4)
	if !ok {
		return
	}
	word, expected := t.mem[addr:], uint32(stack[1])
	stack[0] = t.atomicWait(addr, stack[2], func() bool { return atomicUint32(word) == expected })
}

// memoryAtomicWait64 is memory.atomic.wait64(addr, expected, timeout) with its
// static offset.
func memoryAtomicWait64(t *Thread, stack []uint64) {
	addr, ok := t.atomicAddress(stack[0], stack[3], 8)
	if !ok {
		return
	}
	word, expected := t.mem[addr:], stack[1]
	stack[0] = t.atomicWait(addr, stack[2], func() bool { return atomicUint64(word) == expected })
}

func (t *Thread) atomicWait(addr uint32, timeout uint64, unchanged func() bool) uint64 {
	deadline := ready.Never
	if int64(timeout) >= 0 {
		deadline = ready.After(timeout)
	}
	switch t.proc.futexes.wait(&t.futex, addr, deadline, unchanged) {
	case syscall.EAGAIN:
		return atomicWaitNotEqual
	case syscall.ETIMEDOUT:
		return atomicWaitTimedOut
	}
	return atomicWaitOK
}

// atomicAddress returns the effective address of an atomic instruction on size
// bytes; where the instruction would trap, the thread does, and ok is false.
func (t *Thread) atomicAddress(base, offset uint64, size uint64) (addr uint32, ok bool) {
	ea := uint64(uint32(base)) + uint64(uint32(offset))
	switch {
	case ea+size > uint64(len(t.mem)):
		t.trap("out of bounds memory access")
		return 0, false
	case ea%size != 0:
		t.trap("unaligned atomic")
		return 0, false
	}
	return uint32(ea), true
}
