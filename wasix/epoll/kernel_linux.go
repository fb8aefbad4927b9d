package epoll

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// kernel is the part of an Epoll whose sources the kernel knows: an epoll
// instance that is opened for the first of them. The Epoll's mu guards what is not
// atomic.
type kernel struct {
	fd     ready.FD // of the instance; its queue is the Epoll's
	open   atomic.Bool
	nextID uint64
	byID   map[uint64]*interest

	// Threads that block in the kernel, and instances of other Epolls, do not hear
	// of the other sources: the event kicker, in the instance as kickID, tells them.
	kicker  int
	blocked atomic.Int32 // threads
	above   atomic.Int32 // instances of other Epolls that this one is in
	kickMu  sync.Mutex   // taken last
	kicked  atomic.Bool

	below map[uint64]*interest // those of byID that are Epolls
}

const kickID = 0

// kernelInterest is the kernel's part of an interest.
type kernelInterest struct {
	id  uint64 // 0: the kernel does not watch
	fd  int
	own bool // fd is a duplicate
}

type kernelBuffer []unix.EpollEvent

func (k *kernel) init()               { k.nextID = kickID + 1 }
func (k *kernel) queue() *ready.Queue { return k.fd.Queue() }
func (k *kernelInterest) in() bool    { return k.id != 0 }

// Arm makes the kernel's part reach the queue: see [ready.Armer].
func (e *Epoll) Arm() error {
	k := &e.kernel
	if !k.open.Load() {
		return nil
	}
	err := k.fd.Arm()
	if err == syscall.ELOOP || err == syscall.EINVAL {
		if err = e.flatten(); err == nil {
			err = k.fd.Arm()
		}
	}
	return err
}

// add gives the interest to the kernel, and reports whether it knows the source.
func (k *kernel) add(it *interest) (bool, error) {
	if it.nested != nil {
		return k.addNested(it), nil
	}
	sys, ok := it.desc.File.(ready.SysSource)
	if !ok {
		return false, nil
	}
	if err := k.start(); err != nil {
		return false, err
	}
	return true, k.addFD(it, sys.SysFD())
}

// addFD adds a descriptor of the kernel's to the instance.
func (k *kernel) addFD(it *interest, fd int) error {
	it.kernel = kernelInterest{id: k.nextID, fd: fd}
	err := k.control(unix.EPOLL_CTL_ADD, it)
	if err == syscall.EEXIST { // the same by another descriptor of the guest's
		if it.kernel.fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			it.kernel.own = true
			err = k.control(unix.EPOLL_CTL_ADD, it)
		}
	}
	if err != nil {
		it.kernel.release()
		return err
	}
	k.nextID++
	k.byID[it.kernel.id] = it
	return nil
}

// release closes the descriptor if it is a duplicate.
func (k *kernelInterest) release() {
	if k.own {
		_ = unix.Close(k.fd)
	}
	*k = kernelInterest{}
}

func (k *kernel) modify(it *interest) error { return k.control(unix.EPOLL_CTL_MOD, it) }

func (k *kernel) control(op int, it *interest) error {
	return unix.EpollCtl(k.fd.SysFD(), op, it.kernel.fd, sysEvent(kernelEvents(it.asked|it.mode), it.kernel.id))
}

// remove ends the kernel's watch. The source is still open.
func (k *kernel) remove(it *interest) {
	if !it.kernel.in() {
		return
	}
	_ = unix.EpollCtl(k.fd.SysFD(), unix.EPOLL_CTL_DEL, it.kernel.fd, nil)
	delete(k.byID, it.kernel.id)
	if it.nested != nil {
		delete(k.below, it.kernel.id)
		it.nested.kernel.above.Add(-1)
	}
	it.kernel.release()
}

// start opens the instance.
func (k *kernel) start() error {
	if k.open.Load() {
		return nil
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	kicker, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, kicker, sysEvent(unix.EPOLLIN, kickID))
		if err != nil {
			_ = unix.Close(kicker)
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return err
	}
	k.fd.Init(fd)
	k.kicker, k.byID = kicker, map[uint64]*interest{}
	k.open.Store(true)
	if k.queue().Watched() { // they could not arm it
		err = k.fd.Arm()
	}
	k.queue().Notify(ready.In)
	return err
}

func (k *kernel) close() error {
	k.fd.Disarm()
	if !k.open.Load() {
		return nil
	}
	_ = unix.Close(k.kicker)
	return unix.Close(k.fd.SysFD())
}

