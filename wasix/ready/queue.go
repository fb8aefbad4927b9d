package ready

import (
	"sync"
	"sync/atomic"
)

// Events is a set of poll(2) conditions.
type Events uint32

// The conditions a source reports. Err, Hup and Closed reach every waiter,
// whatever it asked for.
const (
	In     Events = 1 << iota // reading, or accepting, would not block
	Out                       // writing would not block
	RdHup                     // the peer shut down its writing half
	Err                       // an error is pending
	Hup                       // both directions are closed
	Closed                    // the last descriptor was closed: waiters give up
)

const unmaskable = Err | Hup | Closed

// Source is anything a guest thread can wait for.
type Source interface {
	// Queue returns the queue that the source reports its changes to. It is the
	// same for the life of the source.
	Queue() *Queue
	// Ready returns which of the asked events hold now, and any of Err and Hup.
	// It does not block.
	Ready(asked Events) Events
}

// Armer is a Source whose changes reach its queue only on demand.
type Armer interface {
	Source
	// Arm makes the changes reach the queue. It is called by a waiter that is
	// entered in the queue, before it sleeps; calling it again costs one atomic
	// load. An edge that came earlier is reported after arming.
	Arm() error
}

// SysSource is a Source that the kernel's poll(2) can tell about.
type SysSource interface {
	Armer
	// SysFD returns the kernel descriptor. It stays open as long as the caller
	// holds a reference to the source.
	SysFD() int
}

// Pender is a SysSource that can have events which the kernel does not know of.
type Pender interface {
	SysSource
	// Pending returns those events.
	Pending() Events
}

// Queue holds the waiters of one source. The zero value is ready to use, and
// all methods may be called concurrently.
type Queue struct {
	seq    atomic.Uint64
	busy   atomic.Int32 // entries in the list: lets Notify skip the lock
	closed atomic.Bool  // Closed was notified
	mu     sync.Mutex
	head   *entry
}

// entry is the place of a waiter, or else of an observer, in one queue.
type entry struct {
	waiter     *Waiter
	observer   Observer
	asked      Events
	queue      *Queue
	prev, next *entry
}

// Seq returns a number that changes with every Notify.
func (q *Queue) Seq() uint64 { return q.seq.Load() }

// Notify reports that events may hold now and wakes the waiters that asked for
// any of them. It never blocks for long and may be called with locks held that
// no waiter takes.
func (q *Queue) Notify(events Events) {
	if events&Closed != 0 {
		q.closed.Store(true)
	}
	q.seq.Add(1)
	if q.busy.Load() == 0 {
		return
	}
	q.mu.Lock()
	for e := q.head; e != nil; e = e.next {
		switch {
		case events&(e.asked|unmaskable) == 0:
		case e.observer != nil:
			e.observer.Changed(events)
		default:
			e.waiter.Unpark()
		}
	}
	q.mu.Unlock()
}

// waiting reports whether anybody is entered.
func (q *Queue) waiting() bool { return q.busy.Load() > 0 }

// add enters e and reports whether nothing was notified since seq.
func (q *Queue) add(e *entry, seq uint64) bool {
	q.mu.Lock()
	e.queue, e.prev, e.next = q, nil, q.head
	if q.head != nil {
		q.head.prev = e
	}
	q.head = e
	q.busy.Add(1)
	q.mu.Unlock()
	return q.seq.Load() == seq
}

func (q *Queue) remove(e *entry) {
	q.mu.Lock()
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		q.head = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	}
	q.busy.Add(-1)
	q.mu.Unlock()
	e.queue, e.prev, e.next = nil, nil, nil
}
