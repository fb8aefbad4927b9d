package ready

import (
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// A clock among the subscriptions does not keep a poll from waiting in the kernel:
// until its time nothing is entered into the poller.
func TestPollWithClockWaitsInKernel(t *testing.T) {
	for _, ownsThread := range []bool{false, true} {
		// A signal of Go's runtime ends the wait in the kernel early, now and then.
		stayed := false
		for try := 0; try < 50 && !stayed; try++ {
			r, _ := pipe(t)
			w := NewWaiter()
			w.OwnsThread = ownsThread
			lastWaiter.Store(w)
			_, err := w.Poll([]Subscription{{Source: r, Asked: In}, {}}, After(uint64(KernelWait/4)))
			check(t, "poll", err, syscall.ETIMEDOUT)
			stayed = r.id == 0 || maxBlocked() == 0
		}
		if !stayed {
			t.Error("it parked")
		}
	}
}

// The scheduler never finds a thread that waits in the kernel in a system call,
// and the garbage collector stops it all the same.
func TestKernelWaitIsUnseen(t *testing.T) {
	r, w := pipe(t)
	done := make(chan error)
	go func() { done <- awaitUnseen(r) }()
	stacks := make([]byte, 1<<20)
	for range 50 {
		runtime.GC()
		for g := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if strings.Contains(g, "awaitUnseen") && strings.Contains(g, "[syscall") {
				t.Fatalf("seen in a system call:\n%s", g)
			}
		}
	}
	write(t, w)
	check(t, "wait", <-done, nil)
}

// awaitUnseen waits in the kernel only, again and again, until r can be read.
func awaitUnseen(r *FD) error {
	w := NewWaiter()
	w.OwnsThread = true
	for end := After(patience); Now() < end; {
		if w.await(r, In, Never) {
			return nil
		}
	}
	return syscall.ETIMEDOUT
}
