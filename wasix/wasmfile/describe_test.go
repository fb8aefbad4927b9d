package wasmfile_test

import (
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// exporting is what a binary that exports functions of the given names says.
func exporting(names ...string) *wasmfile.Info {
	info := &wasmfile.Info{Exports: map[string]wasmfile.Signature{}}
	for _, name := range names {
		info.Exports[name] = wasmfile.Signature{}
	}
	return info
}

func TestKind(t *testing.T) {
	library := exporting("_initialize")
	library.CustomSections = []string{"dylink.0"}
	program := exporting("_start")
	program.CustomSections = []string{"dylink.0"}
	object := exporting()
	object.CustomSections = []string{"linking", "reloc.CODE"}
	cases := []struct {
		info *wasmfile.Info
		want wasmfile.Kind
	}{
		{object, wasmfile.Object},
		{exporting("_start", "_initialize"), wasmfile.Command},
		{exporting("_initialize"), wasmfile.Reactor},
		{library, wasmfile.Library},
		{program, wasmfile.Command},
		{exporting("main"), wasmfile.Unknown},
	}
	for _, c := range cases {
		if got := c.info.Kind(); got != c.want {
			t.Errorf("%v %v: %s, want %s", c.info.Exports, c.info.CustomSections, got, c.want)
		}
	}
}

func TestThreadEntry(t *testing.T) {
	for _, name := range []string{"wasi_thread_start", "_start_thread", ""} {
		if got := exporting("_start", name).ThreadEntry(); got != name {
			t.Errorf("%q, want %q", got, name)
		}
	}
}

func TestAbilities(t *testing.T) {
	some := exporting("asyncify_start_unwind", "asyncify_stop_unwind", "asyncify_get_state")
	all := exporting("asyncify_start_unwind", "asyncify_stop_unwind", "asyncify_start_rewind",
		"asyncify_stop_rewind", "__wasm_signal")
	all.CustomSections = []string{"name", ".debug_line"}
	if some.Asyncify() || some.HandlesSignals() || some.HasDebugInfo() {
		t.Error("abilities without the exports and sections for them")
	}
	if !all.Asyncify() || !all.HandlesSignals() || !all.HasDebugInfo() {
		t.Error("an ability is not seen")
	}
}

func TestSignatureString(t *testing.T) {
	one := []abi.ValueType{abi.ValueTypeI32}
	two := []abi.ValueType{abi.ValueTypeI64, abi.ValueTypeV128}
	cases := map[string]wasmfile.Signature{
		"() -> ()":             {},
		"(i32) -> i32":         {Params: one, Results: one},
		"(i64, v128) -> ()":    {Params: two},
		"(i32) -> (i64, v128)": {Params: one, Results: two},
	}
	for want, s := range cases {
		if got := s.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
