//go:build !linux

package network

import (
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
)

// openHost returns ENOSYS: the kernel's sockets are for Linux so far.
func openHost(abi.AddressFamily, abi.SockType, abi.SockProto) (Socket, error) {
	return nil, syscall.ENOSYS
}

// FromFD returns ENOSYS: the kernel's sockets are for Linux so far.
func FromFD(int) (Socket, error) { return nil, syscall.ENOSYS }
