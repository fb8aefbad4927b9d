package wasix

import "golang.org/x/sys/unix"

// adviseHuge has the kernel use large pages for memory that a guest asked for at
// once: a fault for each of 4 KiB costs more than what a guest does with it, and
// a fork takes them all.
func adviseHuge(mem []byte) { _ = unix.Madvise(mem, unix.MADV_HUGEPAGE) }
