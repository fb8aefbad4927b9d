package socket

import (
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// Connect connects to addr, as connect(2). A datagram socket gets its peer at
// once, and the zero Addr takes it away. Unless d is non-blocking, Connect
// waits for the outcome; interrupted, or with SEND_TIMEOUT passed, it leaves the
// attempt going on: Out tells its end, and calling Connect again its outcome.
// CONNECT_TIMEOUT gives the attempt up. Returns nil except:
//   - EADDRNOTAVAIL, EAGAIN: no local port is free
//   - EAFNOSUPPORT: addr is of another family
//   - EALREADY: non-blocking, and the attempt goes on
//   - ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH: there is no way
//   - EINPROGRESS: non-blocking, or SEND_TIMEOUT has passed: the attempt goes on
//   - EINTR, EBADF: as any blocked operation
//   - EISCONN: already connected; a listener, too
//   - EPERM: not granted
//   - ETIMEDOUT: no answer, or CONNECT_TIMEOUT has passed
func (s *Socket) Connect(d *descriptor.Description, w *ready.Waiter, addr network.Addr) error {
	err := s.connect(d, w, addr)
	switch err {
	case nil:
		if addr == (network.Addr{}) {
			s.state.Store(stateOpen)
		} else {
			s.state.Store(stateConnected)
		}
	case syscall.EINPROGRESS, syscall.EALREADY, syscall.EINTR, syscall.EBADF, syscall.EISCONN:
	default: // a listener, or what is connected, stays so
		if !s.state.CompareAndSwap(stateOpen, stateFailed) {
			s.state.CompareAndSwap(stateConnecting, stateFailed)
		}
	}
	return err
}

func (s *Socket) connect(d *descriptor.Description, w *ready.Waiter, addr network.Addr) error {
	until, abandon := s.connectDeadline()
	for waited := false; ; waited = true {
		seq := s.net.Queue().Seq()
		err := s.net.Connect(addr)
		if waited && err == syscall.EISCONN {
			return nil // another thread has seen the outcome first
		}
		if !s.undecided(err) {
			return s.outcome(err)
		}
		if err == syscall.EINPROGRESS {
			s.state.Store(stateConnecting)
		}
		if d.Nonblock() {
			return err
		}
		switch err := d.Wait(w, ready.Out, seq, until); {
		case err == nil:
		case err != syscall.ETIMEDOUT:
			return err
		case !abandon:
			return syscall.EINPROGRESS
		default:
			_ = s.net.Connect(network.Addr{})
			return syscall.ETIMEDOUT
		}
	}
}

// connectDeadline returns when a blocking connect gives up, and whether the
// attempt then ends with it.
func (s *Socket) connectDeadline() (until int64, abandon bool) {
	if timeout := s.connectTimeout.Load(); timeout != 0 {
		return ready.After(timeout), true
	}
	return deadline(s.sendTimeout.Load()), false
}

// undecided reports whether a connect that returned err is to be waited for.
// EAGAIN tells of a full backlog for UNIX, but of used-up ports elsewhere.
func (s *Socket) undecided(err error) bool {
	return err == syscall.EINPROGRESS || err == syscall.EALREADY ||
		err == syscall.EAGAIN && s.family == abi.AddressFamilyUnix
}

// outcome returns the outcome of an attempt whose error a poll may have taken
// from the network before, which then only knows that it was aborted.
func (s *Socket) outcome(err error) error {
	if err == syscall.ECONNABORTED {
		if taken := s.takePending(); taken != nil {
			return taken
		}
	}
	return err
}
