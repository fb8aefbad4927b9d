package network

import (
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// A socket whose bytes per second are bounded behaves as one whose network is
// slow: what may not be received yet has not arrived, its end neither, and what
// may not be sent yet finds no room. Errors are no bytes.

// initTurns prepares for waiting on the buckets.
func (s *limitedSocket) initTurns() {
	on, err := s.Option(abi.SockOptionListening)
	s.listens.Store(err == nil && on != 0)
	_, typ, _ := s.Type()
	s.parts = typ == abi.SockTypeStream
	s.in = turn{queue: s.Queue(), events: ready.In | ready.RdHup | ready.Hup}
	s.out = turn{queue: s.Queue(), events: ready.Out}
}

// forgetTurns is for a socket that closes.
func (s *limitedSocket) forgetTurns() {
	if b := s.quota.in; b != nil {
		b.forget(&s.in)
	}
	if b := s.quota.out; b != nil {
		b.forget(&s.out)
	}
}

// Ready leaves out what the quota does not let begin yet.
func (s *limitedSocket) Ready(asked ready.Events) ready.Events {
	ev := s.Socket.Ready(asked)
	if !s.quota.paces() || ev&ready.Err != 0 || s.listens.Load() {
		return ev
	}
	if b := s.quota.in; b != nil && ev&s.in.events != 0 && !b.open(&s.in) {
		ev &^= s.in.events
	}
	if b := s.quota.out; b != nil && ev&ready.Out != 0 && !b.open(&s.out) {
		ev &^= ready.Out
	}
	return ev
}

// failed reports whether an error is to be had, which does not wait its turn.
func (s *limitedSocket) failed() bool { return s.Socket.Ready(0)&ready.Err != 0 }

// recvPaced receives what the bucket has room for. A datagram's length is known
// only afterwards.
func (s *limitedSocket) recvPaced(b *bucket, iovs [][]byte, flags MsgFlags, from *Addr) (int, MsgFlags, error) {
	want := 0
	if s.parts {
		if want = size(iovs); want == 0 {
			return s.Socket.Recvmsg(iovs, flags, from)
		}
	}
	taken, ok := b.take(&s.in, want, true)
	if !ok && !s.failed() {
		return 0, 0, syscall.EAGAIN
	}
	part := cutting{}
	if ok && taken < want {
		iovs = part.cut(iovs, taken)
	}
	n, out, err := s.Socket.Recvmsg(iovs, flags, from)
	part.undo()
	b.give(taken - max(n, 0))
	return n, out, err
}

// sendPaced sends what the bucket has room for, but a datagram as a whole.
func (s *limitedSocket) sendPaced(b *bucket, iovs [][]byte, to *Addr) (int, error) {
	want := size(iovs)
	if s.parts && want == 0 {
		return s.Socket.Sendmsg(iovs, to)
	}
	taken, ok := b.take(&s.out, want, s.parts)
	if !ok && !s.failed() {
		return 0, syscall.EAGAIN
	}
	part := cutting{}
	if ok && taken < want {
		iovs = part.cut(iovs, taken)
	}
	n, err := s.Socket.Sendmsg(iovs, to)
	part.undo()
	b.give(taken - max(n, 0))
	return n, err
}

// cutting is buffers that were cut short. The zero value is none.
type cutting struct {
	at    *[]byte
	whole []byte
}

// cut returns the first n bytes of iovs, which has more, in the same memory.
func (c *cutting) cut(iovs [][]byte, n int) [][]byte {
	for i := range iovs {
		if n < len(iovs[i]) {
			c.at, c.whole = &iovs[i], iovs[i]
			iovs[i] = iovs[i][:n]
			return iovs[:i+1]
		}
		n -= len(iovs[i])
	}
	return iovs
}

// undo makes the buffers whole again.
func (c *cutting) undo() {
	if c.at != nil {
		*c.at = c.whole
	}
}

func size(iovs [][]byte) (n int) {
	for _, b := range iovs {
		n += len(b)
	}
	return n
}
