package wasixtest

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
)

const (
	clock   = abi.EventtypeClock
	fdRead  = abi.EventtypeFdRead
	fdWrite = abi.EventtypeFdWrite

	never = 1 << 62 // nanoseconds, beyond what 32 bits hold
)

var pollCases = []sockCase{
	{"a connection makes the listener readable", pollListener, every},
	{"a waiting poll ends with a connection", pollWaits, every},
	{"data makes a stream readable", pollData, every},
	{"the end makes a stream readable, and both ends are a hangup", pollEnd, every},
	{"a stream is writable until it is full", pollWritable, every},
	{"a datagram makes its socket readable", pollDatagram, every},
	{"what is not open is an event of its own", pollBad, nil},
	{"each clock that is past is an event", pollClocks, nil},
	{"only what has happened is stored", pollStores, every},
	{"no subscriptions are INVAL", pollNone, nil},
	{"subscriptions and results outside memory are EFAULT", pollFaults, every},
	{"an unknown kind of event is an event of its own", pollUnknown, nil},
}

func pollListener(g *sockGuest) {
	l, addr := g.listener(1)
	g.polls([]subscription{{fdRead, l}, {clock, 1}}, event{index: 1, typ: clock})
	g.dial(addr)
	g.pollsReadable(l)
}

// pollsReadable waits for a socket that has something other than bytes to read.
func (g *sockGuest) pollsReadable(fd uint64) {
	g.t.Helper()
	g.polls([]subscription{{fdRead, fd}, {clock, never}}, event{typ: fdRead})
}

func pollWaits(g *sockGuest) {
	l, addr := g.listener(1)
	w := g.spawn("poll_oneoff", g.subscribe([]subscription{{clock, never}, {fdRead, l}})...)
	g.dial(addr)
	g.joins(w, abi.ESUCCESS, pollWrites(event{index: 1, typ: fdRead})...)
}

func pollData(g *sockGuest) {
	fd, p := g.connection()
	g.polls([]subscription{{clock, 1}, {fdRead, fd}}, event{typ: clock})
	_, _ = p.Write([]byte("data"))
	g.polls([]subscription{{clock, never}, {fdRead, fd}}, event{index: 1, typ: fdRead, bytes: 4})
	g.receives(fd, "data")
	g.polls([]subscription{{clock, 1}, {fdRead, fd}}, event{typ: clock})
}

func pollEnd(g *sockGuest) {
	fd, p := g.connection()
	_ = p.CloseWrite()
	g.polls([]subscription{{fdRead, fd}}, event{typ: fdRead})
	g.receives(fd, "")
	g.wants(abi.ESUCCESS, nil, "sock_shutdown", fd, uint64(abi.SdflagsWr))
	g.polls([]subscription{{fdRead, fd}}, event{typ: fdRead, hangup: true})
}

// pollWritable ends when poll_oneoff tells that the stream is full: see stuff.
func pollWritable(g *sockGuest) {
	fd, _ := g.connection()
	g.polls([]subscription{{fdWrite, fd}}, event{typ: fdWrite})
	g.stuff(fd)
}

func pollDatagram(g *sockGuest) {
	to, fd, _ := g.datagramPair()
	g.polls([]subscription{{fdRead, to}, {clock, 1}}, event{index: 1, typ: clock})
	g.polls([]subscription{{fdWrite, fd}}, event{typ: fdWrite})
	g.sendsTo(fd, "data")
	g.polls([]subscription{{fdRead, to}}, event{typ: fdRead, bytes: 4})
}

func pollBad(g *sockGuest) {
	l, _ := g.listener(1)
	g.polls([]subscription{{fdRead, l}, {fdRead, notOpen}, {fdWrite, 1<<32 - 1}, {clock, never}},
		event{index: 1, typ: fdRead, errno: abi.EBADF}, event{index: 2, typ: fdWrite, errno: abi.EBADF})
}

func pollClocks(g *sockGuest) {
	g.polls([]subscription{{clock, never}, {clock, 1}, {clock, never}}, event{index: 1, typ: clock})
}

