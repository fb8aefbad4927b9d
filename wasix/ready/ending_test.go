package ready

import (
	"syscall"
	"testing"
)

// eventful is a counter at which something happens when it is armed, which is
// before a waiter sleeps, and each time it was asked what is ready.
type eventful struct {
	counter
	armed, asked func()
}

func (e *eventful) Arm() error {
	e.armed()
	return nil
}

func (e *eventful) Ready(asked Events) Events {
	got := e.counter.Ready(asked)
	e.asked()
	return got
}

// endings are the ways in which a wait ends without what it waits for.
var endings = map[string]error{"interrupted": syscall.EINTR, "timeout": syscall.ETIMEDOUT}

// endingWait is a wait that is brought to its end while it goes on.
type endingWait struct {
	*Waiter
	*eventful
	ending   error
	deadline int64
	ended    bool // before the deadline
}

// end calls come, and then ends the wait; once.
func (w *endingWait) end(come func()) {
	if w.ended || Now() >= w.deadline {
		return
	}
	w.ended = true
	come()
	if w.ending == syscall.EINTR {
		w.Interrupt()
	}
	for w.ending == syscall.ETIMEDOUT && Now() <= w.deadline {
	}
}

// whileWaiting calls wait with ones that last longer and longer, until one was
// ended by end and not before.
func whileWaiting(ending error, wait func(w *endingWait)) {
	for d := uint64(1e6); ; d *= 2 {
		w := &endingWait{Waiter: NewWaiter(), ending: ending, deadline: Never}
		w.eventful = &eventful{armed: func() {}, asked: func() {}}
		if ending == syscall.ETIMEDOUT {
			w.deadline = After(d)
		}
		if wait(w); w.ended {
			return
		}
	}
}

// What came goes before the end of the wait, whether the queue has heard of it or
// the change is still on the way; then the end comes, though the source is ready.
func TestWaitEndsAfterWhatCame(t *testing.T) {
	for name, ending := range endings {
		for _, told := range []bool{true, false} {
			whileWaiting(ending, func(w *endingWait) {
				w.armed = func() {
					w.end(func() {
						if told {
							w.queue.Notify(RdHup) // nobody is woken
						} else {
							w.n.Add(1)
						}
					})
				}
				if err := w.WaitChange(w.eventful, In, w.queue.Seq(), w.deadline); w.ended && err != nil {
					t.Errorf("%s, told %v: %v before what came", name, told, err)
				}
				if err := w.WaitChange(w.eventful, In, w.queue.Seq(), w.deadline); w.ended && err != ending {
					t.Errorf("%s, told %v: got %v then, want %v", name, told, err, ending)
				}
			})
		}
	}
}

// A poll finds what came after its look and before its end.
func TestPollEndsAfterWhatCame(t *testing.T) {
	for name, ending := range endings {
		for _, armed := range []bool{true, false} {
			whileWaiting(ending, func(w *endingWait) {
				event := func() { w.end(func() { w.n.Add(1) }) }
				if armed {
					w.armed = event
				} else {
					w.asked = event
				}
				subs := []Subscription{{Source: w.eventful, Asked: In}}
				n, err := w.Poll(subs, w.deadline)
				if w.ended && (n != 1 || err != nil || subs[0].Got != In) {
					t.Errorf("%s, when armed %v: got %d, %v, want what came", name, armed, n, err)
				}
				w.n.Store(0)
				if n, err := w.Poll(subs, w.deadline); w.ended && (n != 0 || err != ending) {
					t.Errorf("%s: got %d, %v then, want %v", name, n, err, ending)
				}
			})
		}
	}
}

// So it is when both came before the wait began: after the attempt that follows, the
// thread is let go, whatever comes.
func TestInterruptedBeforeWait(t *testing.T) {
	w, c := NewWaiter(), new(counter)
	seq := c.queue.Seq()
	w.Interrupt()
	for _, wait := range []func(Source, Events, uint64, int64) error{w.Wait, w.WaitChange} {
		c.add()
		check(t, "one more attempt", wait(c, In, seq, Never), nil)
		c.add()
		check(t, "then the end", wait(c, In, seq, Never), syscall.EINTR)
	}
	c.add()
	check(t, "one more attempt", w.Wait(c, In, seq, Never), nil)
	w.Attend()
	w.Interrupt()
	check(t, "as many for the next signal", w.Wait(c, In, seq, Never), nil)
}

// What has ended goes before a signal as well.
func TestInterruptedAfterClose(t *testing.T) {
	w, ch := NewWaiter(), make(chan struct{})
	w.Interrupt()
	check(t, "open", w.WaitClosed(ch), syscall.EINTR)
	close(ch)
	for range 10 {
		check(t, "closed", w.WaitClosed(ch), nil)
	}
}
