package wasmfile

import (
	"bytes"
	"errors"
	"fmt"
)

var (
	// ErrNotWasm is wrapped by the error for bytes that are no WebAssembly
	// binary; the whole error says what they look like.
	ErrNotWasm = errors.New("not a WebAssembly binary")
	// ErrComponent is returned for a component: it wraps core modules in
	// interfaces that WASIX does not have.
	ErrComponent = errors.New("a WebAssembly component, where a core module is needed: " +
		"build for a wasm32-wasix or wasm32-wasip1 target, without componentizing")
	// ErrNotRewritable is wrapped by the errors of [Rewrite] for a valid binary
	// that cannot be rewritten as asked.
	ErrNotRewritable = errors.New("WebAssembly binary cannot be rewritten")
)

// FormatError says where and how a WebAssembly binary is malformed.
type FormatError struct {
	Section string // "import", "code", a custom section's name ...; "" outside of sections
	Offset  int    // in bytes from the start of the binary
	Reason  string
}

func (e *FormatError) Error() string {
	if e.Section == "" {
		return fmt.Sprintf("malformed WebAssembly binary: at offset %#x: %s", e.Offset, e.Reason)
	}
	return fmt.Sprintf("malformed WebAssembly binary: %s section at offset %#x: %s", e.Section, e.Offset, e.Reason)
}

// A magic is the first bytes of some kind of file people mistake for Wasm.
type magic struct{ prefix, kind string }

var magics = []magic{
	{"\x7fELF", "an ELF executable or object"},
	{"MZ", "a Windows executable"},
	{"\xcf\xfa\xed\xfe", "a Mach-O executable or object"},
	{"\xca\xfe\xba\xbe", "a Mach-O universal binary or a Java class"},
	{"#!", "a script"},
	{"!<arch>\n", "a static library"},
	{"BC\xc0\xde", "LLVM bitcode"},
	{"\x00webc", "a Wasmer package: unpack it and take the module inside"},
	{"PK\x03\x04", "a zip archive"},
	{"\x1f\x8b", "gzip-compressed data"},
	{"\x28\xb5\x2f\xfd", "zstd-compressed data"},
	{"version https://git-lfs", "a Git LFS pointer: fetch the file itself with git lfs pull"},
	{"(module", "WebAssembly text: assemble it first, for example with wat2wasm"},
	{"(component", "WebAssembly text: assemble it first, for example with wasm-tools parse"},
	{";;", "WebAssembly text: assemble it first, for example with wat2wasm"},
	{"<", "HTML or XML"},
}

func notWasm(file []byte) error {
	if len(file) == 0 {
		return fmt.Errorf("%w: it is empty", ErrNotWasm)
	}
	if bytes.HasPrefix([]byte(preamble), file) {
		return fmt.Errorf("%w: it ends after %d bytes", ErrNotWasm, len(file))
	}
	text := bytes.TrimLeft(file, " \t\r\n")
	for _, m := range magics {
		if bytes.HasPrefix(file, []byte(m.prefix)) || bytes.HasPrefix(text, []byte(m.prefix)) {
			return fmt.Errorf("%w: it looks like %s", ErrNotWasm, m.kind)
		}
	}
	return fmt.Errorf("%w: it starts with % x", ErrNotWasm, file[:min(len(file), 8)])
}
