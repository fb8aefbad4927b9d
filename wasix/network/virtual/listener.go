package virtual

import (
	"net"
	"syscall"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// listener is a socket that listens, in Go's hands.
type listener struct{ conn }

var _ net.Listener = (*listener)(nil)

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	cl := calls.Get().(*call)
	defer cl.free()
	for {
		if err := l.check(&l.reads); err != nil {
			return nil, l.opError("accept", err, nil)
		}
		seq := l.Queue().Seq()
		s, _, err := l.Socket.Accept()
		if err == nil {
			_ = s.SetOption(abi.SockOptionNoDelay, 1) // as package net
			c := new(streamConn)
			c.init(s, l.net)
			return c, nil
		}
		if err != syscall.EAGAIN {
			return nil, l.opError("accept", l.result(err), nil)
		}
		if err := l.wait(cl, ready.In, seq, &l.reads); err != nil {
			return nil, l.opError("accept", err, nil)
		}
	}
}

// Addr returns the address that it listens at.
func (l *listener) Addr() net.Addr { return l.LocalAddr() }

// SetDeadline sets when Accept ends with a timeout.
func (l *listener) SetDeadline(t time.Time) error { return l.SetReadDeadline(t) }