// kick tells who waits in the kernel that a source reported. first says that none
// had since somebody looked: that is enough for threads.
func (k *kernel) kick(first bool) {
	if k.above.Load() == 0 && (!first || k.blocked.Load() == 0 || k.kicked.Load()) {
		return
	}
	k.kickMu.Lock()
	defer k.kickMu.Unlock()
	k.kicked.Store(true)
	_, _ = unix.Write(k.kicker, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// calm takes back a kick. One that comes in between is lost on threads that block
// already: they hear of it when their short while is over.
func (k *kernel) calm() {
	k.kickMu.Lock()
	defer k.kickMu.Unlock()
	var b [8]byte
	_, _ = unix.Read(k.kicker, b[:])
	k.kicked.Store(false)
}

// block waits in the kernel, if a thread may do that now and nothing was
// reported meanwhile, and returns how many events came.
func (k *kernel) block(w *ready.Waiter, buf *Buffer, limit int, quiet func() bool, deadline int64) int {
	if !k.open.Load() {
		return 0
	}
	most := w.EnterKernel()
	if most == 0 {
		return 0
	}
	defer w.LeaveKernel()
	k.blocked.Add(1)
	defer k.blocked.Add(-1)
	ms := min(most, time.Duration(deadline-ready.Now())).Milliseconds()
	if !quiet() || ms <= 0 {
		return 0
	}
	return k.wait(buf, limit, int(ms))
}

// wait gets up to limit events from the kernel into buf.
func (k *kernel) wait(buf *Buffer, limit, ms int) int {
	if len(buf.kernel) < limit {
		buf.kernel = make(kernelBuffer, limit)
	}
	n, _ := unix.EpollWait(k.fd.SysFD(), buf.kernel[:limit], ms)
	return max(n, 0)
}

// collectKernel appends what the kernel has. A kick, or a nested Epoll that is ready no
// more, takes the place of an event: if there is nothing else, there is another look.
func (e *Epoll) collectKernel(buf *Buffer, limit int) {
	for range 2 + len(e.kernel.below) {
		left, before := limit-len(buf.events), len(buf.events)
		if left <= 0 || len(e.kernel.byID) == 0 {
			return
		}
		n := e.kernel.wait(buf, left, 0)
		e.takeKernel(buf, n)
		if n == 0 || len(buf.events) > before {
			return
		}
	}
}

// takeKernel appends the events of the kernel that are still of interest. A kick among
// them stays while instances of other Epolls are to find this one ready: [Epoll.settle]
// takes it back.
func (e *Epoll) takeKernel(buf *Buffer, n int) {
	for i := range buf.kernel[:n] {
		ev := &buf.kernel[i]
		id := uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32
		if id == kickID {
			if e.kernel.above.Load() == 0 {
				e.kernel.calm()
			}
			continue
		}
		it := e.kernel.byID[id]
		if it == nil || it.nested != nil && !it.holds() {
			continue
		}
		if got := fromKernel(ev.Events) & it.asked; got != 0 {
			buf.events = append(buf.events, Event{got, it.data})
		}
	}
}

func sysEvent(events uint32, id uint64) *unix.EpollEvent {
	return &unix.EpollEvent{Events: events, Fd: int32(uint32(id)), Pad: int32(uint32(id >> 32))}
}

// kernelBits pairs the guests' bits with the kernel's.
var kernelBits = [...]struct {
	guest  abi.EpollType
	kernel uint32
}{
	{abi.EpollTypeIn, unix.EPOLLIN}, {abi.EpollTypeOut, unix.EPOLLOUT}, {abi.EpollTypeRdhup, unix.EPOLLRDHUP},
	{abi.EpollTypePri, unix.EPOLLPRI}, {abi.EpollTypeErr, unix.EPOLLERR}, {abi.EpollTypeHup, unix.EPOLLHUP},
	{abi.EpollTypeEt, unix.EPOLLET & 0xffffffff}, {abi.EpollTypeOneshot, unix.EPOLLONESHOT},
}

func kernelEvents(bits abi.EpollType) (ev uint32) {
	for _, b := range kernelBits {
		if bits&b.guest != 0 {
			ev |= b.kernel
		}
	}
	return ev
}

func fromKernel(ev uint32) (bits abi.EpollType) {
	for _, b := range kernelBits {
		if ev&b.kernel != 0 {
			bits |= b.guest
		}
	}
	return bits
}
