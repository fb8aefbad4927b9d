package network

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// Quota bounds what a network is used for. 0 is no limit.
type Quota struct {
	// Sockets bounds the sockets that are open at once, accepted ones and both of
	// a pair included: ENOBUFS; connections then wait in the listener's queue.
	Sockets int
	// Pending bounds the connections that wait on all listeners together: a
	// listener gets the backlog that is left, and ENOBUFS when there is none.
	Pending int
	// Rate bounds the connections per second, those that come in and those that
	// go out together; as many may come at once after a quiet second. One that is
	// too many gets ENOBUFS from connect, and is closed before the guest sees it
	// when it comes in.
	Rate int
	// BytesIn and BytesOut bound the bytes that are received and sent per second,
	// on all sockets together; as many may be at once after a quiet second. What is
	// too much waits, as on a slow network: a call blocks or gets EAGAIN, and poll
	// does not find the socket ready. Peeking is free.
	BytesIn, BytesOut int
}

// Usage is what a quota has counted.
type Usage struct {
	Sockets, Pending int // now
	Connections      uint64
	// What was refused, and how often.
	SocketsRefused, ListensRefused, ConnectionsRefused uint64
	BytesIn, BytesOut                                  uint64
	// How often a receive or send found no bytes left.
	ReceivesDelayed, SendsDelayed uint64
}

// WithQuota returns n within the quota. What uses the same Limited shares it, so
// one for each guest bounds guests, and one inside several bounds them together;
// [Limited.Share] does that for guests of different hosts of a virtual network.
// Put it around [WithPolicy], so that what is refused there does not count.
// Sockets that were opened elsewhere, such as Cmd.Sockets, count after [Adopt].
func WithQuota(n Network, q Quota) *Limited {
	return &Limited{layer: layer{n}, quota: &quota{Quota: q, in: newBucket(q.BytesIn), out: newBucket(q.BytesOut)}}
}

// Share returns n within the quota of l, and counted by it: both use it up.
func (l *Limited) Share(n Network) *Limited { return &Limited{layer: layer{n}, quota: l.quota} }

// Limited is a Network with a quota.
type Limited struct {
	layer
	quota *quota
}

// quota is a Quota in use.
type quota struct {
	Quota
	sockets, pending                                   atomic.Int64
	connections, bytesIn, bytesOut                     atomic.Uint64
	socketsRefused, listensRefused, connectionsRefused atomic.Uint64

	in, out *bucket // of bytes; nil: no limit

	mu     sync.Mutex
	tokens float64 // connections that may be made at once
	at     time.Time
}

// Usage returns what was counted so far.
func (l *Limited) Usage() Usage {
	q := l.quota
	u := Usage{
		Sockets: int(q.sockets.Load()), Pending: int(q.pending.Load()), Connections: q.connections.Load(),
		SocketsRefused: q.socketsRefused.Load(), ListensRefused: q.listensRefused.Load(),
		ConnectionsRefused: q.connectionsRefused.Load(),
		BytesIn:            q.bytesIn.Load(), BytesOut: q.bytesOut.Load(),
	}
	if q.in != nil {
		u.ReceivesDelayed = q.in.delayed.Load()
	}
	if q.out != nil {
		u.SendsDelayed = q.out.delayed.Load()
	}
	return u
}

// paces reports whether bytes are bounded.
func (q *quota) paces() bool { return q.in != nil || q.out != nil }

// adopt counts s, whatever room there is.
func (l *Limited) adopt(s Socket) Socket {
	l.quota.sockets.Add(1)
	return l.quota.wrap(l.layer.adopt(s))
}

func (l *Limited) withContext(ctx context.Context) Network {
	return l.Share(WithContext(ctx, l.Network))
}

// take takes up to want of what is used, all of it unless some will do, and
// returns how much. limit 0 is none.
func take(used *atomic.Int64, limit, want int, some bool) int {
	for {
		now := used.Load()
		got := want
		if limit > 0 && int64(limit)-now < int64(want) {
			if got = int(max(int64(limit)-now, 0)); !some {
				return 0
			}
		}
		if used.CompareAndSwap(now, now+int64(got)) {
			return got
		}
	}
}

// open counts n more sockets, or returns ENOBUFS.
func (q *quota) open(n int) error {
	if take(&q.sockets, q.Sockets, n, false) == 0 {
		q.socketsRefused.Add(1)
		return syscall.ENOBUFS
	}
	return nil
}

// connect counts a connection, or returns ENOBUFS.
func (q *quota) connect() error {
	if q.Rate > 0 && !q.spend(time.Now()) {
		q.connectionsRefused.Add(1)
		return syscall.ENOBUFS
	}
	q.connections.Add(1)
	return nil
}

// spend takes one of the tokens, of which Rate come each second.
func (q *quota) spend(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	full := float64(q.Rate)
	if q.at.IsZero() {
		q.tokens = full
	} else if d := now.Sub(q.at); d > 0 {
		q.tokens = min(full, q.tokens+full*d.Seconds())
	}
	q.at = now
	if q.tokens < 1 {
		return false
	}
	q.tokens--
	return true
}

// Socket opens a socket of the network inside, or returns ENOBUFS.
func (l *Limited) Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (Socket, error) {
	if err := l.quota.open(1); err != nil {
		return nil, err
	}
	s, err := l.Network.Socket(family, typ, proto)
	if err != nil {
		l.quota.sockets.Add(-1)
		return nil, err
	}
	return l.quota.wrap(s), nil
}

