//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

import "sync/atomic"

// refs counts who needs an object: its owner until Close, and each object made
// from it. The last one frees it.
type refs struct {
	n      atomic.Int32
	closed atomic.Bool
	free   func()
}

func (r *refs) init(free func()) {
	r.free = free
	r.n.Store(1)
}

// acquire adds a reference. It returns false when the owner has closed the object.
func (r *refs) acquire() bool {
	for {
		n := r.n.Load()
		if n == 0 || r.closed.Load() {
			return false
		}
		if r.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (r *refs) release() {
	if r.n.Add(-1) == 0 {
		r.free()
	}
}

// close drops the owner's reference, once.
func (r *refs) close() {
	if r.closed.CompareAndSwap(false, true) {
		r.release()
	}
}
