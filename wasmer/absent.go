//go:build !cgo || !linux

package wasmer

import (
	"errors"
	"runtime"

	"github.com/gowasix/gowasix/wasix"
)

// Available tells whether this program was built with the wasmer engine.
const Available = false

// NewEngine returns an error that says why there is no wasmer engine.
func NewEngine(...Option) (wasix.Engine, error) {
	if runtime.GOOS != "linux" {
		return nil, errors.New("the wasmer engine is for Linux only; use wazero")
	}
	return nil, errors.New("the wasmer engine needs cgo, and this program was built without; " +
		"use wazero, or build with CGO_ENABLED=1 and gcc")
}
