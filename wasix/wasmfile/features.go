package wasmfile

import "strings"

// Features is the set of proposals beyond the MVP that a binary uses.
type Features uint32

// The features that matter for choosing an engine.
const (
	FeatureThreads Features = 1 << iota
	FeatureSIMD
	FeatureBulkMemory
	FeatureReferenceTypes
	FeatureTailCall
	FeatureExceptions // any exception handling
	FeatureMultiMemory
	FeatureMemory64
	FeatureExtendedConst
	FeatureRelaxedSIMD
	FeatureGC
	FeatureLegacyExceptions // try, catch, rethrow and delegate, as before try_table
	FeatureFunctionReferences
	FeatureSignExtension
	FeatureNontrappingFPToInt
	FeatureMultiValue
	FeatureMutableGlobals // imported or exported
	FeatureWideArithmetic
)

// featureNames are the names the target_features section has for the features,
// in the order of their bits.
var featureNames = [...]string{
	"atomics", "simd128", "bulk-memory", "reference-types", "tail-call",
	"exception-handling", "multimemory", "memory64", "extended-const",
	"relaxed-simd", "gc", "legacy-exceptions", "function-references", "sign-ext",
	"nontrapping-fptoint", "multivalue", "mutable-globals", "wide-arithmetic",
}

// Has reports whether all features of want are in f.
func (f Features) Has(want Features) bool { return f&want == want }

// String lists the names of the features as compilers have them, separated by
// commas.
func (f Features) String() string {
	var names []string
	for i, name := range featureNames {
		if f.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
