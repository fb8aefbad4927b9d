package wasix

import (
	"sync/atomic"
	"unsafe"
)

// atomicUint32 loads the first four bytes of b, which other guest threads may
// be changing. b must be aligned to four bytes, as guest memory is at any
// address that is a multiple of four.
func atomicUint32(b []byte) uint32 {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&b[:4][0])))
}

// atomicUint64 is atomicUint32 for eight bytes.
func atomicUint64(b []byte) uint64 {
	return atomic.LoadUint64((*uint64)(unsafe.Pointer(&b[:8][0])))
}

// view returns b as a string that is good until b changes.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
