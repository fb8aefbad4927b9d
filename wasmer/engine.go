//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package wasmer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	cwasmer "github.com/gowasix/gowasix/cgo"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// Available tells whether this build has the wasmer engine.
const Available = true

// Engine is a [wasix.Engine]. Its methods may be called concurrently.
type Engine struct {
	options options
	cache   *cache // nil without one
	closed  atomic.Bool
}

var errEngineClosed = errors.New("wasmer: the engine is closed")

// NewEngine returns an engine. The error is about the directory given to
// [WithCache], a memory limit out of range, or a library that is not as expected.
func NewEngine(opts ...Option) (*Engine, error) {
	o := defaultOptions()
	for _, opt := range opts {
		opt(&o)
	}
	if o.memoryLimit < pageSize {
		return nil, fmt.Errorf("wasmer: a memory limit of %d bytes is less than a page of %d", o.memoryLimit, pageSize)
	}
	if cwasmer.Version() == "" {
		return nil, cwasmer.ErrLibrary
	}
	c, err := openCache(&o)
	if err != nil {
		return nil, fmt.Errorf("wasmer: %w", err)
	}
	return &Engine{options: o, cache: c}, nil
}

// Name returns "wasmer".
func (e *Engine) Name() string { return "wasmer" }

// Compile implements [wasix.Engine]. It uses all processors; once begun it goes on
// even if ctx ends. The error is one of [wasmfile.Read] and [wasix.Link], names a feature
// that Wasmer lacks, or tells why it refuses the binary.
func (e *Engine) Compile(ctx context.Context, wasm []byte) (wasix.Module, error) {
	if e.closed.Load() {
		return nil, errEngineClosed
	}
	b, err := link(wasm, &e.options)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	code, err := e.cache.compile(b.code)
	if err != nil {
		return nil, err
	}
	return newModule(b, code, e.options.memoryLimit), nil
}

// Close makes the engine refuse to compile. Modules stay usable.
func (e *Engine) Close() error {
	e.closed.Store(true)
	return nil
}

// A binary is what a module is compiled from.
type binary struct {
	info      *wasmfile.Info   // of the binary as given
	code      []byte           // as compiled
	calls     []*wasix.Syscall // imported by code, in order
	callStart bool             // code exports its start function, to be called
}

// link resolves the imports of a binary and rewrites what Wasmer lacks: shared
// memories, futex instructions and a way to stop a guest that computes.
func link(wasm []byte, o *options) (*binary, error) {
	info, err := wasmfile.Read(wasm)
	if err != nil {
		return nil, err
	}
	if _, err := wasix.Link(info); err != nil {
		return nil, err
	}
	if err := checkFeatures(info.Features); err != nil {
		return nil, err
	}
	if err := checkMemory(info.Memory, o.memoryLimit); err != nil {
		return nil, err
	}
	b := &binary{info: info}
	b.code, err = wasmfile.Rewrite(wasm, wasmfile.RewriteOptions{
		Unshare: true, HostFutex: true, Checkpoints: !o.noInterrupt, IgnoredSignals: true, Unwrap: true, HostGrow: true, Casts: o.casts})
	if err != nil {
		return nil, err
	}
	b.patch(o.memoryLimit)
	rewritten, err := wasmfile.Read(b.code)
	if err != nil {
		return nil, err
	}
	b.calls, err = wasix.Link(rewritten)
	return b, err
}

// checkFeatures says what the binary needs and Wasmer lacks.
func checkFeatures(f wasmfile.Features) error {
	missing := f & Lacking
	if missing == 0 {
		return nil
	}
	advice := "use the wazero engine"
	if missing&^onlyWazero != 0 {
		advice = "build the program without"
	}
	return fmt.Errorf("wasmer: the binary uses %s, which Wasmer %s does not have; %s",
		missing, cwasmer.Version(), advice)
}

func checkMemory(m *wasmfile.MemoryInfo, limit uint64) error {
	if m != nil && m.Min*pageSize > limit {
		return fmt.Errorf("wasmer: the binary needs %d bytes of memory from the start, more than the limit of %d",
			m.Min*pageSize, limit)
	}
	return nil
}
