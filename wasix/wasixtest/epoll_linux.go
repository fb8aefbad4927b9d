package wasixtest

import (
	"bytes"
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
)

const (
	epollIn      = abi.EpollTypeIn
	epollOut     = abi.EpollTypeOut
	epollHup     = abi.EpollTypeHup
	epollRdhup   = abi.EpollTypeRdhup
	epollEdge    = abi.EpollTypeEt
	epollOneshot = abi.EpollTypeOneshot

	ctlAdd = uint64(abi.EpollCtlAdd)
	ctlDel = uint64(abi.EpollCtlDel)
	ctlMod = uint64(abi.EpollCtlMod)

	forever = 1<<64 - 1 // the timeout of epoll_wait
)

var epollCases = []sockCase{
	{"a connection makes the listener readable", epollListener, every},
	{"a level is told as long as it holds", epollLevel, every},
	{"an edge is told once", epollEdges, every},
	{"a oneshot is told once until it is set again", epollOneshots, every},
	{"one event has all conditions of a descriptor", epollConditions, every},
	{"a waiting call ends with data", epollWaits, every},
	{"a waiting call ends with its descriptor", epollClosed, nil},
	{"a waiting call ends with its process", epollKilled, nil},
	{"a time that is over ends the wait", epollTimes, nil},
	{"the data of a descriptor comes back, and nothing else is stored", epollData, nil},
	{"pipes, events and sockets are told together", epollKinds, every},
	{"what was closed is told no more", epollNumbers, every},
	{"an instance is readable when it has something to tell", epollNested, every},
	{"what cannot be watched is refused", epollRefusals, nil},
	{"numbers of events that are none are INVAL", epollCounts, nil},
	{"pointers outside memory are FAULT", epollFaults, nil},
}

// epoll returns a new epoll instance.
func (g *sockGuest) epoll() uint64 {
	g.t.Helper()
	return g.newFD("epoll_create", fdAt)
}

// pipe returns the descriptors of a new pipe.
func (g *sockGuest) pipe() (r, w uint64) {
	g.t.Helper()
	if got := g.Call("fd_pipe", fdAt, fdAt+4); got != abi.ESUCCESS {
		g.t.Fatalf("fd_pipe: %v", got)
	}
	b := bytes.Clone(g.Bytes(fdAt, 8))
	g.Wrote(Write{fdAt, b})
	return uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[4:]))
}

func (g *sockGuest) event(initial uint64) uint64 {
	g.t.Helper()
	return g.newFD("fd_event", initial, 0, fdAt)
}

// writes writes bytes to a descriptor of any kind, while another thread may wait.
func (g *sockGuest) writes(fd uint64, data []byte) {
	g.t.Helper()
	g.Put(dataAt, data...)
	at, n := g.iovs(uint32(len(data)))
	g.wants(abi.ESUCCESS, []Write{{valueAt, le32(uint32(len(data)))}}, "fd_write", fd, at, n, valueAt)
}

// dataOf is what a guest has with a descriptor.
func dataOf(fd uint64) []byte { return bytes.Repeat([]byte{byte(fd) + 1}, abi.SizeofEpollData) }

// controls is epoll_ctl, with data that belongs to fd.
func (g *sockGuest) controls(want abi.Errno, ep, op, fd uint64, asked abi.EpollType) {
	g.t.Helper()
	g.Put(subsAt, cat(le32(uint32(asked)), le32(0xffffffff), dataOf(fd))...)
	g.wants(want, nil, "epoll_ctl", ep, op, fd, subsAt)
}

func (g *sockGuest) adds(ep, fd uint64, asked abi.EpollType) {
	g.t.Helper()
	g.controls(abi.ESUCCESS, ep, ctlAdd, fd, asked)
}

// told is an event that is wanted.
type told struct {
	fd     uint64
	events abi.EpollType
}

