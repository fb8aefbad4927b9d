//go:build !linux

package wasix

import "github.com/gowasix/gowasix/wasix/abi"

// cpuTime is for Linux only.
func cpuTime(abi.Clockid) (uint64, abi.Errno) { return 0, abi.ENOTSUP }
