package socket

import (
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// Send sends iovs, as sendmsg(2) with MSG_NOSIGNAL, to an address unless to is
// nil. It waits for room unless d is non-blocking, SiflagsDontWait is given or
// SEND_TIMEOUT passes; then a stream takes as much as fits. A blocking Send on a
// stream ends only when all is sent, or something befalls the connection; then
// the part already sent counts and the next call reports the error. Send changes
// the elements of iovs and does not allocate. Besides the errors of blocked
// operations:
//   - EAGAIN: nothing fits
//   - ECONNREFUSED, ECONNRESET, ETIMEDOUT ...: what befell the connection
//   - EDESTADDRREQ: a datagram without an address, to no peer
//   - EISCONN, EAFNOSUPPORT, EINVAL, ENETUNREACH: to does not do
//   - EMSGSIZE: the datagram is too long
//   - ENOTCONN: a stream that is not connected
//   - EPERM: not granted
//   - EPIPE: this side was shut down, or the peer is gone
func (s *Socket) Send(d *descriptor.Description, w *ready.Waiter, iovs [][]byte, flags abi.Siflags, to *network.Addr) (int, error) {
	block := flags&abi.SiflagsDontWait == 0 && !d.Nonblock()
	until := deadline(s.sendTimeout.Load())
	sent := 0
	for {
		seq := s.net.Queue().Seq()
		n, err := s.sendmsg(iovs, to)
		sent += n
		switch {
		case err == nil:
			iovs = descriptor.Advance(iovs, n)
			if block && s.stream() && n > 0 && len(iovs) > 0 {
				continue
			}
			return sent, nil
		case err != syscall.EAGAIN:
			if sent > 0 {
				s.postpone(err)
			}
		case block:
			if err = s.wait(d, w, ready.Out, seq, until); err == nil {
				continue
			}
		}
		if sent > 0 {
			return sent, nil
		}
		return 0, err
	}
}

// Writev writes without waiting, as writev(2) on a non-blocking socket. On a
// datagram socket no bytes are a datagram, too.
func (s *Socket) Writev(iovs [][]byte) (int, error) { return s.sendmsg(iovs, nil) }

// WritevWait is writev(2): it waits as [Socket.Send] does.
func (s *Socket) WritevWait(d *descriptor.Description, w *ready.Waiter, iovs [][]byte) (int, error) {
	return s.Send(d, w, iovs, 0, nil)
}

// sendmsg makes one attempt.
func (s *Socket) sendmsg(iovs [][]byte, to *network.Addr) (int, error) {
	if err := s.takePending(); err != nil {
		return 0, err
	}
	n, err := s.net.Sendmsg(iovs, to)
	if err == syscall.EPIPE { // or what a poll has taken meanwhile
		if err := s.takePending(); err != nil {
			return 0, err
		}
	}
	return max(n, 0), err
}
