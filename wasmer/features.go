package wasmer

import "github.com/gowasix/gowasix/wasix/wasmfile"

// onlyWazero are proposals that the other engine has.
const onlyWazero = wasmfile.FeatureTailCall | wasmfile.FeatureExceptions | wasmfile.FeatureExtendedConst |
	wasmfile.FeatureFunctionReferences

// Lacking are the proposals that libwasmer 2.0, the newest that wasmer-go
// brings, does not have: a program that uses one of them does not compile.
const Lacking = onlyWazero | wasmfile.FeatureLegacyExceptions | wasmfile.FeatureMultiMemory |
	wasmfile.FeatureMemory64 | wasmfile.FeatureRelaxedSIMD | wasmfile.FeatureGC | wasmfile.FeatureWideArithmetic
