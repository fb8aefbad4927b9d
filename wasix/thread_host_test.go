package wasix

import (
	"sync"
	"testing"
)

func TestIdleOSThreadsAreFew(t *testing.T) {
	const threads = 3 * maxIdleOSThreads
	p := newTestThread(t).proc
	for range 2 {
		var bound, leaving sync.WaitGroup
		bound.Add(threads)
		for i := range threads {
			leaving.Go(func() {
				th := newThread(p, uint32(i))
				th.BindOSThread()
				th.BindOSThread()
				bound.Done()
				bound.Wait()
				th.leaveOSThread()
			})
		}
		bound.Wait()
		leaving.Wait()
		if n := idleOSThreads.Load(); n != maxIdleOSThreads {
			t.Errorf("%d idle OS threads, want %d", n, maxIdleOSThreads)
		}
	}
	th := newThread(p, 1)
	th.BindOSThread()
	if n := idleOSThreads.Load(); n != maxIdleOSThreads-1 {
		t.Errorf("%d idle OS threads after one was taken", n)
	}
	newThread(p, 2).leaveOSThread() // never had one
	th.leaveOSThread()
	if n := idleOSThreads.Load(); n != maxIdleOSThreads {
		t.Errorf("%d idle OS threads after it was left", n)
	}
}
