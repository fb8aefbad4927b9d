package socket

import (
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// Bind gives the socket its local address, as bind(2). It does not block, and
// after an error the socket is as it was. Returns nil except:
//   - EACCES, EPERM: the address is not granted
//   - EADDRINUSE: the address is taken
//   - EADDRNOTAVAIL: the address is not this host's
//   - EAFNOSUPPORT, EINVAL: the address is of another family
//   - EINVAL: already bound, or connected
func (s *Socket) Bind(addr network.Addr) error { return s.net.Bind(addr) }

// Listen makes the socket accept connections, as listen(2), or changes the
// backlog of one that does. backlog is how many connections may wait to be
// accepted; it is clamped to limit (0: none) and by the network; a negative
// one means the most there is. A socket without an address gets an ephemeral
// port. Listen does not block. Returns nil except:
//   - EADDRINUSE: another socket listens at the address
//   - EINVAL: connected, or connecting; or handed over
//   - EOPNOTSUPP: not a stream
//   - EPERM: not granted
func (s *Socket) Listen(backlog int32, limit int) error {
	n := int(backlog)
	if limit > 0 && (n < 0 || n > limit) {
		n = limit
	}
	if s.state.Load() == stateGiven {
		return syscall.EINVAL
	}
	if err := s.net.Listen(n); err != nil {
		return err
	}
	for old := s.state.Load(); old != stateGiven && !s.state.CompareAndSwap(old, stateListening); {
		old = s.state.Load()
	}
	return nil
}

// Accept takes the next connection, as accept(2), and returns it with the
// peer's address. It waits for one unless d is non-blocking or a timeout is
// set: ACCEPT_TIMEOUT, or else RECV_TIMEOUT. The new socket inherits options as
// on Linux, so the timeouts of transfers too. Besides the errors of blocked
// operations:
//   - EAGAIN: none is there
//   - ECONNABORTED: the peer gave up meanwhile
//   - EINVAL: not listening, also once the listener was shut down
//   - EMFILE, ENFILE, ENOBUFS, ENOMEM: the host is short of these
//   - EOPNOTSUPP: not a stream
func (s *Socket) Accept(d *descriptor.Description, w *ready.Waiter) (*Socket, network.Addr, error) {
	timeout := s.acceptTimeout.Load()
	if timeout == 0 {
		timeout = s.recvTimeout.Load()
	}
	until := deadline(timeout)
	for {
		seq := s.net.Queue().Seq()
		if s.state.Load() == stateGiven {
			return nil, network.Addr{}, syscall.EINVAL
		}
		c, addr, err := s.net.Accept()
		if err == nil {
			return s.accepted(c), addr, nil
		}
		if err != syscall.EAGAIN || d.Nonblock() {
			return nil, network.Addr{}, err
		}
		if err := s.wait(d, w, ready.In, seq, until); err != nil {
			return nil, network.Addr{}, err
		}
	}
}

func (s *Socket) accepted(c network.Socket) *Socket {
	a := newSocket(c, stateConnected)
	a.recvTimeout.Store(s.recvTimeout.Load())
	a.sendTimeout.Store(s.sendTimeout.Load())
	a.lowat.Store(s.lowat.Load())
	a.lingers.Store(s.lingers.Load())
	return a
}

// Shutdown ends the directions named, as shutdown(2): later and waiting reads
// find the end, writes EPIPE. On a listener, abi.SdflagsRd ends waiting and
// later accepts with EINVAL until Listen is called again. Returns nil except:
//   - EINVAL: how is neither direction, or more than both
//   - ENOTCONN: not connected
func (s *Socket) Shutdown(how abi.Sdflags) error {
	if how == 0 || how&^(abi.SdflagsRd|abi.SdflagsWr) != 0 {
		return syscall.EINVAL
	}
	if how&abi.SdflagsRd != 0 && !s.stream() {
		s.readShut.Store(true) // ENOTCONN notwithstanding, as the kernel does
	}
	if err := s.net.Shutdown(how); err != nil {
		return err
	}
	if how&abi.SdflagsRd != 0 {
		s.state.CompareAndSwap(stateListening, stateOpen)
	}
	return nil
}
