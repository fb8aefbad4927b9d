// Package abi holds the numbers of the WASI and WASIX binary interfaces: errno
// values, enumerations, flags, memory layouts and function signatures. It is
// generated from the tables in testdata/abi and holds facts only.
//
// Where WASI preview 1 and WASIX number something differently, the numbers are
// those of WASIX. Where a header and the C library disagree, they are those that
// guests pass.
//
// Sizeof and Offsetof constants are in bytes and describe 32-bit memories. A
// number at the end of a Sizeof constant is the year and month of the older
// headers that it belongs to.
package abi

import "strconv"

//go:generate go run ../../internal/abigen

// Errno is the result of most calls.
type Errno uint16

// Name returns the name without the leading E: "BADF".
func (e Errno) Name() string {
	if int(e) < len(errnoNames) {
		return errnoNames[e]
	}
	return "errno(" + strconv.Itoa(int(e)) + ")"
}

// Error returns the name as C spells it: "EBADF".
func (e Errno) Error() string {
	if int(e) < len(errnoNames) {
		return "E" + errnoNames[e]
	}
	return e.Name()
}

// ValueType is the type of a WebAssembly value, as binaries encode it.
type ValueType byte

// The value types.
const (
	ValueTypeI32       ValueType = 0x7f
	ValueTypeI64       ValueType = 0x7e
	ValueTypeF32       ValueType = 0x7d
	ValueTypeF64       ValueType = 0x7c
	ValueTypeV128      ValueType = 0x7b
	ValueTypeFuncref   ValueType = 0x70
	ValueTypeExternref ValueType = 0x6f
)

// The types that the generated signatures use.
const (
	i32 = ValueTypeI32
	i64 = ValueTypeI64
)

// String returns the name in the text format: "i32".
func (t ValueType) String() string {
	switch t {
	case ValueTypeI32:
		return "i32"
	case ValueTypeI64:
		return "i64"
	case ValueTypeF32:
		return "f32"
	case ValueTypeF64:
		return "f64"
	case ValueTypeV128:
		return "v128"
	case ValueTypeFuncref:
		return "funcref"
	case ValueTypeExternref:
		return "externref"
	}
	return "0x" + strconv.FormatUint(uint64(t), 16)
}

// Function is one import as some toolchain of some year declares it.
type Function struct {
	Module, Name string
	Params       []ValueType
	ParamNames   []string
	Results      []ValueType
	// Group is the family that the function belongs to: "sock", "fd", ...
	Group string
	// Legacy says that today's toolchain and hosts do not have the name.
	Legacy bool
	// Variant says that the name usually has another signature.
	Variant bool
	// NoReturn says that the guest expects the call not to come back.
	NoReturn bool
}
