package ready

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// FD is the Source of one kernel descriptor, which its owner closes after
// Disarm. It suits sockets, pipes and terminals; regular files are always ready
// and never armed.
type FD struct {
	queue    Queue
	fd       int
	armed    atomic.Bool
	mu       sync.Mutex
	id       uint64 // in the poller; 0 before the first Arm
	disarmed bool   // for good: the number may soon be another's
}

// Init sets the descriptor. It must come before any other use.
func (f *FD) Init(fd int) { f.fd = fd }

// SysFD returns the kernel descriptor.
func (f *FD) SysFD() int { return f.fd }

// Queue returns the queue that changes of the descriptor are reported to.
func (f *FD) Queue() *Queue { return &f.queue }

// Ready returns the events that hold now, asked of poll(2).
func (f *FD) Ready(asked Events) Events {
	fds := [1]unix.PollFd{{Fd: int32(f.fd), Events: pollEvents(asked)}}
	if n, _ := ppoll(fds[:], 0); n == 0 {
		return 0
	}
	return readyEvents(fds[0].Revents)
}

// Arm makes the kernel report changes to the queue, edge by edge. What epoll
// refuses, a regular file, is always ready. Returns EBADF after Disarm, and
// what epoll_ctl(2) returns.
func (f *FD) Arm() error {
	if f.armed.Load() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.armed.Load() {
		return nil
	}
	if f.disarmed {
		return syscall.EBADF
	}
	p, err := thePoller()
	if err != nil {
		return err
	}
	if f.id != 0 {
		err = p.watch(f, unix.EPOLL_CTL_MOD, edges)
	} else {
		err = p.add(f)
	}
	switch err {
	case nil:
		f.armed.Store(true)
	case syscall.EPERM: // a regular file
		f.queue.Notify(In | Out)
		err = nil
	}
	return err
}

// edge reports events of the kernel to the queue. When nobody waits there, it
// was the last report until the next Arm: a descriptor that is only ever waited
// for inside the kernel costs the poller nothing.
func (f *FD) edge(p *poller, events Events) {
	f.queue.Notify(events)
	if f.queue.waiting() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.disarmed || !f.armed.Swap(false) {
		return
	}
	if f.queue.waiting() { // entered before it could see that armed is false
		f.armed.Store(true)
		return
	}
	_ = p.watch(f, unix.EPOLL_CTL_MOD, 0)
}

// Disarm ends the reports and wakes all waiters with Closed. The owner calls it
// before it closes the descriptor.
func (f *FD) Disarm() {
	f.mu.Lock()
	f.disarmed = true
	f.armed.Store(false)
	if f.id != 0 {
		p, _ := thePoller()
		p.remove(f)
	}
	f.mu.Unlock()
	f.queue.Notify(Closed)
}

// poller carries the kernel's edges to the queues. There is one in the Go
// process; its goroutine waits in Go's own poller and so costs no thread.
type poller struct {
	file   *os.File
	epfd   int
	mu     sync.RWMutex
	nextID uint64
	fds    map[uint64]*FD
}

var thePoller = sync.OnceValues(newPoller)

func newPoller() (*poller, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(epfd, true); err != nil {
		return nil, err
	}
	p := &poller{file: os.NewFile(uintptr(epfd), "epoll"), epfd: epfd, fds: map[uint64]*FD{}}
	raw, err := p.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	go p.run(raw)
	return p, nil
}

// edges are the events that a poller reports, each time one comes anew.
const edges = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLPRI

func (p *poller) add(f *FD) error {
	p.mu.Lock()
	p.nextID++
	f.id = p.nextID
	p.fds[f.id] = f
	p.mu.Unlock()
	err := p.watch(f, unix.EPOLL_CTL_ADD, edges)
	if err != nil {
		p.forget(f)
		f.id = 0
	}
	return err
}

// watch adds or changes what the kernel reports of f.
func (p *poller) watch(f *FD, op int, events uint32) error {
	return unix.EpollCtl(p.epfd, op, f.fd, &unix.EpollEvent{
		Events: events | unix.EPOLLET,
		Fd:     int32(uint32(f.id)),
		Pad:    int32(uint32(f.id >> 32)),
	})
}

func (p *poller) remove(f *FD) {
	_ = unix.EpollCtl(p.epfd, unix.EPOLL_CTL_DEL, f.fd, nil)
	p.forget(f)
}

func (p *poller) forget(f *FD) {
	p.mu.Lock()
	delete(p.fds, f.id)
	p.mu.Unlock()
}

// run reports edges for the life of the Go process.
func (p *poller) run(raw syscall.RawConn) {
	events := make([]unix.EpollEvent, 128)
	for {
		err := raw.Read(func(uintptr) bool {
			return p.drain(events) != nil
		})
		if err != nil {
			return
		}
	}
}

// drain dispatches all pending edges: Go's poller tells of new ones only.
func (p *poller) drain(events []unix.EpollEvent) error {
	for {
		n, err := unix.EpollWait(p.epfd, events, 0)
		if err != nil && err != syscall.EINTR {
			return err
		}
		p.dispatch(events[:max(n, 0)])
		if err == nil && n < len(events) {
			return nil
		}
	}
}

func (p *poller) dispatch(events []unix.EpollEvent) {
	for i := range events {
		ev := &events[i]
		id := uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32
		p.mu.RLock()
		f := p.fds[id]
		p.mu.RUnlock()
		if f != nil {
			f.edge(p, edgeEvents(ev.Events))
		}
	}
}

func edgeEvents(bits uint32) (ev Events) {
	if bits&(unix.EPOLLIN|unix.EPOLLPRI) != 0 {
		ev |= In
	}
	if bits&unix.EPOLLOUT != 0 {
		ev |= Out
	}
	if bits&unix.EPOLLRDHUP != 0 {
		ev |= RdHup
	}
	if bits&unix.EPOLLERR != 0 {
		ev |= Err
	}
	if bits&unix.EPOLLHUP != 0 {
		ev |= Hup
	}
	return ev
}
