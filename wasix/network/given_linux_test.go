package network

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// opaque hides what a connection is, as TLS does.
type opaque struct{ net.Conn }

func (o opaque) CloseWrite() error { return o.Conn.(*net.TCPConn).CloseWrite() }

// opaqueListener gives opaque connections.
type opaqueListener struct{ net.Listener }

func (l opaqueListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return opaque{c}, nil
}

func listenTCP(t testing.TB) net.Listener {
	t.Helper()
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func listenOpaque(t testing.TB) (Socket, string) {
	t.Helper()
	l := listenTCP(t)
	return must[Socket](t)(FromListener(opaqueListener{l})), l.Addr().String()
}

func dialTCP(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	c := must[net.Conn](t)(net.Dial("tcp", addr))
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// Listeners of the kernel's and others look the same to a guest.
func TestFromListener(t *testing.T) {
	for name, make := range map[string]func(net.Listener) net.Listener{
		"kernel": func(l net.Listener) net.Listener { return l },
		"opaque": func(l net.Listener) net.Listener { return opaqueListener{l} },
	} {
		t.Run(name, func(t *testing.T) {
			l := listenTCP(t)
			addr := l.Addr().String()
			s := must[Socket](t)(FromListener(make(l)))
			closeLater(t, s)
			if on, err := s.Option(abi.SockOptionListening); on != 1 || err != nil {
				t.Errorf("listening: %d, %v", on, err)
			}
			if got := must[Addr](t)(s.LocalAddr()); got != inet(addr) {
				t.Errorf("listens at %v, want %s", got, addr)
			}
			check(t, "bind", s.Bind(loopback(inet4)), syscall.EINVAL)
			check(t, "listen", s.Listen(4), nil)
			_, _, err := s.Accept()
			check(t, "accept", err, syscall.EAGAIN)
			c := dialTCP(t, addr)
			a, from := accepted(t, s)
			if from != inet(c.LocalAddr().String()) || must[Addr](t)(a.PeerAddr()) != from || must[Addr](t)(a.LocalAddr()) != inet(addr) {
				t.Errorf("accepted from %v", from)
			}
			sendString(t, a, "hello", nil)
			b := [16]byte{}
			if n := must[int](t)(c.Read(b[:])); string(b[:n]) != "hello" {
				t.Errorf("got %q", b[:n])
			}
			must[int](t)(c.Write([]byte("question")))
			check(t, "end", c.CloseWrite(), nil)
			if got := recvString(t, a) + "|" + recvString(t, a); got != "question|" {
				t.Errorf("got %q", got)
			}
			check(t, "shut down", a.Shutdown(abi.SdflagsWr), nil)
			if got := string(must[[]byte](t)(io.ReadAll(c))); got != "" {
				t.Errorf("got %q", got)
			}
			waiting := dialTCP(t, addr)
			check(t, "shut down the listener", s.Shutdown(abi.SdflagsRd), nil)
			_, _, err = s.Accept()
			check(t, "accept", err, syscall.EINVAL)
			if ev := s.Ready(ready.In); ev&ready.Hup == 0 {
				t.Errorf("ready for %b", ev)
			}
			check(t, "close", closeNow(s), nil)
			// Another program may have the port now, so nobody is to dial it.
			if n, err := waiting.Read(b[:]); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a client that was not accepted reads %d bytes, %v", n, err)
			}
		})
	}
}

// Connections that nobody accepts are closed with the listener, and those that
// do not fit wait.
func TestFromListenerBacklog(t *testing.T) {
	s, addr := listenOpaque(t)
	check(t, "listen", s.Listen(1), nil)
	var clients []*net.TCPConn
	for range 5 {
		clients = append(clients, dialTCP(t, addr))
	}
	for range 3 {
		accepted(t, s)
	}
	check(t, "close", s.Close(), nil)
	for _, c := range clients[3:] {
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a client that was not accepted reads %d bytes, %v", n, err)
		}
	}
}

