package wasix

import (
	"encoding/binary"
	"math"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/epoll"
)

// epollCreate is epoll_create(ro_fd): makes an epoll instance, as
// epoll_create(2), and stores its descriptor.
//
// returns 0 except:
//   - EFAULT: ro_fd lies outside memory
//   - EMFILE: no descriptor is free
func epollCreate(t *Thread, p []uint64) abi.Errno {
	ro, ok := t.bytes(uint32(p[0]), 4)
	if !ok {
		return abi.EFAULT
	}
	fd, errno := t.insert(epoll.New(&t.proc.system.watches), 0)
	if errno == abi.ESUCCESS {
		binary.LittleEndian.PutUint32(ro, fd)
	}
	return errno
}

// epollCtl is epoll_ctl(epfd, op, fd, event): watches fd, changes what is
// watched of it, or ends that, as epoll_ctl(2). op has POSIX's numbers, as
// wasix-libc passes them on; 0 is ADD, too, as Wasmer has it. Deleting does not
// look at event. Unknown bits in event mean nothing.
//
// returns 0 except:
//   - EBADF: epfd or fd is not open
//   - EEXIST: ADD, and fd is watched already
//   - EFAULT: event lies outside memory
//   - EINVAL: epfd is no epoll instance, or is fd itself; an unknown op
//   - ELOOP: epoll instances would watch each other in a circle, or too deep
//   - ENOENT: not ADD, and fd is not watched
//   - ENOSPC: the processes of the tree have too many watched
//   - ENOTCAPABLE: fd has not the right POLL_FD_READWRITE
//   - EPERM: fd is a file that makes nobody wait
func epollCtl(t *Thread, p []uint64) abi.Errno {
	ep, _, err := t.proc.fds.Acquire(uint32(p[0]))
	if err != nil {
		return abi.EBADF
	}
	defer ep.Release()
	d, rights, err := t.proc.fds.Acquire(uint32(p[2]))
	if err != nil {
		return abi.EBADF
	}
	defer d.Release()
	e, op := epoll.Of(ep.File), abi.EpollCtl(p[1])
	switch {
	case !epoll.Watchable(d.File):
		return abi.EPERM
	case rights.Base&abi.RightsPollFdReadwrite == 0:
		return abi.ENOTCAPABLE
	case e == nil || ep == d || op > abi.EpollCtlMod:
		return abi.EINVAL
	case op == abi.EpollCtlDel:
		return errnoOf(e.Delete(d, uint32(p[2])))
	}
	raw, ok := t.bytes(uint32(p[3]), abi.SizeofEpollEvent)
	if !ok {
		return abi.EFAULT
	}
	return errnoOf(epollSet(e, op, d, uint32(p[2]), raw))
}

func epollSet(e *epoll.Epoll, op abi.EpollCtl, d *descriptor.Description, fd uint32, raw []byte) error {
	ev := epoll.Event{
		Events: abi.EpollType(binary.LittleEndian.Uint32(raw[abi.OffsetofEpollEventEvents:])),
		Data:   epoll.Data(raw[abi.OffsetofEpollEventData:]),
	}
	if op == abi.EpollCtlMod {
		return e.Modify(d, fd, ev)
	}
	return e.Add(d, fd, ev)
}

// maxEpollEvents is how many events one wait may ask for, as Linux has it: what
// an int counts in bytes.
const maxEpollEvents = math.MaxInt32 / abi.SizeofEpollEvent

// epollWait is epoll_wait(epfd, event, maxevents, timeout, ro_n): waits until
// something watched is ready, and stores up to maxevents events and their number,
// as epoll_wait(2). timeout is in nanoseconds: 0 only looks, and the highest
// uint64 waits for ever.
//
// returns 0 except:
//   - EBADF: epfd is not open, or was closed during the wait
//   - EFAULT: event, for all maxevents, or ro_n lies outside memory
//   - EINTR: interrupted
//   - EINVAL: epfd is no epoll instance; maxevents is 0 or more than an int counts
func epollWait(t *Thread, p []uint64) abi.Errno {
	d, _, err := t.proc.fds.Acquire(uint32(p[0]))
	if err != nil {
		return abi.EBADF
	}
	defer d.Release()
	e, limit := epoll.Of(d.File), uint32(p[2])
	if e == nil || limit == 0 || limit > maxEpollEvents {
		return abi.EINVAL
	}
	out, ok := t.bytes(uint32(p[1]), uint64(limit)*abi.SizeofEpollEvent)
	if !ok || !t.inMemory(uint32(p[4]), 4) {
		return abi.EFAULT
	}
	events, err := e.Wait(d, t.waiter, &t.epollEvents, int(limit), t.after(p[3]))
	if err != nil {
		return errnoOf(err)
	}
	storeEpollEvents(out, events)
	t.putUint32(uint32(p[4]), uint32(len(events)))
	return abi.ESUCCESS
}

func storeEpollEvents(out []byte, events []epoll.Event) {
	for i := range events {
		b := out[i*abi.SizeofEpollEvent:][:abi.SizeofEpollEvent]
		binary.LittleEndian.PutUint64(b, uint64(events[i].Events)) // and the padding
		copy(b[abi.OffsetofEpollEventData:], events[i].Data[:])
	}
}
