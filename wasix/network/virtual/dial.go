package virtual

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// DialContext connects to an address as [net.Dialer.DialContext] does, but from
// this host. Names are those of hosts, and localhost is this one. The network is
// tcp or udp, or either with 4 or 6 at the end. The errors are *net.OpError with
// a syscall.Errno, as Linux has it, or ctx's.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	where, err := h.parse(ctx, network, address)
	if err == nil {
		for _, a := range where.addrs {
			var c net.Conn
			if c, err = h.dial(ctx, where, a); err == nil {
				return c, nil
			}
		}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Addr: nameAddr{network, address}, Err: err}
}

// Dial is DialContext without limit.
func (h *Host) Dial(network, address string) (net.Conn, error) {
	return h.DialContext(context.Background(), network, address)
}

// Listen listens as [net.Listen] does, but on this host. The network is tcp, tcp4
// or tcp6; without a host in the address all of this host's are meant.
func (h *Host) Listen(network, address string) (net.Listener, error) {
	l := new(listener)
	if err := h.listen(&l.conn, network, address, "tcp"); err != nil {
		return nil, err
	}
	return l, nil
}

// ListenPacket opens a datagram socket as [net.ListenPacket] does, but on this
// host. The network is udp, udp4 or udp6.
func (h *Host) ListenPacket(network, address string) (net.PacketConn, error) {
	c := new(packetConn)
	if err := h.listen(&c.conn, network, address, "udp"); err != nil {
		return nil, err
	}
	return c, nil
}

// listen opens and binds a socket, and has a stream listen.
func (h *Host) listen(c *conn, network, address, proto string) error {
	where, err := h.parse(context.Background(), network, address)
	if err == nil && where.proto != proto {
		err = net.UnknownNetworkError(network)
	}
	if err == nil {
		err = h.bound(c, where)
	}
	if err != nil {
		return &net.OpError{Op: "listen", Net: network, Addr: nameAddr{network, address}, Err: err}
	}
	return nil
}

func (h *Host) bound(c *conn, where place) error {
	at := where.addrs[0]
	if where.any {
		at = netip.AddrPortFrom(where.wildcard(), at.Port())
	}
	s, err := h.open(where.proto, at.Addr())
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	if where.family == "6" {
		_ = s.SetOption(abi.SockOptionOnlyV6, 1)
	}
	if where.proto == "tcp" {
		_ = s.SetOption(abi.SockOptionReuseAddr, 1)
	} else {
		_ = s.SetOption(abi.SockOptionBroadcast, 1)
	}
	if err = os.NewSyscallError("bind", s.Bind(network.Addr{AddrPort: at})); err == nil && where.proto == "tcp" {
		err = os.NewSyscallError("listen", s.Listen(maxBacklog))
	}
	if err != nil {
		_ = s.Close()
		return err
	}
	c.init(s, where.proto)
	return nil
}

func (h *Host) open(proto string, ip netip.Addr) (network.Socket, error) {
	family, typ := abi.AddressFamilyInet4, abi.SockTypeStream
	if ip.Is6() {
		family = abi.AddressFamilyInet6
	}
	if proto == "udp" {
		typ = abi.SockTypeDgram
	}
	return h.Socket(family, typ, 0)
}

// place is an address that was parsed and looked up.
type place struct {
	proto  string // "tcp" or "udp"
	family string // "4", "6" or none
	addrs  []netip.AddrPort
	any    bool // no host was given
}

func (p place) wildcard() netip.Addr {
	if p.family == "4" {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified() // takes IPv4 as well, unless it is "6"
}

// has reports whether ip is of the family.
func (p place) has(ip netip.Addr) bool {
	return p.family == "" || (p.family == "4") == ip.Is4()
}

// parse returns at least one address, or an error as package net has it.
func (h *Host) parse(ctx context.Context, name, address string) (place, error) {
	proto := strings.TrimRight(name, "46")
	p := place{proto: proto, family: strings.TrimPrefix(name, proto)}
	if proto != "tcp" && proto != "udp" || len(p.family) > 1 {
		return p, net.UnknownNetworkError(name)
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return p, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, name, service)
	if err != nil {
		return p, err
	}
	if p.any = host == ""; p.any {
		host = "localhost"
	}
	ips, err := h.Resolve(ctx, host)
	if err != nil {
		return p, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	for _, ip := range ips {
		if ip = ip.Unmap(); p.has(ip) {
			p.addrs = append(p.addrs, netip.AddrPortFrom(ip, uint16(port)))
		}
	}
	if len(p.addrs) == 0 {
		return p, &net.AddrError{Err: "no suitable address", Addr: host}
	}
	return p, nil
}

// dial connects to one address.
func (h *Host) dial(ctx context.Context, where place, to netip.AddrPort) (net.Conn, error) {
	s, err := h.open(where.proto, to.Addr())
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if where.proto == "tcp" {
		_ = s.SetOption(abi.SockOptionNoDelay, 1)
	}
	if err := connect(ctx, s, network.Addr{AddrPort: to}); err != nil {
		_ = s.Close()
		return nil, err
	}
	if where.proto == "udp" {
		c := new(packetConn)
		c.init(s, where.proto)
		return c, nil
	}
	c := new(streamConn)
	c.init(s, where.proto)
	return c, nil
}

// connect waits until s is connected, or ctx is done.
func connect(ctx context.Context, s network.Socket, to network.Addr) error {
	w := ready.NewWaiter()
	defer context.AfterFunc(ctx, w.Interrupt)()
	for {
		if err := ctx.Err(); err != nil {
			return contextError(err)
		}
		seq := s.Queue().Seq()
		err := s.Connect(to)
		if err != syscall.EINPROGRESS && err != syscall.EALREADY {
			return os.NewSyscallError("connect", err)
		}
		_ = w.Wait(s, ready.Out, seq, ready.Never) // the attempt tells
	}
}

// contextError is how package net tells of a context that is done.
func contextError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	return err
}

// nameAddr is an address as it was given.
type nameAddr struct{ network, address string }

func (a nameAddr) Network() string { return a.network }
func (a nameAddr) String() string  { return a.address }
