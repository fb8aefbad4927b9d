package network

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// PortMap makes a port of the guest reachable at an address of the host.
type PortMap struct {
	Outside netip.AddrPort // port 0: the network chooses one
	Guest   uint16
	Proto   abi.SockProto // SockProtoTcp or SockProtoUdp
}

// ParsePortMaps parses [HOST:]HOSTPORTS:GUESTPORTS[/tcp|/udp]. HOST is an
// address, an IPv6 one in brackets, and 127.0.0.1 when it is left out. The ports
// are numbers, names of services or ranges of numbers, as many outside as inside;
// HOSTPORTS may also be 0 for any.
func ParsePortMaps(s string) ([]PortMap, error) {
	fail := func(part, reason string) ([]PortMap, error) {
		return nil, fmt.Errorf("port map %q: %q %s", s, part, reason)
	}
	m := PortMap{Proto: abi.SockProtoTcp}
	ports, proto, ok := strings.Cut(s, "/")
	switch {
	case ok && proto == "udp":
		m.Proto = abi.SockProtoUdp
	case ok && proto != "tcp":
		return fail("/"+proto, "is neither /tcp nor /udp")
	}
	colon := strings.LastIndexByte(ports, ':')
	if colon < 0 {
		return fail(ports, "lacks a port of the guest, as in 8080:80")
	}
	host, outside := "127.0.0.1", ports[:colon]
	if i := strings.LastIndexByte(outside, ':'); i >= 0 {
		host, outside = outside[:i], outside[i+1:]
	}
	ip, err := netip.ParseAddrPort(host + ":0")
	if err != nil {
		return fail(host, "is no address of the host")
	}
	inner, wrong := parsePorts(ports[colon+1:])
	if wrong != nil || inner.First == 0 {
		return fail(ports[colon+1:], "is no port of the guest")
	}
	outer, wrong := parsePorts(outside)
	if wrong != nil || outer == AllPorts {
		return fail(outside, "is no port of the host")
	}
	size := int(inner.Last - inner.First)
	anyPort := outer == PortRange{}
	if !anyPort && int(outer.Last-outer.First) != size {
		return fail(ports, "has not as many ports outside as inside")
	}
	var maps []PortMap
	for i := range size + 1 {
		m.Guest, m.Outside = inner.First+uint16(i), netip.AddrPortFrom(ip.Addr(), outer.First+uint16(i))
		if anyPort {
			m.Outside = ip
		}
		maps = append(maps, m)
	}
	return maps, nil
}

// String returns the map in the form of [ParsePortMaps].
func (m PortMap) String() string {
	s := m.Outside.String() + ":" + strconv.Itoa(int(m.Guest))
	if m.Proto == abi.SockProtoUdp {
		s += "/udp"
	}
	return s
}

// Publish returns n with ports of the guest published: what the guest binds to
// a mapped port, at whatever local address, is bound to the address outside,
// and the guest sees it bound to what it asked for. Everything else is left to
// n. A [WithPolicy] network inside n grants what is published: to bind, to
// listen, to accept anybody, and to answer datagrams.
//
// Where n is a [Dialer], or a policy around one, the socket is bound inside it as
// the guest asks, and what comes to the address outside is carried there: guests
// see a peer inside. TCP connections outlive the listener that they came by.
//
// An IPv6 socket can be published at an IPv4 address, as a dual-stack one. Of
// networks that are the kernel's, an IPv4 socket at an IPv6 address is
// EADDRNOTAVAIL.
func Publish(n Network, maps []PortMap) *Publisher {
	p := &Publisher{Network: n, dialer: dialerOf(n)}
	for _, m := range maps {
		p.ports = append(p.ports, &published{PortMap: m})
	}
	return p
}

