package epoll

import (
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// Buffer is what a thread keeps from one wait to the next, so that none
// allocates. The zero value is ready to use.
type Buffer struct {
	events []Event
	kernel kernelBuffer
}

// Wait returns what is ready of the descriptors watched, at most limit of them,
// as epoll_wait(2): one Event for each, with all its conditions. It waits for the
// first until the deadline; with one in the past it only looks. Those that are
// ready take turns. The result is in buf, until the next wait. d is the Epoll's
// description, in use, and w is the calling thread's. Returns, without events:
//   - EBADF: the last descriptor of d was closed meanwhile
//   - EINTR: w was interrupted
func (e *Epoll) Wait(d *descriptor.Description, w *ready.Waiter, buf *Buffer, limit int, deadline int64) ([]Event, error) {
	late := deadline <= ready.Now()
	for {
		seq := e.Queue().Seq()
		buf.events = buf.events[:0]
		most := e.collect(buf, limit)
		if len(buf.events) > 0 {
			return buf.events, nil
		}
		if late {
			return nil, nil
		}
		if e.block(w, buf, most, seq, deadline) {
			return buf.events, nil
		}
		err := d.Wait(w, ready.In, seq, deadline)
		if err != nil && err != syscall.ETIMEDOUT {
			return nil, err
		}
		late = err != nil || deadline <= ready.Now() // and there is a last look
	}
}

// collect appends what is ready to buf.events, and returns how many there might
// be, at least 1. The kernel's part and the rest take turns at being first, so that none
// starves.
func (e *Epoll) collect(buf *Buffer, limit int) (most int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	limit = min(limit, len(e.interests)+1) // and a kick
	e.kernelFirst = !e.kernelFirst
	if e.kernelFirst {
		e.collectKernel(buf, limit)
	}
	e.collectListed(buf, limit)
	if !e.kernelFirst {
		e.collectKernel(buf, limit)
	}
	e.settle()
	return limit
}

// collectListed looks at those that are in the list now, each once.
func (e *Epoll) collectListed(buf *Buffer, limit int) {
	for n := e.listed.n.Load(); n > 0 && len(buf.events) < limit; n-- {
		it := e.listed.pop()
		if it == nil {
			return
		}
		ev := it.level()
		if ev == 0 {
			continue
		}
		buf.events = append(buf.events, Event{ev, it.data})
		switch {
		case it.mode&abi.EpollTypeOneshot != 0:
			it.disable()
		case it.mode&abi.EpollTypeEt == 0:
			e.listed.push(it)
		}
	}
}

// anyListed reports whether one in the list is ready, which stays there.
func (e *Epoll) anyListed() bool {
	for n := e.listed.n.Load(); n > 0; n-- {
		it := e.listed.pop()
		if it == nil {
			return false
		}
		if it.level() != 0 {
			e.listed.push(it)
			return true
		}
	}
	return false
}

// block waits in the kernel for a short while, where that is cheaper than
// parking, and reports whether buf.events has something then.
func (e *Epoll) block(w *ready.Waiter, buf *Buffer, limit int, seq uint64, deadline int64) bool {
	n := e.kernel.block(w, buf, limit, func() bool { return e.Queue().Seq() == seq }, deadline)
	if n == 0 {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.takeKernel(buf, n)
	e.collectListed(buf, limit)
	e.settle()
	return len(buf.events) > 0
}
