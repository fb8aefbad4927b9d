package epoll_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/epoll"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/vfs"
)

const (
	in      = abi.EpollTypeIn
	out     = abi.EpollTypeOut
	hup     = abi.EpollTypeHup
	edge    = abi.EpollTypeEt
	oneshot = abi.EpollTypeOneshot

	patience = uint64(30 * time.Second) // of waits that end by themselves
)

func check(t testing.TB, what string, got, want error) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// guest is a process with descriptors, and one thread.
type guest struct {
	testing.TB
	table  *descriptor.Table
	quota  epoll.Quota
	waiter *ready.Waiter
	buf    epoll.Buffer
}

func newGuest(t testing.TB) *guest {
	g := &guest{TB: t, table: descriptor.NewTable(0), waiter: ready.NewWaiter()}
	t.Cleanup(g.table.CloseAll)
	return g
}

// thread returns another thread of the guest.
func (g *guest) thread() *guest {
	return &guest{TB: g.TB, table: g.table, waiter: ready.NewWaiter()}
}

func (g *guest) insert(f descriptor.File) uint32 {
	g.Helper()
	fd, err := g.table.Insert(descriptor.NewDescription(f, abi.FdflagsNonblock), descriptor.Rights{}, false, 0)
	check(g, "insert", err, nil)
	return fd
}

func (g *guest) epoll() uint32 {
	g.Helper()
	return g.insert(epoll.New(&g.quota))
}

func (g *guest) pipe() (r, w uint32) {
	g.Helper()
	in, out := vfs.NewPipe()
	return g.insert(in), g.insert(out)
}

func (g *guest) event(initial uint64) uint32 {
	g.Helper()
	e, err := vfs.NewEvent(initial, false)
	check(g, "event", err, nil)
	return g.insert(e)
}

// with has f use the description of fd.
func (g *guest) with(fd uint32, f func(*descriptor.Description) error) error {
	d, _, err := g.table.Acquire(fd)
	if err != nil {
		return err
	}
	defer d.Release()
	return f(d)
}

func data(fd uint32) (d epoll.Data) {
	d[0], d[1], d[2] = byte(fd), byte(fd>>8), byte(fd>>16)
	return d
}

// add watches fd, which is its data, too.
func (g *guest) add(ep, fd uint32, asked abi.EpollType) error {
	return g.control(ep, fd, func(e *epoll.Epoll, d *descriptor.Description) error {
		return e.Add(d, fd, epoll.Event{Events: asked, Data: data(fd)})
	})
}

func (g *guest) modify(ep, fd uint32, asked abi.EpollType) error {
	return g.control(ep, fd, func(e *epoll.Epoll, d *descriptor.Description) error {
		return e.Modify(d, fd, epoll.Event{Events: asked, Data: data(fd)})
	})
}

func (g *guest) delete(ep, fd uint32) error {
	return g.control(ep, fd, func(e *epoll.Epoll, d *descriptor.Description) error { return e.Delete(d, fd) })
}

func (g *guest) control(ep, fd uint32, f func(*epoll.Epoll, *descriptor.Description) error) error {
	return g.with(ep, func(e *descriptor.Description) error {
		return g.with(fd, func(d *descriptor.Description) error { return f(epoll.Of(e.File), d) })
	})
}

func (g *guest) mustAdd(ep, fd uint32, asked abi.EpollType) {
	g.Helper()
	check(g, "add", g.add(ep, fd, asked), nil)
}

func (g *guest) write(fd uint32) error {
	return g.with(fd, func(d *descriptor.Description) error {
		_, err := d.File.Writev([][]byte{{1, 0, 0, 0, 0, 0, 0, 0}})
		return err
	})
}

func (g *guest) read(fd uint32) error {
	return g.with(fd, func(d *descriptor.Description) error {
		_, err := d.File.Readv([][]byte{make([]byte, 8)})
		return err
	})
}

