package wasix

import (
	"context"
	"net/netip"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// deniedNetwork is the network of a process that was granted none.
type deniedNetwork struct{}

func (deniedNetwork) Socket(abi.AddressFamily, abi.SockType, abi.SockProto) (network.Socket, error) {
	return nil, syscall.EPERM
}

func (deniedNetwork) Resolve(context.Context, string) ([]netip.Addr, error) {
	return nil, syscall.EPERM
}
