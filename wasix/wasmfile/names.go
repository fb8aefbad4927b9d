package wasmfile

// The subsections of the name section that have indices of functions.
const (
	namesFunctions = 1
	namesLocals    = 2
	namesLabels    = 3
)

// shiftNames appends the name section's subsections from r, with the functions
// from first on numbered n higher. An error says that the section is malformed,
// which does not make the binary so.
func shiftNames(out []byte, r *reader, first, n uint32) ([]byte, error) {
	var contents []byte
	for r.more() {
		id := r.byte()
		size := r.u32()
		if uint64(size) > uint64(len(r.buf)-r.pos) {
			r.truncated()
			break
		}
		names := r.sub(int(size), r.section)
		contents = contents[:0]
		switch id {
		case namesFunctions, namesLocals, namesLabels:
			contents = shiftNameMap(contents, &names, id != namesFunctions, first, n)
		default:
			contents = append(contents, names.buf[names.pos:]...)
			names.pos = len(names.buf)
		}
		if err := names.finish(); err != nil {
			return nil, err
		}
		out = append(out, id)
		out = appendBytes(out, contents)
	}
	return out, r.err
}

// shiftNameMap appends a map from functions to names or, if it is nested, to
// maps from numbers to names.
func shiftNameMap(out []byte, r *reader, nested bool, first, n uint32) []byte {
	count := r.count()
	out = appendU32(out, uint32(count))
	for range count {
		i := r.u32()
		if i >= first {
			i += n
		}
		out = appendU32(out, i)
		start := r.pos
		if nested {
			for range r.count() {
				r.u32()
				r.bytes()
			}
		} else {
			r.bytes()
		}
		out = append(out, r.buf[start:r.pos]...)
	}
	return out
}