// seen is an event, by the descriptor that it was told by.
type seen struct {
	fd     uint32
	events abi.EpollType
}

func (g *guest) wait(ep uint32, limit int, timeout uint64) (list []seen, err error) {
	err = g.with(ep, func(d *descriptor.Description) error {
		events, err := epoll.Of(d.File).Wait(d, g.waiter, &g.buf, limit, ready.After(timeout))
		for _, ev := range events {
			fd := uint32(ev.Data[0]) | uint32(ev.Data[1])<<8 | uint32(ev.Data[2])<<16
			list = append(list, seen{fd, ev.Events})
		}
		return err
	})
	return list, err
}

// sees looks at what there is now, in whatever order.
func (g *guest) sees(ep uint32, want ...seen) {
	g.Helper()
	got, err := g.wait(ep, 100, 0)
	check(g, "wait", err, nil)
	slices.SortFunc(got, func(a, b seen) int { return int(a.fd) - int(b.fd) })
	if !slices.Equal(got, want) {
		g.Fatalf("%v, want %v", got, want)
	}
}

func TestModes(t *testing.T) {
	g := newGuest(t)
	ep, fd := g.epoll(), g.event(0)
	g.mustAdd(ep, fd, in|out|edge)
	g.sees(ep, seen{fd, out})
	g.sees(ep)
	check(t, "write", g.write(fd), nil)
	g.sees(ep, seen{fd, in | out})
	g.sees(ep)
	check(t, "modify", g.modify(ep, fd, in), nil)
	g.sees(ep, seen{fd, in})
	g.sees(ep, seen{fd, in})
	check(t, "modify", g.modify(ep, fd, in|oneshot), nil)
	g.sees(ep, seen{fd, in})
	check(t, "write", g.write(fd), nil)
	g.sees(ep)
	check(t, "modify", g.modify(ep, fd, in|oneshot), nil)
	g.sees(ep, seen{fd, in})
	check(t, "delete", g.delete(ep, fd), nil)
	check(t, "write", g.write(fd), nil)
	g.sees(ep)
}

func TestErrors(t *testing.T) {
	g := newGuest(t)
	ep, fd, null := g.epoll(), g.event(0), g.insert(vfs.Null())
	check(t, "delete", g.delete(ep, fd), syscall.ENOENT)
	check(t, "modify", g.modify(ep, fd, in), syscall.ENOENT)
	g.mustAdd(ep, fd, in)
	check(t, "add", g.add(ep, fd, in), syscall.EEXIST)
	check(t, "add itself", g.add(ep, ep, in), syscall.EINVAL)
	check(t, "add /dev/null", g.add(ep, null, in), syscall.EPERM)
	check(t, "read", g.read(ep), syscall.EINVAL)
	check(t, "write", g.write(ep), syscall.EINVAL)
}

// Each wakes the waiter: what becomes ready, what is added, what is modified.
func TestWaitWakes(t *testing.T) {
	g := newGuest(t)
	ep, fd, other := g.epoll(), g.event(0), g.event(1)
	g.mustAdd(ep, fd, in)
	for name, wake := range map[string]func(){
		"write":  func() { check(t, "write", g.write(fd), nil) },
		"add":    func() { g.mustAdd(ep, other, in) },
		"modify": func() { check(t, "modify", g.modify(ep, fd, out), nil) },
	} {
		done := make(chan error)
		go func() {
			list, err := g.thread().wait(ep, 10, patience)
			if err == nil && len(list) != 1 {
				t.Errorf("%s: %v", name, list)
			}
			done <- err
		}()
		g.awaitWaiter(ep)
		wake()
		check(t, name, <-done, nil)
		_ = g.read(fd)
		_ = g.delete(ep, other)
		check(t, "modify", g.modify(ep, fd, in), nil)
	}
}

