package wasmfile_test

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

var everything = wasmfile.RewriteOptions{Unshare: true, HostFutex: true, Checkpoints: true, IgnoredSignals: true, Unwrap: true, Casts: true, HostGrow: true}

func addSeeds(f *testing.F) {
	f.Add(wasm())
	f.Add(surroundings(op(nop, end)))
	f.Add(immediatesProgram(op(simd, 0x15, 3)))
	f.Add(immediatesProgram(op(0x1f, 0x40, 1, 2, 0, end)))
	elements := sec(9, cat(u(6), u(0), konst(0), op(end, funcref), vec(op(refFunc, 1, end), op(refFunc, 3, end))))
	f.Add(cat(program{tables: oneTable, start: rawSec(8, u(5)), elements: elements, run: indirect(1)}.binary(),
		customSec("name", rawSec(1, vec(cat(u(2), str("two")))), rawSec(2, vec(cat(u(4), vec(cat(u(0), str("x")))))))))
	f.Add(wasm(sec(1, op(0x4e, 2, 0x50, 0, 0x5f, 1, 0x78, 1, 0x4f, 1, 0, 0x60, 1, 0x64, 0, 0))))
	f.Add(wasm(sec(1, functype(2, 1)), sec(2, importOf("a", "b", 0, 0), importOf("env", "memory", 2, 3, 1, 2)),
		sec(7, exportOf("f", 0, 0), exportOf("m", 2, 0))))
}

// FuzzRead has the reader take anything, in memory that is no more than a
// multiple of the input.
func FuzzRead(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := wasmfile.Read(in)
		runtime.ReadMemStats(&after)
		if used, limit := after.TotalAlloc-before.TotalAlloc, uint64(64<<10+256*len(in)); used > limit {
			t.Errorf("%d bytes allocated for %d of input", used, len(in))
		}
		var format *wasmfile.FormatError
		if err != nil && !errors.Is(err, wasmfile.ErrNotWasm) && !errors.Is(err, wasmfile.ErrComponent) && !errors.As(err, &format) {
			t.Errorf("error of no documented kind: %v", err)
		}
	})
}

// FuzzInstructions has the reader keep code from an engine that the engine
// panics on.
func FuzzInstructions(f *testing.F) {
	f.Add([]byte{nop, end})
	f.Add([]byte{unreachable, 0x1f, blockVoid, 1, 2, 0, end, end})
	f.Add([]byte{0x1f, 0, end}) // truncated: the engine panics
	f.Add([]byte{loop, blockVoid, unreachable, 0x0e, 1, 0, 0, end, end})
	f.Add(cat(konst(-1), konst(0x7fffffff), notify, op(drop, simd, 0x0c), make([]byte, 16), op(drop, end)))
	r := newRuntime(f)
	f.Fuzz(func(t *testing.T, code []byte) {
		in := surroundings(code)
		if _, err := wasmfile.Read(in); err != nil {
			return
		}
		if err := compiles(r, in); errors.Is(err, errPanic) {
			t.Errorf("the reader accepts it, %v", err)
		}
	})
}

// FuzzRewrite has the output be what the reader and, if it took the input, the
// engine accept.
func FuzzRewrite(f *testing.F) {
	addSeeds(f)
	f.Add(computing())
	f.Add(signalling(0))
	f.Add(pointers(cat(konst(9), konst(1), op(callIndirect, 5, 0)), twoSegments...))
	r := newRuntime(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		kept := bytes.Clone(in)
		out, err := wasmfile.Rewrite(in, everything)
		if !bytes.Equal(in, kept) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			return
		}
		info, err := wasmfile.Read(out)
		if err != nil {
			t.Fatalf("output: %v", err)
		}
		if info.AtomicWait || info.Memory != nil && info.Memory.Shared {
			t.Error("the output still needs what was to be replaced")
		}
		if bytes.Equal(in, out) || compiles(r, in) != nil {
			return
		}
		if err := compiles(r, out); err != nil {
			t.Errorf("the engine compiles the input, but of the output it says %v\n% x", err, out)
		}
	})
}
