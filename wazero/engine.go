package wazero

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	wz "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// Engine is a [wasix.Engine]. Its methods may be called concurrently.
type Engine struct {
	options options
	cache   *cache // nil without one
	closed  atomic.Bool
}

// features are the proposals that wazero implements, beyond WebAssembly 2.0.
const features = api.CoreFeaturesV2 |
	experimental.CoreFeaturesThreads |
	experimental.CoreFeaturesTailCall |
	experimental.CoreFeaturesExtendedConst |
	experimental.CoreFeaturesExceptionHandling |
	experimental.CoreFeaturesTypedFunctionReferences

var errEngineClosed = errors.New("wazero: the engine is closed")

// NewEngine returns an engine. The error is about the directory given to
// [WithCache], or a memory limit out of range.
func NewEngine(opts ...Option) (*Engine, error) {
	o := defaultOptions()
	for _, opt := range opts {
		opt(&o)
	}
	if o.memoryLimit < pageSize {
		return nil, fmt.Errorf("wazero: a memory limit of %d bytes is less than a page of %d", o.memoryLimit, pageSize)
	}
	c, err := openCache(&o)
	if err != nil {
		return nil, fmt.Errorf("wazero: %w", err)
	}
	return &Engine{options: o, cache: c}, nil
}

// Name returns "wazero".
func (e *Engine) Name() string { return "wazero" }

// Compile implements [wasix.Engine]. It uses all processors that Go may use;
// with more than one it stops when ctx is done. The error is one of [wasmfile.Read] and
// [wasix.Link], or tells why wazero refuses the binary.
func (e *Engine) Compile(ctx context.Context, wasm []byte) (wasix.Module, error) {
	if e.closed.Load() {
		return nil, errEngineClosed
	}
	b, err := link(wasm, &e.options)
	if err != nil {
		return nil, err
	}
	ctx = experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0))
	p, err := e.compile(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("wazero: %w", err)
	}
	m := &Module{info: b.info, memoryLimit: e.options.memoryLimit}
	m.program.Store(p)
	return m, nil
}

// compile compiles with the cache, if there is one. A cache can fail as disks
// do; then it is not used.
func (e *Engine) compile(ctx context.Context, b *binary) (*program, error) {
	if e.cache != nil {
		if p, err := e.cache.compile(ctx, b); err == nil || ctx.Err() != nil {
			return p, err
		}
	}
	return compile(ctx, b, nil)
}

// Close makes the engine refuse to compile. Modules stay usable.
func (e *Engine) Close() error {
	e.closed.Store(true)
	return nil
}

// A binary is what a module is compiled from.
type binary struct {
	info  *wasmfile.Info   // of the binary as given
	code  []byte           // of the binary as compiled
	calls []*wasix.Syscall // imported by code, with names resolved
}

// link resolves the imports of a binary after rewriting it: futex instructions
// become calls, as wazero cannot interrupt a thread that waits in one, and as
// futex_wait must find the same waiters.
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
	b := &binary{info: info}
	b.code, err = wasmfile.Rewrite(wasm, wasmfile.RewriteOptions{
		HostFutex: true, Checkpoints: !o.noInterrupt, IgnoredSignals: true, Unwrap: true, HostGrow: true, Casts: o.casts})
	if err != nil {
		return nil, err
	}
	rewritten, err := wasmfile.Read(b.code)
	if err != nil {
		return nil, err
	}
	if b.calls, err = wasix.Link(rewritten); err != nil {
		return nil, err
	}
	return b, checkMemory(info.Memory, o.memoryLimit)
}

// newRuntime returns a runtime for one module. Modules do not share one, since
// a runtime has one cache, and each module's cache entry is checked by itself.
// Debug information would not fit the rewritten code.
func newRuntime(ctx context.Context, c wz.CompilationCache) wz.Runtime {
	config := wz.NewRuntimeConfig().WithCoreFeatures(features).WithDebugInfoEnabled(false)
	if c != nil {
		config = config.WithCompilationCache(c)
	}
	return wz.NewRuntimeWithConfig(ctx, config)
}
