package wasixnet

import "net"

// conn is a connection with the addresses and options that package net does not
// know on this system.
type conn struct {
	*net.TCPConn
	fd            int32
	local, remote *net.TCPAddr
}

// newConn completes a connection of package net, which takes over c.
func newConn(c net.Conn) (net.Conn, error) {
	tcp := c.(*net.TCPConn)
	raw, err := tcp.SyscallConn()
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	n := &conn{TCPConn: tcp}
	if err := raw.Control(func(fd uintptr) { n.fd = int32(fd) }); err != nil {
		_ = c.Close()
		return nil, err
	}
	n.local, n.remote = tcpAddr(sockAddrLocal, n.fd), tcpAddr(sockAddrPeer, n.fd)
	_ = n.SetNoDelay(true) // the default of package net
	return n, nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetNoDelay is [net.TCPConn.SetNoDelay].
func (c *conn) SetNoDelay(on bool) error { return c.setFlag(optNoDelay, on) }

// SetKeepAlive is [net.TCPConn.SetKeepAlive].
func (c *conn) SetKeepAlive(on bool) error { return c.setFlag(optKeepAlive, on) }

// setFlag sets an option unless the connection was closed.
func (c *conn) setFlag(opt uint32, on bool) error {
	var v uint32
	if on {
		v = 1
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	if err := raw.Control(func(fd uintptr) { set = errno(sockSetOptFlag(int32(fd), opt, v)) }); err != nil {
		return err
	}
	return opError("set", "tcp", c.local, set)
}
