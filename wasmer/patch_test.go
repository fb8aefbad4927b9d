//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package wasmer

import (
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// FuzzPatch checks that a patched binary is one still, with the limit and
// without a start function.
func FuzzPatch(f *testing.F) {
	plain := wasixtest.Module{
		Memory: &wasmfile.MemoryInfo{Min: 1, Max: 9, HasMax: true, Export: "memory"},
		Functions: []wasixtest.Function{
			{Export: "start"},
			{Export: "f", Signature: wasmfile.Signature{Results: []abi.ValueType{abi.ValueTypeI32}}, Body: wasixtest.MemorySize},
		},
	}
	started := plain
	started.Start = "start"
	f.Add(plain.Binary())
	f.Add(started.Binary())
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00" +
		"\x05\x05\x81\x00\x80\x00\x01\x08\x01\x00\x0a\x04\x01\x02\x00\x0b"))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		info, err := wasmfile.Read(wasm)
		const limit = 5
		if err != nil || checkFeatures(info.Features) != nil || checkMemory(info.Memory, limit*pageSize) != nil {
			return
		}
		b := &binary{info: info, code: wasm}
		b.patch(limit * pageSize)
		after, err := wasmfile.Read(b.code)
		if err != nil {
			t.Fatal(err)
		}
		own := info.Memory != nil && !info.Memory.Imported
		if own && (after.Memory.Max > limit || after.Memory.Min != info.Memory.Min || after.HasStart) {
			t.Errorf("memory %+v, was %+v; start %v", after.Memory, info.Memory, after.HasStart)
		}
		if want := len(info.Exports); b.callStart && len(after.Exports) != want+1 {
			t.Errorf("%d exports, were %d", len(after.Exports), want)
		}
	})
}
