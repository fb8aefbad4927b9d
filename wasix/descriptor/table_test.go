package descriptor

import (
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/ready"
)

func TestTableGivesLowest(t *testing.T) {
	table := NewTable(4)
	for want := range uint32(4) {
		if _, fd := mustInsert(t, table); fd != want {
			t.Fatalf("descriptor %d, want %d", fd, want)
		}
	}
	if fd, err := table.Reserve(); err != syscall.EMFILE {
		t.Fatalf("a full table reserves %d, %v", fd, err)
	}
	d := NewDescription(&fakeFile{}, 0)
	if _, err := table.Insert(d, Rights{}, false, 0); err != syscall.EMFILE {
		t.Fatalf("%v, want EMFILE", err)
	}
	if err := d.Release(); err != nil || d.File.(*fakeFile).closed.Load() != 1 {
		t.Fatalf("the caller cannot drop what was not inserted: %v", err)
	}
	if err := errors.Join(table.Close(1), table.Close(2)); err != nil {
		t.Fatal(err)
	}
	if _, fd := mustInsert(t, table); fd != 1 {
		t.Fatalf("descriptor %d, want 1", fd)
	}
	if fd, err := table.Dup(0, 2, false); fd != 2 || err != nil {
		t.Fatalf("descriptor %d, %v, want 2", fd, err)
	}
}

