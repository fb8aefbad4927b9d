package network

import (
	"context"
	"net/netip"
	"sync/atomic"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// WithPolicy returns n as far as p grants it; what it does not grant returns
// EPERM, and nothing was opened. Connected streams cost no more than without.
//
//   - Listening on an unbound socket asks for the wildcard address.
//   - A client that may not be accepted is closed before the guest sees it; a
//     datagram of such a sender is dropped. Answers from a peer that may be sent
//     to are let in, and a peer that was let in may be answered, unless denied.
//   - A name is looked up once. The guest gets the addresses that are not denied,
//     and may connect to them on the ports granted to the name.
//   - IPv4-mapped, NAT64 and IPv4-compatible IPv6 addresses are matched as the
//     IPv4 address, and the wildcard as a destination as the loopback address.
//   - Where ports mean nothing (raw sockets, ICMP) all must be granted.
//   - The C library's test of how the host orders the bytes of ports, a bind to
//     0.0.0.0:10275, succeeds even when not granted, but no port is taken.
//
// UNIX sockets are no business of a policy. A nil policy grants nothing.
func WithPolicy(n Network, p *Policy) Network {
	if p == nil {
		p = &Policy{}
	}
	if p.allowsAll() {
		return n
	}
	return &guard{Network: n, policy: p}
}

type guard struct {
	Network
	policy *Policy
	names  learned
}

func (g *guard) Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (Socket, error) {
	s, err := g.Network.Socket(family, typ, proto)
	if err != nil || family == abi.AddressFamilyUnix {
		return s, err
	}
	outer, _ := g.wrap(s)
	return outer, nil
}

func (g *guard) Pair(typ abi.SockType) (Socket, Socket, error) { return pair(g.Network, typ) }

// pair asks n for a pair, if it makes any.
func pair(n Network, typ abi.SockType) (Socket, Socket, error) {
	if p, ok := n.(Pairer); ok {
		return p.Pair(typ)
	}
	return nil, nil, syscall.EOPNOTSUPP
}

func (g *guard) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil // to be asked about when it is used
	}
	ports := g.policy.namePorts(host)
	if len(ports) == 0 {
		return nil, g.refuse(Denial{Use: UseResolve, Host: host})
	}
	addrs, err := g.Network.Resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var usable []netip.Addr
	for _, ip := range addrs {
		if !g.deniedEverywhere(ip) {
			usable = append(usable, ip)
			g.names.add(ip, ports)
		}
	}
	if len(usable) == 0 && len(addrs) > 0 {
		return nil, g.refuse(Denial{Use: UseResolve, Host: host})
	}
	return usable, nil
}

// deniedEverywhere reports whether ip may not be connected to on any port.
func (g *guard) deniedEverywhere(ip netip.Addr) bool {
	for i := range g.policy.Rules {
		if r := g.policy.Rules[i]; r.Deny && r.Domain == "" && r.Ports == AllPorts {
			only := Policy{Rules: []Rule{r}}
			if only.denies(UseConnect, netip.AddrPortFrom(ip, 0)) {
				return true
			}
		}
	}
	return false
}

// allows reports whether the rules, or a name that was looked up, grant it.
func (g *guard) allows(use Use, addr netip.AddrPort) bool {
	if g.policy.Allows(use, addr) {
		return true
	}
	return Outbound.covers(use) && g.names.has(addr) && !g.policy.denies(use, addr)
}

// ask returns nil or, having told of it, EPERM.
func (g *guard) ask(use Use, addr netip.AddrPort) error {
	if g.allows(use, addr) {
		return nil
	}
	return g.refuse(Denial{Use: use, Addr: addr})
}

func (g *guard) refuse(d Denial) error {
	if g.policy.OnDeny != nil {
		g.policy.OnDeny(d)
	}
	return syscall.EPERM
}

// Adopt returns s, a socket opened elsewhere such as by [FromFD], under the
// policies of n: what it is bound to is granted, all else is asked for.
func Adopt(n Network, s Socket) Socket {
	if a, ok := n.(interface{ adopt(Socket) Socket }); ok {
		return a.adopt(s)
	}
	return s
}

func (g *guard) adopt(s Socket) Socket {
	s = Adopt(g.Network, s)
	if family, _, _ := s.Type(); family == abi.AddressFamilyUnix {
		return s
	}
	outer, inner := g.wrap(s)
	if local, err := s.LocalAddr(); err == nil && local.Port() != 0 {
		inner.granted.Store(true)
	}
	return outer
}

// guardedSocket asks before it lets a socket do anything new.
type guardedSocket struct {
	Socket
	guard    *guard
	family   abi.AddressFamily
	typ      abi.SockType
	portless bool
	probe    atomic.Bool                    // bound for show: see probeAddr
	granted  atomic.Bool                    // where it is bound was granted by other means
	local    atomic.Pointer[netip.AddrPort] // where it listens or receives, once known
	peer     atomic.Pointer[netip.AddrPort] // of connected datagrams
	met      peers
}

// guardedKernelSocket is a guardedSocket that the kernel's poll(2) can tell about.
type guardedKernelSocket struct {
	guardedSocket
	ready.SysSource
}

// wrap returns s under guard, and the part that guards it.
func (g *guard) wrap(s Socket) (Socket, *guardedSocket) {
	if sys, ok := s.(ready.SysSource); ok {
		k := &guardedKernelSocket{SysSource: sys}
		k.init(g, s)
		return k, &k.guardedSocket
	}
	w := new(guardedSocket)
	w.init(g, s)
	return w, w
}