// awaitWaiter returns when somebody waits.
func (g *guest) awaitWaiter(fd uint32) {
	check(g, "awaitWaiter", g.with(fd, func(d *descriptor.Description) error {
		for end := ready.After(patience); !d.File.Queue().Watched(); time.Sleep(time.Millisecond) {
			if ready.Now() > end {
				g.Fatal("nobody waits")
			}
		}
		return nil
	}), nil)
}

func TestWaitEnds(t *testing.T) {
	g := newGuest(t)
	ep, fd := g.epoll(), g.event(0)
	g.mustAdd(ep, fd, in)
	start := time.Now()
	list, err := g.wait(ep, 1, uint64(20*time.Millisecond))
	if len(list) > 0 || err != nil || time.Since(start) < 20*time.Millisecond {
		t.Errorf("timeout: %v, %v after %v", list, err, time.Since(start))
	}
	g.waiter.Interrupt()
	_, err = g.wait(ep, 1, patience)
	check(t, "interrupted", err, syscall.EINTR)
	done := make(chan error)
	go func() {
		_, err := g.thread().wait(ep, 1, patience)
		done <- err
	}()
	g.awaitWaiter(ep)
	check(t, "close", g.table.Close(ep), nil)
	check(t, "closed", <-done, syscall.EBADF)
}

// Interest goes with the open file, not with the number.
// eventfulFile is a file at which something happens after it was asked what is ready.
type eventfulFile struct {
	descriptor.File
	asked func()
}

func (f *eventfulFile) Ready(asked ready.Events) ready.Events {
	got := f.File.Ready(asked)
	f.asked()
	return got
}

// What comes after the look and before the end of a wait is found by a last look.
func TestWaitEndsAfterWhatCame(t *testing.T) {
	event, err := vfs.NewEvent(0, false)
	check(t, "event", err, nil)
	g, f := newGuest(t), &eventfulFile{event, func() {}}
	ep, fd := g.epoll(), g.insert(f)
	g.mustAdd(ep, fd, in)
	for _, end := range []func(deadline int64){
		func(int64) { g.waiter.Interrupt() },
		func(deadline int64) {
			for ready.Now() <= deadline {
			}
		},
	} {
		come := false
		for timeout := uint64(time.Millisecond); !come; timeout *= 2 {
			f.Queue().Notify(ready.In) // so it is asked
			deadline := ready.After(timeout)
			f.asked = func() {
				if come || ready.Now() >= deadline {
					return
				}
				come = true
				check(t, "write", g.write(fd), nil)
				end(deadline)
			}
			var got []epoll.Event
			check(t, "wait", g.with(ep, func(d *descriptor.Description) (err error) {
				got, err = epoll.Of(d.File).Wait(d, g.waiter, &g.buf, 1, deadline)
				return err
			}), nil)
			if come && len(got) != 1 {
				t.Error("the wait ended without what had come")
			}
		}
		f.asked = func() {}
		check(t, "read", g.read(fd), nil)
		g.waiter.Attend()
	}
}

func TestInterestOutlivesItsNumber(t *testing.T) {
	g := newGuest(t)
	ep, fd := g.epoll(), g.event(1)
	g.mustAdd(ep, fd, in)
	dup, err := g.table.Dup(fd, 0, false)
	check(t, "dup", err, nil)
	check(t, "close", g.table.Close(fd), nil)
	g.sees(ep, seen{fd, in})
	again := g.event(1)
	if again != fd {
		t.Fatalf("%d is not the lowest descriptor", again)
	}
	check(t, "delete", g.delete(ep, fd), syscall.ENOENT)
	g.mustAdd(ep, fd, in)
	g.sees(ep, seen{fd, in}, seen{fd, in})
	check(t, "close", g.table.Close(dup), nil)
	g.sees(ep, seen{fd, in})
	check(t, "close", g.table.Close(fd), nil)
	g.sees(ep)
	again = g.event(1)
	check(t, "modify", g.modify(ep, again, in), syscall.ENOENT)
}

