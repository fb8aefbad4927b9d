package wasixnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// Dialer connects to addresses, as [net.Dialer].
type Dialer struct {
	// Timeout bounds each attempt to connect; 0 is no bound of its own.
	Timeout time.Duration
	// LocalAddr is the address to connect from; nil is any.
	LocalAddr *net.TCPAddr
}

// Dial connects to an address, as [net.Dial].
func Dial(network, address string) (net.Conn, error) {
	return DialContext(context.Background(), network, address)
}

// DialContext connects to an address with the zero [Dialer].
func DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return new(Dialer).DialContext(ctx, network, address)
}

// DialContext connects to an address, as [net.Dialer.DialContext]. The network
// must be "tcp", "tcp4" or "tcp6". The addresses of a name are tried one after the
// other. Errors are *[net.OpError].
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	addrs, err := lookup(network, address)
	if err != nil {
		return nil, opError("dial", network, nil, err)
	}
	for _, ap := range addrs {
		var c net.Conn
		if c, err = d.dial(ctx, ap); err == nil {
			return c, nil
		}
		err = opError("dial", network, net.TCPAddrFromAddrPort(ap), err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func (d *Dialer) dial(ctx context.Context, ap netip.AddrPort) (net.Conn, error) {
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Timeout)
		defer cancel()
	}
	// An unspecified address means this host.
	if ap.Addr().IsUnspecified() {
		ap = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), ap.Port())
	}
	fd, err := open(ap.Addr())
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close() // the connection below holds the descriptor, too
	if d.LocalAddr != nil {
		if err := errno(sockBind(fd, encode(d.LocalAddr.AddrPort()))); err != nil {
			return nil, os.NewSyscallError("sock_bind", err)
		}
	}
	if err := connect(ctx, f, encode(ap)); err != nil {
		return nil, err
	}
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	return newConn(c)
}

// connect connects f, waiting in the Go scheduler. When the socket becomes
// writable, connecting once more tells how it went.
func connect(ctx context.Context, f *os.File, addr *addrPort) error {
	stop := context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = raw.Write(func(fd uintptr) bool {
		result = errno(sockConnect(int32(fd), addr))
		return result != syscall.EINPROGRESS && result != syscall.EALREADY
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	case result == syscall.EISCONN:
		return nil
	}
	return os.NewSyscallError("sock_connect", result)
}
