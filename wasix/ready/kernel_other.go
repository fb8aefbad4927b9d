//go:build !linux

package ready

// pollSet is the scratch space of a waiter; only Linux needs one.
type pollSet struct{}

// Await reports whether the source has become ready: nowhere but on Linux is it
// worth waiting for that.
func (w *Waiter) Await(SysSource, Events, int64) bool { return false }

// pollLevels sets Got in every subscription and counts the ready ones.
func (w *Waiter) pollLevels(subs []Subscription, _ int64) (int, error) {
	ready := 0
	for i := range subs {
		if s := &subs[i]; s.Source != nil {
			if s.Got = s.Source.Ready(s.Asked); s.Got != 0 {
				ready++
			}
		}
	}
	return ready, nil
}
