package wasmfile

import "github.com/gowasix/gowasix/wasix/abi"

// growFunction takes the place of memory.grow.
var growFunction = Import{HostModule, "memory_grow", signature(abi.ValueTypeI32)}

// growInstruction notes a memory.grow or another instruction on a memory.
func (d *decoder) growInstruction(r *reader, at int, b byte) {
	memory := d.memoryIndex(r)
	if b != opMemoryGrow || r.err != nil || !d.opts.HostGrow {
		return
	}
	if memory != 0 || len(d.memories) > 0 && d.memories[0].Is64 {
		d.wideGrow = true
	}
	d.edits = append(d.edits, edit{start: uint32(at), end: uint32(r.pos), kind: editGrow})
}

func isGrow(e edit) bool { return e.kind == editGrow }
