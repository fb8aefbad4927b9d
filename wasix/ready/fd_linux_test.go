package ready

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// pipe returns both ends of a non-blocking pipe.
func pipe(t testing.TB) (r, w *FD) {
	t.Helper()
	var fds [2]int
	check(t, "pipe", unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC), nil)
	return newFD(t, fds[0]), newFD(t, fds[1])
}

func newFD(t testing.TB, fd int) *FD {
	f := new(FD)
	f.Init(fd)
	t.Cleanup(func() { closeFD(f) })
	return f
}

// closeFD closes f once.
func closeFD(f *FD) {
	if f.SysFD() >= 0 {
		f.Disarm()
		_ = unix.Close(f.SysFD())
		f.fd = -1
	}
}

func read(f *FD) error {
	_, err := unix.Read(f.SysFD(), make([]byte, 1))
	return err
}

func write(t testing.TB, f *FD) {
	t.Helper()
	_, err := unix.Write(f.SysFD(), []byte{1})
	check(t, "write", err, nil)
}

func TestFDLevels(t *testing.T) {
	r, w := pipe(t)
	const all = In | Out | RdHup
	if got := r.Ready(all); got != 0 {
		t.Errorf("empty pipe: %b", got)
	}
	if got := w.Ready(all); got != Out {
		t.Errorf("writer: %b", got)
	}
	write(t, w)
	if got := r.Ready(all); got != In {
		t.Errorf("with data: %b", got)
	}
	if got := r.Ready(Out); got != 0 {
		t.Errorf("not asked for: %b", got)
	}
	closeFD(w)
	if got := r.Ready(0); got != Hup {
		t.Errorf("without a writer: %b", got)
	}
}

// One byte at a time goes through a pipe, each waited for.
func TestFDEdges(t *testing.T) {
	for _, ownsThread := range []bool{false, true} {
		r, w := pipe(t)
		const rounds = 2000
		back, forth := pipe(t)
		go func() {
			waiter := NewWaiter()
			waiter.OwnsThread = ownsThread
			for range rounds {
				if err := readWaiting(waiter, r); err != nil {
					t.Errorf("read: %v", err)
					return
				}
				write(t, forth)
			}
		}()
		waiter := NewWaiter()
		for range rounds {
			write(t, w)
			check(t, "answer", readWaiting(waiter, back), nil)
		}
	}
}

func readWaiting(w *Waiter, f *FD) error {
	for {
		seq := f.Queue().Seq()
		if err := read(f); err != syscall.EAGAIN {
			return err
		}
		if err := w.Wait(f, In, seq, After(patience)); err != nil {
			return err
		}
	}
}

// What came before arming is reported after it.
func TestFDArmAfterData(t *testing.T) {
	r, w := pipe(t)
	seq := r.Queue().Seq()
	write(t, w)
	check(t, "arm", r.Arm(), nil)
	check(t, "arm again", r.Arm(), nil)
	var c counter // has r's queue, but asks no kernel
	check(t, "wait", NewWaiter().Wait(&aliased{&c, r.Queue()}, In, seq, After(patience)), nil)
}

type aliased struct {
	Source
	queue *Queue
}

func (a *aliased) Queue() *Queue { return a.queue }

func TestFDDisarmWakes(t *testing.T) {
	r, _ := pipe(t)
	check(t, "arm", r.Arm(), nil)
	done := make(chan error, 3)
	seq := r.Queue().Seq()
	for range cap(done) {
		go func() { done <- NewWaiter().Wait(r, In, seq, Never) }()
	}
	waitForWaiters(t, r.Queue(), cap(done))
	r.Disarm()
	for range cap(done) {
		check(t, "wait", <-done, nil)
	}
	check(t, "arm after disarm", r.Arm(), syscall.EBADF)
}

// A descriptor number used again does not report to its former owner.
func TestFDNumberReused(t *testing.T) {
	r, w := pipe(t)
	number := r.SysFD()
	check(t, "arm", r.Arm(), nil)
	closeFD(r)
	closeFD(w)
	seq := r.Queue().Seq()
	r2, w2 := pipe(t)
	if r2.SysFD() != number {
		check(t, "dup", unix.Dup3(r2.SysFD(), number, unix.O_CLOEXEC), nil)
		r2 = newFD(t, number)
	}
	write(t, w2)
	check(t, "read", readWaiting(NewWaiter(), r2), nil)
	if r.Queue().Seq() != seq {
		t.Error("the old one was told")
	}
	if p, _ := thePoller(); p.fds[r.id] != nil {
		t.Error("the poller still knows it")
	}
}

