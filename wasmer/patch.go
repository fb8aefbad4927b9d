//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package wasmer

import stdbinary "encoding/binary"

// preamble is the length of what precedes the sections.
const preamble = 8

// The ids of the sections that patch changes.
const (
	sectionMemory = 5
	sectionExport = 7
	sectionStart  = 8
)

// startExport is the name under which patch exports a start function.
const startExport = "gowasix start"

// patch changes what concerns a memory of the binary's own, which an instance
// makes: its maximum becomes the limit, and the start function an export that is
// called when the instance, and so its memory, is there for system calls to use.
// The binary is known to be well-formed.
func (b *binary) patch(limit uint64) {
	m := b.info.Memory
	if m == nil || m.Imported {
		return
	}
	limited := m.Max*pageSize > limit
	b.callStart = b.info.HasStart
	if limited || b.callStart {
		p := patcher{
			in: b.code[preamble:], out: append([]byte(nil), b.code[:preamble]...),
			limit: limit / pageSize, limited: limited, start: b.callStart,
		}
		b.code = p.sections()
	}
}

type patcher struct {
	in, out []byte
	limit   uint64 // of memory, in pages
	limited bool
	start   bool
	exports []byte // contents of the export section, which comes before the start section
}

func (p *patcher) sections() []byte {
	for len(p.in) > 0 {
		id := p.in[0]
		p.in = p.in[1:]
		size := p.number()
		contents := p.in[:size]
		p.in = p.in[size:]
		switch {
		case id == sectionMemory && p.limited:
			contents = p.memory(contents)
		case id == sectionExport && p.start:
			p.exports = contents
			continue
		case id == sectionStart && p.start:
			id, contents = sectionExport, p.exportStart(contents)
		}
		p.section(id, contents)
	}
	return p.out
}

func (p *patcher) section(id byte, contents []byte) {
	p.out = stdbinary.AppendUvarint(append(p.out, id), uint64(len(contents)))
	p.out = append(p.out, contents...)
}

// number reads a number from the input.
func (p *patcher) number() uint64 {
	v, n := stdbinary.Uvarint(p.in)
	p.in = p.in[n:]
	return v
}

// memory returns a memory section, of one memory, with the limit as its maximum.
func (p *patcher) memory(contents []byte) []byte {
	const hasMax = 1
	_, count := stdbinary.Uvarint(contents)
	flags, n := stdbinary.Uvarint(contents[count:])
	pages, _ := stdbinary.Uvarint(contents[count+n:])
	out := stdbinary.AppendUvarint([]byte{1}, flags|hasMax)
	out = stdbinary.AppendUvarint(out, pages)
	return stdbinary.AppendUvarint(out, p.limit)
}

// exportStart returns the export section with the function of the start
// section.
func (p *patcher) exportStart(start []byte) []byte {
	if p.exports == nil {
		p.exports = []byte{0}
	}
	count, n := stdbinary.Uvarint(p.exports)
	out := stdbinary.AppendUvarint(nil, count+1)
	out = append(out, p.exports[n:]...)
	out = stdbinary.AppendUvarint(out, uint64(len(startExport)))
	out = append(out, startExport...)
	return append(append(out, 0), start...)
}
