package wazero

import (
	"context"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

const preamble = "\x00asm\x01\x00\x00\x00"

// function is a module with one function () -> () of the given body.
func function(body string) string {
	code := "\x00" + body + "\x0b"
	return preamble + "\x01\x04\x01\x60\x00\x00" + "\x03\x02\x01\x00" +
		"\x0a" + string(rune(len(code)+2)) + "\x01" + string(rune(len(code))) + code
}

// usesOf are small modules, each of which uses a proposal.
var usesOf = map[wasmfile.Features]string{
	wasmfile.FeatureMultiMemory:      preamble + "\x05\x05\x02\x00\x01\x00\x01",
	wasmfile.FeatureMemory64:         preamble + "\x05\x03\x01\x04\x01",
	wasmfile.FeatureGC:               preamble + "\x01\x03\x01\x5f\x00",
	wasmfile.FeatureLegacyExceptions: function("\x06\x40\x19\x0b"),                                 // try catch_all end
	wasmfile.FeatureWideArithmetic:   function("\x42\x01\x42\x01\x42\x01\x42\x01\xfc\x13\x1a\x1a"), // i64.add128
	wasmfile.FeatureRelaxedSIMD:      function("\x41\x00\xfd\x0f\x41\x00\xfd\x0f\xfd\x80\x02\x1a"), // i8x16.relaxed_swizzle
	wasmfile.FeatureExceptions:       function("\x1f\x40\x00\x0b"),                                 // try_table
	wasmfile.FeatureTailCall:         function("\x12\x00"),                                         // return_call
	wasmfile.FeatureExtendedConst:    preamble + "\x06\x09\x01\x7f\x00\x41\x01\x41\x01\x6a\x0b",    // a global of 1 + 1
	wasmfile.FeatureSIMD:             function("\x41\x00\xfd\x0f\x1a"),                             // i8x16.splat
	wasmfile.FeatureThreads:          preamble + "\x05\x04\x01\x03\x01\x01",                        // a shared memory
	wasmfile.FeatureMultiValue:       preamble + "\x01\x06\x01\x60\x00\x02\x7f\x7f",                // a type
	wasmfile.FeatureReferenceTypes:   preamble + "\x06\x06\x01\x6f\x00\xd0\x6f\x0b",                // an externref
}

// Lacking is what wazero itself refuses.
func TestLackingFeatures(t *testing.T) {
	for feature, wasm := range usesOf {
		info, err := wasmfile.Read([]byte(wasm))
		if err != nil || !info.Features.Has(feature) {
			t.Errorf("%v: %v, %v", feature, info, err)
			continue
		}
		_, refused := newRuntime(t.Context(), nil).CompileModule(context.Background(), []byte(wasm))
		if lacks := info.Features&Lacking != 0; lacks != (refused != nil) {
			t.Errorf("%v is lacking: %v, wazero says: %v", feature, lacks, refused)
		}
		if err := checkFeatures(info.Features); (err != nil) != (feature&Lacking != 0) {
			t.Errorf("%v: %v", feature, err)
		}
	}
}

func TestCompileTellsWhatIsLacking(t *testing.T) {
	e, err := NewEngine(WithoutCache())
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Compile(t.Context(), []byte(usesOf[wasmfile.FeatureGC]))
	if err == nil || !strings.Contains(err.Error(), "uses gc, which wazero does not have") {
		t.Error(err)
	}
}