// Publisher is a Network with published ports.
type Publisher struct {
	Network
	// OnBind, unless nil, is told whenever the guest has bound a published port,
	// with the address outside that it got. It is set before the network is
	// used, may be called concurrently, and the guest waits for it.
	OnBind func(PortMap)
	// OnError, unless nil, is told whenever the guest's bind to a published port
	// failed, with more than the errno that the guest got. As OnBind otherwise.
	OnError func(PortMap, error)

	ports  []*published
	dialer Dialer // nil: bound outside
}

// published is a port map in use.
type published struct {
	PortMap
	mu    sync.Mutex
	bound netip.AddrPort // once the guest has bound it
}

// Outside returns where a port of the guest is reachable, once the guest has
// bound it.
func (p *Publisher) Outside(guest uint16, proto abi.SockProto) (at netip.AddrPort, ok bool) {
	m := p.find(guest, proto)
	if m == nil {
		return at, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bound, m.bound.IsValid()
}

func (p *Publisher) find(guest uint16, proto abi.SockProto) *published {
	for _, m := range p.ports {
		if m.Guest == guest && m.Proto == proto {
			return m
		}
	}
	return nil
}

// Socket opens a socket of the network inside.
func (p *Publisher) Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (Socket, error) {
	s, err := p.Network.Socket(family, typ, proto)
	if err != nil || family == abi.AddressFamilyUnix {
		return s, err
	}
	return p.wrap(s, Addr{}), nil
}

// Resolve asks the network inside.
func (p *Publisher) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	return p.Network.Resolve(ctx, host)
}

// Pair asks the network inside; EOPNOTSUPP when that makes no pairs.
func (p *Publisher) Pair(typ abi.SockType) (Socket, Socket, error) { return pair(p.Network, typ) }

func (p *Publisher) withContext(ctx context.Context) Network {
	own := *p
	own.Network = WithContext(ctx, p.Network)
	return &own
}

func (p *Publisher) adopt(s Socket) Socket { return Adopt(p.Network, s) }

func (p *Publisher) inside() Network { return p.Network }

// publishedSocket is a socket whose local address may not be what it seems.
type publishedSocket struct {
	wrapper
	publisher *Publisher
	family    abi.AddressFamily
	proto     abi.SockProto
	mu        sync.Mutex
	seems     Addr // what the guest takes for the local address; zero: as it is
	relay     *relay
}

// publishedKernelSocket is a publishedSocket that the kernel's poll(2) can tell about.
type publishedKernelSocket struct {
	publishedSocket
	kernelFD
}

func (p *Publisher) wrap(s Socket, seems Addr) Socket {
	outer, _ := p.wrapped(s, seems)
	return outer
}

// wrapped returns s as published by p, and the part that does it.
func (p *Publisher) wrapped(s Socket, seems Addr) (Socket, *publishedSocket) {
	if sys, ok := s.(ready.SysSource); ok {
		k := &publishedKernelSocket{kernelFD: sys}
		k.init(p, s, seems)
		return k, &k.publishedSocket
	}
	w := new(publishedSocket)
	w.init(p, s, seems)
	return w, w
}

func (s *publishedSocket) init(p *Publisher, inner Socket, seems Addr) {
	s.Socket, s.publisher, s.seems = inner, p, seems
	s.family, _, s.proto = inner.Type()
}

// dup returns a socket that is published at the same place.
func (s *publishedSocket) dup() (Socket, error) {
	d, err := Dup(s.Socket)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	outer, inner := s.publisher.wrapped(d, s.seems)
	if s.relay != nil {
		s.relay.users.Add(1)
		inner.relay = s.relay
	}
	return outer, nil
}

// Bind binds outside when the port is mapped.
func (s *publishedSocket) Bind(addr Addr) error {
	m := s.publisher.find(addr.Port(), s.proto)
	if m == nil || !addr.IsValid() {
		return s.Socket.Bind(addr)
	}
	if addr.Addr().Is4() != (s.family == abi.AddressFamilyInet4) {
		return syscall.EAFNOSUPPORT
	}
	bound, err := s.bindPublished(m, addr)
	if err != nil {
		if tell := s.publisher.OnError; tell != nil {
			tell(m.PortMap, err)
		}
		return syserror.Of(err)
	}
	if tell := s.publisher.OnBind; tell != nil {
		tell(PortMap{Outside: bound, Guest: m.Guest, Proto: m.Proto})
	}
	return nil
}