func TestFDOfRegularFile(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	check(t, "create", err, nil)
	defer file.Close()
	f := new(FD)
	f.Init(int(file.Fd()))
	for range 2 {
		check(t, "wait", NewWaiter().Wait(f, In, f.Queue().Seq(), After(patience)), nil)
	}
	n, err := NewWaiter().Poll([]Subscription{{Source: f, Asked: In | Out}}, Never)
	if n != 1 || err != nil || f.Ready(In|Out) != In|Out {
		t.Errorf("poll: %d, %v", n, err)
	}
	f.Disarm()
}

// Kernel and other sources in one poll; each in turn becomes ready.
func TestPollMixedSources(t *testing.T) {
	for _, ownsThread := range []bool{false, true} {
		r, wr := pipe(t)
		var c counter
		w := NewWaiter()
		w.OwnsThread = ownsThread
		subs := []Subscription{{Source: r, Asked: In}, {Source: &c, Asked: In}, {}}
		for range 200 {
			go write(t, wr)
			n, err := w.Poll(subs, After(patience))
			if n != 1 || err != nil || subs[0].Got != In || subs[1].Got != 0 {
				t.Fatalf("pipe: %d, %v, %v", n, err, subs)
			}
			check(t, "read", read(r), nil)
			go c.add()
			n, err = w.Poll(subs, After(patience))
			if n != 1 || err != nil || subs[0].Got != 0 || subs[1].Got != In {
				t.Fatalf("other: %d, %v, %v", n, err, subs)
			}
			c.take()
		}
	}
}

// Only the kernel's sources: these may be waited for inside the kernel.
func TestPollKernelSources(t *testing.T) {
	for _, ownsThread := range []bool{false, true} {
		r1, w1 := pipe(t)
		r2, w2 := pipe(t)
		w := NewWaiter()
		w.OwnsThread = ownsThread
		subs := []Subscription{{Source: r1, Asked: In}, {Source: r2, Asked: In}}
		for i := range 200 {
			go write(t, []*FD{w1, w2}[i%2])
			n, err := w.Poll(subs, After(patience))
			if n != 1 || err != nil || subs[i%2].Got != In {
				t.Fatalf("%d, %v, %v", n, err, subs)
			}
			check(t, "read", read([]*FD{r1, r2}[i%2]), nil)
		}
		w.Interrupt()
		_, err := w.Poll(subs, Never)
		check(t, "poll", err, syscall.EINTR)
		w.Attend()
		_, err = w.Poll(subs, 0)
		check(t, "poll", err, syscall.ETIMEDOUT)
	}
}

// Subscriptions of one source learn what they ask for, and that alone.
func TestPollOneKernelSourceTwice(t *testing.T) {
	r, w := pipe(t)
	subs := []Subscription{{Source: w, Asked: In}, {Source: w, Asked: Out}, {Source: r, Asked: In}, {Source: w, Asked: Out | In}}
	for _, full := range []bool{false, true} {
		n, err := NewWaiter().Poll(subs, 0)
		want := [4]Events{0, Out, 0, Out}
		if full {
			want[2] = In
		}
		got := [4]Events{subs[0].Got, subs[1].Got, subs[2].Got, subs[3].Got}
		if got != want || err != nil || n != 2 && !full {
			t.Errorf("%d, %v: %v, want %v", n, err, got, want)
		}
		write(t, w)
	}
}

func TestWaitInKernelIsInterrupted(t *testing.T) {
	r, _ := pipe(t)
	w := NewWaiter()
	w.OwnsThread = true
	done := make(chan error)
	for range 20 {
		go func() {
			done <- untilError(func() error { return w.Wait(r, In, r.Queue().Seq(), Never) })
		}()
		w.Interrupt()
		check(t, "wait", <-done, syscall.EINTR)
		w.Attend()
	}
}

// Arming, waiting and disarming of many at once, for the race detector.
func TestFDStress(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			waiter := NewWaiter()
			for range 100 {
				var fds [2]int
				check(t, "pipe", unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC), nil)
				var r, w FD
				r.Init(fds[0])
				w.Init(fds[1])
				check(t, "arm", r.Arm(), nil)
				go write(t, &w)
				check(t, "read", readWaiting(waiter, &r), nil)
				closeFD(&r)
				closeFD(&w)
			}
		}()
	}
	wg.Wait()
}

func TestFDDoesNotAllocate(t *testing.T) {
	r, w := pipe(t)
	waiter := NewWaiter()
	subs := []Subscription{{Source: r, Asked: In}}
	b := make([]byte, 1)
	check(t, "arm", r.Arm(), nil)
	if n := testing.AllocsPerRun(100, func() {
		_ = r.Ready(In)
		_, _ = unix.Write(w.SysFD(), b)
		_ = waiter.Wait(r, In, r.Queue().Seq(), Never)
		_, _ = waiter.Poll(subs, Never)
		_, _ = unix.Read(r.SysFD(), b)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