// pollStores has several subscriptions and one event: the room for the others
// stays as it is.
func pollStores(g *sockGuest) {
	quiet, _ := g.listener(1)
	busy, addr := g.listener(1)
	p := g.dial(addr)
	fd := g.accept(busy, p.name())
	g.polls([]subscription{{fdRead, quiet}, {fdRead, fd}, {fdWrite, fd}, {clock, never}},
		event{index: 2, typ: fdWrite})
	_, _ = p.Write([]byte("data"))
	g.pollsUntilReadable(fd)
	g.polls([]subscription{{fdRead, quiet}, {fdRead, fd}, {fdWrite, fd}, {clock, never}},
		event{index: 1, typ: fdRead, bytes: 4}, event{index: 2, typ: fdWrite})
}

// pollsUntilReadable waits for the four bytes that are on their way.
func (g *sockGuest) pollsUntilReadable(fd uint64) {
	g.t.Helper()
	g.polls([]subscription{{fdRead, fd}}, event{typ: fdRead, bytes: 4})
}

func pollNone(g *sockGuest) { g.wants(abi.EINVAL, nil, "poll_oneoff", subsAt, eventAt, 0, lenAt) }

func pollFaults(g *sockGuest) {
	fd, _ := g.connection()
	args := g.subscribe([]subscription{{fdWrite, fd}})
	for i, size := range map[int]uint64{0: abi.SizeofSubscription, 1: abi.SizeofEvent, 3: 4} {
		good := args[i]
		for _, at := range []uint64{outside + 2 - size, outside + 1, 1<<32 - 1} {
			args[i] = at
			g.wants(abi.EFAULT, nil, "poll_oneoff", args...)
		}
		args[i] = good
	}
	g.polls([]subscription{{fdWrite, fd}}, event{typ: fdWrite})
}

func pollUnknown(g *sockGuest) {
	g.polls([]subscription{{9, 0}, {clock, never}}, event{typ: 9, errno: abi.EINVAL})
}

// subscription is one for a descriptor or, of a clock, the time in nanoseconds
// from now. Its userdata is its index.
type subscription struct {
	typ   abi.Eventtype
	value uint64
}

// event is what is wanted of a subscription.
type event struct {
	index  uint64 // of the subscription
	errno  abi.Errno
	typ    abi.Eventtype
	bytes  uint64
	hangup bool
}

func (e event) encode() []byte {
	b := make([]byte, abi.SizeofEvent)
	binary.LittleEndian.PutUint64(b, e.index)
	binary.LittleEndian.PutUint16(b[8:], uint16(e.errno))
	b[10] = byte(e.typ)
	binary.LittleEndian.PutUint64(b[16:], e.bytes)
	if e.hangup {
		b[24] = byte(abi.EventrwflagsHangup)
	}
	return b
}

// subscribe lays out subscriptions and returns the arguments of poll_oneoff.
func (g *sockGuest) subscribe(subs []subscription) []uint64 {
	for i, s := range subs {
		b := make([]byte, abi.SizeofSubscription)
		b[0], b[8] = byte(i), byte(s.typ)
		if s.typ == abi.EventtypeClock {
			b[16] = byte(abi.ClockidMonotonic)
			binary.LittleEndian.PutUint64(b[24:], s.value)
		} else {
			binary.LittleEndian.PutUint32(b[16:], uint32(s.value))
		}
		g.Put(subsAt+uint32(i*abi.SizeofSubscription), b...)
	}
	return []uint64{subsAt, eventAt, uint64(len(subs)), lenAt}
}

// pollWrites are what poll_oneoff stores.
func pollWrites(events ...event) []Write {
	writes := []Write{{lenAt, le32(uint32(len(events)))}}
	for i, e := range events {
		writes = append(writes, Write{eventAt + uint32(i*abi.SizeofEvent), e.encode()})
	}
	return writes
}

// polls waits for subscriptions, of which these events are to come.
func (g *sockGuest) polls(subs []subscription, events ...event) {
	g.t.Helper()
	g.wants(abi.ESUCCESS, pollWrites(events...), "poll_oneoff", g.subscribe(subs)...)
}
