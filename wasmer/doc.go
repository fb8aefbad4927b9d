// Package wasmer runs WASIX guests on Wasmer, through the library that
// [wasmer-go] brings: machine code of the Cranelift compiler. It needs cgo, and
// Linux on amd64. Elsewhere [NewEngine] says so, and package wazero is the engine to
// use.
//
// On arm64 wasmer-go does not tell the linker where its library is. Who does so,
// in CGO_LDFLAGS, builds with the tag libwasmer.
//
// Each guest thread has an instance of its own, and the OS thread of the
// goroutine that runs it. The guest's stack is that thread's. The handlers of
// faults that the library installs must stay: a program that uses this package
// must not take SIGSEGV, SIGBUS, SIGILL or SIGFPE with os/signal.
//
// [wasmer-go]: https://github.com/wasmerio/wasmer-go
package wasmer
