package wasix

import (
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
)

// signalTimer sends a process a signal, once or again and again. As on Linux it
// runs on only when the signal was taken, so that a short interval does not
// keep the host busy.
type signalTimer struct {
	timer    *time.Timer
	interval time.Duration // 0 for once
	due      time.Time
}

// minInterval is the shortest interval of a timer whose signal is ignored, and
// hence taken at once.
const minInterval = time.Millisecond

// setTimer makes the timer of a signal send it in d, and again every d if repeat
// is set; when d is 0 it stops the timer.
func (p *Process) setTimer(sig abi.Signal, d time.Duration, repeat bool) {
	s := &p.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.timers[sig]; old != nil {
		old.timer.Stop()
		delete(s.timers, sig)
	}
	if d == 0 || p.exiting.Load() {
		return
	}
	t := &signalTimer{due: time.Now().Add(d)}
	if repeat {
		t.interval = d
	}
	if s.timers == nil {
		s.timers = make(map[abi.Signal]*signalTimer)
	}
	s.timers[sig] = t
	t.timer = time.AfterFunc(d, func() { p.expire(sig, t) })
}

// expire sends the signal of t, unless another timer took its place.
func (p *Process) expire(sig abi.Signal, t *signalTimer) {
	s := &p.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timers[sig] != t || p.exiting.Load() {
		return
	}
	p.postLocked(nil, sig, nil)
	switch {
	case t.interval == 0:
		delete(s.timers, sig)
	case !s.pending.has(sig):
		t.interval = max(t.interval, minInterval)
		s.rearm(sig)
	}
}

// rearm starts the timer of a signal that was taken. The signals are locked.
func (s *signalState) rearm(sig abi.Signal) {
	t := s.timers[sig]
	if t == nil || t.interval == 0 {
		return
	}
	now := time.Now()
	if late := now.Sub(t.due); late >= 0 {
		t.due = t.due.Add(late/t.interval*t.interval + t.interval)
		t.timer.Reset(t.due.Sub(now))
	}
}

// stopTimers is for a process that ends, or becomes another program's.
func (s *signalState) stopTimers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.timers {
		t.timer.Stop()
	}
	s.timers = nil
}