func TestTableBounds(t *testing.T) {
	table := NewTable(4)
	mustInsert(t, table)
	d := NewDescription(&fakeFile{}, 0)
	for name, c := range map[string]struct{ got, want error }{
		"close":        {table.Close(math.MaxUint32), syscall.EBADF},
		"renumber":     {table.Renumber(0, 4, true), syscall.EBADF},
		"renumber max": {table.Renumber(0, math.MaxUint32, true), syscall.EBADF},
		"renumber bad": {table.Renumber(1, 0, true), syscall.EBADF},
		"insert at":    {table.InsertAt(4, d, Rights{}), syscall.EBADF},
		"insert over":  {table.InsertAt(0, d, Rights{}), syscall.EEXIST},
		"rights":       {table.SetRights(0, Rights{Base: 1}), syscall.EPERM},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if _, err := table.Dup(0, 4, false); err != syscall.EINVAL {
		t.Errorf("dup: %v, want EINVAL", err)
	}
	if _, err := table.Insert(d, Rights{}, false, math.MaxUint32); err != syscall.EMFILE {
		t.Errorf("insert: %v, want EMFILE", err)
	}
}

func TestLastDescriptorCloses(t *testing.T) {
	table := NewTable(0)
	f, fd := mustInsert(t, table)
	f.err = syscall.EIO
	dup, err := table.Dup(fd, 10, true)
	if err != nil || dup != 10 {
		t.Fatal(dup, err)
	}
	if on, err := table.Cloexec(dup); !on || err != nil {
		t.Fatal("close-on-exec was lost")
	}
	if err := table.Close(fd); err != nil || f.closed.Load() != 0 {
		t.Fatalf("%v; closed with a descriptor left", err)
	}
	if err := table.Close(dup); err != syscall.EIO || f.closed.Load() != 1 {
		t.Fatalf("%v; the last descriptor did not close", err)
	}
}

func TestUseOutlivesDescriptor(t *testing.T) {
	table := NewTable(0)
	f, fd := mustInsert(t, table)
	d, _, err := table.Acquire(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Close(fd); err != nil || f.closed.Load() != 0 || !d.Closed() {
		t.Fatal("closed under a user")
	}
	if _, _, err := table.Acquire(fd); err != syscall.EBADF {
		t.Fatalf("%v, want EBADF", err)
	}
	if err := d.Release(); err != nil || f.closed.Load() != 1 {
		t.Fatal("the last user did not close")
	}
}

func TestRenumber(t *testing.T) {
	for _, keep := range []bool{true, false} {
		table := NewTable(0)
		a, fdA := mustInsert(t, table)
		b, fdB := mustInsert(t, table)
		if err := table.SetCloexec(fdA, true); err != nil {
			t.Fatal(err)
		}
		if err := table.Renumber(fdA, fdA, keep); err != nil {
			t.Fatal(err)
		}
		if err := table.Renumber(fdA, fdB, keep); err != nil || b.closed.Load() != 1 || a.closed.Load() != 0 {
			t.Fatalf("%v; what was there before is not closed", err)
		}
		if on, err := table.Cloexec(fdB); on || err != nil {
			t.Fatal("close-on-exec went along")
		}
		if _, err := table.Rights(fdA); (err == nil) != keep {
			t.Fatalf("keep %v: the old descriptor: %v", keep, err)
		}
		table.CloseAll()
		if a.closed.Load() != 1 {
			t.Fatal("not closed")
		}
	}
}

// model is what a Table should be: open files by descriptor.
type model map[uint32]*fakeFile

func (m model) lowest(from uint32) uint32 {
	for m[from] != nil {
		from++
	}
	return from
}

// reserved is at a descriptor in a model that is reserved.
var reserved = &fakeFile{}

func (m model) isOpen(fd uint32) bool { return m[fd] != nil && m[fd] != reserved }

// Random sequences of calls have the results of a plain map.
func TestTableAgainstModel(t *testing.T) {
	const limit = 20
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		table, m := NewTable(limit), model{}
		for range 300 {
			fd, to := uint32(r.IntN(limit)), uint32(r.IntN(limit))
			switch r.IntN(6) {
			case 0:
				f := &fakeFile{}
				d := NewDescription(f, 0)
				got, err := table.Insert(d, Rights{}, false, to)
				if want := m.lowest(to); (err == nil) != (want < limit) || err == nil && got != want {
					t.Fatalf("seed %d: insert: %d, %v, want %d", seed, got, err, want)
				}
				if err == nil {
					m[got] = f
				}
			case 1:
				got, err := table.Dup(fd, to, false)
				want := m.lowest(to)
				if ok := m.isOpen(fd) && want < limit; (err == nil) != ok || ok && got != want {
					t.Fatalf("seed %d: dup: %d, %v, want %d", seed, got, err, want)
				}
				if err == nil {
					m[got] = m[fd]
				}
			case 2:
				keep := r.IntN(2) == 0
				var want error
				switch {
				case !m.isOpen(fd):
					want = syscall.EBADF
				case m[to] == reserved:
					want = syscall.EBUSY
				}
				if err := table.Renumber(fd, to, keep); err != want {
					t.Fatalf("seed %d: renumber: %v, want %v", seed, err, want)
				} else if err == nil && fd != to {
					m[to] = m[fd]
					if !keep {
						delete(m, fd)
					}
				}
			case 3:
				if err := table.Close(fd); (err == nil) != m.isOpen(fd) {
					t.Fatalf("seed %d: close: %v", seed, err)
				} else if err == nil {
					delete(m, fd)
				}
			case 4:
				got, err := table.Reserve()
				if want := m.lowest(0); (err == nil) != (want < limit) || err == nil && got != want {
					t.Fatalf("seed %d: reserve: %d, %v, want %d", seed, got, err, want)
				}
				if err == nil {
					m[got] = reserved
				}
			case 5:
				if m[fd] != reserved {
					break
				}
				if delete(m, fd); to%2 == 0 {
					table.Unreserve(fd)
				} else {
					m[fd] = &fakeFile{}
					table.Fill(fd, NewDescription(m[fd], 0), Rights{}, false)
				}
			}
			checkModel(t, table, m, limit)
		}
		child := table.Fork()
		maps.DeleteFunc(m, func(_ uint32, f *fakeFile) bool { return f == reserved })
		checkModel(t, child, m, limit)
		if got, err := child.Reserve(); err == nil && got != m.lowest(0) {
			t.Fatalf("seed %d: the child reserves %d", seed, got)
		}
	}
}

// checkModel compares the table with the model; what it lacks must be closed.
func checkModel(t *testing.T, table *Table, m model, limit uint32) {
	t.Helper()
	for fd := range limit {
		d, _, err := table.Acquire(fd)
		if (err == nil) != m.isOpen(fd) {
			t.Fatalf("descriptor %d: %v", fd, err)
		}
		if err == nil {
			if d.File != File(m[fd]) || m[fd].closed.Load() != 0 {
				t.Fatalf("descriptor %d is another file, or a closed one", fd)
			}
			_ = d.Release()
		}
	}
}

// Under concurrent changes no file is used after its end, and each is closed
// once: fakeFile panics otherwise.
func TestTableConcurrently(t *testing.T) {
	const limit, workers, rounds = 8, 8, 2000
	table := NewTable(limit)
	var open atomic.Int64
	var wg sync.WaitGroup
	for worker := range uint64(workers) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(worker, 2))
			w := ready.NewWaiter()
			iov := [][]byte{make([]byte, 1)}
			for range rounds {
				fd, to := uint32(r.IntN(limit)), uint32(r.IntN(limit))
				switch r.IntN(6) {
				case 0, 1:
					open.Add(1)
					f := &fakeFile{open: &open}
					f.level.Store(1)
					d := NewDescription(f, 0)
					if _, err := table.Insert(d, Rights{}, false, 0); err != nil {
						_ = d.Release()
					}
				case 2:
					_, _ = table.Dup(fd, to, false)
				case 3:
					_ = table.Renumber(fd, to, r.IntN(2) == 0)
				case 4:
					_ = table.Close(fd)
				case 5:
					d, _, err := table.Acquire(fd)
					if err != nil {
						continue
					}
					d.flags.Store(4) // NONBLOCK
					_, err = d.Readv(w, iov)
					if err != nil && err != syscall.EAGAIN {
						t.Errorf("read: %v", err)
					}
					_ = d.Release()
				}
			}
		})
	}
	wg.Wait()
	table.CloseAll()
	if n := open.Load(); n != 0 {
		t.Fatalf("%d files were never closed", n)
	}
}

