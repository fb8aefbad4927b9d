package epoll

import (
	"sync"
	"sync/atomic"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// interest is one watched descriptor. Its Epoll's mu guards it, save what is said.
type interest struct {
	epoll *Epoll
	key
	nested *Epoll // the file, when it is an Epoll
	end    descriptor.Watch
	data   Data
	mode   abi.EpollType // ET, ONESHOT
	asked  abi.EpollType // 0: disabled, by ONESHOT

	source ready.Watch // unless the kernel watches
	kernel kernelInterest

	// Guarded by the list.
	prev, next *interest
	listed     bool
}

const (
	modes  = abi.EpollTypeEt | abi.EpollTypeOneshot
	always = abi.EpollTypeErr | abi.EpollTypeHup
)

// set takes over what is asked for. Unknown bits mean nothing, as on Linux.
func (it *interest) set(ev Event) {
	it.mode = ev.Events & modes
	it.asked = ev.Events&(abi.EpollTypeIn|abi.EpollTypeOut|abi.EpollTypeRdhup|abi.EpollTypePri) | always
	it.data = ev.Data
}

// start makes the source report, and looks at it for the first time.
func (it *interest) start() error {
	if ok, err := it.epoll.kernel.add(it); ok || err != nil {
		return err
	}
	return it.startHere()
}

// startHere is start without the kernel.
func (it *interest) startHere() error {
	it.watch()
	if a, ok := it.desc.File.(ready.Armer); ok {
		if err := a.Arm(); err != nil {
			return err
		}
	}
	it.look()
	return nil
}

// restart makes the source report what is asked for now.
func (it *interest) restart() error {
	if it.kernel.in() {
		return it.epoll.kernel.modify(it)
	}
	it.source.Unwatch()
	it.watch()
	it.look()
	return nil
}

// look lists the interest if it is ready now.
func (it *interest) look() {
	if it.level() != 0 {
		it.list(false)
	}
}

func (it *interest) watch() {
	it.desc.File.Queue().Watch(&it.source, readyEvents(it.asked), it)
}

// stop makes the source report nothing more.
func (it *interest) stop() {
	it.source.Unwatch()
	it.epoll.kernel.remove(it)
}

// ended is called when the last descriptor is closed.
func (it *interest) ended() {
	e := it.epoll
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.interests[it.key] == it {
		e.remove(it)
	}
}

// Changed is told by the source, with its locks held.
func (it *interest) Changed(ev ready.Events) {
	if ev != ready.Closed {
		it.list(true)
	}
}

// list makes the next wait look at the source, and wakes who waits. What is listed
// already wakes nobody here: so no notification goes through a web of Epolls twice
// before somebody has looked. The kernel is told of each report, as its edges are.
func (it *interest) list(report bool) {
	first := it.epoll.listed.push(it)
	if first {
		it.epoll.Queue().Notify(ready.In)
	}
	if first || report {
		it.epoll.kernel.kick(first)
	}
}

// level returns which of the conditions asked for hold.
func (it *interest) level() abi.EpollType {
	if it.asked == 0 || !it.desc.Acquire() {
		return 0
	}
	var ev abi.EpollType
	if !it.desc.Closed() {
		ev = epollEvents(it.desc.File.Ready(readyEvents(it.asked))) & it.asked
	}
	_ = it.desc.Release()
	return ev
}

// disable makes a ONESHOT interest that has reported wait for Modify.
func (it *interest) disable() {
	it.asked = 0
	it.source.Unwatch()
}

// eventBits pairs the conditions of epoll_wait with those of package ready.
var eventBits = [...]struct {
	epoll abi.EpollType
	ready ready.Events
}{
	{abi.EpollTypeIn, ready.In}, {abi.EpollTypeOut, ready.Out}, {abi.EpollTypeRdhup, ready.RdHup},
	{abi.EpollTypeErr, ready.Err}, {abi.EpollTypeHup, ready.Hup},
}

func readyEvents(bits abi.EpollType) (ev ready.Events) {
	for _, b := range eventBits {
		if bits&b.epoll != 0 {
			ev |= b.ready
		}
	}
	return ev & (ready.In | ready.Out | ready.RdHup)
}

func epollEvents(ev ready.Events) (bits abi.EpollType) {
	for _, b := range eventBits {
		if ev&b.ready != 0 {
			bits |= b.epoll
		}
	}
	return bits
}

// list has the interests that may be ready, in the order in which they became
// so. Its lock is taken last, inside those of sources.
type list struct {
	mu         sync.Mutex
	head, tail *interest
	n          atomic.Int64
}

// push appends it and reports whether it was not in the list.
func (l *list) push(it *interest) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if it.listed {
		return false
	}
	it.listed, it.prev = true, l.tail
	if l.tail != nil {
		l.tail.next = it
	} else {
		l.head = it
	}
	l.tail = it
	l.n.Add(1)
	return true
}

// pop takes the first out, nil when there is none.
func (l *list) pop() *interest {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := l.head
	if it != nil {
		l.unlink(it)
	}
	return it
}

func (l *list) remove(it *interest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if it.listed {
		l.unlink(it)
	}
}

func (l *list) unlink(it *interest) {
	if it.prev != nil {
		it.prev.next = it.next
	} else {
		l.head = it.next
	}
	if it.next != nil {
		it.next.prev = it.prev
	} else {
		l.tail = it.prev
	}
	it.prev, it.next, it.listed = nil, nil, false
	l.n.Add(-1)
}
