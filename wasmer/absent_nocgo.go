//go:build !cgo

package wasmer

// absent tells why this build has no Wasmer.
const absent = "this program was built without cgo, which Wasmer's library needs (CGO_ENABLED=1 and a C compiler)"
