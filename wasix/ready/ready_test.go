package ready

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = uint64(10 * time.Second)

// counter is a Source that is In as long as its count is not zero.
type counter struct {
	queue Queue
	n     atomic.Int64
}

func (c *counter) Queue() *Queue { return &c.queue }

func (c *counter) Ready(asked Events) Events {
	if c.n.Load() > 0 {
		return asked & In
	}
	return 0
}

func (c *counter) add() {
	c.n.Add(1)
	c.queue.Notify(In)
}

func (c *counter) take() bool {
	for {
		n := c.n.Load()
		if n == 0 {
			return false
		}
		if c.n.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

func check(t testing.TB, what string, got, want error) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func (q *Queue) waiters() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for e := q.head; e != nil; e = e.next {
		n++
	}
	return n
}

// waitForWaiters returns when n waiters are in the queue.
func waitForWaiters(t testing.TB, q *Queue, n int) {
	t.Helper()
	for end := After(patience); q.waiters() != n; runtime.Gosched() {
		if Now() > end {
			t.Fatalf("%d waiters, want %d", q.waiters(), n)
		}
	}
}

// Producers and consumers meet at one source: no wake-up is lost.
func TestNoWakeUpIsLost(t *testing.T) {
	const producers, consumers, each = 4, 4, 5000
	for _, ownsThread := range []bool{false, true} {
		var c counter
		var wg sync.WaitGroup
		for range producers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range each {
					c.add()
				}
			}()
		}
		for range consumers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				w := NewWaiter()
				w.OwnsThread = ownsThread
				for taken := 0; taken < producers*each/consumers; {
					seq := c.Queue().Seq()
					if c.take() {
						taken++
					} else if err := w.Wait(&c, In, seq, After(patience)); err != nil {
						t.Errorf("a wake-up was lost: %v", err)
						return
					}
				}
			}()
		}
		wg.Wait()
		if c.queue.waiters() != 0 || c.queue.busy.Load() != 0 {
			t.Error("waiters left in the queue")
		}
	}
}

func TestNotifyWakesAllWhoAsked(t *testing.T) {
	const waiters = 50
	var c counter
	done := make(chan error, waiters)
	seq := c.Queue().Seq()
	for range waiters {
		go func() { done <- NewWaiter().Wait(&c, In, seq, Never) }()
	}
	waitForWaiters(t, c.Queue(), waiters)
	c.Queue().Notify(In)
	for range waiters {
		check(t, "wait", <-done, nil)
	}
}

func TestNotifyWakesNobodyElse(t *testing.T) {
	for _, c := range []struct {
		asked, events Events
		want          bool
	}{
		{In, In, true}, {In, Out, false}, {Out, In, false}, {In | Out, Out, true}, {In, RdHup, false},
		{In, Err, true}, {Out, Hup, true}, {0, Closed, true}, {0, In, false},
	} {
		var q Queue
		w := NewWaiter()
		e := &entry{waiter: w, asked: c.asked}
		q.add(e, q.Seq())
		q.Notify(c.events)
		if woken := len(w.woken) == 1; woken != c.want {
			t.Errorf("asked for %b, notified of %b: woken %v", c.asked, c.events, woken)
		}
		q.remove(e)
	}
}

func TestQueueKeepsItsOrder(t *testing.T) {
	var q Queue
	entries := make([]entry, 5)
	for i := range entries {
		q.add(&entries[i], 0)
	}
	for n, i := range []int{2, 0, 4, 3, 1} {
		q.remove(&entries[i])
		if got := q.waiters(); got != len(entries)-n-1 {
			t.Fatalf("%d waiters after removing %d", got, i)
		}
	}
	if q.head != nil {
		t.Error("not empty")
	}
}

