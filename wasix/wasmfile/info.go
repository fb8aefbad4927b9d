// Package wasmfile reads WebAssembly binaries: what they import, export and
// need; and it rewrites the parts that engines lack or that the host must see.
package wasmfile

import "github.com/gowasix/gowasix/wasix/abi"

// Signature is the type of a function.
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

// Features is the set of proposals beyond the MVP that a binary uses.
type Features uint32

// The features that matter for choosing an engine.
const (
	FeatureThreads Features = 1 << iota
	FeatureSIMD
	FeatureBulkMemory
	FeatureReferenceTypes
	FeatureTailCall
	FeatureExceptions
	FeatureMultiMemory
	FeatureMemory64
	FeatureExtendedConst
	FeatureRelaxedSIMD
	FeatureGC
)

// Info is what a binary says of itself.
type Info struct {
	// Functions are the imported functions, in the order of the binary.
	Functions []Import
	// OtherImports names imports that are neither functions nor the memory,
	// each as "module.name (kind)".
	OtherImports []string
	// Memory is nil for a module without memory.
	Memory *MemoryInfo
	// Exports maps exported functions to their signatures.
	Exports map[string]Signature
	// Globals maps exported globals to whether they are mutable.
	Globals map[string]bool
	// Features the code uses.
	Features Features
	// AtomicWait says that the code has memory.atomic.wait or notify.
	AtomicWait bool
}