// epollWrites are what epoll_wait stores.
func epollWrites(events ...told) []Write {
	writes := []Write{{lenAt, le32(uint32(len(events)))}}
	for i, e := range events {
		b := cat(le32(uint32(e.events)), le32(0), dataOf(e.fd))
		writes = append(writes, Write{eventAt + uint32(i*abi.SizeofEpollEvent), b})
	}
	return writes
}

// tells waits for as many events as are wanted, without end if there are any.
func (g *sockGuest) tells(ep uint64, events ...told) {
	g.t.Helper()
	timeout := uint64(0)
	if len(events) > 0 {
		timeout = forever
	}
	g.wants(abi.ESUCCESS, epollWrites(events...), "epoll_wait", ep, eventAt, 16, timeout, lenAt)
}

func epollListener(g *sockGuest) {
	ep := g.epoll()
	l, addr := g.listener(1)
	g.adds(ep, l, epollIn)
	g.tells(ep)
	p := g.dial(addr)
	g.tells(ep, told{l, epollIn})
	g.accept(l, p.name())
	g.tells(ep)
}

func epollLevel(g *sockGuest) {
	ep := g.epoll()
	fd, p := g.connection()
	g.adds(ep, fd, epollIn)
	g.tells(ep)
	_, _ = p.Write([]byte("data"))
	for range 3 {
		g.tells(ep, told{fd, epollIn})
	}
	g.receives(fd, "data")
	g.tells(ep)
	g.controls(abi.ESUCCESS, ep, ctlMod, fd, epollOut)
	g.tells(ep, told{fd, epollOut})
	g.controls(abi.ESUCCESS, ep, ctlDel, fd, 0)
	g.tells(ep)
}

func epollEdges(g *sockGuest) {
	ep := g.epoll()
	fd, p := g.connection()
	g.adds(ep, fd, epollIn|epollEdge)
	for range 3 {
		_, _ = p.Write([]byte("data"))
		g.tells(ep, told{fd, epollIn})
		g.tells(ep)
	}
	g.controls(abi.ESUCCESS, ep, ctlMod, fd, epollIn|epollEdge)
	g.tells(ep, told{fd, epollIn})
	g.tells(ep)
	g.receives(fd, "datadatadata")
	g.tells(ep)
}

func epollOneshots(g *sockGuest) {
	ep := g.epoll()
	fd, p := g.connection()
	g.adds(ep, fd, epollIn|epollOneshot)
	for range 3 {
		_, _ = p.Write([]byte("data"))
		g.tells(ep, told{fd, epollIn})
		_, _ = p.Write([]byte("more"))
		g.tells(ep)
		g.receives4(fd, 2)
		g.controls(abi.EEXIST, ep, ctlAdd, fd, epollIn)
		g.controls(abi.ESUCCESS, ep, ctlMod, fd, epollIn|epollOneshot)
	}
	g.tells(ep)
}

// receives4 receives so many times four bytes, which may come one by one.
func (g *sockGuest) receives4(fd uint64, n int) {
	g.t.Helper()
	for range n {
		g.Put(dataAt, bytes.Repeat([]byte{mask}, 4)...)
		at, count := g.iovs(4)
		if got := g.Call("sock_recv", fd, at, count, uint64(abi.RiflagsWaitall), lenAt, flagsAt); got != abi.ESUCCESS {
			g.t.Fatalf("sock_recv: %v", got)
		}
	}
}

func epollConditions(g *sockGuest) {
	ep := g.epoll()
	fd, p := g.connection()
	g.adds(ep, fd, epollOut)
	g.tells(ep, told{fd, epollOut})
	g.controls(abi.ESUCCESS, ep, ctlMod, fd, epollIn|epollRdhup)
	_ = p.CloseWrite()
	g.tells(ep, told{fd, epollIn | epollRdhup})
	g.wants(abi.ESUCCESS, nil, "sock_shutdown", fd, uint64(abi.SdflagsWr))
	g.controls(abi.ESUCCESS, ep, ctlMod, fd, 0)
	g.tells(ep, told{fd, epollHup})
	g.controls(abi.ESUCCESS, ep, ctlMod, fd, epollIn|epollOut|epollRdhup)
	g.tells(ep, told{fd, epollIn | epollOut | epollRdhup | epollHup})
}

