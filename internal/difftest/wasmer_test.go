//go:build cgo && linux && amd64

package difftest

import (
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasmer"
)

func init() {
	newEngines = append(newEngines, func() (wasix.Engine, error) { return wasmer.NewEngine() })
}
