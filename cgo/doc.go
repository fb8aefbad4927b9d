// Package cwasmer binds what libwasmer's C API offers and wasmer-go does not:
// atomics and other features, host functions without allocations and leaks, own
// traps. It knows WebAssembly, and nothing of WASIX.
//
// wasmer-go brings the library and the linker flags; the objects of this package
// are its own, since those of wasmer-go are freed by finalizers while in use, and a
// host function's error frees its trap twice.
//
// # Objects and their lives
//
// A [Module] has an engine and a store of its own, because compiled code lives as
// long as its engine. Module, [Memory] and [Instance] are freed by Close alone, in
// any order; each keeps alive what it needs. Close is idempotent.
//
// # Calls
//
// An [Instance] belongs to one guest thread. [Instance.Call] marks it as current in a
// C thread-local variable, where the trampoline of every host function finds it:
// so the trampolines are made once per module, not per instance. From C to Go go
// integers and C memory only; an instance is a handle.
//
// The guest runs on the stack of the calling OS thread. At its end, and in a host
// call when less than 256 KiB are left for Go, it traps with "call stack
// exhausted". For that the first module installs a handler of SIGSEGV before
// libwasmer's, which in turn comes before Go's; a program must not take that
// signal for itself with os/signal.
package cwasmer
