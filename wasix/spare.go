package wasix

import (
	"bytes"
	"sync"
)

const (
	// maxSpare bounds the bytes that memories of ended processes take until the
	// next processes use them.
	maxSpare = 128 << 20
	// maxSpares bounds their number: each has a reservation of address space.
	maxSpares = 8
)

// spares are memories that processes of a tree have left, all zero. The kernel need
// not make their pages anew, which costs more than copying what they are to hold.
type spares struct {
	mu     sync.Mutex
	closed bool
	bytes  uint64
	list   []spare // oldest first
}

type spare struct {
	module Module
	memory Memory
	size   uint64
}

// take returns a memory for instances of mod that has min bytes at least and max at
// most, nil when there is none; of several, the largest.
func (s *spares) take(mod Module, min, max uint64) Memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	best := -1
	for i, sp := range s.list {
		if sp.module == mod && sp.size >= min && sp.size <= max && (best < 0 || sp.size > s.list[best].size) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	return s.remove(best).memory
}

// put keeps a memory that nobody uses any more, or closes it.
func (s *spares) put(mod Module, m Memory) {
	size := uint64(len(m.Bytes()))
	if size > maxSpare/2 || s.isClosed() {
		_ = m.Close()
		return
	}
	clearMemory(m.Bytes())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = m.Close()
		return
	}
	for len(s.list) == maxSpares || s.bytes+size > maxSpare {
		_ = s.remove(0).memory.Close()
	}
	s.bytes += size
	s.list = append(s.list, spare{mod, m, size})
}

func (s *spares) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// remove takes out number i. s.mu is held.
func (s *spares) remove(i int) spare {
	sp := s.list[i]
	s.list = append(s.list[:i], s.list[i+1:]...)
	s.bytes -= sp.size
	return sp
}

func (s *spares) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for len(s.list) > 0 {
		_ = s.remove(0).memory.Close()
	}
}

// copyUnit is how much of a memory is looked at at once: a page of the host, as
// only those that are not all zero need to be there.
const copyUnit = 4096

var zeroUnit [copyUnit]byte

// clearMemory makes all bytes zero. Pages that are zero are not written to.
func clearMemory(mem []byte) {
	for at := 0; at < len(mem); at += copyUnit {
		if page := mem[at : at+copyUnit]; !bytes.Equal(page, zeroUnit[:]) {
			clear(page)
		}
	}
}

// copyMemory makes to, which is as long, a copy of from. From fresh on it was never
// touched, and is not where from is zero; before, what is zero in both is not written to.
func copyMemory(to, from []byte, fresh int) {
	for at := 0; at < len(from); at += copyUnit {
		src, dst := from[at:at+copyUnit], to[at:at+copyUnit]
		if !bytes.Equal(src, zeroUnit[:]) || at < fresh && !bytes.Equal(dst, zeroUnit[:]) {
			copy(dst, src)
		}
	}
}
