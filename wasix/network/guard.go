package network

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
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
//     and may connect to them on the ports granted to the name. But no name other
//     than localhost grants loopback, link-local, multicast or metadata addresses.
//   - IPv4-mapped, NAT64, 6to4 and other IPv6 addresses that hold an IPv4 address
//     are matched as that, and the wildcard as a destination as the loopback
//     address. A name that ends in a number, such as 0x7f.1, does not exist.
//   - Where ports mean nothing (raw sockets, ICMP) all must be granted. Raw
//     sockets whose packets bring their own header (protocol 255) are refused.
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
	return &guard{layer: layer{n}, policy: p, rules: p.index(), names: new(learned), ctx: context.Background()}
}

type guard struct {
	layer
	policy *Policy
	rules  *index
	names  *learned
	ctx    context.Context // of the guest
}

// WithContext returns n for a guest that lives as long as ctx: what n asks
// somebody else about is given up with it.
func WithContext(ctx context.Context, n Network) Network {
	if c, ok := n.(interface {
		withContext(context.Context) Network
	}); ok {
		return c.withContext(ctx)
	}
	return n
}

func (g *guard) withContext(ctx context.Context) Network {
	own := *g
	own.Network, own.ctx = WithContext(ctx, g.Network), ctx
	return &own
}

func (g *guard) Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (Socket, error) {
	if typ == abi.SockTypeRaw && proto == protoRaw {
		return nil, syscall.EPERM
	}
	s, err := g.Network.Socket(family, typ, proto)
	if err != nil || family == abi.AddressFamilyUnix {
		return s, err
	}
	outer, _ := g.wrap(s)
	return outer, nil
}

// protoRaw is IPPROTO_RAW: packets with a header that the guest writes, to
// somebody else than it says.
const protoRaw = 255

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
	ports := g.rules.names.ports(host)
	if len(ports) == 0 {
		if err := g.ask(Request{Use: UseResolve, Host: host}); err != nil {
			return nil, err
		}
	}
	if endsInNumber(host) {
		return nil, syscall.ENOENT
	}
	addrs, err := g.Network.Resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var usable []netip.Addr
	for _, ip := range addrs {
		if g.rules.deniedEverywhere(ip) {
			continue
		}
		usable = append(usable, ip)
		if len(ports) > 0 && (!nearby(ip) || isLocalhost(host)) {
			g.names.add(ip, ports)
		}
	}
	if len(usable) == 0 && len(addrs) > 0 {
		return nil, g.refuse(Request{Use: UseResolve, Host: host}, syscall.EPERM)
	}
	return usable, nil
}

// endsInNumber reports whether the last part of host is a number, as in forms
// of IPv4 addresses that some resolvers know.
func endsInNumber(host string) bool {
	host = canonicalName(host)
	last := host[strings.LastIndexByte(host, '.')+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil || last != "" && strings.Trim(last, "0123456789") == ""
}

func isLocalhost(host string) bool {
	host = canonicalName(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// check returns nil for what the rules, a name that was looked up, or else the
// policy's Ask grants.
func (g *guard) check(r Request) error {
	if r.Use != UseResolve {
		switch g.rules.decide(r.Use, r.Addr) {
		case granted:
			return nil
		case denied:
			return syscall.EPERM
		}
		if Outbound.covers(r.Use) && g.names.has(r.Addr) {
			return nil
		}
	}
	if g.policy.Ask == nil || r.Use == UseResolve && g.rules.names.denies(r.Host) {
		return syscall.EPERM
	}
	err := g.policy.Ask(g.ctx, r)
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		errno = syscall.EPERM
	}
	if errno != 0 {
		return errno
	}
	return nil
}

// allows reports whether the use is granted, and tells nobody when it is not.
func (g *guard) allows(use Use, addr netip.AddrPort) bool {
	return g.check(Request{Use: use, Addr: addr}) == nil
}

// denies reports whether a rule forbids addr, granted or not.
func (g *guard) denies(use Use, addr netip.AddrPort) bool {
	return g.rules.decide(use, addr) == denied
}

// ask returns nil or, having told of it, why not.
func (g *guard) ask(r Request) error {
	if err := g.check(r); err != nil {
		return g.refuse(r, err)
	}
	return nil
}

func (g *guard) askFor(use Use, addr netip.AddrPort) error {
	return g.ask(Request{Use: use, Addr: addr})
}

func (g *guard) refuse(r Request, err error) error {
	times := g.policy.denials.add(r)
	if g.policy.OnDeny != nil {
		g.policy.OnDeny(r, times)
	}
	return err
}

// Adopt returns s, a socket opened elsewhere such as by [FromFD], under the
// policies of n, where what it is bound to is granted and all else is asked for,
// and within its quotas, even when there is no room left.
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
	wrapper
	guard    *guard
	family   abi.AddressFamily
	typ      abi.SockType
	portless bool
	probe    atomic.Bool                    // bound for show: see probeAddr
	granted  atomic.Bool                    // where it is bound was granted by other means
	local    atomic.Pointer[netip.AddrPort] // where it listens or receives, once known
	peer     atomic.Pointer[netip.AddrPort] // of connected datagrams
	met      peers
	taking   sync.RWMutex // datagrams are not taken while one is dropped
}

// guardedKernelSocket is a guardedSocket that the kernel's poll(2) can tell about.
type guardedKernelSocket struct {
	guardedSocket
	kernelFD
}

// wrap returns s under guard, and the part that guards it.
func (g *guard) wrap(s Socket) (Socket, *guardedSocket) {
	if sys, ok := s.(ready.SysSource); ok {
		k := &guardedKernelSocket{kernelFD: sys}
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

// dup returns a socket that is guarded alike, for as long as it lives.
func (s *guardedSocket) dup() (Socket, error) {
	d, err := Dup(s.Socket)
	if err != nil {
		return nil, err
	}
	lasting := *s.guard
	lasting.ctx = context.Background()
	outer, inner := lasting.wrap(d)
	inner.granted.Store(s.granted.Load())
	inner.peer.Store(s.peer.Load())
	return outer, nil
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
	if err := s.guard.askFor(UseBind, want); err != nil {
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
		if err := s.guard.askFor(UseListen, local.AddrPort); err != nil {
			return err
		}
		if s.probe.Load() { // granted to listen only
			return s.guard.refuse(Request{Use: UseBind, Addr: probeAddr}, syscall.EPERM)
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
	return s.guard.askFor(UseAccept, netip.AddrPortFrom(from.Addr(), local.Port())) == nil &&
		!s.guard.denies(UseAccept, local.AddrPort)
}

func (s *guardedSocket) Connect(addr Addr) error {
	if addr.IsValid() {
		if s.probe.Load() {
			return s.guard.refuse(Request{Use: UseBind, Addr: probeAddr}, syscall.EPERM)
		}
		if err := s.guard.askFor(UseConnect, s.destination(addr.AddrPort)); err != nil {
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

// JoinGroup asks for the group's address with the local port.
func (s *guardedSocket) JoinGroup(group, iface netip.Addr, index uint32) error {
	local, err := s.LocalAddr()
	if err != nil {
		return err
	}
	if err := s.guard.askFor(UseJoin, netip.AddrPortFrom(group, local.Port())); err != nil {
		return err
	}
	return s.Socket.JoinGroup(group, iface, index)
}
