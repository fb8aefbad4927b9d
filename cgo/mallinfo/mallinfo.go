//go:build cgo && linux

// Package mallinfo tells tests how much C heap is in use, since cgo cannot be
// used in tests themselves. A program that imports it has a single heap for all
// threads.
package mallinfo

// #include <malloc.h>
// #include <stddef.h>
// // mallinfo2 came with glibc 2.33. It tells of the main arena only.
// static size_t in_use(void) { struct mallinfo2 m = mallinfo2(); return m.uordblks + m.hblkhd; }
// static void one_arena(void) { mallopt(M_ARENA_MAX, 1); }
import "C"

func init() { C.one_arena() }

// InUse returns the bytes allocated from the C heap.
func InUse() int { return int(C.in_use()) }