// Those that are ready take turns.
func TestFairness(t *testing.T) {
	g := newGuest(t)
	ep := g.epoll()
	counts := map[uint32]int{}
	for range 10 {
		g.mustAdd(ep, g.event(1), in)
	}
	for range 10 {
		list, err := g.wait(ep, 3, 0)
		check(t, "wait", err, nil)
		for _, s := range list {
			counts[s.fd]++
		}
	}
	for fd, n := range counts {
		if n != 3 || len(counts) != 10 {
			t.Errorf("%d was reported %d times", fd, n)
		}
	}
}

func TestNesting(t *testing.T) {
	g := newGuest(t)
	fd := g.event(0)
	chain := []uint32{g.epoll()}
	g.mustAdd(chain[0], fd, in)
	for range 4 {
		ep := g.epoll()
		g.mustAdd(ep, chain[len(chain)-1], in)
		chain = append(chain, ep)
	}
	check(t, "deeper", g.add(g.epoll(), chain[4], in), syscall.ELOOP)
	check(t, "deeper from below", g.add(chain[0], g.epoll(), in), syscall.ELOOP)
	check(t, "circle", g.add(chain[0], chain[1], in), syscall.ELOOP)
	check(t, "large circle", g.add(chain[0], chain[4], in), syscall.ELOOP)
	check(t, "beside", g.add(chain[2], chain[0], in), nil)

	done := make(chan error)
	go func() {
		list, err := g.thread().wait(chain[4], 10, patience)
		if !slices.Equal(list, []seen{{chain[3], in}}) {
			t.Errorf("%v", list)
		}
		done <- err
	}()
	g.awaitWaiter(chain[4])
	check(t, "write", g.write(fd), nil)
	check(t, "wait", <-done, nil)
	g.sees(chain[1], seen{chain[0], in})
	check(t, "read", g.read(fd), nil)
	for _, ep := range chain {
		g.sees(ep)
	}
	check(t, "close", g.table.Close(chain[2]), nil)
	check(t, "no circle any more", g.add(chain[0], chain[4], in), nil)
	check(t, "write", g.write(fd), nil)
	g.sees(chain[1], seen{chain[0], in})
	g.sees(chain[4])
}

// A large family of Epolls is not nested any deeper: to look for circles in it
// would cost too much.
func TestNestingIsBounded(t *testing.T) {
	g := newGuest(t)
	all := g.epoll()
	for range 1000 {
		g.mustAdd(all, g.epoll(), in)
	}
	check(t, "add", g.add(g.epoll(), all, in), syscall.EINVAL)
}

func TestQuota(t *testing.T) {
	g := newGuest(t)
	fd := g.event(0)
	d, _, err := g.table.Acquire(fd)
	check(t, "acquire", err, nil)
	defer d.Release()
	e := epoll.New(&g.quota)
	for n := range uint32(epoll.MaxWatched) {
		if err := e.Add(d, n, epoll.Event{}); err != nil {
			t.Fatal(n, err)
		}
	}
	other := epoll.New(&g.quota)
	check(t, "add", other.Add(d, 0, epoll.Event{}), syscall.ENOSPC)
	check(t, "delete", e.Delete(d, 7), nil)
	check(t, "add", other.Add(d, 0, epoll.Event{}), nil)
	check(t, "close", e.Close(), nil)
	check(t, "add", other.Add(d, 1, epoll.Event{}), nil)
	check(t, "close", other.Close(), nil)
	if d.File.Queue().Watched() {
		t.Error("an event is still watched")
	}
}

