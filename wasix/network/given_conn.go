package network

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// givenConn is a connected stream over a net.Conn. The guest's end is a Unix
// socket that nobody can name; two goroutines copy between its peer and conn.
type givenConn struct {
	*unixSocket
	conn        net.Conn
	family      abi.AddressFamily
	local, peer Addr
	options     givenOptions
	gone        chan struct{} // closed when the guest has closed
}

const (
	givenChunk = 32 << 10
	// givenLinger is how long what the guest has sent may take after its close.
	givenLinger = 30 * time.Second
)

func newGivenConn(conn net.Conn, family abi.AddressFamily) *givenConn {
	ns := &namespace{}
	inner, outer := newUnixSocket(ns, abi.SockTypeStream), newUnixSocket(ns, abi.SockTypeStream)
	inner.join(outer)
	outer.join(inner)
	c := &givenConn{
		unixSocket: inner, conn: conn, family: family,
		local:   inFamily(addrOf(conn.LocalAddr()), family),
		peer:    inFamily(addrOf(conn.RemoteAddr()), family),
		options: givenOptions{typ: abi.SockTypeStream, proto: abi.SockProtoTcp},
		gone:    make(chan struct{}),
	}
	go c.receive(outer)
	go c.send(outer)
	return c
}

// receive copies from conn to the guest.
func (c *givenConn) receive(outer *unixSocket) {
	w, buf := ready.NewWaiter(), make([]byte, givenChunk)
	for {
		n, err := c.conn.Read(buf)
		if pushAll(w, outer, buf[:n]) != nil {
			return // the guest does not want more
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, io.EOF):
			_ = outer.Shutdown(abi.SdflagsWr)
		default:
			c.unixSocket.shutByPeer(abi.SdflagsWr, syserror.Of(err))
		}
		return
	}
}

// pushAll sends all of p, waiting for room.
func pushAll(w *ready.Waiter, s *unixSocket, p []byte) error {
	for len(p) > 0 {
		seq := s.queue.Seq()
		n, err := s.Sendmsg([][]byte{p}, nil)
		if err == syscall.EAGAIN {
			err = w.Wait(s, ready.Out, seq, ready.Never)
		}
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// send copies from the guest to conn, and closes that when the guest has closed.
func (c *givenConn) send(outer *unixSocket) {
	w, buf := ready.NewWaiter(), make([]byte, givenChunk)
	for {
		seq := outer.queue.Seq()
		n, _, err := outer.Recvmsg([][]byte{buf}, 0, nil)
		if err == syscall.EAGAIN {
			_ = w.Wait(outer, ready.In, seq, ready.Never)
			continue
		}
		if n == 0 {
			break
		}
		if _, err := c.conn.Write(buf[:n]); err != nil {
			_ = outer.Shutdown(abi.SdflagsRd) // the guest finds EPIPE
			break
		}
	}
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok && !c.isGone() {
		_ = half.CloseWrite()
	}
	<-c.gone
	_ = c.conn.Close()
	_ = outer.Close()
}

func (c *givenConn) isGone() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// Close leaves it to the goroutines to send the rest.
func (c *givenConn) Close() error {
	err := c.unixSocket.Close()
	close(c.gone)
	_ = c.conn.SetWriteDeadline(time.Now().Add(givenLinger))
	return err
}

func (c *givenConn) Type() (abi.AddressFamily, abi.SockType, abi.SockProto) {
	return c.family, abi.SockTypeStream, abi.SockProtoTcp
}

// Bind returns EINVAL: connected.
func (c *givenConn) Bind(Addr) error { return syscall.EINVAL }

// Listen returns EINVAL: connected.
func (c *givenConn) Listen(int) error { return syscall.EINVAL }

// Accept returns EINVAL: not listening.
func (c *givenConn) Accept() (Socket, Addr, error) { return nil, Addr{}, syscall.EINVAL }

// Connect returns EISCONN.
func (c *givenConn) Connect(Addr) error { return syscall.EISCONN }

// Recvmsg tells no sender, as TCP does not.
func (c *givenConn) Recvmsg(iovs [][]byte, flags MsgFlags, from *Addr) (int, MsgFlags, error) {
	n, out, err := c.unixSocket.Recvmsg(iovs, flags, nil)
	if err == nil && from != nil {
		*from = Addr{}
	}
	return n, out, err
}

// Sendmsg ignores an address, as TCP does.
func (c *givenConn) Sendmsg(iovs [][]byte, _ *Addr) (int, error) {
	return c.unixSocket.Sendmsg(iovs, nil)
}

func (c *givenConn) LocalAddr() (Addr, error) { return c.local, nil }
func (c *givenConn) PeerAddr() (Addr, error)  { return c.peer, nil }

func (c *givenConn) Option(opt abi.SockOption) (int64, error) { return c.options.option(opt, false) }

func (c *givenConn) SetOption(opt abi.SockOption, value int64) error {
	return c.options.setOption(opt, value)
}
