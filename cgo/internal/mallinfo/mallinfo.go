//go:build cgo && linux

// Package mallinfo tells tests how much C heap is in use, since cgo cannot be
// used in tests themselves.
package mallinfo

// #include <malloc.h>
// #include <stddef.h>
// // mallinfo2 came with glibc 2.33.
// static size_t in_use(void) { struct mallinfo2 m = mallinfo2(); return m.uordblks + m.hblkhd; }
import "C"

// InUse returns the bytes allocated from the C heap.
func InUse() int { return int(C.in_use()) }
