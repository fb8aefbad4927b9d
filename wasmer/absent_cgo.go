//go:build cgo && (!linux || (!amd64 && !(arm64 && libwasmer)))

package wasmer

// absent tells why this build has no Wasmer.
const absent = "this program was built for a system that wasmer-go has no library for, or none that links as it is"
