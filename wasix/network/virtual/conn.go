package virtual

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// conn is a socket in Go's hands: a net.Conn, and a net.PacketConn if it takes
// datagrams. It has no goroutine. All methods may be called concurrently.
type conn struct {
	network.Socket
	net           string // "tcp" or "udp"
	local, remote netip.AddrPort
	reads, writes deadline
	closed        atomic.Bool
}

// streamConn is a conn with the methods of *net.TCPConn that programs look for.
type streamConn struct{ conn }

// packetConn is a conn that takes datagrams.
type packetConn struct{ conn }

var (
	_ net.Conn       = (*streamConn)(nil)
	_ net.Conn       = (*packetConn)(nil)
	_ net.PacketConn = (*packetConn)(nil)
)

func (c *conn) init(s network.Socket, proto string) {
	c.Socket, c.net = s, proto
	if a, err := s.LocalAddr(); err == nil {
		c.local = unmap(a.AddrPort)
	}
	if a, err := s.PeerAddr(); err == nil {
		c.remote = unmap(a.AddrPort)
	}
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// deadline is a time on the scale of ready.Now; 0 is never.
type deadline struct{ at atomic.Int64 }

func (d *deadline) set(t time.Time) {
	switch {
	case t.IsZero():
		d.at.Store(0)
	default:
		d.at.Store(max(ready.Now()+int64(time.Until(t)), 1))
	}
}

func (d *deadline) get() int64 {
	if at := d.at.Load(); at != 0 {
		return at
	}
	return ready.Never
}

// call has what one call needs that would else be allocated.
type call struct {
	waiter *ready.Waiter
	iov    [1][]byte
	addr   network.Addr
}

var calls = sync.Pool{New: func() any { return &call{waiter: ready.NewWaiter()} }}

func (c *call) free() {
	c.iov[0], c.addr = nil, network.Addr{}
	calls.Put(c)
}

// check returns an error when the call must not go on.
func (c *conn) check(d *deadline) error {
	switch {
	case c.closed.Load():
		return net.ErrClosed
	case d.get() <= ready.Now():
		return os.ErrDeadlineExceeded
	}
	return nil
}

// wait blocks until another attempt is worth it.
func (c *conn) wait(cl *call, asked ready.Events, seq uint64, d *deadline) error {
	if err := c.check(d); err != nil {
		return err
	}
	if err := cl.waiter.Wait(c.Socket, asked, seq, d.get()); err != nil && err != syscall.ETIMEDOUT {
		return err
	}
	return nil
}

// receive receives into the call's buffer, and waits until something is there.
func (c *conn) receive(cl *call, from *network.Addr) (int, error) {
	for {
		if err := c.check(&c.reads); err != nil {
			return 0, err
		}
		seq := c.Queue().Seq()
		n, _, err := c.Recvmsg(cl.iov[:], 0, from)
		if err != syscall.EAGAIN {
			return n, c.result(err)
		}
		if err := c.wait(cl, ready.In, seq, &c.reads); err != nil {
			return 0, err
		}
	}
}

// send sends the call's buffer, and waits until all of it is.
func (c *conn) send(cl *call, to *network.Addr) (sent int, err error) {
	for {
		if err := c.check(&c.writes); err != nil {
			return sent, err
		}
		seq := c.Queue().Seq()
		n, err := c.Sendmsg(cl.iov[:], to)
		sent += n
		if err == nil {
			if cl.iov[0] = cl.iov[0][n:]; len(cl.iov[0]) == 0 {
				return sent, nil
			}
			continue
		}
		if err != syscall.EAGAIN {
			return sent, c.result(err)
		}
		if err := c.wait(cl, ready.Out, seq, &c.writes); err != nil {
			return sent, err
		}
	}
}

// result is an error of the socket, which knows nothing else of its end.
func (c *conn) result(err error) error {
	if err != nil && c.closed.Load() {
		return net.ErrClosed
	}
	return err
}

// opError returns err as package net has it.
func (c *conn) opError(op string, err error, to net.Addr) error {
	if err == nil || err == io.EOF {
		return err
	}
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, errno)
	}
	if to == nil && c.remote.IsValid() {
		to = c.RemoteAddr()
	}
	return &net.OpError{Op: op, Net: c.net, Source: c.LocalAddr(), Addr: to, Err: err}
}

