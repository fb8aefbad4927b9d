package virtual

import (
	"net/netip"
	"sync/atomic"
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/ports"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// stream is a TCP socket. An endpoint of the netstack serves for one connection
// or listener; where a socket on Linux goes on after that, stream gets another.
type stream struct {
	socket
	state atomic.Uint32

	sent, received atomic.Uint64 // bytes

	// Guarded by mu.
	bound   bool // by Bind, to local
	asked   bool // for the port of that
	loose   bool // Linux would have given the port back
	local   tcpip.FullAddress
	backlog int
	limit   tcpip.Timer // of the attempt to connect, if it has one
}

// The states, as the kernel's struct socket has them, and listening.
const (
	unconnected uint32 = iota
	listening
	connecting
	connected
	spent // an attempt that failed, and was shut down before that was told
)

// maxBacklog is net.core.somaxconn.
const maxBacklog = 4096

func newStream(h *Host, family abi.AddressFamily) (*stream, error) {
	s := new(stream)
	return s, s.open(h, family, tcp.ProtocolNumber)
}

// Type returns what the socket was opened as.
func (s *stream) Type() (abi.AddressFamily, abi.SockType, abi.SockProto) {
	return s.family, abi.SockTypeStream, abi.SockProtoTcp
}

func (s *stream) tcp() tcp.EndpointState { return tcp.EndpointState(s.ep().State()) }

// ended reports whether a connection, or an attempt, is over.
func ended(state tcp.EndpointState) bool {
	return state == tcp.StateError || state == tcp.StateClose || state == tcp.StateTimeWait
}

// Bind gives the socket its local address: see [network.Socket].
func (s *stream) Bind(addr network.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state := s.state.Load(); state == unconnected && s.loose {
		s.bound = false
		_ = s.renew()
	} else if (state == connecting || state == spent) && ended(s.tcp()) && !s.asked {
		s.bound = false
		s.look() // the outcome is still to be told
		_ = s.renew()
		s.shut.Store(uint32(bothWays))
	}
	if state := s.state.Load(); state == listening || state == connected || s.tcp() != tcp.StateInitial {
		return syscall.EINVAL
	}
	full, err := s.bindAddr(addr)
	if err != nil {
		return err
	}
	if err := s.ep().Bind(full); err != nil {
		_ = s.renew()
		return errno(err)
	}
	s.keepAddr(full)
	return nil
}

// keepAddr notes what Bind has bound, to bind another endpoint to it. mu is held.
func (s *stream) keepAddr(asked tcpip.FullAddress) {
	s.bound, s.asked, s.loose, s.local = true, asked.Port != 0, false, asked
	if a, err := s.ep().GetLocalAddress(); err == nil {
		s.local.Port = a.Port
	}
}

// renew gives the socket a new endpoint, bound as the last one was. mu is held.
func (s *stream) renew() error {
	ep, err := s.host.newEndpoint(tcp.ProtocolNumber, s.family)
	if err != nil {
		return err
	}
	s.endLimit()
	old := s.ep()
	old.events.EventUnregister(&s.entry)
	old.Abort()
	s.opts.apply(ep, s.family)
	if s.bound {
		s.bound = ep.Bind(s.local) == nil
	}
	s.loose = s.bound && !s.asked
	s.sent.Store(0)
	s.received.Store(0)
	s.attach(ep)
	return nil
}

// Listen starts to listen, or changes the backlog: see [network.Socket].
func (s *stream) Listen(backlog int) error {
	if backlog < 0 || backlog > maxBacklog {
		backlog = maxBacklog
	}
	backlog++ // Linux has room for one more
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state.Load() {
	case listening:
		s.setBacklog(backlog)
		return nil
	case unconnected:
	default:
		return syscall.EINVAL
	}
	if s.taken() || s.bindAgain() != nil {
		return syscall.EADDRINUSE
	}
	ep := s.ep()
	ep.waiting.count(ep.events)
	if err := ep.Listen(backlog); err != nil {
		_ = s.renew()
		return errno(err)
	}
	s.backlog = backlog
	s.shut.Store(0)
	s.state.Store(listening)
	return nil
}

// taken reports whether another socket listens where s is bound. An endpoint that
// finds that out by itself is lost, and so is the address. mu is held.
func (s *stream) taken() bool {
	if !s.bound {
		return false
	}
	protos, local := []tcpip.NetworkProtocolNumber{netProto(s.family)}, s.local.Addr
	switch v4 := local.To4(); {
	case v4 != (tcpip.Address{}):
		protos[0], local = header.IPv4ProtocolNumber, v4
	case s.family == abi.AddressFamilyInet6 && local == (tcpip.Address{}) && !s.ep().SocketOptions().GetV6Only():
		protos = append(protos, header.IPv4ProtocolNumber)
	}
	id := stack.TransportEndpointID{LocalAddress: local, LocalPort: s.local.Port}
	flags := ports.Flags{
		TupleOnly:    s.opts.values[abi.SockOptionReuseAddr] != 0,
		LoadBalanced: s.opts.values[abi.SockOptionReusePort] != 0,
	}
	return s.host.stack.CheckRegisterTransportEndpoint(protos, tcp.ProtocolNumber, id, flags, 0) != nil
}

// bindAgain binds to the address that Bind was asked for, where renew found a port
// that connections of the old endpoint have. mu is held.
func (s *stream) bindAgain() error {
	if s.bound || !s.asked {
		return nil
	}
	if err := s.ep().Bind(s.local); err != nil {
		_ = s.renew()
		return errno(err)
	}
	s.bound = true
	return nil
}

// setBacklog changes the backlog. The netstack refuses one that the present
// connections exceed; they are to stay, so it becomes the least that it takes.
func (s *stream) setBacklog(backlog int) {
	for n := backlog; s.ep().Listen(n) != nil && n < s.backlog; n++ {
	}
	s.backlog = backlog
}

// Accept takes a connection from the queue: see [network.Socket].
func (s *stream) Accept() (network.Socket, network.Addr, error) {
	if s.state.Load() != listening {
		return nil, network.Addr{}, syscall.EINVAL
	}
	var peer tcpip.FullAddress
	l := s.ep()
	ep, events, err := l.Accept(&peer)
	if err != nil {
		return nil, network.Addr{}, errno(err)
	}
	l.waiting.n.Add(-1)
	c := new(stream)
	c.state.Store(connected)
	s.mu.Lock()
	c.opts = s.opts
	s.mu.Unlock()
	c.init(s.host, s.family, &endpoint{Endpoint: ep, events: events})
	c.opts.apply(c.ep(), s.family)
	return c, guestAddr(s.family, peer), nil
}

// Shutdown ends directions: see [network.Socket].
func (s *stream) Shutdown(how abi.Sdflags) error {
	if how == 0 || how&^bothWays != 0 {
		return syscall.EINVAL
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state := s.tcp(); {
	case s.state.Load() == listening:
		if how&abi.SdflagsRd != 0 {
			return s.disconnect()
		}
		return nil
	case state == tcp.StateSynSent || state == tcp.StateConnecting:
		err := s.disconnect()
		s.failed.Store(0)
		return err
	case state == tcp.StateInitial || state == tcp.StateBound || ended(state):
		s.state.CompareAndSwap(connecting, spent)
		s.shut.Or(uint32(how))
		s.queue.Notify(anything)
		return syscall.ENOTCONN
	}
	s.shut.Or(uint32(how))
	if how&abi.SdflagsWr != 0 {
		_ = s.ep().Shutdown(tcpip.ShutdownWrite)
	}
	s.queue.Notify(anything)
	return nil
}

// PeerAddr returns the address of the peer, or ENOTCONN.
func (s *stream) PeerAddr() (network.Addr, error) {
	if ended(s.tcp()) {
		return network.Addr{}, syscall.ENOTCONN
	}
	a, err := s.ep().GetRemoteAddress()
	if err != nil {
		return network.Addr{}, syscall.ENOTCONN
	}
	return guestAddr(s.family, a), nil
}

// TakeError returns and clears the pending error; nil when none.
func (s *stream) TakeError() error {
	s.look()
	return s.takeFailure()
}

// look keeps the error that ended the connection, unless it was told already. The
// netstack would tell it more than once.
func (s *stream) look() {
	if ep := s.ep(); tcp.EndpointState(ep.State()) == tcp.StateError && !ep.told.Swap(true) {
		s.fail(errno(ep.LastError()))
	}
}

// JoinGroup returns EPROTO: streams have no groups.
func (s *stream) JoinGroup(group, iface netip.Addr, index uint32) error {
	return s.membershipOfStream(group, iface, index)
}

// LeaveGroup returns EPROTO: streams have no groups.
func (s *stream) LeaveGroup(group, iface netip.Addr, index uint32) error {
	return s.membershipOfStream(group, iface, index)
}

func (s *stream) membershipOfStream(group, iface netip.Addr, index uint32) error {
	if _, err := s.membership(group, iface, index); err != nil {
		return err
	}
	return syscall.EPROTO
}

// Close closes the socket. What was sent is still delivered.
func (s *stream) Close() error {
	s.mu.Lock()
	s.endLimit()
	s.mu.Unlock()
	return s.close()
}