// Pair asks the network inside; ENOBUFS when there is room for less than two.
func (l *Limited) Pair(typ abi.SockType) (Socket, Socket, error) {
	if err := l.quota.open(2); err != nil {
		return nil, nil, err
	}
	a, b, err := l.layer.Pair(typ)
	if err != nil {
		l.quota.sockets.Add(-2)
		return nil, nil, err
	}
	return l.quota.wrap(a), l.quota.wrap(b), nil
}

// limitedSocket is a socket that counts.
type limitedSocket struct {
	wrapper
	quota *quota
	mu    sync.Mutex
	// pending is the part of the quota that the backlog takes.
	pending int

	// While bytes are bounded:
	in, out turn
	listens atomic.Bool
	parts   bool // a transfer may be done in parts
}

// limitedKernelSocket is a limitedSocket that the kernel's poll(2) can tell about:
// one whose bytes are not bounded.
type limitedKernelSocket struct {
	limitedSocket
	kernelFD
}

// wrap returns s, which is counted.
func (q *quota) wrap(s Socket) Socket {
	if q.paces() {
		w := &limitedSocket{wrapper: wrapper{s}, quota: q}
		w.initTurns()
		return w
	}
	if sys, ok := s.(ready.SysSource); ok {
		return &limitedKernelSocket{limitedSocket{wrapper: wrapper{s}, quota: q}, sys}
	}
	return &limitedSocket{wrapper: wrapper{s}, quota: q}
}

// dup returns a socket that counts, too.
func (s *limitedSocket) dup() (Socket, error) {
	if err := s.quota.open(1); err != nil {
		return nil, err
	}
	d, err := Dup(s.Socket)
	if err != nil {
		s.quota.sockets.Add(-1)
		return nil, err
	}
	return s.quota.wrap(d), nil
}

// Listen takes the backlog out of what may be pending.
func (s *limitedSocket) Listen(backlog int) error {
	err := s.listen(backlog)
	if err == nil {
		s.listens.Store(true)
	}
	return err
}

func (s *limitedSocket) listen(backlog int) error {
	q := s.quota
	if q.Pending <= 0 {
		return s.Socket.Listen(backlog)
	}
	if backlog < 0 || backlog > q.Pending {
		backlog = q.Pending
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.pending
	q.pending.Add(int64(-old))
	s.pending = take(&q.pending, q.Pending, max(backlog, 1), true)
	err := error(syscall.ENOBUFS)
	if s.pending > 0 {
		err = s.Socket.Listen(min(backlog, s.pending))
	} else {
		q.listensRefused.Add(1)
	}
	if err != nil { // it listens as before, if it did
		q.pending.Add(int64(old - s.pending))
		s.pending = old
	}
	return err
}

// Accept leaves a connection in the queue when there is no room for a socket.
func (s *limitedSocket) Accept() (Socket, Addr, error) {
	for range maxRefused {
		if err := s.quota.open(1); err != nil {
			return nil, Addr{}, err
		}
		c, from, err := s.Socket.Accept()
		if err != nil {
			s.quota.sockets.Add(-1)
			return nil, Addr{}, err
		}
		if s.quota.connect() == nil {
			return s.quota.wrap(c), from, nil
		}
		_ = c.Close()
		s.quota.sockets.Add(-1)
	}
	s.Queue().Notify(ready.In) // there may be more
	return nil, Addr{}, syscall.EAGAIN
}

// Connect counts the attempts of streams that are new.
func (s *limitedSocket) Connect(addr Addr) error {
	if _, typ, _ := s.Type(); typ != abi.SockTypeStream || !addr.Unix && !addr.IsValid() || s.connecting() {
		return s.Socket.Connect(addr)
	}
	if err := s.quota.connect(); err != nil {
		return err
	}
	s.listens.Store(false) // it was shut down
	return s.Socket.Connect(addr)
}

// connecting reports whether the socket is, or is about to be, connected:
// then connect only asks how it went.
func (s *limitedSocket) connecting() bool {
	state := InfoOf(s.Socket).State
	if state != "" {
		return state != "UNCONN"
	}
	_, err := s.PeerAddr()
	return err == nil
}

func (s *limitedSocket) Recvmsg(iovs [][]byte, flags MsgFlags, from *Addr) (n int, out MsgFlags, err error) {
	if b := s.quota.in; b != nil && flags&MsgPeek == 0 {
		n, out, err = s.recvPaced(b, iovs, flags, from)
	} else {
		n, out, err = s.Socket.Recvmsg(iovs, flags, from)
	}
	if n > 0 && flags&MsgPeek == 0 {
		s.quota.bytesIn.Add(uint64(n))
	}
	return n, out, err
}

func (s *limitedSocket) Sendmsg(iovs [][]byte, to *Addr) (n int, err error) {
	if b := s.quota.out; b != nil {
		n, err = s.sendPaced(b, iovs, to)
	} else {
		n, err = s.Socket.Sendmsg(iovs, to)
	}
	if n > 0 {
		s.quota.bytesOut.Add(uint64(n))
	}
	return n, err
}

// sent counts what did not come by Sendmsg. Sockets whose bytes are bounded have
// no kernel descriptor to send by.
func (s *limitedSocket) sent(n int) {
	s.quota.bytesOut.Add(uint64(n))
	Sent(s.Socket, n)
}

// Close gives the quota back.
func (s *limitedSocket) Close() error {
	s.mu.Lock()
	s.quota.pending.Add(int64(-s.pending))
	s.mu.Unlock()
	s.quota.sockets.Add(-1)
	s.forgetTurns()
	return s.Socket.Close()
}
