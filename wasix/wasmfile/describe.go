package wasmfile

import (
	"slices"
	"strings"

	"github.com/gowasix/gowasix/wasix/abi"
)

// Kind is what a binary is, by how it begins to run.
type Kind string

// The kinds of binaries.
const (
	Command Kind = "command" // exports _start: runs once, from start to exit
	Reactor Kind = "reactor" // exports _initialize: to be called again and again
	Library Kind = "library" // has a dylink section: to be linked into a program
	Object  Kind = "object"  // has a linking section: input of a linker
	Unknown Kind = "unknown"
)

// Kind tells what the binary is.
func (i *Info) Kind() Kind {
	switch {
	case i.exports("_start"):
		return Command
	case i.HasCustomSection("dylink.0"), i.HasCustomSection("dylink"):
		return Library
	case i.exports("_initialize"):
		return Reactor
	case i.HasCustomSection("linking"):
		return Object
	}
	return Unknown
}

// ThreadEntry returns the name of the export that starts a guest thread:
// wasi_thread_start(tid, start_ptr) or, in binaries of 2023,
// _start_thread(lo, hi). It is "" for a program without threads.
func (i *Info) ThreadEntry() string {
	for _, name := range []string{"wasi_thread_start", "_start_thread"} {
		if i.exports(name) {
			return name
		}
	}
	return ""
}

// Asyncify reports whether the binary can unwind and rewind its stack, which
// fork, vfork, setjmp and longjmp rest on.
func (i *Info) Asyncify() bool {
	return i.exports("asyncify_start_unwind", "asyncify_stop_unwind",
		"asyncify_start_rewind", "asyncify_stop_rewind")
}

// HandlesSignals reports whether the binary exports __wasm_signal(signo), the
// way that the host delivers a signal.
func (i *Info) HandlesSignals() bool { return i.exports("__wasm_signal") }

// HasDebugInfo reports whether the binary has DWARF sections.
func (i *Info) HasDebugInfo() bool {
	return slices.ContainsFunc(i.CustomSections, func(name string) bool {
		return strings.HasPrefix(name, ".debug_")
	})
}

// HasCustomSection reports whether the binary has a custom section of that name.
func (i *Info) HasCustomSection(name string) bool {
	return slices.Contains(i.CustomSections, name)
}

func (i *Info) exports(names ...string) bool {
	for _, name := range names {
		if _, ok := i.Exports[name]; !ok {
			return false
		}
	}
	return true
}

// String returns the type in the text format: "(i32, i64) -> i32".
func (s Signature) String() string {
	results := joinTypes(s.Results)
	if len(s.Results) != 1 {
		results = "(" + results + ")"
	}
	return "(" + joinTypes(s.Params) + ") -> " + results
}

func joinTypes(types []abi.ValueType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return strings.Join(names, ", ")
}