// bindPublished makes m reachable and keeps where that is.
func (s *publishedSocket) bindPublished(m *published, addr Addr) (netip.AddrPort, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	bind := s.bindOutside
	if s.publisher.dialer != nil {
		bind = s.bindRelayed
	}
	at := m.Outside
	if m.bound.IsValid() {
		at = m.bound
	}
	bound, err := bind(at, addr)
	if err == nil {
		m.bound = bound
	}
	return bound, err
}

// errOtherFamily says why a socket of the kernel's is not bound outside.
var errOtherFamily = fmt.Errorf("the guest's socket is of IPv4, the address outside of IPv6: %w", syscall.EADDRNOTAVAIL)

// bindOutside binds the socket itself to the address outside.
func (s *publishedSocket) bindOutside(at netip.AddrPort, addr Addr) (netip.AddrPort, error) {
	target := at
	switch {
	case s.family == abi.AddressFamilyInet4 && !at.Addr().Is4():
		return at, errOtherFamily
	case s.family == abi.AddressFamilyInet6 && at.Addr().Is4():
		_ = s.SetOption(abi.SockOptionOnlyV6, 0) // fails when bound, as Bind will
		target = netip.AddrPortFrom(netip.AddrFrom16(at.Addr().As16()), at.Port())
	}
	if err := grantedBind(s.Socket, Addr{AddrPort: target}); err != nil {
		return at, err
	}
	local, err := s.Socket.LocalAddr()
	if err != nil {
		return at, err
	}
	s.mu.Lock()
	s.seems = addr
	s.mu.Unlock()
	return netip.AddrPortFrom(at.Addr(), local.Port()), nil
}

// bindRelayed binds the socket inside, and relays to it from the address outside.
func (s *publishedSocket) bindRelayed(at netip.AddrPort, addr Addr) (netip.AddrPort, error) {
	if err := grantedBind(s.Socket, addr); err != nil {
		return at, err
	}
	r, err := startRelay(s.publisher.dialer, at, s.proto, addr.AddrPort)
	if err != nil {
		return at, err
	}
	s.mu.Lock()
	s.relay = r
	s.mu.Unlock()
	return r.at, nil
}

// Close ends the relay with the socket.
func (s *publishedSocket) Close() error {
	s.mu.Lock()
	r := s.relay
	s.mu.Unlock()
	if r != nil {
		r.close()
	}
	return s.Socket.Close()
}

// grantedBind binds s, without a question from any policy inside.
func grantedBind(s Socket, addr Addr) error {
	if g, ok := s.(interface{ bindGranted(Addr) error }); ok {
		return g.bindGranted(addr)
	}
	return s.Bind(addr)
}

// Accept gives the new socket the port that the guest thinks it listens on.
func (s *publishedSocket) Accept() (Socket, Addr, error) {
	c, from, err := s.Socket.Accept()
	if err != nil {
		return nil, Addr{}, err
	}
	s.mu.Lock()
	seems := s.seems
	s.mu.Unlock()
	if seems.IsValid() && seems.Addr().IsUnspecified() {
		local, err := c.LocalAddr()
		if err != nil {
			_ = c.Close()
			return nil, Addr{}, err
		}
		seems = Addr{AddrPort: netip.AddrPortFrom(local.Addr(), seems.Port())}
	}
	return s.publisher.wrap(c, seems), from, nil
}

// LocalAddr returns the address that the guest asked for.
func (s *publishedSocket) LocalAddr() (Addr, error) {
	s.mu.Lock()
	seems := s.seems
	s.mu.Unlock()
	if seems.IsValid() {
		return seems, nil
	}
	return s.Socket.LocalAddr()
}
