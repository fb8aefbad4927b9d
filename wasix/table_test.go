package wasix

import (
	"slices"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

// Each import that package abi or the rewriter knows has exactly one row, and
// the row has its signature.
func TestTableCoversABI(t *testing.T) {
	known := make(map[importKey]bool)
	for _, f := range slices.Concat(abi.Functions, instructions) {
		known[importKey{f.Module + "." + f.Name, "(" + valueTypes(f.Params, ", ") + ") -> " + resultText(f.Results)}] = true
	}
	listed := make(map[importKey]bool)
	for _, s := range Syscalls() {
		key := importKey{s.Module + "." + s.Name, s.Signature.String()}
		switch {
		case !known[key]:
			t.Errorf("%s %s is not in the ABI", key.name, key.signature)
		case listed[key]:
			t.Errorf("%s %s is there twice", key.name, key.signature)
		}
		listed[key] = true
	}
	for key := range known {
		if !listed[key] {
			t.Errorf("no row for %s %s", key.name, key.signature)
		}
	}
}

func resultText(results []abi.ValueType) string {
	if len(results) == 1 {
		return results[0].String()
	}
	return "()"
}

// Each row is the row of some import: a misspelt name, module or signature, or
// a row behind one that takes all its imports, fails.
func TestTableRowsAreUsed(t *testing.T) {
	taken := make(map[importKey]bool)
	for _, fam := range families() {
		if len(fam.rows) == 0 {
			t.Errorf("family %s has no rows", fam.name)
		}
		for _, r := range fam.rows {
			used := false
			for _, f := range slices.Concat(abi.Functions, instructions) {
				key := importKey{f.Module + "." + f.Name, valueTypes(f.Params, " ") + resultText(f.Results)}
				if f.Name == r.name && r.fits(f) && !taken[key] {
					taken[key], used = true, true
				}
			}
			if !used {
				t.Errorf("%s: row %+v fits no import", fam.name, r)
			}
		}
	}
}

func TestTableSupportAgreesWithHandlers(t *testing.T) {
	for _, fam := range families() {
		for _, r := range fam.rows {
			if r.do != nil && r.raw != nil {
				t.Errorf("%s has two handlers", r.name)
			}
			if has := r.do != nil || r.raw != nil; has != (r.support != Unsupported) {
				t.Errorf("%s is %v, and has a handler: %v", r.name, r.support, has)
			}
			if r.support == Partial && r.note == "" {
				t.Errorf("%s is partly supported; the note does not say what is missing", r.name)
			}
		}
	}
	for _, s := range Syscalls() {
		if (s.do == nil) == (s.raw == nil) {
			t.Errorf("%s.%s needs one handler", s.Module, s.Name)
		}
		if s.do != nil && len(s.Signature.Results) == 1 && s.Signature.Results[0] != abi.ValueTypeI32 {
			t.Errorf("%s.%s returns %v, which is no errno", s.Module, s.Name, s.Signature.Results[0])
		}
	}
}

func TestSyscallsIsACopy(t *testing.T) {
	first := Syscalls()[0]
	Syscalls()[0] = nil
	if Syscalls()[0] != first {
		t.Error("a caller changed the table")
	}
}
