package wasix

import (
	"runtime"
	"sync/atomic"
)

// maxIdleOSThreads is how many OS threads may stay behind for new guest threads
// to run on: to make one takes longer than all else in a guest thread's start, but
// Go never ends one that is idle.
const maxIdleOSThreads = 64

// idleOSThreads is about how many there are.
var idleOSThreads atomic.Int32

// BindOSThread tells that the guest thread has an OS thread of its own, so that
// blocking in the kernel is the cheapest way to wait. An adapter calls it from
// Instantiate.
func (t *Thread) BindOSThread() {
	if t.waiter.OwnsThread {
		return
	}
	t.waiter.OwnsThread = true
	for n := idleOSThreads.Load(); n > 0; n = idleOSThreads.Load() {
		if idleOSThreads.CompareAndSwap(n, n-1) {
			return
		}
	}
}

// Attention is a word that is not 0 whenever the thread has a reason to come to the
// host, at a system call or a checkpoint; it changes at any time. An adapter may set
// its highest bit, for reasons of its own.
func (t *Thread) Attention() *atomic.Uint32 { return t.waiter.Attention() }

// leaveOSThread is the last thing a guest thread does: it leaves the OS thread it
// had to others, or makes it end with the goroutine.
func (t *Thread) leaveOSThread() {
	if !t.waiter.OwnsThread {
		return
	}
	for n := idleOSThreads.Load(); n < maxIdleOSThreads; n = idleOSThreads.Load() {
		if idleOSThreads.CompareAndSwap(n, n+1) {
			return
		}
	}
	runtime.LockOSThread()
}
