package ready

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lastWaiter is the waiter that blocked last in this Go process. Two waits in
// a row by the same one mean that nobody else is busy: then blocking in the
// kernel is the cheapest way to wait, and holds nobody up.
var lastWaiter atomic.Pointer[Waiter]

// blocked counts the waiters that hold a processor of the Go scheduler while they
// block in the kernel; half of the processors stay free.
//
// They hold it because the scheduler must not see the system call. It takes the
// processor away from a goroutine that it sees in one and that was not scheduled
// for 10 ms, as a busy guest never is, and then looks again every 20 us: that
// alone is a quarter of the cost of a round trip. When the scheduler, or the
// garbage collector, wants the goroutine to stop, its signal ends the call.
var (
	blocked    atomic.Int32
	maxBlocked = sync.OnceValue(func() int32 { return int32(runtime.GOMAXPROCS(0) / 2) })
)

// pollSet is the scratch space of a waiter for poll(2).
type pollSet struct {
	fds  []unix.PollFd
	subs []polledSubscription
}

// polledSubscription is a subscription, by number, and its entry in fds.
type polledSubscription struct{ sub, fd int }

// add has the kernel look at the source of subscription number sub; again, if it is
// that of the subscription before: one entry is enough to read and to write.
func (ps *pollSet) add(sub int, src SysSource, asked Events, again bool) {
	if !again {
		ps.fds = append(ps.fds, unix.PollFd{Fd: int32(src.SysFD())})
	}
	fd := len(ps.fds) - 1
	ps.fds[fd].Events |= pollEvents(asked)
	ps.subs = append(ps.subs, polledSubscription{sub, fd})
}

// await blocks in poll(2) for a short while, where that is cheaper than parking,
// and reports whether the source has become ready.
func (w *Waiter) await(src SysSource, asked Events, deadline int64) bool {
	limit := w.EnterKernel()
	if limit == 0 {
		return false
	}
	defer w.LeaveKernel()
	fds := append(w.polled.fds[:0], unix.PollFd{Fd: int32(src.SysFD()), Events: pollEvents(asked)})
	w.polled.fds = fds
	n, _ := w.ppoll(fds, min(int64(limit), max(deadline-Now(), 0)))
	runtime.KeepAlive(src)
	return n > 0
}

// EnterKernel returns how long a call on behalf of w may block in the kernel,
// where that is cheaper than parking: [KernelWait] or 0. Unless it is 0,
// LeaveKernel must follow. The call is best made without the knowledge of the Go
// scheduler, by RawSyscall.
func (w *Waiter) EnterKernel() time.Duration {
	if !w.OwnsThread && lastWaiter.Swap(w) != w || w.Interrupted() {
		return 0
	}
	if blocked.Add(1) > maxBlocked() {
		blocked.Add(-1)
		return 0
	}
	return KernelWait
}

// LeaveKernel ends what EnterKernel began.
func (w *Waiter) LeaveKernel() { blocked.Add(-1) }

// pollLevels sets Got in every subscription and counts the ready ones. Unless
// there is a source other than the kernel's it may block for a short while.
func (w *Waiter) pollLevels(subs []Subscription, deadline int64) (int, error) {
	ps := &w.polled
	ps.fds, ps.subs = ps.fds[:0], ps.subs[:0]
	ready, others := 0, 0
	var before Source
	for i := range subs {
		s := &subs[i]
		s.Got = 0
		if s.Source == nil {
			continue
		}
		if sys, ok := s.Source.(SysSource); ok {
			ps.add(i, sys, s.Asked, s.Source == before)
			before = s.Source
			if p, ok := sys.(Pender); ok {
				if s.Got = p.Pending(); s.Got != 0 {
					deadline = 0
				}
			}
			continue
		}
		others++
		if s.Got = s.Source.Ready(s.Asked); s.Got != 0 {
			ready++
		}
	}
	if len(ps.fds) == 0 {
		return ready, nil
	}
	var limit time.Duration
	if others == 0 && deadline > 0 {
		if limit = w.EnterKernel(); limit > 0 {
			defer w.LeaveKernel()
		}
	}
	if _, err := w.ppoll(ps.fds, min(int64(limit), max(deadline-Now(), 0))); err != nil {
		return ready, err
	}
	for _, p := range ps.subs {
		s := &subs[p.sub]
		if re := ps.fds[p.fd].Revents; re != 0 {
			s.Got |= readyEvents(re) & (s.Asked | Err | Hup)
		}
		if s.Got != 0 {
			ready++
		}
	}
	return ready, nil
}

// maxSignals is how many signals to the host process one wait outlasts.
const maxSignals = 2

// ppoll polls for at most timeout nanoseconds. More entries than RLIMIT_NOFILE,
// which the kernel refuses, are looked at in parts, without waiting.
func (w *Waiter) ppoll(fds []unix.PollFd, timeout int64) (int, error) {
	n, err := ppoll(fds, timeout)
	for tries := 0; err == syscall.EINTR && tries < maxSignals && !w.Interrupted(); tries++ {
		n, err = ppoll(fds, timeout)
	}
	switch {
	case err == syscall.EINTR:
		return 0, nil
	case err == syscall.EINVAL && len(fds) > 1:
		half := len(fds) / 2
		n, err = w.ppoll(fds[:half], 0)
		if err != nil {
			return n, err
		}
		rest, err := w.ppoll(fds[half:], 0)
		return n + rest, err
	}
	return n, err
}

func pollEvents(asked Events) (ev int16) {
	if asked&In != 0 {
		ev |= unix.POLLIN
	}
	if asked&Out != 0 {
		ev |= unix.POLLOUT
	}
	if asked&RdHup != 0 {
		ev |= unix.POLLRDHUP
	}
	return ev
}

func readyEvents(re int16) (ev Events) {
	if re&unix.POLLIN != 0 {
		ev |= In
	}
	if re&unix.POLLOUT != 0 {
		ev |= Out
	}
	if re&unix.POLLRDHUP != 0 {
		ev |= RdHup
	}
	if re&(unix.POLLERR|unix.POLLNVAL) != 0 {
		ev |= Err
	}
	if re&unix.POLLHUP != 0 {
		ev |= Hup
	}
	return ev
}
