//go:build unix

package wazero

import "golang.org/x/sys/unix"

// reserve returns n bytes of address space that may not be touched yet. They
// count as used memory only page by page, after commit, when touched.
func reserve(n uint64) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	return unix.Mmap(-1, 0, int(n), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
}

// commit makes a part of what reserve returned readable and writable.
func commit(b []byte) error {
	return unix.Mprotect(b, unix.PROT_READ|unix.PROT_WRITE)
}

// release gives back all that reserve returned.
func release(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	return unix.Munmap(b)
}
