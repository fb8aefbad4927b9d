package virtual

import (
	"encoding/binary"
	"math/rand/v2"
)

// random is where a stack's random numbers come from, one with each packet. It has
// no lock, unlike the netstack's own source, which is one for the process: a packet
// that waits there keeps its connection locked, and the goroutine that is to handle
// what arrives for that connection tries over and over.
type random struct{}

// Read fills p; it never fails.
func (random) Read(p []byte) (int, error) {
	var b [8]byte
	for n := 0; n < len(p); n += len(b) {
		binary.NativeEndian.PutUint64(b[:], rand.Uint64())
		copy(p[n:], b[:])
	}
	return len(p), nil
}
