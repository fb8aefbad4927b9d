package wasix

import (
	"encoding/binary"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// maxSubscriptions bounds one poll_oneoff of a process with room for so many
// descriptors: each of them in both directions, and clocks.
func maxSubscriptions(descriptors int) uint64 { return 2*uint64(descriptors) + 1024 }

// pollLayout is how a module lays out a subscription, and what it means by a
// timeout of 0.
type pollLayout struct {
	size                   uint64
	clockID, timeout, flag int
	zeroIsNever            bool
}

var (
	pollPreview1 = pollLayout{size: abi.SizeofSubscription, clockID: 16, timeout: 24, flag: 40}
	pollWasix    = pollLayout{size: abi.SizeofSubscription, clockID: 16, timeout: 24, flag: 40, zeroIsNever: true}
	pollUnstable = pollLayout{size: abi.SizeofSnapshot0Subscription, clockID: 24, timeout: 32, flag: 48}
)

// Offsets that all layouts share.
const (
	subUserdata = 0
	subTag      = 8
	subFD       = 16
)

// pollScratch is what a thread keeps from one poll_oneoff to the next, so that
// none allocates.
type pollScratch struct {
	subs   []ready.Subscription
	events []pollEvent
}

// pollEvent is the host's view of one subscription.
type pollEvent struct {
	userdata uint64
	typ      abi.Eventtype
	errno    abi.Errno
	desc     *descriptor.Description
	again    bool  // desc is that of an event before, which holds it
	deadline int64 // of a clock
}

// pollOneoff returns the handler of poll_oneoff(in, out, nsubscriptions,
// nevents) for one layout: waits until at least one of the subscriptions has an
// event, and stores the events, in the order of the subscriptions. A bad
// subscription is an event with its errno:
//   - EBADF: the descriptor is not open, or was closed during the wait
//   - EINVAL: neither a clock nor a descriptor; an unknown clock or flag; the
//     thread's clock of processor time
//   - ENOTCAPABLE: the descriptor has not the right POLL_FD_READWRITE
//   - ENOTSUP: the process's clock of processor time
//
// The flag HANGUP is poll(2)'s POLLHUP: nothing comes or goes any more. The end
// of what the peer sends is only something to read.
//
// returns 0 except:
//   - EINVAL: no subscriptions, or too many
//   - EFAULT: a pointer lies outside memory
//   - EINTR: interrupted
func pollOneoff(l *pollLayout) handler {
	return func(t *Thread, p []uint64) abi.Errno {
		in, out, n, ret := uint32(p[0]), uint32(p[1]), uint32(p[2]), uint32(p[3])
		if n == 0 || uint64(n) > maxSubscriptions(t.proc.fds.Limit()) {
			return abi.EINVAL
		}
		subs, ok1 := t.bytes(in, uint64(n)*l.size)
		events, ok2 := t.bytes(out, uint64(n)*abi.SizeofEvent)
		if !ok1 || !ok2 || !t.inMemory(ret, 4) {
			return abi.EFAULT
		}
		deadline := t.subscribe(l, subs)
		err := t.await(deadline)
		if err != nil {
			t.poll.release()
			return errnoOf(err)
		}
		t.putUint32(ret, t.storeEvents(events))
		t.poll.release()
		return abi.ESUCCESS
	}
}

// subscribe decodes the subscriptions into scratch space and returns the
// earliest deadline; 0 when one of them is an event already.
func (t *Thread) subscribe(l *pollLayout, raw []byte) int64 {
	s := &t.poll
	s.subs, s.events = s.subs[:0], s.events[:0]
	earliest := ready.Never
	var fd uint32
	var held *descriptor.Description // behind fd: to read and to write often come together
	for ; len(raw) > 0; raw = raw[l.size:] {
		ev := pollEvent{
			userdata: binary.LittleEndian.Uint64(raw[subUserdata:]),
			typ:      abi.Eventtype(raw[subTag]),
			deadline: ready.Never,
		}
		var sub ready.Subscription
		switch ev.typ {
		case abi.EventtypeClock:
			ev.deadline, ev.errno = t.clockDeadline(l, raw)
		case abi.EventtypeFdRead:
			sub.Asked = ready.In
		case abi.EventtypeFdWrite:
			sub.Asked = ready.Out
		default:
			ev.errno = abi.EINVAL
		}
		if sub.Asked != 0 {
			next := binary.LittleEndian.Uint32(raw[subFD:])
			if ev.again = held != nil && next == fd; ev.again {
				ev.desc = held
			} else {
				ev.desc, ev.errno = t.pollable(next)
			}
			fd, held = next, ev.desc
		}
		if ev.desc != nil {
			sub.Source = ev.desc.File
		}
		if ev.errno != abi.ESUCCESS {
			earliest = 0
		}
		earliest = min(earliest, ev.deadline)
		s.subs = append(s.subs, sub)
		s.events = append(s.events, ev)
	}
	return earliest
}

// pollable returns the description behind fd, in use until release.
func (t *Thread) pollable(fd uint32) (*descriptor.Description, abi.Errno) {
	d, rights, err := t.proc.fds.Acquire(fd)
	if err != nil {
		return nil, abi.EBADF
	}
	if rights.Base&abi.RightsPollFdReadwrite == 0 {
		_ = d.Release()
		return nil, abi.ENOTCAPABLE
	}
	return d, abi.ESUCCESS
}

// clockDeadline returns when the clock subscription in raw fires.
func (t *Thread) clockDeadline(l *pollLayout, raw []byte) (int64, abi.Errno) {
	id := abi.Clockid(binary.LittleEndian.Uint32(raw[l.clockID:]))
	timeout := binary.LittleEndian.Uint64(raw[l.timeout:])
	flags := abi.Subclockflags(binary.LittleEndian.Uint16(raw[l.flag:]))
	if flags&^abi.SubclockflagsAbstime != 0 {
		return ready.Never, abi.EINVAL
	}
	switch id {
	case abi.ClockidRealtime, abi.ClockidMonotonic:
	case abi.ClockidProcessCputimeId:
		return ready.Never, abi.ENOTSUP
	default:
		return ready.Never, abi.EINVAL
	}
	if flags&abi.SubclockflagsAbstime != 0 {
		now, errno := t.clockNow(id)
		if errno != abi.ESUCCESS {
			return ready.Never, errno
		}
		if timeout <= now {
			return 0, abi.ESUCCESS
		}
		timeout -= now
	} else if timeout == 0 && l.zeroIsNever {
		return ready.Never, abi.ESUCCESS
	}
	return t.after(timeout), abi.ESUCCESS
}

// await waits for the subscriptions in scratch space, or the deadline.
func (t *Thread) await(deadline int64) error {
	_, err := t.waiter.Poll(t.poll.subs, deadline)
	if err == syscall.ETIMEDOUT {
		return nil
	}
	return err
}

// storeEvents writes the events that have come and returns how many.
func (t *Thread) storeEvents(out []byte) (n uint32) {
	now := ready.Now()
	for i := range t.poll.events {
		ev, got := &t.poll.events[i], t.poll.subs[i].Got
		if ev.errno == abi.ESUCCESS && got == 0 && (ev.deadline == ready.Never || ev.deadline > now) {
			continue
		}
		t.poll.store(out[n*abi.SizeofEvent:][:abi.SizeofEvent], ev, got)
		n++
	}
	return n
}

// store writes the event of a subscription to b; got is what its file reports.
func (s *pollScratch) store(b []byte, ev *pollEvent, got ready.Events) {
	clear(b)
	binary.LittleEndian.PutUint64(b, ev.userdata)
	b[10] = byte(ev.typ)
	errno := ev.errno
	if ev.desc != nil {
		errno = pollError(ev.desc.File, got)
		binary.LittleEndian.PutUint64(b[16:], s.readable(ev))
	}
	if got&ready.Hup != 0 {
		binary.LittleEndian.PutUint16(b[24:], uint16(abi.EventrwflagsHangup))
	}
	binary.LittleEndian.PutUint16(b[8:], uint16(errno))
}

// pollError returns why poll(2) would say POLLERR of f, or POLLNVAL when its
// last descriptor was closed meanwhile. It takes nothing away: the next
// operation on f reports the same. A socket that reported its error to a poll
// before is only hung up.
func pollError(f descriptor.File, got ready.Events) abi.Errno {
	if got&ready.Closed != 0 {
		return abi.EBADF
	}
	if got&(ready.Err|ready.Hup) == 0 {
		return abi.ESUCCESS
	}
	if f, ok := f.(interface{ PollError() error }); ok {
		return errnoOf(f.PollError())
	}
	if got&ready.Err != 0 {
		return abi.EIO
	}
	return abi.ESUCCESS
}

// countedSubscriptions is how many subscriptions a poll may have whose events
// tell the number of bytes: that takes a system call for each, and a program that
// wants to know (FIONREAD in wasix-libc) asks for few.
const countedSubscriptions = 8

// readable returns how many bytes can be read at once, for files that know; a
// poll of many descriptors tells only that there are some.
func (s *pollScratch) readable(ev *pollEvent) uint64 {
	f, ok := ev.desc.File.(interface{ Available() int })
	switch {
	case !ok || ev.typ != abi.EventtypeFdRead:
		return 0
	case len(s.events) > countedSubscriptions:
		return 1
	}
	return uint64(max(f.Available(), 0))
}

// release ends the use of the subscribed descriptions.
func (s *pollScratch) release() {
	for i := range s.events {
		ev := &s.events[i]
		if ev.desc != nil && !ev.again {
			_ = ev.desc.Release()
		}
		ev.desc, s.subs[i].Source = nil, nil
	}
}

// threadSleep is thread_sleep(duration): sleeps for duration nanoseconds.
//
// returns 0 except:
//   - EINTR: interrupted
func threadSleep(t *Thread, p []uint64) abi.Errno {
	return errnoOf(t.waiter.Sleep(t.after(p[0])))
}