// A change between the attempt and the wait is not slept over.
func TestWaitSeesEarlierChange(t *testing.T) {
	var c counter
	w := NewWaiter()
	seq := c.Queue().Seq()
	c.Queue().Notify(In)
	check(t, "wait", w.Wait(&c, In, seq, Never), nil)
	check(t, "wait", w.Wait(&c, In, c.Queue().Seq(), Now()), syscall.ETIMEDOUT)
}

func TestInterrupt(t *testing.T) {
	var c counter
	w := NewWaiter()
	wait := func(deadline int64) error { return w.Wait(&c, In, c.Queue().Seq(), deadline) }
	w.Interrupt()
	w.Interrupt()
	check(t, "interrupted before", wait(Never), syscall.EINTR)
	check(t, "interrupted still", wait(Never), syscall.EINTR)
	w.Attend()
	_ = wait(Now()) // may wake early
	check(t, "attended to", wait(Now()), syscall.ETIMEDOUT)
	w.Notice()
	check(t, "noticed", wait(Now()), syscall.ETIMEDOUT)
	if !w.Noticed() {
		t.Error("a notice is lost")
	}
	w.Attend()
	if w.Noticed() {
		t.Error("noticed after attending")
	}
	done := make(chan error)
	for name, wait := range map[string]func() error{
		"wait":  func() error { return untilError(func() error { return wait(Never) }) },
		"sleep": func() error { return w.Sleep(Never) },
		"poll": func() error {
			_, err := w.Poll([]Subscription{{Source: &c, Asked: In}, {}}, Never)
			return err
		},
		"park": func() error { return untilError(func() error { return w.Park(Never) }) },
	} {
		for range 100 {
			go func() { done <- wait() }()
			w.Interrupt()
			check(t, name, <-done, syscall.EINTR)
			w.Attend()
		}
	}
}

// untilError repeats a wait, which may wake early.
func untilError(wait func() error) error {
	for {
		if err := wait(); err != nil {
			return err
		}
	}
}

func TestDeadlines(t *testing.T) {
	var c counter
	w := NewWaiter()
	for _, d := range []int64{0, -1, Now(), After(0), After(1000), After(uint64(2 * time.Millisecond))} {
		check(t, "wait", w.Wait(&c, In, c.Queue().Seq(), d), syscall.ETIMEDOUT)
		check(t, "sleep", w.Sleep(d), nil)
		if Now() < d {
			t.Error("woke before the deadline")
		}
		n, err := w.Poll([]Subscription{{Source: &c, Asked: In}}, d)
		if n != 0 || err != syscall.ETIMEDOUT {
			t.Errorf("poll: %d, %v", n, err)
		}
	}
	for _, d := range []uint64{1<<64 - 1, 1 << 63, uint64(Never)} {
		if After(d) != Never {
			t.Errorf("%d ns from now is before the end of time", d)
		}
	}
	// The timer of one wait must not end the next.
	for range 100 {
		_ = w.Sleep(After(1))
	}
	end := After(uint64(time.Millisecond))
	check(t, "sleep", w.Sleep(end), nil)
	if Now() < end {
		t.Error("an old timer ended the sleep")
	}
}

func TestUnpark(t *testing.T) {
	w := NewWaiter()
	w.Unpark()
	w.Unpark()
	check(t, "park", w.Park(Never), nil)
	check(t, "park", w.Park(Now()), syscall.ETIMEDOUT)
}

func TestPollManySources(t *testing.T) {
	sources := make([]counter, 100)
	subs := make([]Subscription, 0, len(sources)+1)
	for i := range sources {
		subs = append(subs, Subscription{Source: &sources[i], Asked: In})
	}
	subs = append(subs, Subscription{}) // a bad descriptor, or a clock
	w := NewWaiter()
	for round := range 200 {
		i, j := round%len(sources), (round*7+1)%len(sources)
		go func() {
			sources[i].add()
			sources[j].add()
		}()
		for found := 0; found < 2; {
			n, err := w.Poll(subs, After(patience))
			check(t, "poll", err, nil)
			got := 0
			for k := range subs {
				if subs[k].Got == 0 {
					continue
				}
				got++
				if !sources[k].take() {
					t.Fatalf("%d is not ready", k)
				}
				found++
			}
			if got != n {
				t.Fatalf("%d ready of %d", got, n)
			}
			if i == j {
				found = 2
				sources[i].n.Store(0)
			}
		}
	}
	for i := range sources {
		if sources[i].queue.waiters() != 0 || sources[i].queue.busy.Load() != 0 {
			t.Fatalf("a waiter is left at %d", i)
		}
	}
}

