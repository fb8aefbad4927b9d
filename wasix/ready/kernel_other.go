//go:build !linux

package ready

import "time"

// pollSet is the scratch space of a waiter; only Linux needs one.
type pollSet struct{}

// EnterKernel returns 0: nowhere but on Linux is it worth blocking in the kernel.
func (w *Waiter) EnterKernel() time.Duration { return 0 }

// LeaveKernel ends what EnterKernel began.
func (w *Waiter) LeaveKernel() {}

func (w *Waiter) await(SysSource, Events, int64) bool { return false }

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
