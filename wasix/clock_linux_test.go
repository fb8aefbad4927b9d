package wasix

import (
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
)

// compute uses processor time, by the thread's own clock.
func (t *Thread) compute(d time.Duration) {
	for start := t.threadCPUTime(); t.threadCPUTime()-start < int64(d); {
	}
}

func TestCPUClocks(t *testing.T) {
	const work = 30 * time.Millisecond
	p := newTestThread(t).proc
	delete(p.threads, mainThreadID)
	idle, busy := newThread(p, 2), newThread(p, 3)
	p.threads[2], p.threads[3] = idle, busy
	var begun, done, measured sync.WaitGroup
	begun.Add(2)
	done.Add(1)
	run := func(th *Thread, body func()) {
		measured.Go(func() {
			th.waiter.OwnsThread = true
			th.startCPUClock()
			begun.Done()
			body()
			th.stopCPUClock()
		})
	}
	run(idle, func() {
		done.Wait()
		if used := idle.threadCPUTime(); used > int64(work) {
			t.Errorf("a thread that waited used %v", time.Duration(used))
		}
	})
	run(busy, func() {
		begun.Wait()
		busy.compute(work)
		if used := p.cpuTime(); used < int64(work) {
			t.Errorf("the process used %v, one of its threads %v", time.Duration(used), work)
		}
		done.Done()
	})
	measured.Wait()
	delete(p.threads, 3)
	if used := p.cpuTime(); used < int64(work) {
		t.Errorf("the process used %v after the thread that used %v was gone", time.Duration(used), work)
	}
}

// Threads without an OS thread of their own get one when they ask for the time.
func TestCPUClocksOfSharedThreads(t *testing.T) {
	th := newTestThread(t)
	th.startCPUClock()
	defer th.stopCPUClock()
	if first := th.threadCPUTime(); first > int64(time.Minute) {
		t.Errorf("begins with %v", time.Duration(first))
	}
	before := th.proc.cpuTime()
	th.compute(10 * time.Millisecond)
	if got := th.proc.cpuTime() - before; got < int64(10*time.Millisecond) {
		t.Errorf("the process used %v", time.Duration(got))
	}
}

func TestClockResolutions(t *testing.T) {
	th := newTestThread(t)
	for id := range int32(4) {
		var want unix.Timespec
		if err := unix.ClockGetres(id, &want); err != nil {
			t.Fatal(err)
		}
		th.want(t, abi.ESUCCESS, clockResGet, uint64(id), resultAt)
		if got := th.result64(t); got != uint64(want.Nano()) {
			t.Errorf("clock %d: %d ns, want %d", id, got, want.Nano())
		}
	}
}
