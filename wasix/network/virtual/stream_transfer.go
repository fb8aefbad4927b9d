package virtual

import (
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

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
	was := s.end()
	ep := s.ep()
	if b.left == 0 {
		return 0, 0, s.receiveNothing(ep, was)
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
	return 0, 0, s.receiveError(ep, err, was)
}

// ending is what ends a stream once all is read. It is asked for before an attempt
// to read, which then finds what came before.
type ending struct{ failed, shut bool }

func (s *stream) end() ending { return ending{s.failed.Load() != 0, s.isShut(abi.SdflagsRd)} }

// receiveNothing receives into no room, which on Linux wants something to be there
// all the same.
func (s *stream) receiveNothing(ep *endpoint, was ending) error {
	var one [1]byte
	b := newBuffers([][]byte{one[:]}, false)
	defer b.free()
	if _, err := ep.Read(b, tcpip.ReadOptions{Peek: true}); err != nil {
		return s.receiveError(ep, err, was)
	}
	return nil
}

// receiveError returns nil at the end of the stream.
func (s *stream) receiveError(ep *endpoint, err tcpip.Error, was ending) error {
	_, empty := err.(*tcpip.ErrWouldBlock)
	if was.failed || !empty {
		if failure := s.takeFailure(); failure != nil {
			return failure
		}
	}
	switch err.(type) {
	case *tcpip.ErrClosedForReceive:
		return nil
	case *tcpip.ErrWouldBlock:
		if was.shut {
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
