package wasmfile

import (
	"fmt"
	"unicode/utf8"
)

// A reader decodes a part of a binary. After its first error it stands at the
// end of the part and everything it reads is zero.
type reader struct {
	buf     []byte // the binary up to the end of the part
	pos     int
	section string
	err     error
}

// sub makes a reader for the next n bytes and skips them.
func (r *reader) sub(n int, section string) reader {
	end := r.pos + n
	s := reader{buf: r.buf[:end], pos: r.pos, section: section, err: r.err}
	r.pos = end
	return s
}

func (r *reader) fail(at int, format string, args ...any) {
	if r.err == nil {
		r.stop(&FormatError{Section: r.section, Offset: at, Reason: fmt.Sprintf(format, args...)})
	}
}

func (r *reader) stop(err error) {
	if r.err == nil {
		r.err = err
	}
	r.pos = len(r.buf)
}

func (r *reader) more() bool { return r.pos < len(r.buf) }

// finish reports an error for bytes that nothing has read.
func (r *reader) finish() error {
	if r.more() {
		r.fail(r.pos, "%d bytes follow its contents", len(r.buf)-r.pos)
	}
	return r.err
}

func (r *reader) truncated() { r.fail(len(r.buf), "unexpected end") }

func (r *reader) byte() byte {
	if r.pos >= len(r.buf) {
		r.truncated()
		return 0
	}
	b := r.buf[r.pos]
	r.pos++
	return b
}

func (r *reader) skip(n uint64) {
	if n > uint64(len(r.buf)-r.pos) {
		r.truncated()
		return
	}
	r.pos += int(n)
}

func (r *reader) u32() uint32 {
	if r.pos < len(r.buf) && r.buf[r.pos] < 0x80 {
		v := r.buf[r.pos]
		r.pos++
		return uint32(v)
	}
	return uint32(r.unsigned(32))
}

// unsigned reads an unsigned LEB128 number of at most the given bits.
func (r *reader) unsigned(bits uint) uint64 {
	start := r.pos
	var v uint64
	for shift := uint(0); ; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		if room := bits - shift; room < 7 && b>>room != 0 {
			r.fail(start, "number does not fit in %d bits", bits)
			return 0
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
}

// signed reads a signed LEB128 number of at most the given bits.
func (r *reader) signed(bits uint) int64 {
	start := r.pos
	var v int64
	for shift := uint(0); ; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		if room := bits - shift; room < 7 {
			// The bits beyond must repeat the sign and nothing may follow.
			if sign := int8(b<<1) >> room; b >= 0x80 || sign != 0 && sign != -1 {
				r.fail(start, "number does not fit in %d bits", bits)
				return 0
			}
		}
		v |= int64(b&0x7f) << shift
		if b < 0x80 {
			if shift += 7; b&0x40 != 0 && shift < 64 {
				v |= -1 << shift
			}
			return v
		}
	}
}

// count reads the number of elements that follow. Each takes at least a byte,
// so a larger number is an error before anything is allocated for it.
func (r *reader) count() int {
	at := r.pos
	n := r.u32()
	if uint64(n) > uint64(len(r.buf)-r.pos) {
		r.fail(at, "count %d is more than fits in the %d bytes left", n, len(r.buf)-r.pos)
		return 0
	}
	return int(n)
}

// bytes reads a length and that many bytes; the result aliases the binary.
func (r *reader) bytes() []byte {
	n := r.u32()
	start := r.pos
	r.skip(uint64(n))
	if r.err != nil {
		return nil
	}
	return r.buf[start:r.pos]
}

func (r *reader) name() string {
	at := r.pos
	b := r.bytes()
	if !utf8.Valid(b) {
		r.fail(at, "name is not UTF-8")
		return ""
	}
	return string(b)
}
