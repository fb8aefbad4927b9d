//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

import (
	"sync"
	"sync/atomic"
)

// Instances are known to C by handles: a slot in the low half, and in the high
// half how often the slot was used before. Looking one up takes no lock.
const (
	slotsPerChunk = 1 << 10
	maxChunks     = 1 << 12
)

type chunk [slotsPerChunk]atomic.Pointer[Instance]

var handles struct {
	chunks [maxChunks]atomic.Pointer[chunk]

	mu   sync.Mutex
	free []uint64 // the next handles of slots that were in use
	used uint32   // slots ever used
}

// newHandle enters in and sets its handle. It returns false when there are
// 2^22 instances.
func newHandle(in *Instance) bool {
	h := &handles
	h.mu.Lock()
	defer h.mu.Unlock()
	switch n := len(h.free); {
	case n > 0:
		in.handle = h.free[n-1]
		h.free = h.free[:n-1]
	case h.used == slotsPerChunk*maxChunks:
		return false
	default:
		in.handle = uint64(h.used)
		if h.used%slotsPerChunk == 0 {
			h.chunks[h.used/slotsPerChunk].Store(new(chunk))
		}
		h.used++
	}
	slotOf(in.handle).Store(in)
	return true
}

func freeHandle(in *Instance) {
	h := &handles
	h.mu.Lock()
	defer h.mu.Unlock()
	slotOf(in.handle).Store(nil)
	h.free = append(h.free, in.handle+1<<32)
}

// instanceOf returns the instance of a handle, nil if it was closed.
func instanceOf(handle uint64) *Instance {
	in := slotOf(handle).Load()
	if in == nil || in.handle != handle {
		return nil
	}
	return in
}

func slotOf(handle uint64) *atomic.Pointer[Instance] {
	slot := uint32(handle)
	return &handles.chunks[slot/slotsPerChunk].Load()[slot%slotsPerChunk]
}
