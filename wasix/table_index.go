package wasix

import (
	"slices"
	"sync"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// instructions are the imports that [wasmfile.Rewrite] puts in the place of
// instructions, or between them.
var instructions = []abi.Function{
	{Module: wasmfile.HostModule, Name: "checkpoint"},
	{
		Module: wasmfile.HostModule, Name: "signal_ignored",
		Params: []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI32}, ParamNames: []string{"signal", "callable"},
		Results: []abi.ValueType{abi.ValueTypeI32},
	},
	{
		Module: wasmfile.HostModule, Name: "memory_grow",
		Params: []abi.ValueType{abi.ValueTypeI32}, ParamNames: []string{"pages"},
		Results: []abi.ValueType{abi.ValueTypeI32},
	},
	{
		Module: wasmfile.HostModule, Name: "memory_atomic_notify",
		Params:     []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI32, abi.ValueTypeI32},
		ParamNames: []string{"addr", "count", "offset"},
		Results:    []abi.ValueType{abi.ValueTypeI32},
	},
	{
		Module: wasmfile.HostModule, Name: "memory_atomic_wait32",
		Params:     []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI32, abi.ValueTypeI64, abi.ValueTypeI32},
		ParamNames: []string{"addr", "expected", "timeout", "offset"},
		Results:    []abi.ValueType{abi.ValueTypeI32},
	},
	{
		Module: wasmfile.HostModule, Name: "memory_atomic_wait64",
		Params:     []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI64, abi.ValueTypeI64, abi.ValueTypeI32},
		ParamNames: []string{"addr", "expected", "timeout", "offset"},
		Results:    []abi.ValueType{abi.ValueTypeI32},
	},
}

// index is the table, joined with the signatures of package abi.
var index struct {
	once     sync.Once
	syscalls []*Syscall
	byImport map[importKey]*Syscall
	byName   map[string][]*Syscall // by module and name: "wasix_32v1.sock_listen"
	modules  []string              // that programs import from
}

// importKey identifies an import; the signature is in the text format.
type importKey struct{ name, signature string }

// Syscalls returns the system call table, grouped by family: one element for
// each import that a binary may have. The elements are shared and must not be
// changed. It may be called concurrently.
func Syscalls() []*Syscall {
	index.once.Do(buildIndex)
	return slices.Clone(index.syscalls)
}

func buildIndex() {
	functions := make(map[string][]abi.Function)
	for _, f := range slices.Concat(abi.Functions, instructions) {
		functions[f.Name] = append(functions[f.Name], f)
	}
	index.byImport = make(map[importKey]*Syscall)
	index.byName = make(map[string][]*Syscall)
	for _, fam := range families() {
		for _, r := range fam.rows {
			for _, f := range functions[r.name] {
				addToIndex(fam.name, r, f)
			}
		}
	}
	slices.Sort(index.modules)
	index.modules = slices.Compact(index.modules)
}

// addToIndex gives f the row r, if that fits and no earlier row did.
func addToIndex(family string, r row, f abi.Function) {
	signature := wasmfile.Signature{Params: f.Params, Results: f.Results}
	name := f.Module + "." + f.Name
	key := importKey{name, signature.String()}
	if !r.fits(f) || index.byImport[key] != nil {
		return
	}
	s := &Syscall{
		Module: f.Module, Name: f.Name, Family: family, Signature: signature, ParamNames: f.ParamNames,
		Support: r.support, Note: r.note, do: r.do, raw: r.raw, rewinds: r.rewinds, leaves: r.leaves,
	}
	if s.do == nil && s.raw == nil {
		s.do, s.raw = unsupported(f)
	}
	index.syscalls = append(index.syscalls, s)
	index.byImport[key] = s
	index.byName[name] = append(index.byName[name], s)
	if f.Module != wasmfile.HostModule {
		index.modules = append(index.modules, f.Module)
	}
}

func (r *row) fits(f abi.Function) bool {
	return (r.module == "" || r.module == f.Module) && (r.params == "" || r.params == valueTypes(f.Params, " "))
}

// unsupported returns what a call without handler does: it answers ENOSYS.
// Where there is no result to put that in, the call has no effect; but a call
// that the guest does not expect to come back ends it with a trap.
func unsupported(f abi.Function) (handler, func(*Thread, []uint64)) {
	if !f.NoReturn {
		return noSys, nil
	}
	message := "unsupported system call " + f.Module + "." + f.Name
	return nil, func(t *Thread, _ []uint64) { t.trap(message) }
}

func noSys(*Thread, []uint64) abi.Errno { return abi.ENOSYS }
