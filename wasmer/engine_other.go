//go:build !cgo || !linux || (!amd64 && !(arm64 && libwasmer))

package wasmer

import (
	"context"
	"errors"

	"github.com/gowasix/gowasix/wasix"
)

// Available tells whether this build has the wasmer engine.
const Available = false

// Engine is a [wasix.Engine]; this build has none.
type Engine struct{}

// NewEngine returns an error: this build is without Wasmer.
func NewEngine(...Option) (*Engine, error) {
	return nil, errors.New("wasmer: " + absent + "; use the wazero engine, which works everywhere")
}

// Name returns "wasmer".
func (*Engine) Name() string { return "wasmer" }

// Compile returns an error.
func (*Engine) Compile(context.Context, []byte) (wasix.Module, error) {
	return nil, errors.New("wasmer: " + absent)
}

// Close does nothing.
func (*Engine) Close() error { return nil }
