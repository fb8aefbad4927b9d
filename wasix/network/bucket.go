package network

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gowasix/gowasix/wasix/ready"
)

const (
	// burst is the time whose bytes a bucket holds when it is full.
	burst = int64(time.Second)
	// minWorth is the time whose bytes are worth a transfer: to move them one by
	// one, as they become due, would be much work.
	minWorth = int64(10 * time.Millisecond)
)

// bucket is a token bucket for bytes. Nobody waits in it: who finds it closed is
// told when it opens, by the queue of the socket.
type bucket struct {
	rate    float64 // bytes per second
	worth   int64   // open when the bytes of this time are there
	delayed atomic.Uint64

	mu    sync.Mutex
	empty int64 // when it was, or will be, empty, on the scale of ready.Now
	timer *time.Timer
	turns []*turn // of those that wait
}

// turn is the place of one socket among those that wait for a bucket to open.
type turn struct {
	queue  *ready.Queue
	events ready.Events
	waits  bool
}

// newBucket returns a full bucket, or nil for no limit.
func newBucket(bytesPerSecond int) *bucket {
	if bytesPerSecond <= 0 {
		return nil
	}
	b := &bucket{rate: float64(bytesPerSecond), empty: ready.Now() - burst}
	b.worth = max(minWorth, b.price(1))
	return b
}

// price returns the time in which n bytes become due.
func (b *bucket) price(n int) int64 { return int64(float64(n) / b.rate * float64(time.Second)) }

// open reports whether a transfer may begin; if not, t is told when.
func (b *bucket) open(t *turn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.look(t) > 0
}

// look returns how many bytes are there, or 0 when too few to begin: then t waits.
func (b *bucket) look(t *turn) int {
	now := ready.Now()
	b.empty = max(b.empty, now-burst)
	if now-b.empty < b.worth {
		b.enter(t, now)
		return 0
	}
	return max(int(float64(now-b.empty)*b.rate/float64(time.Second)), 1)
}

// take takes up to n bytes for a transfer and returns how many: 0 when it may not
// begin, and t is told when it may. What cannot be done in parts takes all of
// them, and others wait the longer.
func (b *bucket) take(t *turn, n int, parts bool) (taken int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	there := b.look(t)
	if there == 0 {
		b.delayed.Add(1)
		return 0, false
	}
	if parts {
		n = min(n, there)
	}
	b.empty += b.price(n)
	return n, true
}

// give puts back n bytes that were not transferred; fewer than 0 are taken.
func (b *bucket) give(n int) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.empty -= b.price(n)
	if len(b.turns) > 0 {
		b.setTimer(ready.Now())
	}
}

func (b *bucket) enter(t *turn, now int64) {
	if t.waits {
		return
	}
	t.waits = true
	b.turns = append(b.turns, t)
	if len(b.turns) == 1 {
		b.setTimer(now)
	}
}

// setTimer has those who wait be told once the bucket opens.
func (b *bucket) setTimer(now int64) {
	d := time.Duration(max(b.empty+b.worth-now, 0))
	if b.timer == nil {
		b.timer = time.AfterFunc(d, b.tell)
		return
	}
	b.timer.Reset(d)
}

// tell tells all who wait that the bucket is open; those that find it closed
// again come back.
func (b *bucket) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := ready.Now(); now-b.empty < b.worth {
		if len(b.turns) > 0 {
			b.setTimer(now)
		}
		return
	}
	for _, t := range b.turns {
		t.waits = false
		t.queue.Notify(t.events)
	}
	clear(b.turns)
	b.turns = b.turns[:0]
}

// forget is for a socket that closes.
func (b *bucket) forget(t *turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !t.waits {
		return
	}
	t.waits = false
	i := slices.Index(b.turns, t)
	b.turns = slices.Delete(b.turns, i, i+1)
	if len(b.turns) == 0 {
		b.timer.Stop()
	}
}
