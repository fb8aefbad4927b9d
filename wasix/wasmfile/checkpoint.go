package wasmfile

import "slices"

// CheckpointInterval is how many turns of loops and calls lie between two calls
// of checkpoint: enough that the call costs nothing in comparison, and no more
// than a few milliseconds for bodies of some hundred instructions.
const CheckpointInterval = 1 << 14

// checkpointFunction has neither parameters nor results.
var checkpointFunction = Import{Module: HostModule, Name: "checkpoint"}

// checkpoint notes that one goes to position at, before the edits from number
// before on.
func (d *decoder) checkpoint(at, before int) {
	if d.opts.Checkpoints {
		e := edit{start: uint32(at), end: uint32(at), kind: editCheckpoint}
		d.edits = slices.Insert(d.edits, before, e)
	}
}

// dropCheckpoints is for a binary that has them already.
func (d *decoder) dropCheckpoints() {
	d.opts.Checkpoints = false
	d.edits = slices.DeleteFunc(d.edits, isCheckpoint)
}

func (d *decoder) hasCheckpoints() bool { return slices.ContainsFunc(d.edits, isCheckpoint) }

func isCheckpoint(e edit) bool { return e.kind == editCheckpoint }

// rewrites reports whether anything is to be edited.
func (d *decoder) rewrites() bool {
	return d.opts.HostFutex && d.info.AtomicWait || d.hasCheckpoints() || d.hasHandlers() ||
		d.unwraps || len(d.cast.types) > 0 || slices.ContainsFunc(d.edits, isGrow)
}

func (i *Info) imports(f Import) bool {
	return slices.ContainsFunc(i.Functions, func(im Import) bool {
		return im.Module == f.Module && im.Name == f.Name
	})
}

// checkpointCode counts global counter down and calls function check at zero.
func checkpointCode(counter, check uint32) []byte {
	const (
		blockEmpty = 0x40
		opI32Eqz   = 0x45
		opI32Sub   = 0x6b
	)
	out := appendU32([]byte{opGlobalGet}, counter)
	out = append(out, opI32Const, 1, opI32Sub)
	out = appendU32(append(out, opGlobalSet), counter)
	out = appendU32(append(out, opGlobalGet), counter)
	out = append(out, opI32Eqz, opIf, blockEmpty)
	out = appendS32(append(out, opI32Const), CheckpointInterval)
	out = appendU32(append(out, opGlobalSet), counter)
	out = appendU32(append(out, opCall), check)
	return append(out, opEnd)
}