// LocalAddr returns the address of this end.
func (c *conn) LocalAddr() net.Addr { return goAddr(c.net, c.local) }

// RemoteAddr returns the address of the other end, nil when there is none.
func (c *conn) RemoteAddr() net.Addr {
	if !c.remote.IsValid() {
		return nil
	}
	return goAddr(c.net, c.remote)
}

func goAddr(proto string, a netip.AddrPort) net.Addr {
	if proto == "udp" {
		return net.UDPAddrFromAddrPort(a)
	}
	return net.TCPAddrFromAddrPort(a)
}

// SetDeadline sets when reads and writes end with a timeout.
func (c *conn) SetDeadline(t time.Time) error {
	c.reads.set(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets when reads end with a timeout.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.reads.set(t)
	return c.deadlinesChanged()
}

// SetWriteDeadline sets when writes end with a timeout.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writes.set(t)
	return c.deadlinesChanged()
}

// deadlinesChanged wakes all waits, which then look again.
func (c *conn) deadlinesChanged() error {
	if c.closed.Load() {
		return c.opError("set", net.ErrClosed, nil)
	}
	c.Queue().Notify(ready.Err)
	return nil
}

// Close closes the socket and ends all calls.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return c.opError("close", net.ErrClosed, nil)
	}
	return c.Socket.Close()
}

// Read reads, and returns io.EOF at the end of the stream.
func (c *streamConn) Read(b []byte) (int, error) {
	cl := calls.Get().(*call)
	defer cl.free()
	cl.iov[0] = b
	n, err := c.receive(cl, nil)
	if n == 0 && err == nil && len(b) > 0 {
		err = io.EOF
	}
	return n, c.opError("read", err, nil)
}

// Write writes all of b.
func (c *streamConn) Write(b []byte) (int, error) {
	cl := calls.Get().(*call)
	defer cl.free()
	cl.iov[0] = b
	n, err := c.send(cl, nil)
	return n, c.opError("write", err, nil)
}

// CloseRead shuts down reading.
func (c *streamConn) CloseRead() error {
	return c.opError("close", c.Shutdown(abi.SdflagsRd), nil)
}

// CloseWrite shuts down writing: the peer finds the end of the stream.
func (c *streamConn) CloseWrite() error {
	return c.opError("close", c.Shutdown(abi.SdflagsWr), nil)
}

// SetLinger sets what Close does with data that was not sent: 0 drops it.
func (c *streamConn) SetLinger(seconds int) error {
	ns := int64(-1)
	if seconds >= 0 {
		ns = int64(seconds) * int64(time.Second)
	}
	return c.opError("set", c.SetOption(abi.SockOptionLinger, ns), nil)
}

// Read reads one datagram; what does not fit into b is lost.
func (c *packetConn) Read(b []byte) (int, error) {
	cl := calls.Get().(*call)
	defer cl.free()
	cl.iov[0] = b
	n, err := c.receive(cl, nil)
	return n, c.opError("read", err, nil)
}

// ReadFrom reads one datagram: see Read.
func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	cl := calls.Get().(*call)
	defer cl.free()
	cl.iov[0] = b
	n, err := c.receive(cl, &cl.addr)
	if err != nil {
		return 0, nil, c.opError("read", err, nil)
	}
	return n, goAddr(c.net, unmap(cl.addr.AddrPort)), nil
}

// Write sends b to the peer as one datagram.
func (c *packetConn) Write(b []byte) (int, error) {
	cl := calls.Get().(*call)
	defer cl.free()
	cl.iov[0] = b
	n, err := c.send(cl, nil)
	return n, c.opError("write", err, nil)
}

// WriteTo sends b as one datagram. Returns an error with EINVAL when to is no
// *net.UDPAddr.
func (c *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	cl := calls.Get().(*call)
	defer cl.free()
	addr, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, c.opError("write", syscall.EINVAL, to)
	}
	cl.iov[0], cl.addr.AddrPort = b, unmap(addr.AddrPort())
	family, _, _ := c.Type()
	if family == abi.AddressFamilyInet6 && cl.addr.Addr().Is4() {
		cl.addr.AddrPort = netip.AddrPortFrom(netip.AddrFrom16(cl.addr.Addr().As16()), addr.AddrPort().Port())
	}
	n, err := c.send(cl, &cl.addr)
	return n, c.opError("write", err, to)
}
