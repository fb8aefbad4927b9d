package network

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
)

// Unix returns a namespace of AF_UNIX sockets, shared by the processes that
// share it and by nobody else: names are not paths of the host. Stream,
// datagram and seqpacket sockets behave as unix(7), except that a name goes
// with the socket that bears it, as abstract names do on Linux: nothing is to
// be unlinked. The Network also makes pairs ([Pairer]). It has no other family
// (EAFNOSUPPORT) and no hosts (ENOENT).
//
// Connect returns EAGAIN when the listener's backlog is full; Out tells when to
// try again. So does Sendmsg when the receiver's buffer is.
func Unix() Network { return &namespace{names: map[string]*unixSocket{}} }

// namespace is a set of names. Its lock guards the topology: names, states,
// connections and backlogs; it comes before the lock of any queue.
type namespace struct {
	mu       sync.Mutex
	names    map[string]*unixSocket
	autobind uint32
}

// Socket opens an AF_UNIX socket. Returns, as socket(2):
//   - EAFNOSUPPORT: another family
//   - EPROTONOSUPPORT: a protocol
//   - ESOCKTNOSUPPORT: neither stream, datagram nor seqpacket
func (ns *namespace) Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (Socket, error) {
	if family != abi.AddressFamilyUnix {
		return nil, syscall.EAFNOSUPPORT
	}
	if proto != 0 {
		return nil, syscall.EPROTONOSUPPORT
	}
	if !unixType(typ) {
		return nil, syscall.ESOCKTNOSUPPORT
	}
	return newUnixSocket(ns, typ), nil
}

func unixType(typ abi.SockType) bool {
	return typ == abi.SockTypeStream || typ == abi.SockTypeDgram || typ == abi.SockTypeSeqpacket
}

// Resolve returns ENOENT.
func (ns *namespace) Resolve(context.Context, string) ([]netip.Addr, error) {
	return nil, syscall.ENOENT
}

// Pair returns two unnamed sockets that are connected, as socketpair(2).
// Returns ESOCKTNOSUPPORT.
func (ns *namespace) Pair(typ abi.SockType) (Socket, Socket, error) {
	if !unixType(typ) {
		return nil, nil, syscall.ESOCKTNOSUPPORT
	}
	a, b := newUnixSocket(ns, typ), newUnixSocket(ns, typ)
	ns.mu.Lock()
	defer ns.mu.Unlock()
	a.join(b)
	b.join(a)
	return a, b, nil
}

// find returns the socket of that name, for one of type typ. ns is locked.
func (ns *namespace) find(addr Addr, typ abi.SockType) (*unixSocket, error) {
	if !addr.Unix || addr.Path == "" {
		return nil, syscall.EINVAL
	}
	s := ns.names[addr.Path]
	switch {
	case s == nil && addr.Path[0] == 0:
		return nil, syscall.ECONNREFUSED // an abstract name
	case s == nil:
		return nil, syscall.ENOENT
	case s.typ != typ:
		return nil, syscall.EPROTOTYPE
	}
	return s, nil
}

// maxUnixPath is the size of sun_path.
const maxUnixPath = 108

// bind names s. ns is locked.
func (ns *namespace) bind(s *unixSocket, path string) error {
	switch {
	case s.name.Load() != nil:
		return syscall.EINVAL
	case len(path) > maxUnixPath:
		return syscall.EINVAL
	case path == "":
		path = ns.freeName()
	}
	if ns.names[path] != nil {
		return syscall.EADDRINUSE
	}
	ns.names[path] = s
	s.name.Store(&Addr{Unix: true, Path: path})
	return nil
}

// freeName returns an abstract name, as Linux makes them for those who ask for none.
func (ns *namespace) freeName() string {
	for {
		ns.autobind++
		name := fmt.Sprintf("\x00%05x", ns.autobind)
		if ns.names[name] == nil {
			return name
		}
	}
}
