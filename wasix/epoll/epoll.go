// Package epoll is epoll(7) over package ready: descriptors to be watched are
// told to an [Epoll] once, and a wait costs what is ready, not what is watched.
//
// Interest belongs to an open file description and the descriptor that it was
// told by, as on Linux: it ends with the last descriptor of the description, and
// a number that is used again never reports what it was before.
//
// Sources that the kernel knows are given to a kernel epoll instance of the
// Epoll's own, on Linux; the others report to it by their queues. An Epoll that is
// watched by another is known to the kernel as well. Errors are syscall.Errno values,
// and all methods may be called concurrently.
package epoll

import (
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// Data is what a guest gets back with the events of a descriptor.
type Data [abi.SizeofEpollData]byte

// Event is a set of conditions, and the data that belongs to the descriptor.
type Event struct {
	Events abi.EpollType
	Data   Data
}

// Quota bounds how much the processes of a tree have watched at once, by all
// their Epolls. The zero value is ready to use.
type Quota struct{ used atomic.Int64 }

// MaxWatched is how many descriptors a Quota lets be watched at once, each counted
// for every Epoll: some for every descriptor that a process may have.
const MaxWatched = 4 * descriptor.DefaultLimit

// take counts one more. Returns ENOSPC.
func (q *Quota) take() error {
	if q.used.Add(1) > MaxWatched {
		q.used.Add(-1)
		return syscall.ENOSPC
	}
	return nil
}

// Epoll is an epoll instance, a File.
type Epoll struct {
	quota  *Quota
	kernel kernel // has the queue

	// mu is held for changes and while events are collected, never across a wait.
	mu          sync.Mutex
	interests   map[key]*interest
	kernelFirst bool // whose events are collected first next time

	listed list
	nested nesting
}

// key is what an interest is known by.
type key struct {
	desc *descriptor.Description
	fd   uint32
}

// New returns an Epoll that watches nothing, as epoll_create(2). What it watches
// counts against q.
func New(q *Quota) *Epoll {
	e := &Epoll{quota: q, interests: map[key]*interest{}}
	e.kernel.init()
	return e
}

// Add watches the descriptor fd of d, which the caller has in use, for the
// events in ev, and reports them with its data. Returns, as epoll_ctl(2):
//   - EBADF: the last descriptor of d was closed meanwhile
//   - EEXIST: fd is watched already
//   - EINVAL: d is this Epoll; too many Epolls watch each other
//   - ELOOP: Epolls would watch each other in a circle, or too deep
//   - ENOSPC: the quota is used up
//   - EPERM: d is a file that makes nobody wait
//   - EMFILE, ENFILE, ENOMEM: the host is short of these
func (e *Epoll) Add(d *descriptor.Description, fd uint32, ev Event) error {
	switch {
	case !Watchable(d.File):
		return syscall.EPERM
	case d.File == descriptor.File(e):
		return syscall.EINVAL
	}
	other := Of(d.File)
	if other != nil {
		if err := e.nest(other); err != nil {
			return err
		}
	}
	it := &interest{epoll: e, key: key{d, fd}, nested: other}
	it.set(ev)
	err := e.insert(it)
	if err != nil && other != nil {
		e.unnest(other)
	}
	return err
}

// Watchable reports whether there is sense in watching f: see Add's EPERM.
func Watchable(f descriptor.File) bool {
	_, always := f.(descriptor.AlwaysReady)
	return !always
}

func (e *Epoll) insert(it *interest) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.interests[it.key] != nil {
		return syscall.EEXIST
	}
	if err := e.quota.take(); err != nil {
		return err
	}
	e.interests[it.key] = it
	err := it.desc.Watch(&it.end, it.ended)
	if err == nil {
		err = it.start()
	}
	if err != nil {
		e.forget(it)
	}
	return err
}

// Modify changes what is watched of fd, and makes it report anew: after ONESHOT,
// or an edge. Returns ENOENT when fd of d is not watched.
func (e *Epoll) Modify(d *descriptor.Description, fd uint32, ev Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.interests[key{d, fd}]
	if it == nil {
		return syscall.ENOENT
	}
	it.set(ev)
	return it.restart()
}

// Delete ends the watch of fd. Returns ENOENT when fd of d is not watched.
func (e *Epoll) Delete(d *descriptor.Description, fd uint32) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.interests[key{d, fd}]
	if it == nil {
		return syscall.ENOENT
	}
	e.remove(it)
	return nil
}

// remove ends an interest. mu is locked.
func (e *Epoll) remove(it *interest) {
	e.forget(it)
	if it.nested != nil {
		e.unnest(it.nested)
	}
}

// forget undoes insert. mu is locked.
func (e *Epoll) forget(it *interest) {
	delete(e.interests, it.key)
	it.stop()
	e.listed.remove(it)
	it.desc.Unwatch(&it.end)
	e.quota.used.Add(-1)
}

// Of returns the Epoll that f is, nil when it is something else.
func Of(f descriptor.File) *Epoll {
	e, _ := f.(*Epoll)
	return e
}

// Queue returns the queue that is told when something becomes ready.
func (e *Epoll) Queue() *ready.Queue { return e.kernel.queue() }

// Ready returns In when a wait would find events.
func (e *Epoll) Ready(asked ready.Events) ready.Events {
	if asked&ready.In == 0 {
		return 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.anyListed() || e.kernelReady() {
		return ready.In
	}
	return 0
}

// Filetype returns UNKNOWN, as an event has it.
func (e *Epoll) Filetype() abi.Filetype { return abi.FiletypeUnknown }

// Readv returns EINVAL.
func (e *Epoll) Readv([][]byte) (int, error) { return 0, syscall.EINVAL }

// Writev returns EINVAL.
func (e *Epoll) Writev([][]byte) (int, error) { return 0, syscall.EINVAL }

// Close ends all watches.
func (e *Epoll) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, it := range e.interests {
		e.remove(it)
	}
	return e.kernel.close()
}
