package wasix

import (
	"sync"
	"testing"
)

// TestMemoryCharge has images come, grow, follow each other and go, all at once.
func TestMemoryCharge(t *testing.T) {
	const limit, images, turns = 1000, 8, 2000
	b := newMemoryBudget(limit)
	var all sync.WaitGroup
	for i := range images {
		all.Go(func() {
			im := &memoryCharge{budget: b}
			for turn := range turns {
				n := uint64((i + turn) % 300)
				if im.add(n) && n%2 == 0 {
					im.remove(n / 2)
				}
				next := &memoryCharge{budget: b}
				if next.replace(im, n) {
					im.close()
					im = next
				}
				if used := b.used.Load(); used > limit {
					t.Errorf("%d of %d are used", used, limit)
				}
			}
			im.close()
		})
	}
	all.Wait()
	if used := b.used.Load(); used != 0 {
		t.Errorf("%d are used in the end", used)
	}
}

// A program is replaced by one that is not larger even when all memory is in use,
// and by a larger one when there is as much as it has more.
func TestMemoryChargeReplace(t *testing.T) {
	for _, c := range []struct {
		other, n, after uint64
		ok              bool
	}{
		{40, 60, 100, true}, {40, 10, 50, true}, {40, 61, 100, false}, {39, 61, 100, true}, {0, 101, 60, false},
	} {
		b := newMemoryBudget(100)
		old, next := &memoryCharge{budget: b}, &memoryCharge{budget: b}
		if !old.add(60) || !b.take(c.other) {
			t.Fatal("no room")
		}
		if ok := next.replace(old, c.n); ok != c.ok {
			t.Errorf("%+v: %v", c, ok)
		}
		if c.ok {
			old.close()
		}
		if used := b.used.Load(); used != c.after {
			t.Errorf("%+v: %d are used", c, used)
		}
	}
}

func TestMemoryIsUnlimited(t *testing.T) {
	b := newMemoryBudget(0)
	if !b.take(1<<62) || !b.take(2<<62-1) {
		t.Error("there is a limit")
	}
}