// A connection for which the host has no descriptor waits, in its turn.
func TestFromListenerWithoutDescriptors(t *testing.T) {
	l := listenTCP(t)
	s := must[Socket](t)(FromListener(struct{ net.Listener }{l}))
	closeLater(t, s)
	for _, message := range []string{"first", "second"} {
		must[int](t)(dialTCP(t, l.Addr().String()).Write([]byte(message)))
	}
	a := s.(*givenListener).acceptor
	check(t, "wait", await(t, s, ready.In, func() error {
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.pending) < 2 {
			return syscall.EAGAIN
		}
		return nil
	}), nil)
	var limit unix.Rlimit
	check(t, "limit", unix.Getrlimit(unix.RLIMIT_NOFILE, &limit), nil)
	check(t, "limit", unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1, Max: limit.Max}), nil)
	_, _, err := s.Accept()
	check(t, "limit", unix.Setrlimit(unix.RLIMIT_NOFILE, &limit), nil)
	check(t, "accept", err, syscall.EMFILE)
	for _, message := range []string{"first", "second"} {
		c, _ := accepted(t, s)
		if got := recvString(t, c); got != message {
			t.Errorf("got %q, want %q", got, message)
		}
	}
}

// A duplicate takes over the connections, also those that wait already.
func TestDup(t *testing.T) {
	n, _ := guarded(t, "ipv4:allow=127.0.0.1:*/in")
	kernel, at := listener(t, n, inet4)
	published := publisher(t, "0:80")
	p := open(t, published, inet4, stream)
	check(t, "bind", p.Bind(inet("0.0.0.0:80")), nil)
	check(t, "listen", p.Listen(4), nil)
	outside, _ := published.Outside(80, abi.SockProtoTcp)
	relay := relaying(t, "0:"+freePort(t))
	inside := Addr{AddrPort: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), relay.ports[0].Guest)}
	r := open(t, relay, inet4, stream)
	check(t, "bind", r.Bind(inside), nil)
	check(t, "listen", r.Listen(4), nil)
	relayed, _ := relay.Outside(relay.ports[0].Guest, abi.SockProtoTcp)
	given, addr := listenOpaque(t)
	closeLater(t, given)
	for name, c := range map[string]struct {
		first Socket
		addr  string
	}{
		"guarded": {kernel, at.String()}, "published": {p, outside.String()},
		"relayed": {r, relayed.String()}, "given": {given, addr},
	} {
		waits := dialTCP(t, c.addr)
		second := must[Socket](t)(Dup(c.first))
		closeLater(t, second)
		check(t, name, closeNow(c.first), nil)
		for _, dial := range []func() *net.TCPConn{func() *net.TCPConn { return waits }, func() *net.TCPConn { return dialTCP(t, c.addr) }} {
			client := dial()
			a, _ := accepted(t, second)
			sendString(t, a, name, nil)
			b := [16]byte{}
			if n := must[int](t)(client.Read(b[:])); string(b[:n]) != name {
				t.Errorf("%s: got %q", name, b[:n])
			}
		}
	}
	if _, err := Dup(open(t, Unix(), abi.AddressFamilyUnix, stream)); err != syscall.EOPNOTSUPP {
		t.Errorf("a Unix socket: %v", err)
	}
}

func TestFromConnInMemory(t *testing.T) {
	outer, inner := net.Pipe()
	s := must[Socket](t)(FromConn(inner))
	closeLater(t, s)
	if f, typ, _ := s.Type(); f != inet4 || typ != stream {
		t.Errorf("type %v %v", f, typ)
	}
	for name, err := range map[string]error{
		"bind": s.Bind(loopback(inet4)), "listen": s.Listen(1), "no delay": s.SetOption(abi.SockOptionNoDelay, 1),
		"connect": s.Connect(loopback(inet4)), "promiscuous": s.SetOption(abi.SockOptionPromiscuous, 1),
	} {
		want := map[string]error{"bind": syscall.EINVAL, "listen": syscall.EINVAL, "connect": syscall.EISCONN, "promiscuous": syscall.ENOPROTOOPT}[name]
		check(t, name, err, want)
	}
	if v, err := s.Option(abi.SockOptionNoDelay); v != 1 || err != nil {
		t.Errorf("no delay: %d, %v", v, err)
	}
	// More than any buffer holds, both ways at once.
	const size = 1 << 20
	text := strings.Repeat("0123456789abcdef", size/16)
	go func() { _, _ = io.WriteString(outer, text) }()
	echoed := make(chan string)
	go func() {
		b := make([]byte, size)
		_, _ = io.ReadFull(outer, b)
		echoed <- string(b)
	}()
	b := make([]byte, 10000)
	for total := 0; total < size; {
		n, _ := recvAll(t, s, [][]byte{b}, nil)
		for rest := b[:n]; len(rest) > 0; {
			var sent int
			check(t, "send", await(t, s, ready.Out, func() (err error) {
				sent, err = s.Sendmsg([][]byte{rest}, nil)
				return err
			}), nil)
			rest = rest[sent:]
		}
		total += n
	}
	if <-echoed != text {
		t.Error("the text came back changed")
	}
	check(t, "close", outer.Close(), nil)
	if got := recvString(t, s); got != "" {
		t.Errorf("got %q", got)
	}
	check(t, "send to nobody", await(t, s, ready.In, func() error {
		_, err := s.Sendmsg([][]byte{{1}}, nil)
		if err == nil {
			err = syscall.EAGAIN
		}
		return err
	}), syscall.EPIPE)
}

