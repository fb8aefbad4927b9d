package wazero

import (
	"fmt"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// Lacking are the proposals that wazero does not have: a program that uses one of
// them does not compile.
const Lacking = wasmfile.FeatureLegacyExceptions | wasmfile.FeatureMultiMemory | wasmfile.FeatureMemory64 |
	wasmfile.FeatureRelaxedSIMD | wasmfile.FeatureGC | wasmfile.FeatureWideArithmetic

// checkFeatures says what the binary needs and wazero lacks.
func checkFeatures(f wasmfile.Features) error {
	if missing := f & Lacking; missing != 0 {
		return fmt.Errorf("wazero: the binary uses %s, which wazero does not have; build the program without", missing)
	}
	return nil
}
