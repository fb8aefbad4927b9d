package ready

import "syscall"

// Subscription is one source in a [Waiter.Poll].
type Subscription struct {
	Source Source // nil: never ready
	Asked  Events
	Got    Events // set by Poll
	seq    uint64
}

// Poll waits until at least one subscription is ready, sets Got in each, and
// returns how many are. A source that was closed is ready: Got has Closed. With
// a deadline in the past it only looks. Returns a nil error except:
//   - EINTR: Interrupt was called and nothing is ready
//   - ETIMEDOUT: the deadline has passed and nothing is ready
func (w *Waiter) Poll(subs []Subscription, deadline int64) (int, error) {
	late := passed(deadline)
	for {
		interrupted := w.Interrupted() // asked before the look, as the deadline is
		for i := range subs {
			if s := &subs[i]; s.Source != nil {
				s.seq = s.Source.Queue().Seq()
			}
		}
		n, err := w.pollLevels(subs, deadline)
		n += markClosed(subs)
		if n > 0 || err != nil {
			return n, err
		}
		switch {
		case interrupted:
			return 0, syscall.EINTR
		case late:
			return 0, syscall.ETIMEDOUT
		}
		if late = passed(deadline); late {
			continue
		}
		err = w.sleepOn(subs, deadline)
		if late = err == syscall.ETIMEDOUT; !late && err != nil && err != syscall.EINTR {
			return 0, err
		}
	}
}

func passed(deadline int64) bool { return deadline != Never && deadline <= Now() }

// markClosed adds Closed to Got where that was notified, and returns how many
// subscriptions became ready by it.
func markClosed(subs []Subscription) (n int) {
	for i := range subs {
		s := &subs[i]
		if s.Source == nil || !s.Source.Queue().closed.Load() {
			continue
		}
		if s.Got == 0 {
			n++
		}
		s.Got |= Closed
	}
	return n
}

// sleepOn parks until a change in any of the subscribed sources.
func (w *Waiter) sleepOn(subs []Subscription, deadline int64) error {
	if len(w.entries) < len(subs) {
		w.entries = make([]entry, len(subs))
	}
	added, changed := 0, false
	var err error
	for i := 0; i < len(subs) && !changed && err == nil; i++ {
		s := &subs[i]
		if s.Source == nil {
			continue
		}
		changed, err = w.enter(&w.entries[added], s.Source, s.Asked, s.seq)
		added++
	}
	if !changed && err == nil {
		err = w.Park(deadline)
	}
	w.leave(added)
	return err
}

func (w *Waiter) leave(n int) {
	for i := range n {
		e := &w.entries[i]
		e.queue.remove(e)
	}
}