// What was sent before the close is delivered, and a reset is told.
func TestFromConnEnds(t *testing.T) {
	l := listenTCP(t)
	for _, reset := range []bool{false, true} {
		client := dialTCP(t, l.Addr().String())
		s := must[Socket](t)(FromConn(opaque{must[net.Conn](t)(l.Accept())}))
		if !reset {
			sendString(t, s, "the last words", nil)
			check(t, "close", s.Close(), nil)
			if got := string(must[[]byte](t)(io.ReadAll(client))); got != "the last words" {
				t.Errorf("got %q", got)
			}
			continue
		}
		closeLater(t, s)
		check(t, "linger", client.SetLinger(0), nil)
		check(t, "reset", client.Close(), nil)
		check(t, "recv", await(t, s, ready.In, func() error {
			_, _, err := s.Recvmsg([][]byte{make([]byte, 1)}, 0, nil)
			return err
		}), syscall.ECONNRESET)
		if got := recvString(t, s); got != "" {
			t.Errorf("got %q", got)
		}
	}
}

// opaquePackets hides what a datagram socket is.
type opaquePackets struct{ net.PacketConn }

func TestFromPacketConn(t *testing.T) {
	for name, make := range map[string]func(net.PacketConn) net.PacketConn{
		"kernel": func(c net.PacketConn) net.PacketConn { return c },
		"opaque": func(c net.PacketConn) net.PacketConn { return opaquePackets{c} },
	} {
		t.Run(name, func(t *testing.T) {
			c := must[net.PacketConn](t)(net.ListenPacket("udp", "127.0.0.1:0"))
			at := inet(c.LocalAddr().String())
			s := must[Socket](t)(FromPacketConn(make(c)))
			closeLater(t, s)
			if got := must[Addr](t)(s.LocalAddr()); got != at {
				t.Errorf("bound to %v, want %v", got, at)
			}
			check(t, "listen", s.Listen(1), syscall.EOPNOTSUPP)
			peer, stranger := open(t, Host(), inet4, dgram), open(t, Host(), inet4, dgram)
			check(t, "bind", firstError(peer.Bind(loopback(inet4)), stranger.Bind(loopback(inet4))), nil)
			peerAt := must[Addr](t)(peer.LocalAddr())
			_, _, err := s.Recvmsg(nil, 0, nil)
			check(t, "nothing there", err, syscall.EAGAIN)
			_, err = s.Sendmsg([][]byte{{1}}, nil)
			check(t, "to nobody", err, syscall.EDESTADDRREQ)
			sendString(t, peer, "question", &at)
			b := [4]byte{}
			var from Addr
			check(t, "peek", await(t, s, ready.In, func() error {
				_, _, err := s.Recvmsg([][]byte{b[:]}, MsgPeek, nil)
				return err
			}), nil)
			if n, out := recvAll(t, s, [][]byte{b[:]}, &from); n != 4 || out != MsgTrunc || from != peerAt {
				t.Errorf("%d bytes, %v, from %v", n, out, from)
			}
			sendString(t, s, "answer", &peerAt)
			if got := recvString(t, peer); got != "answer" {
				t.Errorf("got %q", got)
			}
			check(t, "connect", s.Connect(peerAt), nil)
			sendString(t, stranger, "false", &at)
			sendString(t, peer, "true", &at)
			if got := recvString(t, s); got != "true" {
				t.Errorf("got %q", got)
			}
			sendString(t, s, "last", nil)
			check(t, "close", closeNow(s), nil)
			if got := recvString(t, peer); got != "last" {
				t.Errorf("got %q", got)
			}
		})
	}
}
