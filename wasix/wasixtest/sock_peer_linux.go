package wasixtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

// peer is the other end of a stream: a connection of the host's or, for UNIX,
// whose names the host does not see, another socket of the guest.
type peer interface {
	io.ReadWriteCloser
	CloseWrite() error
	name() []byte // as the guest sees it
}

// dial connects to a listener of the guest's. The connection ends with the test.
func (g *sockGuest) dial(addr []byte) peer {
	g.t.Helper()
	if g.family == local {
		return g.dialInside(addr)
	}
	c, err := g.peers.Dial("tcp", decodeInet(addr).String())
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = c.Close() })
	return hostPeer{c.(hostConn)}
}

type hostPeer struct{ hostConn }

// hostConn is what a stream of the host can do, a *net.TCPConn or a virtual one.
type hostConn interface {
	net.Conn
	CloseWrite() error
	SetLinger(seconds int) error
}

func (p hostPeer) name() []byte { return encodeInet(p.LocalAddr().(*net.TCPAddr).AddrPort()) }

// insidePeer is a socket of the guest's own. What its calls write is no concern
// of the case's.
type insidePeer struct {
	g  *sockGuest
	fd uint64
}

func (g *sockGuest) dialInside(addr []byte) peer {
	g.t.Helper()
	p := insidePeer{g: g}
	g.Put(peerAt+16, addr...)
	defer p.clean(16 + len(addr))
	if err := p.call("sock_open", uint64(g.family), uint64(stream), 0, peerAt); err != nil {
		g.t.Fatal(err)
	}
	p.fd = uint64(binary.LittleEndian.Uint32(g.Bytes(peerAt, 4)))
	if err := p.call("sock_connect", p.fd, peerAt+16); err != nil {
		g.t.Fatal(err)
	}
	return p
}

func (p insidePeer) name() []byte { return p.g.unbound() }

func (p insidePeer) call(name string, args ...uint64) error {
	if errno := p.g.quietly(name, args...); errno != abi.ESUCCESS {
		return errno
	}
	return nil
}

// clean makes n bytes as if nothing had been.
func (p insidePeer) clean(n int) { p.g.Put(peerAt, bytes.Repeat([]byte{mask}, n)...) }

// transfer moves some of b, at peerAt+16, with a call of the shape of fd_read.
func (p insidePeer) transfer(name string, b []byte) int {
	p.g.Put(peerAt, cat(le32(peerAt+16), le32(uint32(len(b))))...)
	if err := p.call(name, p.fd, peerAt, 1, peerAt+8); err != nil {
		p.g.t.Fatalf("%s of the peer: %v", name, err)
	}
	return int(binary.LittleEndian.Uint32(p.g.Bytes(peerAt+8, 4)))
}

func (p insidePeer) Read(b []byte) (int, error) {
	b = b[:min(len(b), 1024)]
	defer p.clean(16 + len(b))
	n := p.transfer("fd_read", b)
	if n == 0 {
		return 0, io.EOF
	}
	return copy(b, p.g.Bytes(peerAt+16, uint32(n))), nil
}

func (p insidePeer) Write(b []byte) (int, error) {
	defer p.clean(16 + len(b))
	p.g.Put(peerAt+16, b...)
	return p.transfer("fd_write", b), nil
}

func (p insidePeer) CloseWrite() error {
	return p.call("sock_shutdown", p.fd, uint64(abi.SdflagsWr))
}

func (p insidePeer) Close() error { return p.call("fd_close", p.fd) }

// wantRead reads as much as data has from a peer, and compares.
func wantRead(t testing.TB, p io.Reader, data string) {
	t.Helper()
	b := make([]byte, len(data))
	if n, err := io.ReadFull(p, b); err != nil || string(b) != data {
		t.Fatalf("the peer sees %q, %v; want %q", b[:n], err, data)
	}
}

// wantEOF checks that a peer sees the end of the stream.
func wantEOF(t testing.TB, p io.Reader) {
	t.Helper()
	b := make([]byte, 64)
	if n, err := p.Read(b); n != 0 || !errors.Is(err, io.EOF) {
		t.Fatalf("the peer sees %q, %v; want the end", b[:n], err)
	}
}

// isReset reports whether a peer's error is that of a reset connection.
func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
