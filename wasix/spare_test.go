package wasix

import (
	"bytes"
	"testing"
)

// closingMemory tells that it was closed.
type closingMemory struct {
	fakeMemory
	closed bool
}

func (m *closingMemory) Close() error {
	m.closed = true
	return nil
}

func newClosingMemory(size int) *closingMemory {
	return &closingMemory{fakeMemory: bytes.Repeat([]byte{'?'}, size)}
}

// A memory is taken again by a program of the same module and the right size, and
// nothing is left in it.
func TestSparesAreTaken(t *testing.T) {
	var s spares
	mod, other := &fakeModule{}, &fakeModule{exports: map[string]func(*Thread, []uint64) (uint64, error){}}
	small, large := newClosingMemory(wasmPageSize), newClosingMemory(3*wasmPageSize)
	s.put(mod, small)
	s.put(mod, large)
	for _, c := range []struct {
		mod      Module
		min, max uint64
		want     Memory
	}{
		{other, 0, 1 << 20, nil},
		{mod, 2 * wasmPageSize, 2 * wasmPageSize, nil},
		{mod, wasmPageSize, 3 * wasmPageSize, large},
		{mod, wasmPageSize, 3 * wasmPageSize, small},
		{mod, wasmPageSize, 3 * wasmPageSize, nil},
	} {
		if got := s.take(c.mod, c.min, c.max); got != c.want {
			t.Errorf("%d to %d: %T", c.min, c.max, got)
		}
	}
	for _, m := range []*closingMemory{small, large} {
		if m.closed || len(bytes.Trim(m.Bytes(), "\x00")) != 0 {
			t.Errorf("of %d bytes: closed %v, or not zero", len(m.Bytes()), m.closed)
		}
	}
}

// No more is kept than is allowed, the oldest goes first, and nothing stays open.
func TestSparesAreClosed(t *testing.T) {
	var s spares
	mod := &fakeModule{}
	var all []*closingMemory
	for range maxSpares + 2 {
		all = append(all, newClosingMemory(wasmPageSize))
		s.put(mod, all[len(all)-1])
	}
	for i, m := range all {
		if m.closed != (i < 2) {
			t.Errorf("number %d: closed %v", i, m.closed)
		}
	}
	large := &closingMemory{fakeMemory: make([]byte, maxSpare/2+wasmPageSize)}
	if s.put(mod, large); !large.closed {
		t.Error("one that is too large is kept")
	}
	s.close()
	late := newClosingMemory(wasmPageSize)
	if s.put(mod, late); late.Bytes()[0] == 0 {
		t.Error("what nobody will take is cleared")
	}
	for i, m := range append(all, late) {
		if !m.closed {
			t.Errorf("number %d is open in the end", i)
		}
	}
}

func TestCopyMemory(t *testing.T) {
	const size, fresh = 4 * copyUnit, 2 * copyUnit
	from, to := make([]byte, size), make([]byte, size)
	copy(from, "text")
	from[size-1] = 1
	copy(to[copyUnit:], "left by data segments")
	if copyMemory(to, from, fresh); !bytes.Equal(to, from) {
		t.Error("the copy differs")
	}
}
