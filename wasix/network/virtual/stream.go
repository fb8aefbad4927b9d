package virtual

import (
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/ports"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
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
	if s.taken() {
		return syscall.EADDRINUSE
	}
	if err := s.ep().Listen(backlog); err != nil {
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
	ep, events, err := s.ep().Accept(&peer)
	if err != nil {
		return nil, network.Addr{}, errno(err)
	}
	c := new(stream)
	c.state.Store(connected)
	s.mu.Lock()
	c.opts = s.opts
	s.mu.Unlock()
	c.init(s.host, s.family, &endpoint{Endpoint: ep, events: events})
	c.opts.apply(c.ep(), s.family)
	return c, guestAddr(s.family, peer), nil
}

// Connect starts to connect, or tells how that went: see [network.Socket].
func (s *stream) Connect(addr network.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if addr == (network.Addr{}) {
		return s.disconnect()
	}
	switch s.state.Load() {
	case connected, listening:
		return syscall.EISCONN
	case connecting:
		return s.outcome()
	case spent:
		return syscall.EINVAL
	}
	if s.family == abi.AddressFamilyInet6 && addr.Addr().Is4() {
		return syscall.EINVAL // too short, though not for datagrams
	}
	full, err := s.peerAddr(addr)
	if err != nil {
		return err
	}
	if isMulticast(full.Addr) || s.host.port.isBroadcast(full.Addr) {
		return syscall.ENETUNREACH
	}
	s.failed.Store(0)
	return s.start(full)
}

// start sends the SYN. mu is held.
func (s *stream) start(full tcpip.FullAddress) error {
	switch err := s.ep().Connect(full); err.(type) {
	case *tcpip.ErrConnectStarted:
		s.state.Store(connecting)
		return syscall.EINPROGRESS
	case *tcpip.ErrHostUnreachable: // there is no route
		return syscall.ENETUNREACH
	case *tcpip.ErrPortInUse, *tcpip.ErrNoPortAvailable:
		_ = s.renew()
		return syscall.EADDRNOTAVAIL
	default:
		_ = s.renew()
		return errno(err)
	}
}

// outcome tells how the attempt to connect goes. mu is held.
func (s *stream) outcome() error {
	switch state := s.tcp(); {
	case state == tcp.StateConnecting || state == tcp.StateSynSent || state == tcp.StateSynRecv:
		return syscall.EALREADY
	case state == tcp.StateInitial || state == tcp.StateBound: // failed, and bound anew
	case !ended(state):
		s.settle()
		s.state.Store(connected)
		return nil
	}
	err := s.TakeError()
	if err == nil {
		err = syscall.ECONNABORTED
	}
	_ = s.disconnect()
	s.failed.Store(0)
	return err
}

// How long settle holds up a connect: for a few turns, and then, on a busy machine
// or when the queue has no room, for a tenth of a second.
const (
	settleTurns = 200
	settleNaps  = 500
	settleNap   = 200 * time.Microsecond
)

// settle waits a moment until the connection is in the listener's queue, where it
// is on Linux when connect returns: the netstack takes the last packet of the
// handshake in another goroutine.
func (s *stream) settle() {
	local, err1 := s.ep().GetLocalAddress()
	peer, err2 := s.ep().GetRemoteAddress()
	there := s.host.network.wire.hostOf(s.host, peer.Addr)
	if err1 != nil || err2 != nil || there == nil {
		return
	}
	id := stack.TransportEndpointID{
		LocalAddress: peer.Addr, LocalPort: peer.Port, RemoteAddress: local.Addr, RemotePort: local.Port,
	}
	for turn := range settleTurns + settleNaps {
		other, ok := there.stack.FindTransportEndpoint(protoOf(netAddr(peer.Addr)), tcp.ProtocolNumber, id, 0).(*tcp.Endpoint)
		switch {
		case ok && other.EndpointState() != tcp.StateListen && other.EndpointState() != tcp.StateSynRecv:
			_, _ = other.GetLocalAddress() // waits for its lock
			return
		case turn < settleTurns:
			runtime.Gosched()
		default:
			time.Sleep(settleNap)
		}
	}
}

// disconnect makes a new socket of this one, but for its options, and the
// address if that was bound to. mu is held.
func (s *stream) disconnect() error {
	switch s.state.Load() {
	case unconnected:
		s.shut.Store(0)
		return nil
	case connecting, connected, spent:
		if state := s.tcp(); !ended(state) && state != tcp.StateInitial && state != tcp.StateBound {
			s.fail(syscall.ECONNRESET)
		}
	}
	err := s.renew()
	s.shut.Store(0)
	s.state.Store(unconnected)
	s.queue.Notify(anything)
	return err
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

// Ready returns the levels as poll(2) has them for tcp(7).
func (s *stream) Ready(asked ready.Events) ready.Events {
	s.look()
	var ev ready.Events
	switch state := s.tcp(); state {
	case tcp.StateListen:
		if s.ep().Readiness(waiter.EventIn) != 0 {
			ev = ready.In
		}
	case tcp.StateConnecting, tcp.StateSynSent, tcp.StateSynRecv:
	case tcp.StateInitial, tcp.StateBound:
		ev = ready.Out | ready.Hup
		if s.isShut(abi.SdflagsRd) {
			ev |= ready.In | ready.RdHup
		}
	case tcp.StateError, tcp.StateClose, tcp.StateTimeWait:
		ev = anything
	default:
		ev = s.readyConnected(state)
	}
	if s.failed.Load() != 0 {
		ev |= ready.Err
	}
	return ev & (asked | ready.Err | ready.Hup)
}

func (s *stream) readyConnected(state tcp.EndpointState) (ev ready.Events) {
	levels := s.ep().Readiness(waiter.EventIn | waiter.EventOut)
	if levels&waiter.EventIn != 0 {
		ev |= ready.In
	}
	if levels&waiter.EventOut != 0 || s.isShut(abi.SdflagsWr) {
		ev |= ready.Out
	}
	if s.isShut(abi.SdflagsRd) || state == tcp.StateCloseWait || state == tcp.StateLastAck || state == tcp.StateClosing ||
		ev&ready.In != 0 && s.atEnd() {
		ev |= ready.In | ready.RdHup
		if s.isShut(abi.SdflagsWr) {
			ev |= ready.Hup
		}
	}
	return ev
}

// atEnd reports whether what can be read is the end of the stream, which the
// netstack tells readers of before the state changes.
func (s *stream) atEnd() bool {
	return s.Available() == 0 && s.ep().Readiness(waiter.EventIn) != 0
}

// Recvmsg receives into iovs: see [network.Socket]. There is no sender to tell.
func (s *stream) Recvmsg(iovs [][]byte, flags network.MsgFlags, from *network.Addr) (int, network.MsgFlags, error) {
	if from != nil {
		*from = network.Addr{}
	}
	b := newBuffers(iovs, false)
	defer b.free()
	ep := s.ep()
	if b.left == 0 {
		return 0, 0, s.receiveNothing(ep)
	}
	var result tcpip.ReadResult
	var err tcpip.Error
	opts := tcpip.ReadOptions{Peek: flags&network.MsgPeek != 0}
	if flags&network.MsgTrunc != 0 {
		result, err = ep.Read(&discarder{b.left}, opts)
	} else {
		result, err = ep.Read(b, opts)
	}
	if err == nil {
		if !opts.Peek {
			ep.ModerateRecvBuf(result.Count)
			s.received.Add(uint64(result.Count))
		}
		return result.Count, 0, nil
	}
	return 0, 0, s.receiveError(ep, err)
}

// receiveNothing receives into no room, which on Linux wants something to be there
// all the same.
func (s *stream) receiveNothing(ep *endpoint) error {
	var one [1]byte
	b := newBuffers([][]byte{one[:]}, false)
	defer b.free()
	if _, err := ep.Read(b, tcpip.ReadOptions{Peek: true}); err != nil {
		return s.receiveError(ep, err)
	}
	return nil
}

// receiveError returns nil at the end of the stream.
func (s *stream) receiveError(ep *endpoint, err tcpip.Error) error {
	if failure := s.takeFailure(); failure != nil {
		return failure
	}
	switch err.(type) {
	case *tcpip.ErrClosedForReceive:
		return nil
	case *tcpip.ErrWouldBlock:
		if s.isShut(abi.SdflagsRd) {
			return nil
		}
	case *tcpip.ErrNotConnected:
		if s.isShut(abi.SdflagsRd) && s.state.Load() != listening {
			return nil
		}
	default:
		ep.told.Store(true)
	}
	return errno(err)
}

// Sendmsg sends iovs: see [network.Socket]. An address is ignored, as on Linux.
func (s *stream) Sendmsg(iovs [][]byte, _ *network.Addr) (int, error) {
	if err := s.takeFailure(); err != nil {
		return 0, err
	}
	if s.isShut(abi.SdflagsWr) {
		s.look()
		if err := s.takeFailure(); err != nil {
			return 0, err
		}
		return 0, syscall.EPIPE
	}
	b := newBuffers(iovs, false)
	defer b.free()
	ep := s.ep()
	n, err := ep.Write(b, tcpip.WriteOptions{})
	s.sent.Add(uint64(n))
	switch err.(type) {
	case nil, *tcpip.ErrWouldBlock, *tcpip.ErrClosedForSend:
	default:
		ep.told.Store(true)
	}
	return int(n), errno(err)
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
func (s *stream) Close() error { return s.close() }
