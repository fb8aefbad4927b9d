package network

import (
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/wasix/ready"
)

// unixQueue is what a socket has received: bytes of a stream, or messages.
type unixQueue struct {
	mu     sync.Mutex
	ring   ring          // of a stream
	msgs   []unixMessage // of other sockets; those before first are taken
	first  int
	used   int  // bytes, with the overhead of messages
	full   bool // a sender found no room: until half is free
	ended  bool // nothing more will come: reads find the end, writes EPIPE
	dead   bool // the receiver is closed
	err    error
	wanted map[*unixSocket]struct{} // senders that wait for room
}

type unixMessage struct {
	data []byte
	from *unixSocket
}

// Sizes as Linux has them by default.
const (
	defaultBuffer   = 212992 // net.core.wmem_default, and the most that may be set is twice that
	minBuffer       = 4608
	messageOverhead = 768 // what one message costs besides its bytes
	maxWanted       = 64  // senders to remember before the closed ones are forgotten
)

// ring is a buffer of bytes that grows as needed.
type ring struct {
	buf     []byte
	head, n int
}

func (r *ring) write(p []byte) {
	r.grow(r.n + len(p))
	for len(p) > 0 {
		tail := (r.head + r.n) & (len(r.buf) - 1)
		k := copy(r.buf[tail:min(len(r.buf), tail+len(p))], p)
		p = p[k:]
		r.n += k
	}
}

// grow makes room for n bytes; the size is a power of two.
func (r *ring) grow(n int) {
	if n <= len(r.buf) {
		return
	}
	size := max(len(r.buf), 4096)
	for size < n {
		size *= 2
	}
	buf := make([]byte, size)
	r.peek([][]byte{buf})
	r.buf, r.head = buf, 0
}

// peek copies the first bytes and returns how many.
func (r *ring) peek(iovs [][]byte) int {
	total := 0
	for _, p := range iovs {
		for len(p) > 0 && total < r.n {
			at := (r.head + total) & (len(r.buf) - 1)
			k := copy(p, r.buf[at:min(len(r.buf), at+r.n-total)])
			p = p[k:]
			total += k
		}
	}
	return total
}

func (r *ring) discard(n int) {
	r.n -= n
	if r.n == 0 {
		r.head = 0
	} else {
		r.head = (r.head + n) & (len(r.buf) - 1)
	}
}

// pushBytes takes as much of iovs as fits into limit. Returns EPIPE, EAGAIN.
func (q *unixQueue) pushBytes(sender *unixSocket, iovs [][]byte, limit int) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended || q.dead {
		return 0, syscall.EPIPE
	}
	sent := 0
	for _, p := range iovs {
		k := min(len(p), max(limit-q.used, 0))
		q.ring.write(p[:k])
		q.used += k
		sent += k
		if k < len(p) {
			q.await(sender)
			if sent == 0 {
				return 0, syscall.EAGAIN
			}
			break
		}
	}
	return sent, nil
}

// pushMessage takes all of iovs as one message. An empty queue takes a message
// of any size. Returns ECONNREFUSED, EPIPE, EAGAIN.
func (q *unixQueue) pushMessage(sender *unixSocket, iovs [][]byte, size, limit int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.dead:
		return syscall.ECONNREFUSED
	case q.ended:
		return syscall.EPIPE
	case q.used > 0 && q.used+size+messageOverhead > limit:
		q.await(sender)
		return syscall.EAGAIN
	}
	data := make([]byte, 0, size)
	for _, p := range iovs {
		data = append(data, p...)
	}
	q.msgs = append(q.msgs, unixMessage{data, sender})
	q.used += size + messageOverhead
	return nil
}

// await makes sender hear of room. q is locked.
func (q *unixQueue) await(sender *unixSocket) {
	q.full = true
	if len(q.wanted) >= maxWanted {
		for s := range q.wanted {
			if s.closed.Load() {
				delete(q.wanted, s)
			}
		}
	}
	if q.wanted == nil {
		q.wanted = map[*unixSocket]struct{}{}
	}
	q.wanted[sender] = struct{}{}
}

