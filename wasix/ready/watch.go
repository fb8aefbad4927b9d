package ready

// Observer is told of the changes of sources that it watches.
type Observer interface {
	// Changed is called with each report of events that were asked for, and of
	// Err, Hup and Closed. It runs inside [Queue.Notify], with locks of the source
	// held: it neither blocks nor calls the source.
	Changed(Events)
}

// Watch is a lasting place in one queue: an observer's, who does not sleep there.
// The zero value is in none.
type Watch struct{ entry entry }

// Watch enters w until Unwatch. The queue's source is to be armed then, if it
// is an [Armer].
func (q *Queue) Watch(w *Watch, asked Events, o Observer) {
	w.entry.observer, w.entry.asked = o, asked
	q.add(&w.entry, 0)
}

// Unwatch ends w: when it returns, the observer is told nothing more. It does
// nothing when w is in no queue. Calls for one w must not overlap.
func (w *Watch) Unwatch() {
	if q := w.entry.queue; q != nil {
		q.remove(&w.entry)
	}
}

// Watched reports whether anybody waits at the queue or watches it.
func (q *Queue) Watched() bool { return q.waiting() }
