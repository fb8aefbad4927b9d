package wasixnet

import (
	"net"
	"net/netip"
	"os"
	"syscall"
)

// backlog asks for the host's maximum, as package net does.
const backlog = -1

// Listen listens on a local address, as [net.Listen]. The network must be
// "tcp", "tcp4" or "tcp6"; with "tcp" and no host it listens on all addresses,
// of IPv6 and IPv4 where the host has both. Errors are *[net.OpError].
func Listen(network, address string) (net.Listener, error) {
	addrs, err := lookup(network, address)
	if err != nil {
		return nil, opError("listen", network, nil, err)
	}
	for _, ap := range addrs {
		var l net.Listener
		if l, err = listen(network, ap); err == nil {
			return l, nil
		}
		err = opError("listen", network, net.TCPAddrFromAddrPort(ap), err)
	}
	return nil, err
}

func listen(network string, ap netip.AddrPort) (net.Listener, error) {
	fd, err := open(ap.Addr())
	if err != nil {
		return nil, err
	}
	if err := setUp(fd, network, ap); err != nil {
		_ = syscall.Close(int(fd))
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close() // the listener below holds the descriptor, too
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	return &listener{l, tcpAddr(sockAddrLocal, fd)}, nil
}

// setUp makes a new socket listen.
func setUp(fd int32, network string, ap netip.AddrPort) error {
	if err := errno(sockSetOptFlag(fd, optReuseAddr, 1)); err != nil {
		return os.NewSyscallError("sock_set_opt_flag", err)
	}
	if ap.Addr().Is6() {
		var only uint32
		if network == "tcp6" {
			only = 1
		}
		if err := errno(sockSetOptFlag(fd, optOnlyV6, only)); err != nil {
			return os.NewSyscallError("sock_set_opt_flag", err)
		}
	}
	if err := errno(sockBind(fd, encode(ap))); err != nil {
		return os.NewSyscallError("sock_bind", err)
	}
	return os.NewSyscallError("sock_listen", errno(sockListen(fd, backlog)))
}

// open opens a non-blocking socket for addresses like ip.
func open(ip netip.Addr) (fd int32, err error) {
	if err := errno(sockOpen(family(ip), typeStream, protoTCP, &fd)); err != nil {
		return -1, os.NewSyscallError("sock_open", err)
	}
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		_ = syscall.Close(int(fd))
		return -1, os.NewSyscallError("fd_fdstat_set_flags", err)
	}
	return fd, nil
}

// listener is a net.Listener with the addresses that package net does not ask for.
type listener struct {
	net.Listener
	addr *net.TCPAddr
}

func (l *listener) Addr() net.Addr { return l.addr }

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(c)
}