// Threads share an Epoll and take bytes by it, in every mode; none is slept over.
func TestThreadsShareAnEpoll(t *testing.T) {
	for name, asked := range map[string]abi.EpollType{"level": in, "edge": in | edge, "oneshot": in | oneshot, "both": in | edge | oneshot} {
		t.Run(name, func(t *testing.T) {
			g := newGuest(t)
			const threads, pipes, each = 4, 8, 400
			ep := g.epoll()
			var writers []uint32
			for range pipes {
				r, w := g.pipe()
				g.mustAdd(ep, r, asked)
				writers = append(writers, w)
			}
			var taken atomic.Int64
			var wg sync.WaitGroup
			for range threads {
				wg.Go(func() { g.thread().take(ep, asked, &taken, 8*pipes*each) })
			}
			for i := range each {
				for _, w := range writers {
					check(t, "write", g.write(w), nil)
				}
				for end := ready.After(patience); i%50 == 0 && taken.Load() < int64(8*pipes*(i+1)); time.Sleep(time.Microsecond) {
					if ready.Now() > end {
						t.Fatalf("%d bytes taken of %d", taken.Load(), 8*pipes*(i+1))
					}
				}
			}
			wg.Wait()
		})
	}
}

// take reads from what is ready until there were so many bytes.
func (g *guest) take(ep uint32, asked abi.EpollType, taken *atomic.Int64, want int64) {
	buf := make([]byte, 100)
	for taken.Load() < want {
		list, err := g.wait(ep, 3, uint64(50*time.Millisecond))
		if err != nil {
			g.Error(err)
			return
		}
		for _, s := range list {
			for err = nil; err == nil; {
				err = g.with(s.fd, func(d *descriptor.Description) error {
					n, err := d.File.Readv([][]byte{buf})
					taken.Add(int64(n))
					return err
				})
			}
			if asked&oneshot != 0 {
				if err := g.modify(ep, s.fd, asked); err != nil {
					g.Error(err)
				}
			}
		}
	}
}

// Threads open, watch, use and close at once, for the race detector.
func TestEverythingAtOnce(t *testing.T) {
	g := newGuest(t)
	outer, ep := g.epoll(), g.epoll()
	g.mustAdd(outer, ep, in)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() { g.thread().churn(ep, outer, i) })
	}
	for _, watched := range []uint32{ep, outer} {
		wg.Go(func() {
			th := g.thread()
			for range 500 {
				if _, err := th.wait(watched, 2, uint64(time.Millisecond)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	g.sees(ep)
	g.sees(outer)
}

func (g *guest) churn(ep, outer uint32, i int) {
	for n := range 300 {
		e, err := vfs.NewEvent(uint64(n%2), false)
		if err != nil {
			g.Error(err)
			return
		}
		fd, err := g.table.Insert(descriptor.NewDescription(e, 0), descriptor.Rights{}, false, 0)
		if err != nil {
			g.Error(err)
			return
		}
		_ = g.add(ep, fd, in|[]abi.EpollType{0, edge, oneshot}[n%3])
		_ = g.write(fd)
		switch (n + i) % 4 {
		case 0:
			_ = g.delete(ep, fd)
		case 1:
			_ = g.modify(ep, fd, in)
		case 2:
			_ = g.add(outer, fd, in)
		}
		if err := g.table.Close(fd); err != nil {
			g.Error(err)
		}
	}
}

func TestWaitDoesNotAllocate(t *testing.T) {
	g := newGuest(t)
	ep, fd := g.epoll(), g.event(1)
	d, _, err := g.table.Acquire(ep)
	check(t, "acquire", err, nil)
	defer d.Release()
	e := epoll.Of(d.File)
	g.mustAdd(ep, fd, in)
	if n := testing.AllocsPerRun(100, func() {
		events, err := e.Wait(d, g.waiter, &g.buf, 10, ready.Never)
		if len(events) != 1 || err != nil {
			t.Fatal(events, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	check(t, "read", g.read(fd), nil)
	if n := testing.AllocsPerRun(100, func() { _, _ = e.Wait(d, g.waiter, &g.buf, 10, ready.After(1000)) }); n != 0 {
		t.Errorf("%v allocations of a wait in vain", n)
	}
}
