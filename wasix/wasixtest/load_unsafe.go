package wasixtest

import (
	"sync/atomic"
	"unsafe"
)

// loadUint32 loads the first number of a memory that guest threads change.
func loadUint32(memory []byte) uint32 {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&memory[:4][0])))
}

// storeUint32 stores what loadUint32 loads.
func storeUint32(memory []byte, v uint32) {
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&memory[:4][0])), v)
}
