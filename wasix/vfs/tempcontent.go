package vfs

import (
	"math"
	"sync"
	"syscall"
)

const (
	chunkSize = 64 << 10 // what contents are kept in
	pageSize  = 4 << 10  // the least of a chunk that takes room
)

// atEnd is the offset of a write that appends.
const atEnd = -1

// content is what a file of a temp file system holds. Chunks that were never
// written to do not exist, and read as zeros, as does what lies past the end of a
// chunk: chunks grow to what is written, up to chunkSize.
type content struct {
	space *budget

	mu     sync.RWMutex
	size   int64
	chunks map[int64][]byte // by offset / chunkSize
}

func (c *content) length() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.size
}

// read fills the buffers from offset on and returns how many bytes there were.
func (c *content) read(iovs [][]byte, offset int64) (n int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, b := range iovs {
		b = b[:min(int64(len(b)), max(c.size-offset, 0))]
		n += len(b)
		for len(b) > 0 {
			at := offset % chunkSize
			part := b[:min(int64(len(b)), chunkSize-at)]
			chunk := c.chunks[offset/chunkSize]
			copied := copy(part, chunk[min(at, int64(len(chunk))):])
			clear(part[copied:])
			b = b[len(part):]
			offset += int64(len(part))
		}
	}
	return n
}

// write stores the buffers at offset, or at the end, and returns how many bytes,
// and where they end. Returns nil except, when nothing could be written:
//   - EINVAL: the end would be beyond the largest offset
//   - ENOSPC: no room is left
func (c *content) write(iovs [][]byte, offset int64) (n int, end int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if offset == atEnd {
		offset = c.size
	}
	if offset > math.MaxInt64-int64(totalLength(iovs)) {
		return 0, 0, syscall.EINVAL
	}
	for _, b := range iovs {
		for len(b) > 0 && err == nil {
			var m int
			m, err = c.writeChunk(b, offset)
			b = b[m:]
			n += m
			offset += int64(m)
		}
	}
	if n > 0 {
		c.size = max(c.size, offset)
		err = nil
	}
	return n, offset, err
}

// writeChunk stores as much of b as goes into the chunk at offset, and into the
// room that is left.
func (c *content) writeChunk(b []byte, offset int64) (int, error) {
	at := offset % chunkSize
	end := at + min(int64(len(b)), chunkSize-at)
	chunk, err := c.grow(offset/chunkSize, at+1, end)
	if err != nil {
		return 0, err
	}
	return copy(chunk[at:min(end, int64(len(chunk)))], b), nil
}

// grow makes the chunk i hold most bytes, or, where room is short, fewer, but
// least. Where it grows again it doubles: who writes bit by bit copies little.
func (c *content) grow(i, least, most int64) ([]byte, error) {
	old := c.chunks[i]
	have := int64(len(old))
	if have >= most {
		return old, nil
	}
	most, least = pages(most), max(pages(least), have+pageSize)
	size := max(most, min(2*have, chunkSize))
	err := c.space.take(size - have)
	for ; err != nil; err = c.space.take(size - have) {
		if size == least {
			return old, err
		}
		size = max(min(size, most+pageSize)-pageSize, least)
	}
	chunk := make([]byte, size)
	copy(chunk, old)
	if c.chunks == nil {
		c.chunks = map[int64][]byte{}
	}
	c.chunks[i] = chunk
	return chunk, nil
}

// pages rounds n up to whole pages.
func pages(n int64) int64 { return (n + pageSize - 1) &^ (pageSize - 1) }

// truncate makes the content size bytes long; what it grows by is zero.
func (c *content) truncate(size int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if size < c.size {
		c.drop(size)
	}
	c.size = size
	return nil
}

// drop gives up what lies beyond size.
func (c *content) drop(size int64) {
	keep, last := (size+chunkSize-1)/chunkSize, size/chunkSize
	for i, chunk := range c.chunks {
		if i >= keep {
			c.space.give(int64(len(chunk)))
			delete(c.chunks, i)
		}
	}
	if chunk := c.chunks[last]; int64(len(chunk)) > size%chunkSize {
		clear(chunk[size%chunkSize:])
	}
}

// free gives up everything.
func (c *content) free() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(0)
	c.size = 0
}

// allocate makes room for length bytes at offset and reports whether the content
// became longer. Returns nil, or ENOSPC: then it did not.
func (c *content) allocate(offset, length int64) (grown bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end := offset + length
	if length > c.space.left.Load()+c.taken() {
		return false, syscall.ENOSPC
	}
	for at := offset; at < end; at = (at/chunkSize + 1) * chunkSize {
		upTo := min(end-at/chunkSize*chunkSize, chunkSize)
		if _, err := c.grow(at/chunkSize, upTo, upTo); err != nil {
			c.drop(c.size)
			return false, err
		}
	}
	grown = end > c.size
	c.size = max(c.size, end)
	return grown, nil
}

// taken returns the room that the content takes.
func (c *content) taken() (n int64) {
	for _, chunk := range c.chunks {
		n += int64(len(chunk))
	}
	return n
}
