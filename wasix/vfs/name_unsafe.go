package vfs

import "unsafe"

// view returns b as a string that is good until b changes.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