func (s *guardedSocket) init(g *guard, inner Socket) {
	var proto abi.SockProto
	s.Socket, s.guard = inner, g
	s.family, s.typ, proto = inner.Type()
	s.portless = portless(s.typ, proto)
}

// probeAddr is where the C library binds a stream socket, reads the address
// back, and closes it.
var probeAddr = netip.MustParseAddrPort("0.0.0.0:10275")

// bindGranted binds without a question, and what reaches the socket there is
// granted as well.
func (s *guardedSocket) bindGranted(addr Addr) error {
	if s.probe.Load() {
		return syscall.EINVAL
	}
	err := s.Socket.Bind(addr)
	if err == nil {
		s.granted.Store(true)
	}
	return err
}

func (s *guardedSocket) stream() bool { return s.typ == abi.SockTypeStream }

// destination is the address to ask about for addr.
func (s *guardedSocket) destination(addr netip.AddrPort) netip.AddrPort {
	if s.portless {
		return netip.AddrPortFrom(addr.Addr(), 0)
	}
	return addr
}

func (s *guardedSocket) Bind(addr Addr) error {
	if s.probe.Load() || s.granted.Load() { // bound
		return syscall.EINVAL
	}
	if addr.Unix {
		return s.Socket.Bind(addr)
	}
	want := s.wildcardOf(addr)
	if s.isProbe(want) && !s.guard.allows(UseBind, want) {
		s.probe.Store(true)
		return nil
	}
	if err := s.guard.ask(UseBind, want); err != nil {
		return err
	}
	return s.Socket.Bind(addr)
}

// wildcardOf returns the address of a bind, which is the wildcard when
// unspecified.
func (s *guardedSocket) wildcardOf(addr Addr) netip.AddrPort {
	switch {
	case addr.IsValid():
		return s.destination(addr.AddrPort)
	case s.family == abi.AddressFamilyInet6:
		return netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
}

func (s *guardedSocket) isProbe(addr netip.AddrPort) bool {
	return addr == probeAddr && s.stream() && s.family == abi.AddressFamilyInet4
}

func (s *guardedSocket) LocalAddr() (Addr, error) {
	if s.probe.Load() {
		return Addr{AddrPort: probeAddr}, nil
	}
	return s.Socket.LocalAddr()
}

func (s *guardedSocket) Listen(backlog int) error {
	if s.stream() && !s.granted.Load() && !s.connected() {
		local, err := s.LocalAddr()
		if err != nil {
			return err
		}
		if err := s.guard.ask(UseListen, local.AddrPort); err != nil {
			return err
		}
		if s.probe.Load() { // granted to listen only
			return s.guard.refuse(Denial{Use: UseBind, Addr: probeAddr})
		}
	}
	return s.Socket.Listen(backlog)
}

// connected lets the network itself refuse what a connected socket cannot do.
func (s *guardedSocket) connected() bool {
	_, err := s.Socket.PeerAddr()
	return err == nil
}

func (s *guardedSocket) Accept() (Socket, Addr, error) {
	for range maxRefused {
		c, from, err := s.Socket.Accept()
		if err != nil {
			return nil, Addr{}, err
		}
		if s.admits(c, from) {
			outer, _ := s.guard.wrap(c)
			return outer, from, nil
		}
		_ = c.Close()
	}
	return nil, Addr{}, s.comeBack()
}

// maxRefused is how many clients or datagrams one call drops, so that a flood
// of them leaves the guest interruptible.
const maxRefused = 64

// comeBack returns EAGAIN, but there may be more: waiting ends at once.
func (s *guardedSocket) comeBack() error {
	s.Queue().Notify(ready.In)
	return syscall.EAGAIN
}

// admits reports whether a client may come in, from and to its addresses.
func (s *guardedSocket) admits(c Socket, from Addr) bool {
	if s.granted.Load() {
		return true
	}
	local, err := c.LocalAddr()
	if err != nil {
		return false
	}
	return s.guard.ask(UseAccept, netip.AddrPortFrom(from.Addr(), local.Port())) == nil &&
		!s.guard.policy.denies(UseAccept, local.AddrPort)
}

func (s *guardedSocket) Connect(addr Addr) error {
	if addr.IsValid() {
		if s.probe.Load() {
			return s.guard.refuse(Denial{Use: UseBind, Addr: probeAddr})
		}
		if err := s.guard.ask(UseConnect, s.destination(addr.AddrPort)); err != nil {
			return err
		}
	}
	err := s.Socket.Connect(addr)
	if err == nil && !s.stream() {
		s.setPeer(addr)
	}
	return err
}

func (s *guardedSocket) setPeer(addr Addr) {
	if addr.IsValid() {
		s.peer.Store(&addr.AddrPort)
	} else {
		s.peer.Store(nil)
	}
}

// JoinGroup asks like a bind to the group's address: its datagrams come in.
func (s *guardedSocket) JoinGroup(group, iface netip.Addr, index uint32) error {
	local, err := s.LocalAddr()
	if err != nil {
		return err
	}
	if err := s.guard.ask(UseBind, netip.AddrPortFrom(group, local.Port())); err != nil {
		return err
	}
	return s.Socket.JoinGroup(group, iface, index)
}