// pop takes what was received first, or only looks at it. At the end it
// returns 0. heard are the senders that have room now.
func (q *unixQueue) pop(stream bool, iovs [][]byte, flags MsgFlags, from *Addr) (n int, out MsgFlags, heard []*unixSocket, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.empty() || !stream && q.err != nil { // messages wait behind an error
		switch {
		case q.err != nil:
			err, q.err = q.err, nil
			return 0, 0, nil, err
		case q.ended:
			if from != nil {
				*from = Addr{}
			}
			return 0, 0, nil, nil
		}
		return 0, 0, nil, syscall.EAGAIN
	}
	if stream {
		n = q.popBytes(iovs, flags)
	} else {
		n, out = q.popMessage(iovs, flags, from)
	}
	if flags&MsgPeek == 0 {
		heard = q.makeRoom()
	}
	return n, out, heard, nil
}

func (q *unixQueue) empty() bool { return q.ring.n == 0 && q.first == len(q.msgs) }

func (q *unixQueue) popBytes(iovs [][]byte, flags MsgFlags) int {
	n := q.ring.peek(iovs)
	if flags&MsgPeek == 0 {
		q.ring.discard(n)
		q.used -= n
	}
	return n
}

func (q *unixQueue) popMessage(iovs [][]byte, flags MsgFlags, from *Addr) (n int, out MsgFlags) {
	m := q.msgs[q.first]
	n, out = scatter(m.data, iovs, flags)
	if from != nil {
		*from = m.from.address()
	}
	if flags&MsgPeek == 0 {
		q.msgs[q.first] = unixMessage{}
		q.used -= len(m.data) + messageOverhead
		q.first++
		if q.first == len(q.msgs) {
			q.msgs, q.first = q.msgs[:0], 0
		} else if q.first > 64 && q.first > len(q.msgs)/2 {
			q.msgs = q.msgs[:copy(q.msgs, q.msgs[q.first:])]
			q.first = 0
		}
	}
	return n, out
}

// scatter copies a message into iovs, with the results of recvmsg(2).
func scatter(data []byte, iovs [][]byte, flags MsgFlags) (n int, out MsgFlags) {
	rest := data
	for _, p := range iovs {
		rest = rest[copy(p, rest):]
	}
	switch {
	case len(rest) == 0:
		return len(data), 0
	case flags&MsgTrunc != 0:
		return len(data), MsgTrunc
	}
	return len(data) - len(rest), MsgTrunc
}

// makeRoom returns who is to hear that half of the queue is free again.
func (q *unixQueue) makeRoom() []*unixSocket {
	if !q.full || q.used > defaultBuffer/2 && !q.empty() {
		return nil
	}
	q.full = false
	return q.takeWanted()
}

func (q *unixQueue) takeWanted() (senders []*unixSocket) {
	for s := range q.wanted {
		senders = append(senders, s)
	}
	clear(q.wanted)
	return senders
}

// end makes the queue take no more; reads drain it, then find err once and then
// the end. Returns who waits for room.
func (q *unixQueue) end(err error) []*unixSocket {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	if err != nil {
		q.err = err
	}
	return q.takeWanted()
}

// close empties the queue for good and reports whether anything was in it.
func (q *unixQueue) close() (unread bool, waiting []*unixSocket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	unread = !q.empty()
	q.dead, q.ended = true, true
	q.ring, q.msgs, q.first, q.used = ring{}, nil, 0, 0
	return unread, q.takeWanted()
}

// room reports whether a sender would find some, and lets it hear of it when
// not. What is closed does not make anybody wait.
func (q *unixQueue) room(sender *unixSocket) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.full || q.ended || q.dead {
		return true
	}
	q.await(sender)
	return false
}

// purge drops the messages, tells whether there were any, and returns who
// waits for room.
func (q *unixQueue) purge() (lost bool, waiting []*unixSocket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	lost = !q.empty()
	q.msgs, q.first, q.used, q.full = nil, 0, 0, false
	return lost, q.takeWanted()
}

// fail makes err the pending error.
func (q *unixQueue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.err = err
}

// available returns how many bytes wait: of the first message, or of all.
func (q *unixQueue) available(first bool) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.msgs[q.first:] {
		n += len(m.data)
		if first {
			break
		}
	}
	return n + q.ring.n
}

func (q *unixQueue) takeError() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	err := q.err
	q.err = nil
	return err
}

// level returns what holds for the reader.
func (q *unixQueue) level() (ev ready.Events, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.empty() {
		ev |= ready.In
	}
	if q.ended {
		ev |= ready.In | ready.RdHup
	}
	if q.err != nil {
		ev |= ready.Err
	}
	return ev, q.ended
}

func notify(sockets []*unixSocket, ev ready.Events) {
	for _, s := range sockets {
		s.queue.Notify(ev)
	}
}
