//go:build !unix

package wazero

// reserve returns n bytes of the Go heap, which systems without mmap back with
// memory when it is touched, at best.
func reserve(n uint64) ([]byte, error) { return make([]byte, n), nil }

func commit([]byte) error { return nil }

func release([]byte) error { return nil }
