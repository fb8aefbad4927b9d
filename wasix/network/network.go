// Package network is what guests' sockets run on. A Network opens sockets; Host
// is the kernel's, None refuses, Unix has the process tree's own names, and
// Policy and Publish wrap any of them. The socket table in package socket knows
// only the interfaces here.
//
// Nothing in this package blocks on a peer: what would block answers EAGAIN (or
// EINPROGRESS), and the socket, a ready.Source, tells when to try again. Errors
// are syscall.Errno values as Linux has them.
package network

import (
	"context"
	"net/netip"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// Network opens sockets and looks up names. Its methods may be called
// concurrently.
type Network interface {
	// Socket opens a socket, as socket(2). family is INET4, INET6 or UNIX.
	// Returns EAFNOSUPPORT, EPROTOTYPE, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EPERM,
	// EMFILE.
	Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (Socket, error)
	// Resolve returns the addresses of a host name, as getaddrinfo(3) orders
	// them. It blocks until the answer, or ctx is done. Returns ENOENT for a name
	// that does not exist, EPERM when it is not granted, EAGAIN when the servers
	// do not answer.
	Resolve(ctx context.Context, host string) ([]netip.Addr, error)
}

// Addr is the address of a socket. The zero Addr is the unspecified one.
type Addr struct {
	netip.AddrPort        // of INET4 and INET6
	Path           string // of UNIX: a name in the process tree's namespace
	Unix           bool
}

// Family returns the address family.
func (a Addr) Family() abi.AddressFamily {
	switch {
	case a.Unix:
		return abi.AddressFamilyUnix
	case a.Addr().Is4():
		return abi.AddressFamilyInet4
	case a.Addr().Is6():
		return abi.AddressFamilyInet6
	}
	return abi.AddressFamilyUnspec
}

// MsgFlags are the flags of one receive or send.
type MsgFlags uint32

// The flags, as in recv(2) and send(2). MsgTrunc is a result: the datagram was
// longer than the buffers. MsgWait allows a receive that finds nothing to block
// in the kernel, for [ready.KernelWait] at the most, before it answers EAGAIN; a
// network without a kernel below takes no notice. It is for callers between [ready.Waiter.EnterKernel] and
// LeaveKernel.
const (
	MsgPeek MsgFlags = 1 << iota
	MsgTrunc
	MsgWait
)

// Socket is one open socket of a Network. Its methods may be called
// concurrently. The socket table guards their order: nothing follows Close.
// A type that wraps another Socket and passes on its Queue must be a ready.Armer
// when that is one. It should be a ready.SysSource when that is one, unless it is
// ready at other times: waits then block in the kernel.
type Socket interface {
	ready.Source
	// Type returns what the socket was opened as.
	Type() (abi.AddressFamily, abi.SockType, abi.SockProto)
	Bind(addr Addr) error
	// Listen starts to listen, or changes the backlog. Values are clamped as
	// the network does; a negative backlog means its maximum.
	Listen(backlog int) error
	// Accept takes a connection from the queue and returns it with the peer's
	// address. The new socket inherits options as accept(2) on Linux has it.
	Accept() (Socket, Addr, error)
	// Connect starts to connect. EINPROGRESS: it goes on, Out tells the end,
	// TakeError the outcome. On a datagram socket it sets the peer at once; the
	// zero Addr dissolves the association.
	Connect(addr Addr) error
	// Recvmsg receives into iovs. With from, it sets the sender's address.
	// out has MsgTrunc when a datagram was cut.
	Recvmsg(iovs [][]byte, flags MsgFlags, from *Addr) (n int, out MsgFlags, err error)
	// Sendmsg sends iovs, as one datagram on a datagram socket; to may be nil.
	// SIGPIPE is never raised.
	Sendmsg(iovs [][]byte, to *Addr) (int, error)
	// Shutdown ends the directions named: abi.SdflagsRd, abi.SdflagsWr.
	Shutdown(how abi.Sdflags) error
	LocalAddr() (Addr, error)
	PeerAddr() (Addr, error)
	// TakeError returns and clears the pending error (SO_ERROR); nil when none.
	TakeError() error
	// Option and SetOption get and set an option by its WASIX name. Flags are 0
	// and 1; LINGER is in nanoseconds with -1 for off; sizes in bytes, as the
	// kernel reports them. Returns ENOPROTOOPT where there is no counterpart.
	// Timeouts and LAST_ERROR are the socket table's own and do not come here.
	Option(opt abi.SockOption) (int64, error)
	SetOption(opt abi.SockOption, value int64) error
	// JoinGroup and LeaveGroup change multicast membership. iface is the
	// address of an interface (INET4, zero for any) or its index (INET6).
	JoinGroup(group, iface netip.Addr, index uint32) error
	LeaveGroup(group, iface netip.Addr, index uint32) error
	Close() error
}

// Pairer is a Network that can make connected pairs of sockets (socketpair(2)).
type Pairer interface {
	Pair(typ abi.SockType) (Socket, Socket, error)
}
