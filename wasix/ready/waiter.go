package ready

import (
	"sync/atomic"
	"syscall"
	"time"
)

// Never is the deadline of a wait without limit.
const Never = int64(1<<63 - 1)

// KernelWait is how long one wait may block inside the kernel before the guest
// thread parks: many round trips of a busy connection, and little enough that
// what it cannot see meanwhile, such as the end of the process, may wait for it.
const KernelWait = 10 * time.Millisecond

var epoch = time.Now()

// Now returns the monotonic clock in nanoseconds, the scale of deadlines.
func Now() int64 { return int64(time.Since(epoch)) }

// After returns the deadline that lies d nanoseconds ahead, at most [Never].
func After(d uint64) int64 { return Later(Now(), d) }

// Later returns the deadline d nanoseconds after another, at most [Never].
func Later(deadline int64, d uint64) int64 {
	if d >= uint64(Never-deadline) {
		return Never
	}
	return deadline + int64(d)
}

// Waiter is the waiting place of one guest thread. Only that thread waits;
// any goroutine may interrupt it.
type Waiter struct {
	woken   chan struct{}  // holds one token
	notices *atomic.Uint32 // apart, so that an engine may pin it
	timer   *time.Timer
	entries []entry
	polled  pollSet
	spared  bool // had one more attempt, though interrupted
	// OwnsThread says that the goroutine is bound to its OS thread, so that
	// blocking in the kernel costs nothing more than parking would.
	OwnsThread bool
}

// NewWaiter returns a waiter for one guest thread.
func NewWaiter() *Waiter {
	return &Waiter{woken: make(chan struct{}, 1), notices: new(atomic.Uint32), entries: make([]entry, 1)}
}

// What the thread is told, in Waiter.notices.
const (
	noticed     = 1 << iota // something waits for the thread's attention
	interrupted             // and is worth ending a wait for
)

// Attention is the word that is not 0 while there are notices. Others may set its
// highest bit, which stays.
func (w *Waiter) Attention() *atomic.Uint32 { return w.notices }

// Interrupt gives notice and makes the present wait, and all later ones, end
// with EINTR until [Waiter.Attend].
func (w *Waiter) Interrupt() {
	w.notices.Or(noticed | interrupted)
	w.Unpark()
}

// Notice gives notice that need not end a wait.
func (w *Waiter) Notice() { w.notices.Or(noticed) }

// Noticed reports whether notice was given since the last [Waiter.Attend].
func (w *Waiter) Noticed() bool { return w.notices.Load()&(noticed|interrupted) != 0 }

// Attend withdraws all notices. The thread then looks at whatever they can be
// about: who gives notice has changed that before.
func (w *Waiter) Attend() {
	w.spared = false
	w.notices.And(^uint32(noticed | interrupted))
}

// Interrupted reports whether waits end with EINTR at present.
func (w *Waiter) Interrupted() bool { return w.notices.Load()&interrupted != 0 }

// Unpark ends the present Park, or else the next one, early.
func (w *Waiter) Unpark() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// Wait blocks until src reports one of the asked events, or any of Err, Hup and
// Closed. seq is the number that src.Queue().Seq() had before the attempt that
// would have blocked. Returns nil (make the attempt again; waking early is
// allowed) except:
//   - EINTR: Interrupt was called, and src reported nothing before
//   - ETIMEDOUT: the deadline, on the scale of [Now], has passed, likewise
func (w *Waiter) Wait(src Source, asked Events, seq uint64, deadline int64) error {
	if w.Interrupted() {
		return w.interruption(src, asked, seq)
	}
	if sys, ok := src.(SysSource); ok {
		if w.await(sys, asked, deadline) {
			return nil
		}
	}
	return w.WaitChange(src, asked, seq, deadline)
}

// WaitChange is Wait for who has asked the kernel already, or waits for a change
// of what is ready all the while: it parks at once.
func (w *Waiter) WaitChange(src Source, asked Events, seq uint64, deadline int64) error {
	if w.Interrupted() {
		return w.interruption(src, asked, seq)
	}
	late := passed(deadline)
	e := &w.entries[0]
	changed, err := w.enter(e, src, asked, seq)
	if err != nil || changed {
		e.queue.remove(e)
		return err
	}
	err = w.Park(deadline)
	e.queue.remove(e)
	switch {
	case err == syscall.EINTR:
		return w.interruption(src, asked, seq)
	case err != nil && (src.Queue().Seq() != seq || !late && reports(src, asked)):
		return nil // the attempt after the deadline
	}
	return err
}

// interruption returns EINTR, or nil when something came before that: it goes before
// a signal, as on Linux. There is only one attempt on that account, as it may find
// less than was reported, and the thread is to be gone soon.
func (w *Waiter) interruption(src Source, asked Events, seq uint64) error {
	w.spared = !w.spared && (src.Queue().Seq() != seq || reports(src, asked))
	if w.spared {
		return nil
	}
	return syscall.EINTR
}

// reports asks a source whose changes may be on their way to the queue.
func reports(src Source, asked Events) bool {
	_, ok := src.(Armer)
	return ok && src.Ready(asked) != 0
}

// enter puts e into the queue of src, and reports whether anything changed
// there since seq. The order matters: a source is armed for those who are in.
func (w *Waiter) enter(e *entry, src Source, asked Events, seq uint64) (changed bool, err error) {
	e.waiter, e.asked = w, asked
	changed = !src.Queue().add(e, seq)
	if a, ok := src.(Armer); ok && !changed {
		err = a.Arm()
	}
	return changed, err
}

// Sleep waits for the deadline: EINTR when interrupted before, else nil.
func (w *Waiter) Sleep(deadline int64) error {
	for {
		if w.Interrupted() {
			return syscall.EINTR
		}
		if err := w.Park(deadline); err == syscall.ETIMEDOUT {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// WaitClosed waits until ch is closed: nil then, EINTR when interrupted before.
func (w *Waiter) WaitClosed(ch <-chan struct{}) error {
	for {
		select {
		case <-ch:
			return nil
		default:
		}
		if w.Interrupted() {
			return syscall.EINTR
		}
		select {
		case <-ch:
			return nil
		case <-w.woken:
		}
	}
}

// Park sleeps until unparked. Waking early is allowed: check what you waited
// for. Returns nil except:
//   - EINTR: Interrupt was called
//   - ETIMEDOUT: the deadline has passed
func (w *Waiter) Park(deadline int64) error {
	if deadline == Never {
		<-w.woken
	} else if !w.sleepUntil(deadline) {
		return syscall.ETIMEDOUT
	}
	if w.Interrupted() {
		return syscall.EINTR
	}
	return nil
}

func (w *Waiter) sleepUntil(deadline int64) (woken bool) {
	d := time.Duration(deadline - Now())
	if d <= 0 {
		select {
		case <-w.woken:
			return true
		default:
			return false
		}
	}
	if w.timer == nil {
		w.timer = time.NewTimer(d)
	} else {
		w.timer.Reset(d)
	}
	select {
	case <-w.woken:
		w.timer.Stop()
		return true
	case <-w.timer.C:
		return false
	}
}
