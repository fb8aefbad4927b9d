package wasixtest

import (
	"sync/atomic"
	"unsafe"
)

// loadUint32 loads the first number of a memory that guest threads change.
func loadUint32(memory []byte) uint32 {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&memory[:4][0])))
}
