//go:build !linux

package vfs

import (
	"os"
	"syscall"

	"github.com/gowasix/gowasix/wasix/descriptor"
)

// hostStream fails: standard streams go through pipes.
func hostStream(*os.File) (descriptor.File, error) { return nil, syscall.ENOTSUP }
