package wasix

import (
	"context"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// Engine compiles and runs WebAssembly. The packages wasmer and wazero provide
// one each; docs/ADAPTERS.md says what a further one must do. All methods of
// the four interfaces may be called from several goroutines, except that an
// Instance is called by one goroutine at a time.
type Engine interface {
	// Name returns "wasmer", "wazero" or the like.
	Name() string
	// Compile checks and compiles a core WebAssembly module. It resolves the
	// module's imports with [Link], whose errors it returns.
	Compile(ctx context.Context, wasm []byte) (Module, error)
	// Close frees the engine. Modules that are still open keep working.
	Close() error
}

// Module is a compiled program, shared by any number of processes.
type Module interface {
	// Info describes the binary as it was given to Compile.
	Info() *wasmfile.Info
	// NewMemory makes the memory of one process. It returns nil when the
	// module imports none: then each instance has its own.
	NewMemory() (Memory, error)
	// Instantiate makes the instance of one guest thread on the process's
	// memory. The module's start function runs on t in the course of it.
	Instantiate(t *Thread, m Memory) (Instance, error)
	// Close frees the module. Instances that are still open keep working.
	Close() error
}

// Memory is a linear memory.
type Memory interface {
	// Bytes returns the whole memory as it is now. The slice may be used until
	// the guest runs again or, when several threads share the memory, as long as
	// the memory lives: a shared memory grows, but does not move.
	Bytes() []byte
	// Close frees the memory, after the last instance on it was closed.
	Close() error
}

// Instance is one guest thread's instance of a module.
type Instance interface {
	// Memory returns the memory the instance works on.
	Memory() Memory
	// HasExport reports whether the instance exports a function of that name.
	HasExport(name string) bool
	// Call runs an exported function to its end and returns its result, 0 when
	// it has none. The error is a *[Trap] when the guest trapped. When the
	// process ended meanwhile, the error has no meaning.
	Call(export string, args ...uint64) (uint64, error)
	// Global returns an exported global that is a number, nil when there is none.
	Global(name string) Global
	// Interrupt makes a computing guest end with a trap soon. It may be called
	// at any time, by any goroutine, also before or after Call and more than
	// once; the instance is not called again afterwards.
	Interrupt()
	// Close frees the instance; no call may be in progress.
	Close() error
}

// Global is a global variable of an instance, as raw bits.
type Global interface {
	Get() uint64
	Set(v uint64)
}

// Trap is how a guest dies of its own doing: unreachable code, an access out of
// bounds, a division by zero, stack exhaustion, or a host function's panic.
type Trap struct {
	// Message is the engine's description, of one line or more.
	Message string
}

func (t *Trap) Error() string { return "wasm trap: " + t.Message }
