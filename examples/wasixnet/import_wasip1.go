package wasixnet

import (
	"syscall"
)

// The numbers of WASIX.
const (
	familyInet4 = 1
	familyInet6 = 2
	typeStream  = 1
	protoTCP    = 6

	optReuseAddr = 2
	optNoDelay   = 3
	optOnlyV6    = 5
	optKeepAlive = 12
)

//go:wasmimport wasix_32v1 sock_open
//go:noescape
func sockOpen(family, typ, proto uint32, fd *int32) uint32

//go:wasmimport wasix_32v1 sock_bind
//go:noescape
func sockBind(fd int32, addr *addrPort) uint32

//go:wasmimport wasix_32v1 sock_listen
//go:noescape
func sockListen(fd, backlog int32) uint32

//go:wasmimport wasix_32v1 sock_connect
//go:noescape
func sockConnect(fd int32, addr *addrPort) uint32

//go:wasmimport wasix_32v1 sock_addr_local
//go:noescape
func sockAddrLocal(fd int32, addr *addrPort) uint32

//go:wasmimport wasix_32v1 sock_addr_peer
//go:noescape
func sockAddrPeer(fd int32, addr *addrPort) uint32

//go:wasmimport wasix_32v1 sock_set_opt_flag
//go:noescape
func sockSetOptFlag(fd int32, opt, flag uint32) uint32

//go:wasmimport wasix_32v1 resolve
//go:noescape
func resolve(host string, port uint32, addrs *[maxAddrs]addrIP, naddrs uint32, n *uint32) uint32

// errno returns the error of a call, nil for success. The numbers are those of
// package syscall.
func errno(e uint32) error {
	if e == 0 {
		return nil
	}
	return syscall.Errno(e)
}