func TestDescriptionWaits(t *testing.T) {
	for name, c := range map[string]struct {
		wake func(*Table, *fakeFile, *ready.Waiter)
		want error
	}{
		"data": {func(_ *Table, f *fakeFile, _ *ready.Waiter) {
			f.level.Add(1)
			f.queue.Notify(ready.In)
		}, nil},
		"close":     {func(table *Table, _ *fakeFile, _ *ready.Waiter) { _ = table.Close(0) }, syscall.EBADF},
		"interrupt": {func(_ *Table, _ *fakeFile, w *ready.Waiter) { w.Interrupt() }, syscall.EINTR},
	} {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				table, w := NewTable(0), ready.NewWaiter()
				f, fd := mustInsert(t, table)
				d, _, err := table.Acquire(fd)
				if err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				wg.Go(func() { c.wake(table, f, w) })
				if _, err := d.Readv(w, [][]byte{make([]byte, 1)}); err != c.want {
					t.Fatalf("%v, want %v", err, c.want)
				}
				wg.Wait()
				_ = d.Release()
				table.CloseAll()
				if f.closed.Load() != 1 {
					t.Fatal("not closed")
				}
			}
		})
	}
}

// A blocking write goes on until everything is written; an interrupted one tells
// how far it came.
func TestDescriptionWritesAll(t *testing.T) {
	f, w := &fakeFile{}, ready.NewWaiter()
	d := NewDescription(f, 0)
	f.room.Store(2)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 3 {
			f.room.Add(1)
			f.queue.Notify(ready.Out)
		}
	})
	if n, err := d.Writev(w, [][]byte{make([]byte, 2), nil, make([]byte, 3)}); n != 5 || err != nil {
		t.Fatalf("%d, %v, want 5", n, err)
	}
	wg.Wait()
	f.room.Store(2)
	w.Interrupt()
	if n, err := d.Writev(w, [][]byte{make([]byte, 5)}); n != 2 || err != nil {
		t.Fatalf("%d, %v, want 2", n, err)
	}
	if err := d.SetFlags(4); err != nil || !d.Nonblock() {
		t.Fatal(err)
	}
	f.room.Store(0)
	if n, err := d.Writev(w, [][]byte{make([]byte, 5)}); n != 0 || err != syscall.EAGAIN {
		t.Fatalf("%d, %v, want EAGAIN", n, err)
	}
}

func TestAdvance(t *testing.T) {
	whole := []byte("abcdef")
	for n := range len(whole) + 1 {
		iovs := Advance([][]byte{whole[:0], whole[:2], whole[2:2], whole[2:]}, n)
		if got := slices.Concat(iovs...); string(got) != string(whole[n:]) {
			t.Errorf("after %d: %q", n, got)
		}
		if len(iovs) > 0 && len(iovs[0]) == 0 {
			t.Errorf("after %d: an empty buffer comes first", n)
		}
	}
}
