package epoll

import (
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// An Epoll that another watches is known to the kernel, too: its instance is in
// the other's. What else it watches kicks the instance, with each report, so that
// edges are the kernel's. The kernel takes only a few instances in a chain, two of
// which carry the reports to the queues of this process; where it refuses one more,
// the inner Epoll reports by its queue, a moment later.

// addNested gives an interest in an Epoll to the kernel, and reports whether that
// took it.
func (k *kernel) addNested(it *interest) bool {
	inner := &it.nested.kernel
	if k.start() != nil || it.nested.start() != nil {
		return false
	}
	if inner.above.Add(1) == 1 && it.nested.listed.n.Load() > 0 {
		inner.kick(true)
	}
	if k.addFD(it, inner.fd.SysFD()) != nil {
		inner.above.Add(-1)
		return false
	}
	if k.below == nil {
		k.below = map[uint64]*interest{}
	}
	k.below[it.kernel.id] = it
	return true
}

// start opens the instance.
func (e *Epoll) start() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.kernel.start()
}

// holds reports whether a nested Epoll that the kernel has reported is ready. If a
// kick was all there was, what ONESHOT has disabled goes on.
func (it *interest) holds() bool {
	if it.nested.Ready(ready.In) != 0 {
		return true
	}
	if it.mode&abi.EpollTypeOneshot != 0 {
		_ = it.epoll.kernel.modify(it)
	}
	return false
}

// kernelReady reports whether the kernel has events. Nothing in the list is ready,
// and mu is locked.
func (e *Epoll) kernelReady() bool {
	e.settle()
	if len(e.kernel.byID) == 0 {
		return false
	}
	for _, it := range e.kernel.below {
		it.nested.settleAll()
	}
	return e.kernel.fd.Ready(ready.In) != 0
}

// settle takes back a kick when the list has nothing more to report. mu is locked.
func (e *Epoll) settle() {
	if !e.kernel.kicked.Load() || e.listed.n.Load() > 0 {
		return
	}
	e.kernel.calm()
	if e.listed.n.Load() > 0 { // meanwhile
		e.kernel.kick(true)
	}
}

// settleAll is settle for e, after a look at its list, and all that it watches.
func (e *Epoll) settleAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, it := range e.kernel.below {
		it.nested.settleAll()
	}
	if !e.anyListed() {
		e.settle()
	}
}

// flatten has the Epolls watched report by their queues, as the chain is too long
// for the kernel.
func (e *Epoll) flatten() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, it := range e.kernel.below {
		e.kernel.remove(it)
		if err := it.startHere(); err != nil {
			return err
		}
	}
	return nil
}
