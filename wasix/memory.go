package wasix

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
)

// maxIovecs is Linux's IOV_MAX.
const maxIovecs = 1024

// bytes returns the n bytes of guest memory at ptr, false when any lies outside.
func (t *Thread) bytes(ptr uint32, n uint64) ([]byte, bool) {
	end := uint64(ptr) + n
	if n > uint64(len(t.mem)) || end > uint64(len(t.mem)) {
		return nil, false
	}
	return t.mem[ptr:end:end], true
}

// iovecs returns the buffers that count iovec (or ciovec) structures at ptr
// describe. The result is scratch space of the thread, good until the next call
// of iovecs. Returns ESUCCESS except:
//   - EINVAL: count is over [maxIovecs]
//   - EFAULT: the structures, or a buffer, lie outside memory
func (t *Thread) iovecs(ptr, count uint32) ([][]byte, abi.Errno) {
	if count > maxIovecs {
		return nil, abi.EINVAL
	}
	raw, ok := t.bytes(ptr, uint64(count)*abi.SizeofIovec)
	if !ok {
		return nil, abi.EFAULT
	}
	iovs := t.iovs[:0]
	for ; len(raw) > 0; raw = raw[abi.SizeofIovec:] {
		buf := binary.LittleEndian.Uint32(raw[abi.OffsetofIovecBuf:])
		n := binary.LittleEndian.Uint32(raw[abi.OffsetofIovecBufLen:])
		b, ok := t.bytes(buf, uint64(n))
		if !ok {
			return nil, abi.EFAULT
		}
		iovs = append(iovs, b)
	}
	t.iovs = iovs
	return iovs, abi.ESUCCESS
}

// inMemory reports whether n bytes at ptr lie inside memory.
func (t *Thread) inMemory(ptr uint32, n uint64) bool {
	_, ok := t.bytes(ptr, n)
	return ok
}

// putUint8 stores v at ptr; false when that lies outside memory.
func (t *Thread) putUint8(ptr uint32, v uint8) bool {
	b, ok := t.bytes(ptr, 1)
	if ok {
		b[0] = v
	}
	return ok
}

// putUint16 stores v at ptr; false when that lies outside memory.
func (t *Thread) putUint16(ptr uint32, v uint16) bool {
	b, ok := t.bytes(ptr, 2)
	if ok {
		binary.LittleEndian.PutUint16(b, v)
	}
	return ok
}

// putUint32 stores v at ptr; false when that lies outside memory.
func (t *Thread) putUint32(ptr uint32, v uint32) bool {
	b, ok := t.bytes(ptr, 4)
	if ok {
		binary.LittleEndian.PutUint32(b, v)
	}
	return ok
}

// putUint64 stores v at ptr; false when that lies outside memory.
func (t *Thread) putUint64(ptr uint32, v uint64) bool {
	b, ok := t.bytes(ptr, 8)
	if ok {
		binary.LittleEndian.PutUint64(b, v)
	}
	return ok
}

// uint32At loads the value at ptr; false when that lies outside memory.
func (t *Thread) uint32At(ptr uint32) (uint32, bool) {
	b, ok := t.bytes(ptr, 4)
	if !ok {
		return 0, false
	}
	return binary.LittleEndian.Uint32(b), true
}
