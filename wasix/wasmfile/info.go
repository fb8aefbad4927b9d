// Package wasmfile reads WebAssembly binaries: what they import, export and
// need; and it rewrites the parts that engines lack or that the host must see.
package wasmfile

import "github.com/gowasix/gowasix/wasix/abi"

// Signature is the type of a function. A typed reference appears as its first
// byte, 0x63 or 0x64.
type Signature struct {
	Params, Results []abi.ValueType
}

// Import is one imported function, in the order of the binary.
type Import struct {
	Module, Name string
	Signature    Signature
}

// MemoryInfo describes the memory of a module. Sizes are in pages of 64 KiB.
type MemoryInfo struct {
	Imported     bool
	Module, Name string // of the import
	Export       string // the name it is exported under, if it is
	Min, Max     uint64 // Max is 65536 when the binary sets none
	HasMax       bool
	Shared       bool
	Is64         bool
}

// GlobalType is the type of a global variable.
type GlobalType struct {
	Type    abi.ValueType
	Mutable bool
}

// IsNumber reports whether the global is an integer or a floating-point number,
// and so neither a vector nor a reference.
func (g GlobalType) IsNumber() bool {
	switch g.Type {
	case abi.ValueTypeI32, abi.ValueTypeI64, abi.ValueTypeF32, abi.ValueTypeF64:
		return true
	}
	return false
}

// Info is what a binary says of itself.
type Info struct {
	// Functions are the imported functions, in the order of the binary.
	Functions []Import
	// OtherImports names imports that are neither functions nor the memory,
	// each as "module.name (kind)".
	OtherImports []string
	// Memory is nil for a module without memory. Of several it is the first.
	Memory *MemoryInfo
	// Exports maps exported functions to their signatures.
	Exports map[string]Signature
	// Globals maps exported globals to what they are.
	Globals map[string]GlobalType
	// Features the code uses.
	Features Features
	// AtomicWait says that the code has memory.atomic.wait or notify.
	AtomicWait bool
	// HasStart says that the module has a start function, which runs by
	// itself on every instantiation.
	HasStart bool
	// CustomSections are the names of the custom sections, in the order of the
	// binary.
	CustomSections []string
}