func epollWaits(g *sockGuest) {
	ep := g.epoll()
	fd, p := g.connection()
	g.adds(ep, fd, epollIn)
	w := g.spawn("epoll_wait", ep, eventAt, 16, forever, lenAt)
	_, _ = p.Write([]byte("data"))
	g.joins(w, abi.ESUCCESS, epollWrites(told{fd, epollIn})...)
	g.receives(fd, "data")
	r, wr := g.pipe()
	w = g.spawn("epoll_wait", ep, eventAt, 16, forever, lenAt)
	g.adds(ep, r, epollIn)
	g.writes(wr, []byte("x"))
	g.joins(w, abi.ESUCCESS, append(epollWrites(told{r, epollIn}), Write{valueAt, le32(1)})...)
}

func epollClosed(g *sockGuest) {
	ep := g.epoll()
	fd, _ := g.connection()
	g.adds(ep, fd, epollIn)
	w := g.spawn("epoll_wait", ep, eventAt, 16, forever, lenAt)
	g.close(ep)
	g.joins(w, abi.EBADF)
}

func epollKilled(g *sockGuest) {
	ep := g.epoll()
	fd, _ := g.connection()
	g.adds(ep, fd, epollIn)
	g.spawn("epoll_wait", ep, eventAt, 16, forever, lenAt)
	g.Process.Kill()
	g.ends(nil)
}

func epollTimes(g *sockGuest) {
	ep := g.epoll()
	for _, timeout := range []uint64{0, 1, 1e6, 2_500_000} {
		g.wants(abi.ESUCCESS, epollWrites(), "epoll_wait", ep, eventAt, 16, timeout, lenAt)
		g.adds(ep, g.event(0), epollIn)
	}
}

func epollData(g *sockGuest) {
	ep := g.epoll()
	first, second := g.event(1), g.event(1)
	g.adds(ep, first, epollIn)
	g.adds(ep, second, epollIn)
	g.wants(abi.ESUCCESS, epollWrites(told{first, epollIn}), "epoll_wait", ep, eventAt, 1, forever, lenAt)
	g.wants(abi.ESUCCESS, epollWrites(told{second, epollIn}), "epoll_wait", ep, eventAt, 1, forever, lenAt)
	g.tells(ep, told{first, epollIn}, told{second, epollIn})
}

func epollKinds(g *sockGuest) {
	ep := g.epoll()
	fd, p := g.connection()
	r, w := g.pipe()
	event := g.event(0)
	for _, source := range []uint64{fd, r, event} {
		g.adds(ep, source, epollIn)
	}
	g.writes(event, le64(3))
	g.tells(ep, told{event, epollIn})
	g.wants(abi.ESUCCESS, nil, "fd_close", event)
	g.writes(w, []byte("x"))
	g.tells(ep, told{r, epollIn})
	g.close(w)
	g.tells(ep, told{r, epollIn | epollHup})
	g.close(r)
	_, _ = p.Write([]byte("data"))
	g.tells(ep, told{fd, epollIn})
}

func epollNumbers(g *sockGuest) {
	ep := g.epoll()
	fd, p := g.connection()
	again := g.newFD("fd_dup", fd, fdAt)
	g.adds(ep, fd, epollIn)
	_, _ = p.Write([]byte("data"))
	g.tells(ep, told{fd, epollIn})
	g.close(fd)
	g.tells(ep, told{fd, epollIn})
	g.controls(abi.EBADF, ep, ctlDel, fd, 0)
	g.controls(abi.ENOENT, ep, ctlDel, again, 0)
	g.close(again)
	g.tells(ep)
	other := g.event(1)
	g.controls(abi.ENOENT, ep, ctlMod, other, epollIn)
	g.tells(ep)
}

