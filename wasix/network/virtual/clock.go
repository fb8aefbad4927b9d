package virtual

import (
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// clock is the clock of a host's stack, whose timers can all be stopped: else they
// would keep the stack of a closed host, in TIME_WAIT for a minute.
type clock struct {
	tcpip.Clock
	turns   chan struct{} // see newClock
	mu      sync.Mutex
	running map[*timer]struct{}
	closed  bool
}

// newClock returns a clock whose timers run while they have a turn, of which the
// stacks of a network share a few. A timer's function locks a connection; the
// goroutine that is to handle what arrives for that meanwhile tries over and over
// instead of waiting. If all that are due ran at once, as when a busy machine is
// late with a thousand of them, those that try would leave them no time to finish.
func newClock(turns chan struct{}) *clock {
	return &clock{Clock: tcpip.NewStdClock(), turns: turns, running: map[*timer]struct{}{}}
}

// timer is a tcpip.Timer.
type timer struct {
	clock *clock
	inner *time.Timer
}

// AfterFunc calls f in a goroutine of its own after d, unless stopped.
func (c *clock) AfterFunc(d time.Duration, f func()) tcpip.Timer {
	t := &timer{clock: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	t.inner = time.AfterFunc(d, func() {
		c.turns <- struct{}{}
		c.mu.Lock()
		delete(c.running, t)
		closed := c.closed
		c.mu.Unlock()
		if !closed {
			f()
		}
		<-c.turns
	})
	if c.closed {
		t.inner.Stop()
	} else {
		c.running[t] = struct{}{}
	}
	return t
}

// Stop stops the timer, and reports whether it was still to fire.
func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	delete(t.clock.running, t)
	t.clock.mu.Unlock()
	return t.inner.Stop()
}

// Reset makes the timer fire after d.
func (t *timer) Reset(d time.Duration) {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	if !t.clock.closed {
		t.clock.running[t] = struct{}{}
		t.inner.Reset(d)
	}
}

// stop stops all timers, for good.
func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for t := range c.running {
		t.inner.Stop()
	}
	c.running = nil
}
