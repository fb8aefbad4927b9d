package virtual

import (
	"runtime"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

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
		s.beginLimit(s.ep())
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

// beginLimit ends the attempt to connect after the network's time for that. mu is
// held.
func (s *stream) beginLimit(ep *endpoint) {
	d := s.host.network.config.connects
	if d == 0 {
		return
	}
	s.limit = s.host.clock.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if state := s.tcp(); s.ep() == ep && (state == tcp.StateConnecting || state == tcp.StateSynSent) {
			ep.told.Store(true)
			s.fail(syscall.ETIMEDOUT)
			ep.Abort()
		}
	})
}

// endLimit is for an attempt that is over. mu is held.
func (s *stream) endLimit() {
	if s.limit != nil {
		s.limit.Stop()
		s.limit = nil
	}
}

// outcome tells how the attempt to connect goes. mu is held.
func (s *stream) outcome() error {
	switch state := s.tcp(); {
	case state == tcp.StateConnecting || state == tcp.StateSynSent || state == tcp.StateSynRecv:
		return syscall.EALREADY
	case state == tcp.StateInitial || state == tcp.StateBound: // failed, and bound anew
	case !ended(state):
		s.endLimit()
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
