package virtual

import (
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// datagram is a UDP socket.
type datagram struct {
	socket
}

func newDatagram(h *Host, family abi.AddressFamily) (*datagram, error) {
	s := new(datagram)
	return s, s.open(h, family, udp.ProtocolNumber)
}

// Type returns what the socket was opened as.
func (s *datagram) Type() (abi.AddressFamily, abi.SockType, abi.SockProto) {
	return s.family, abi.SockTypeDgram, abi.SockProtoUdp
}

func (s *datagram) connected() bool {
	return transport.DatagramEndpointState(s.ep().State()) == transport.DatagramEndpointStateConnected
}

// Bind gives the socket its local address: see [network.Socket].
func (s *datagram) Bind(addr network.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if transport.DatagramEndpointState(s.ep().State()) != transport.DatagramEndpointStateInitial {
		return syscall.EINVAL
	}
	full, err := s.bindAddr(addr)
	if err != nil {
		return err
	}
	return errno(s.ep().Bind(full))
}

// Listen returns EOPNOTSUPP.
func (*datagram) Listen(int) error { return syscall.EOPNOTSUPP }

// Accept returns EOPNOTSUPP.
func (*datagram) Accept() (network.Socket, network.Addr, error) {
	return nil, network.Addr{}, syscall.EOPNOTSUPP
}

// Connect sets the peer, or takes it away: see [network.Socket].
func (s *datagram) Connect(addr network.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if addr == (network.Addr{}) {
		return errno(s.ep().Disconnect())
	}
	full, err := s.peerAddr(addr)
	if err != nil {
		return err
	}
	if !s.ep().SocketOptions().GetBroadcast() && s.host.port.isBroadcast(full.Addr) {
		return syscall.EACCES
	}
	return unrouted(s.ep().Connect(full))
}

// unrouted is errno, but a host without a way to it is ENETUNREACH.
func unrouted(err tcpip.Error) error {
	if _, ok := err.(*tcpip.ErrHostUnreachable); ok {
		return syscall.ENETUNREACH
	}
	return errno(err)
}

// LocalAddr returns the address the socket is bound to. A connected one has the
// address that its datagrams come from.
func (s *datagram) LocalAddr() (network.Addr, error) {
	a, err := s.ep().GetLocalAddress()
	if err != nil {
		return network.Addr{}, errno(err)
	}
	if a.Addr == (tcpip.Address{}) && s.connected() {
		a.Addr = s.sourceAddr()
	}
	return guestAddr(s.family, a), nil
}

func (s *datagram) sourceAddr() tcpip.Address {
	peer, err := s.ep().GetRemoteAddress()
	if err != nil {
		return tcpip.Address{}
	}
	r, err := s.host.stack.FindRoute(peer.NIC, tcpip.Address{}, peer.Addr, protoOf(netAddr(peer.Addr)), false)
	if err != nil {
		return tcpip.Address{}
	}
	defer r.Release()
	return r.LocalAddress()
}

// PeerAddr returns the address of the peer, or ENOTCONN.
func (s *datagram) PeerAddr() (network.Addr, error) {
	a, err := s.ep().GetRemoteAddress()
	if err != nil {
		return network.Addr{}, syscall.ENOTCONN
	}
	return guestAddr(s.family, a), nil
}

// Shutdown ends directions: see [network.Socket]. It does so without a peer, too,
// in spite of ENOTCONN.
func (s *datagram) Shutdown(how abi.Sdflags) error {
	if how == 0 || how&^bothWays != 0 {
		return syscall.EINVAL
	}
	s.shut.Or(uint32(how))
	s.queue.Notify(anything)
	if !s.connected() {
		return syscall.ENOTCONN
	}
	return nil
}

// TakeError returns and clears the pending error; nil when none.
func (s *datagram) TakeError() error {
	s.look()
	return s.takeFailure()
}

// look keeps the error of the endpoint, which tells it once.
func (s *datagram) look() {
	s.moving.Lock()
	defer s.moving.Unlock()
	s.fail(errno(s.ep().LastError()))
}

// Ready returns the levels as poll(2) has them for udp(7).
func (s *datagram) Ready(asked ready.Events) ready.Events {
	s.look()
	ev := ready.Out
	if s.ep().Readiness(waiter.EventIn) != 0 {
		ev |= ready.In
	}
	if s.isShut(abi.SdflagsRd) {
		ev |= ready.In | ready.RdHup
		if s.isShut(abi.SdflagsWr) {
			ev |= ready.Hup
		}
	}
	if s.failed.Load() != 0 {
		ev |= ready.Err
	}
	return ev & (asked | ready.Err | ready.Hup)
}

// Recvmsg receives one datagram into iovs: see [network.Socket].
func (s *datagram) Recvmsg(iovs [][]byte, flags network.MsgFlags, from *network.Addr) (int, network.MsgFlags, error) {
	if err := s.takeFailure(); err != nil {
		return 0, 0, err
	}
	b := newBuffers(iovs, true)
	defer b.free()
	room := b.left
	result, err := s.ep().Read(b, tcpip.ReadOptions{Peek: flags&network.MsgPeek != 0, NeedRemoteAddr: from != nil})
	if err != nil {
		return 0, 0, s.receiveError(err)
	}
	if from != nil {
		*from = guestAddr(s.family, result.RemoteAddr)
	}
	switch {
	case result.Total <= room:
		return result.Total, 0, nil
	case flags&network.MsgTrunc != 0:
		return result.Total, network.MsgTrunc, nil
	}
	return room, network.MsgTrunc, nil
}

// receiveError returns err, or what another thread that looks has taken from the
// endpoint before.
func (s *datagram) receiveError(err tcpip.Error) error {
	if _, ok := err.(*tcpip.ErrWouldBlock); ok {
		if failure := s.TakeError(); failure != nil {
			return failure
		}
	}
	return errno(err)
}

// Sendmsg sends iovs as one datagram: see [network.Socket].
func (s *datagram) Sendmsg(iovs [][]byte, to *network.Addr) (int, error) {
	if err := s.takeFailure(); err != nil {
		return 0, err
	}
	b := newBuffers(iovs, false)
	defer b.free()
	opts := tcpip.WriteOptions{Atomic: true}
	var full tcpip.FullAddress
	if to != nil {
		var err error
		if full, err = s.peerAddr(*to); err != nil {
			return 0, err
		}
		opts.To = &full
	}
	if s.isShut(abi.SdflagsWr) {
		switch {
		case to == nil && !s.connected():
			return 0, syscall.EDESTADDRREQ
		case to != nil && full.Port == 0:
			return 0, syscall.EINVAL
		}
		return 0, syscall.EPIPE
	}
	n, err := s.ep().Write(b, opts)
	return int(n), unrouted(err)
}

// Close closes the socket.
func (s *datagram) Close() error { return s.close() }
