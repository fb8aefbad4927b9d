package vfs

import (
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

const (
	pipeCapacity = 64 << 10 // as pipe(7) has it
	pipeAtomic   = 4096     // PIPE_BUF: writes up to this size are not split
)

// pipe is a ring of bytes between a reader and a writer.
type pipe struct {
	mu     sync.Mutex
	ring   []byte // nil until the first write
	start  int
	length int
	reader pipeReader
	writer pipeWriter
}

type pipeReader struct {
	pipe   *pipe
	queue  ready.Queue
	closed bool
}

type pipeWriter struct {
	pipe   *pipe
	queue  ready.Queue
	closed bool
}

// NewPipe returns the two ends of a new pipe in memory, as pipe(2): 64 KiB of
// room, writes of at most 4096 bytes are never split, reading ends when the
// writer is closed, and writing fails with EPIPE when the reader is.
func NewPipe() (r, w descriptor.File) {
	p := &pipe{}
	p.reader.pipe, p.writer.pipe = p, p
	return &p.reader, &p.writer
}

func (r *pipeReader) Filetype() abi.Filetype { return abi.FiletypeUnknown }
func (w *pipeWriter) Filetype() abi.Filetype { return abi.FiletypeUnknown }

func (r *pipeReader) Stat() (descriptor.Stat, error) { return fifoStat(), nil }
func (w *pipeWriter) Stat() (descriptor.Stat, error) { return fifoStat(), nil }

// fifoStat tells wasix-libc that a file is a pipe: its S_IFIFO is its S_IFSOCK,
// and this the file type for it. fd_fdstat_get tells another one, so that a pipe
// does not pass for a socket there.
func fifoStat() descriptor.Stat {
	return descriptor.Stat{Filetype: abi.FiletypeSocketStream, Nlink: 1}
}

func (r *pipeReader) Queue() *ready.Queue { return &r.queue }
func (w *pipeWriter) Queue() *ready.Queue { return &w.queue }

func (r *pipeReader) access() abi.Rights { return abi.RightsFdRead }
func (w *pipeWriter) access() abi.Rights { return abi.RightsFdWrite }

func (r *pipeReader) Ready(asked ready.Events) (got ready.Events) {
	p := r.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.length > 0 {
		got |= asked & ready.In
	}
	if p.writer.closed {
		got |= ready.Hup
	}
	return got
}

func (w *pipeWriter) Ready(asked ready.Events) (got ready.Events) {
	p := w.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.full() {
		got |= asked & ready.Out
	}
	if p.reader.closed {
		got |= asked&ready.Out | ready.Err
	}
	return got
}

// Available returns how many bytes can be read at once.
func (r *pipeReader) Available() int {
	r.pipe.mu.Lock()
	defer r.pipe.mu.Unlock()
	return r.pipe.length
}

func (r *pipeReader) Readv(iovs [][]byte) (int, error) {
	if isEmpty(iovs) {
		return 0, nil
	}
	p := r.pipe
	p.mu.Lock()
	if p.length == 0 {
		defer p.mu.Unlock()
		if p.writer.closed {
			return 0, nil
		}
		return 0, syscall.EAGAIN
	}
	full := p.full()
	n := 0
	for _, b := range iovs {
		n += p.take(b)
	}
	room := full && !p.full()
	p.mu.Unlock()
	if room {
		p.writer.queue.Notify(ready.Out)
	}
	return n, nil
}

func (w *pipeWriter) Writev(iovs [][]byte) (int, error) {
	p := w.pipe
	want := totalLength(iovs)
	p.mu.Lock()
	room := pipeCapacity - p.length
	switch {
	case want == 0:
		p.mu.Unlock()
		return 0, nil
	case p.reader.closed:
		p.mu.Unlock()
		return 0, syscall.EPIPE
	case room == 0 || want <= pipeAtomic && room < int(want):
		p.mu.Unlock()
		return 0, syscall.EAGAIN
	}
	n := 0
	for _, b := range iovs {
		n += p.put(b)
	}
	p.mu.Unlock()
	p.reader.queue.Notify(ready.In)
	return n, nil
}

// full reports whether writers are to wait. p is locked.
func (p *pipe) full() bool { return pipeCapacity-p.length < pipeAtomic }

// take moves bytes from the ring to b, as many as there are.
func (p *pipe) take(b []byte) (n int) {
	for n < len(b) && p.length > 0 {
		m := copy(b[n:], p.ring[p.start:min(p.start+p.length, pipeCapacity)])
		n += m
		p.length -= m
		p.start = (p.start + m) % pipeCapacity
	}
	return n
}

// put moves bytes from b to the ring, as many as fit.
func (p *pipe) put(b []byte) (n int) {
	if p.ring == nil {
		p.ring = make([]byte, pipeCapacity)
	}
	for n < len(b) && p.length < pipeCapacity {
		end := (p.start + p.length) % pipeCapacity
		m := copy(p.ring[end:min(end+pipeCapacity-p.length, pipeCapacity)], b[n:])
		n += m
		p.length += m
	}
	return n
}

func (r *pipeReader) Writev([][]byte) (int, error) { return 0, syscall.EBADF }
func (w *pipeWriter) Readv([][]byte) (int, error)  { return 0, syscall.EBADF }

func (r *pipeReader) Close() error {
	p := r.pipe
	p.mu.Lock()
	r.closed = true
	p.ring, p.length = nil, 0
	p.mu.Unlock()
	p.writer.queue.Notify(ready.Out | ready.Err)
	return nil
}

func (w *pipeWriter) Close() error {
	p := w.pipe
	p.mu.Lock()
	w.closed = true
	p.mu.Unlock()
	p.reader.queue.Notify(ready.In | ready.Hup)
	return nil
}

// totalLength returns the sum of the buffers' lengths, which on a 32-bit host
// may be more than an int holds.
func totalLength(iovs [][]byte) (n uint64) {
	for _, b := range iovs {
		n += uint64(len(b))
	}
	return n
}

func isEmpty(iovs [][]byte) bool {
	for _, b := range iovs {
		if len(b) > 0 {
			return false
		}
	}
	return true
}
