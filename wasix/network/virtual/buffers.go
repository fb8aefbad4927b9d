package virtual

import (
	"io"
	"sync"
)

// buffers are the buffers of one call, as the netstack reads and fills them.
type buffers struct {
	iovs [][]byte
	at   int  // what was done of the first
	left int  // in all
	cut  bool // what does not fit goes nowhere, as of a datagram
}

var bufferPool = sync.Pool{New: func() any { return new(buffers) }}

func newBuffers(iovs [][]byte, cut bool) *buffers {
	b := bufferPool.Get().(*buffers)
	*b = buffers{iovs: iovs, cut: cut}
	for _, v := range iovs {
		b.left += len(v)
	}
	return b
}

func (b *buffers) free() {
	*b = buffers{} // the pool holds no guest's memory
	bufferPool.Put(b)
}

// Len returns how many bytes are left.
func (b *buffers) Len() int { return b.left }

// Read takes bytes to send out of the buffers.
func (b *buffers) Read(p []byte) (n int, err error) {
	for n < len(p) && b.left > 0 {
		n += b.advance(copy(p[n:], b.iovs[0][b.at:]))
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Write fills the buffers with bytes that were received.
func (b *buffers) Write(p []byte) (n int, err error) {
	for n < len(p) && b.left > 0 {
		n += b.advance(copy(b.iovs[0][b.at:], p[n:]))
	}
	if n < len(p) && !b.cut {
		return n, io.ErrShortWrite
	}
	return len(p), nil
}

// advance goes on by n bytes of the first buffer.
func (b *buffers) advance(n int) int {
	b.at += n
	b.left -= n
	if b.at == len(b.iovs[0]) {
		b.iovs, b.at = b.iovs[1:], 0
	}
	return n
}

// discarder takes a number of bytes and stores none.
type discarder struct{ left int }

func (d *discarder) Write(p []byte) (int, error) {
	n := min(len(p), d.left)
	d.left -= n
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}
