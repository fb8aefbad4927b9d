package wasix

import (
	"runtime"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// cpuClock measures the processor time of a guest thread: of its OS thread, once
// that is its own. proc.mu guards it.
type cpuClock struct {
	pinned bool  // the goroutine stays on the OS thread
	tid    int   // of the OS thread, when pinned
	base   int64 // what the OS thread had used when it was pinned, ns
	used   int64 // what the guest thread had used by then
	began  int64 // when the guest thread began, on ready.Now's clock
}

// startCPUClock begins to measure. A thread that has an OS thread of its own is
// measured from here; others from the first look at the clock, as keeping an OS
// thread has a price.
func (t *Thread) startCPUClock() {
	t.cpu.began = ready.Now()
	if t.waiter.OwnsThread {
		t.pin(0)
	}
}

// pin binds the goroutine to its OS thread; used is the time that the guest
// thread has used so far.
func (t *Thread) pin(used int64) {
	runtime.LockOSThread()
	tid, base := hostThread()
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	t.cpu.pinned, t.cpu.tid, t.cpu.base, t.cpu.used = true, tid, base, used
}

// stopCPUClock ends the measuring: the process keeps what the thread used.
func (t *Thread) stopCPUClock() {
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	if !t.cpu.pinned {
		return
	}
	t.proc.cpuUsed += t.cpu.now()
	t.cpu.pinned = false
	runtime.UnlockOSThread()
}

// now returns what a pinned thread has used.
func (c *cpuClock) now() int64 { return c.used + hostThreadTime(c.tid) - c.base }

// threadCPUTime returns the processor time that the thread has used, in ns. Before
// the first call it is not known exactly where threads share OS threads: then it is
// what the process used, but no more than the time the thread has been there.
func (t *Thread) threadCPUTime() int64 {
	t.proc.mu.Lock()
	pinned := t.cpu.pinned
	t.proc.mu.Unlock()
	if !pinned {
		t.pin(min(hostProcessTime()-t.proc.cpuBase, ready.Now()-t.cpu.began))
	}
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	return t.cpu.now()
}

// cpuTime returns the processor time of all threads of the process, in ns. Where
// threads share OS threads it is what the Go process used since the guest began.
func (p *Process) cpuTime() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	total := p.cpuUsed
	for _, t := range p.threads {
		if !t.waiter.OwnsThread {
			return hostProcessTime() - p.cpuBase
		}
		if t.cpu.pinned {
			total += t.cpu.now()
		}
	}
	return total
}

// cpuTime returns the present time of one of the clocks of processor time, or
// ENOTSUP where the host has none.
func (t *Thread) cpuTime(id abi.Clockid) (uint64, abi.Errno) {
	switch {
	case !hasCPUClocks:
		return 0, abi.ENOTSUP
	case id == abi.ClockidThreadCputimeId:
		return uint64(t.threadCPUTime()), abi.ESUCCESS
	}
	return uint64(t.proc.cpuTime()), abi.ESUCCESS
}
