package epoll

import (
	"sync"
	"syscall"
)

const (
	maxNesting = 4   // Epolls below or above one, in a chain, as Linux's EP_MAX_NESTS
	maxFamily  = 512 // Epolls that are looked at before one more is nested
)

// nesting is which Epolls an Epoll watches, and which watch it, each as often as
// its count says. The one lock of all guards it, and is taken last.
type nesting struct{ below, above map[*Epoll]int }

var nestingMu sync.Mutex

// nest notes that e is to watch other. Returns ELOOP, EINVAL.
func (e *Epoll) nest(other *Epoll) error {
	nestingMu.Lock()
	defer nestingMu.Unlock()
	down := walk{next: func(e *Epoll) map[*Epoll]int { return e.nested.below }, avoid: e}
	up := walk{next: func(e *Epoll) map[*Epoll]int { return e.nested.above }}
	depth := down.depth(other) + 1 + up.depth(e)
	switch {
	case down.looped || depth > maxNesting:
		return syscall.ELOOP
	case len(down.seen)+len(up.seen) > maxFamily:
		return syscall.EINVAL
	}
	link(&e.nested.below, other)
	link(&other.nested.above, e)
	return nil
}

// unnest undoes nest.
func (e *Epoll) unnest(other *Epoll) {
	nestingMu.Lock()
	defer nestingMu.Unlock()
	unlink(e.nested.below, other)
	unlink(other.nested.above, e)
}

func link(m *map[*Epoll]int, e *Epoll) {
	if *m == nil {
		*m = map[*Epoll]int{}
	}
	(*m)[e]++
}

func unlink(m map[*Epoll]int, e *Epoll) {
	if m[e]--; m[e] == 0 {
		delete(m, e)
	}
}

// walk measures the longest chain from an Epoll on, in one direction.
type walk struct {
	next   func(*Epoll) map[*Epoll]int
	avoid  *Epoll // nobody on the way
	looped bool
	seen   map[*Epoll]int // depths
}

func (w *walk) depth(e *Epoll) int {
	if e == w.avoid {
		w.looped = true
	}
	if d, ok := w.seen[e]; ok || len(w.seen) > maxFamily {
		return d
	}
	deepest := 0
	for other := range w.next(e) {
		deepest = max(deepest, w.depth(other)+1)
	}
	if w.seen == nil {
		w.seen = map[*Epoll]int{}
	}
	w.seen[e] = deepest
	return deepest
}
