package network

import (
	"context"
	"net/netip"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
)

// None returns the network that grants nothing: every call returns EPERM.
func None() Network { return none{} }

type none struct{}

func (none) Socket(abi.AddressFamily, abi.SockType, abi.SockProto) (Socket, error) {
	return nil, syscall.EPERM
}

func (none) Resolve(context.Context, string) ([]netip.Addr, error) {
	return nil, syscall.EPERM
}