// The same source may be subscribed to more than once.
func TestPollOneSourceTwice(t *testing.T) {
	var c counter
	w := NewWaiter()
	go func() {
		waitForWaiters(t, c.Queue(), 3)
		c.add()
	}()
	subs := []Subscription{{Source: &c, Asked: In}, {Source: &c, Asked: Out}, {Source: &c, Asked: In}}
	n, err := w.Poll(subs, After(patience))
	if n != 2 || err != nil || subs[0].Got != In || subs[1].Got != 0 || subs[2].Got != In {
		t.Errorf("%d, %v, %v", n, err, subs)
	}
}

func TestPollNothing(t *testing.T) {
	n, err := NewWaiter().Poll(nil, After(1))
	if n != 0 || err != syscall.ETIMEDOUT {
		t.Errorf("%d, %v", n, err)
	}
}

// Closing ends a poll, and one that comes later does not sleep at all.
func TestPollOfClosed(t *testing.T) {
	var c, other counter
	subs := []Subscription{{Source: &other, Asked: In}, {Source: &c, Asked: In}}
	done := make(chan error)
	go func() {
		_, err := NewWaiter().Poll(subs, After(patience))
		done <- err
	}()
	waitForWaiters(t, c.Queue(), 1)
	c.Queue().Notify(Closed)
	check(t, "poll", <-done, nil)
	for range 2 {
		if subs[0].Got != 0 || subs[1].Got != Closed {
			t.Fatalf("got %b and %b", subs[0].Got, subs[1].Got)
		}
		n, err := NewWaiter().Poll(subs, After(patience))
		if n != 1 || err != nil {
			t.Fatalf("poll: %d, %v", n, err)
		}
	}
}

// Polls and notifications at once, for the race detector; each poll must end.
func TestPollStress(t *testing.T) {
	const pollers, rounds = 4, 2000
	var sources [3]counter
	var wg sync.WaitGroup
	for range pollers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w := NewWaiter()
			subs := []Subscription{{Source: &sources[0], Asked: In}, {Source: &sources[1], Asked: In}, {Source: &sources[2], Asked: In}}
			for taken := 0; taken < rounds; {
				if _, err := w.Poll(subs, After(patience)); err != nil {
					t.Errorf("poll: %v", err)
					return
				}
				for i := range subs {
					if subs[i].Got != 0 && taken < rounds && sources[i].take() {
						taken++
					}
				}
			}
		}()
	}
	for i := range pollers * rounds {
		sources[i%len(sources)].add()
	}
	wg.Wait()
}

func TestWaitDoesNotAllocate(t *testing.T) {
	var c counter
	w := NewWaiter()
	subs := []Subscription{{Source: &c, Asked: In}}
	if n := testing.AllocsPerRun(100, func() {
		_ = w.Wait(&c, In, c.Queue().Seq(), After(1))
		_, _ = w.Poll(subs, After(1))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestMain fails when goroutines are left, other than that of the poller.
func TestMain(m *testing.M) {
	code := m.Run()
	for try := 0; code == 0 && runtime.NumGoroutine() > 2; try++ {
		if try == 1000 {
			println("left behind:", runtime.NumGoroutine(), "goroutines")
			code = 1
		}
		time.Sleep(time.Millisecond)
	}
	os.Exit(code)
}