func epollNested(g *sockGuest) {
	ep, outer := g.epoll(), g.epoll()
	fd, p := g.connection()
	g.adds(ep, fd, epollIn)
	g.adds(outer, ep, epollIn)
	g.polls([]subscription{{fdRead, ep}, {clock, 1}}, event{index: 1, typ: clock})
	w := g.spawn("poll_oneoff", g.subscribe([]subscription{{clock, never}, {fdRead, outer}})...)
	_, _ = p.Write([]byte("data"))
	g.joins(w, abi.ESUCCESS, pollWrites(event{index: 1, typ: fdRead})...)
	g.tells(outer, told{ep, epollIn})
	g.tells(ep, told{fd, epollIn})
	g.controls(abi.ELOOP, ep, ctlAdd, outer, epollIn)
	g.receives(fd, "data")
	g.tells(outer)
}

func epollRefusals(g *sockGuest) {
	ep, file, event := g.epoll(), g.openFile(), g.event(0)
	for _, c := range []struct {
		want       abi.Errno
		ep, op, fd uint64
	}{
		{abi.EBADF, notOpen, ctlAdd, event},
		{abi.EBADF, ep, ctlAdd, notOpen},
		{abi.EBADF, ep, ctlDel, 1<<32 - 1},
		{abi.EPERM, ep, ctlAdd, file},
		{abi.EPERM, ep, ctlAdd, root},
		{abi.EINVAL, ep, ctlAdd, ep},
		{abi.EINVAL, event, ctlAdd, event},
		{abi.EINVAL, event, ctlAdd, ep},
		{abi.EINVAL, ep, 4, event},
		{abi.EINVAL, ep, 1<<32 - 1, event},
		{abi.ENOENT, ep, ctlMod, event},
		{abi.ENOENT, ep, ctlDel, event},
		{abi.ESUCCESS, ep, uint64(abi.EpollCtlAddLegacy), event},
		{abi.EEXIST, ep, ctlAdd, event},
	} {
		g.controls(c.want, c.ep, c.op, c.fd, epollIn)
	}
	mute := g.event(1)
	g.wants(abi.ESUCCESS, nil, "fd_fdstat_set_rights", mute, uint64(abi.RightsFdRead), 0)
	g.controls(abi.ENOTCAPABLE, ep, ctlAdd, mute, epollIn)
	for _, fd := range []uint64{file, event, root} {
		g.wants(abi.EINVAL, nil, "epoll_wait", fd, eventAt, 1, 0, lenAt)
	}
	g.wants(abi.EBADF, nil, "epoll_wait", notOpen, eventAt, 1, 0, lenAt)
}

func epollCounts(g *sockGuest) {
	ep := g.epoll()
	g.adds(ep, g.event(1), epollIn)
	for _, n := range []uint64{0, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1<<31/abi.SizeofEpollEvent + 1} {
		g.wants(abi.EINVAL, nil, "epoll_wait", ep, eventAt, n, forever, lenAt)
	}
}

func epollFaults(g *sockGuest) {
	g.wants(abi.EFAULT, nil, "epoll_create", outside-2)
	ep, fd := g.epoll(), g.event(1)
	for _, at := range []uint64{outside + 2 - abi.SizeofEpollEvent, outside, 1<<32 - 1} {
		g.wants(abi.EFAULT, nil, "epoll_ctl", ep, ctlAdd, fd, at)
		g.wants(abi.EFAULT, nil, "epoll_wait", ep, at, 1, 0, lenAt)
	}
	g.adds(ep, fd, epollIn)
	g.wants(abi.EFAULT, nil, "epoll_wait", ep, eventAt, 1<<12, 0, lenAt)
	g.wants(abi.EFAULT, nil, "epoll_wait", ep, eventAt, 1, 0, outside-2)
	g.tells(ep, told{fd, epollIn})
	g.wants(abi.ESUCCESS, nil, "epoll_ctl", ep, ctlDel, fd, 1<<32-1)
	g.tells(ep)
}
