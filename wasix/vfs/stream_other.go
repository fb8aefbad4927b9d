//go:build !linux

package vfs

import (
	"os"
	"syscall"

	"github.com/gowasix/gowasix/wasix/descriptor"
)

// openStream fails: without ready.FD nothing could wait for the file. Standard
// streams are copied instead.
func openStream(*os.File, bool) (descriptor.File, error) { return nil, syscall.ENOTSUP }
