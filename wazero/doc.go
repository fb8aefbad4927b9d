// Package wazero runs WASIX guests on [wazero], an engine written in Go. It
// needs no cgo, and a guest that waits costs a goroutine, not a thread of the
// operating system.
//
// Names from the upstream package of the same name are imported as wz.
//
// [wazero]: https://wazero.io
package wazero
