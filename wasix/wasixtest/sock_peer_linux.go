package wasixtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

// wantRead reads as much as data has from a peer, and compares.
func wantRead(t *testing.T, p io.Reader, data string) {
	t.Helper()
	b := make([]byte, len(data))
	if n, err := io.ReadFull(p, b); err != nil || string(b) != data {
		t.Fatalf("the peer sees %q, %v; want %q", b[:n], err, data)
	}
}

// wantEOF checks that a peer sees the end of the stream.
func wantEOF(t *testing.T, p io.Reader) {
	t.Helper()
	b := make([]byte, 64)
	if n, err := p.Read(b); n != 0 || !errors.Is(err, io.EOF) {
		t.Fatalf("the peer sees %q, %v; want the end", b[:n], err)
	}
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
		b := bytes.Repeat([]byte{0}, abi.SizeofSubscription)
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

// isReset reports whether a peer's error is that of a reset connection.
func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
