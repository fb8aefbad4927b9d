package virtual_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/network/virtual"
)

// patience ends a test that hangs; it is no measure of speed.
const patience = 2 * time.Minute

// newNetwork returns a network that ends with the test, and leaves nothing.
func newNetwork(t testing.TB, opts ...virtual.Option) *virtual.Network {
	t.Helper()
	noLeaks(t)
	n := virtual.New(opts...)
	t.Cleanup(func() { _ = n.Close() })
	return n
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// pair returns the ends of a connection between two hosts.
func pair(t testing.TB, client, server *virtual.Host) (c, s net.Conn) {
	t.Helper()
	l := must(server.Listen("tcp", ":0"))(t)
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	c = must(client.Dial("tcp", net.JoinHostPort(server.Name(), port)))(t)
	s = must(l.Accept())(t)
	t.Cleanup(func() { _, _ = c.Close(), s.Close() })
	return c, s
}

func TestConn(t *testing.T) {
	n := newNetwork(t)
	a, b := n.Host("a"), n.Host("B")
	for _, c := range []struct{ network, listen, host string }{
		{"tcp4", ":0", "b"}, {"tcp6", ":0", "B"}, {"tcp", ":0", "b."},
		{"tcp4", "b:0", "b"}, {"tcp6", "[::]:0", "b"},
	} {
		l := must(b.Listen(c.network, c.listen))(t)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		client := must(a.Dial(c.network, net.JoinHostPort(c.host, port)))(t)
		server := must(l.Accept())(t)
		if client.RemoteAddr().String() != server.LocalAddr().String() || client.LocalAddr().String() != server.RemoteAddr().String() {
			t.Errorf("%v: %v-%v and %v-%v", c, client.LocalAddr(), client.RemoteAddr(), server.LocalAddr(), server.RemoteAddr())
		}
		go func() {
			_, _ = io.Copy(server, server)
			_ = server.Close()
		}()
		must(client.Write([]byte("hello")))(t)
		if err := client.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
		if got, err := io.ReadAll(client); string(got) != "hello" || err != nil {
			t.Errorf("%v: %q, %v", c, got, err)
		}
		if err := errors.Join(client.Close(), l.Close()); err != nil {
			t.Error(err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept on a closed listener: %v", err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read of a closed connection: %v", err)
		}
		if err := client.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("close again: %v", err)
		}
	}
}

func TestDialErrors(t *testing.T) {
	n := newNetwork(t)
	a := n.Host("a")
	n.Host("b")
	for _, c := range []struct {
		network, address string
		want             error
	}{
		{"tcp", "b:1", syscall.ECONNREFUSED},
		{"tcp6", "b:1", syscall.ECONNREFUSED},
		{"tcp", "localhost:1", syscall.ECONNREFUSED},
		{"tcp", "10.0.9.9:1", syscall.EHOSTUNREACH},
		{"tcp", "[fd00::99]:1", syscall.ENETUNREACH},
		{"tcp", "192.0.2.1:1", syscall.ENETUNREACH},
		{"udp", "192.0.2.1:1", syscall.ENETUNREACH},
		{"tcp", "10.0.255.255:1", syscall.ENETUNREACH},
	} {
		_, err := a.Dial(c.network, c.address)
		if op := (*net.OpError)(nil); !errors.Is(err, c.want) || !errors.As(err, &op) || op.Op != "dial" {
			t.Errorf("%s %s: %v, want %v", c.network, c.address, err, c.want)
		}
	}
	for _, c := range [][2]string{{"tcp", "nobody:1"}, {"tcp", "b"}, {"tcp4", "[::1]:1"}, {"unix", "/x"}, {"tcp", "b:nosuchservice"}} {
		if _, err := a.Dial(c[0], c[1]); err == nil {
			t.Errorf("%v is dialled", c)
		}
	}
	if dns := (*net.DNSError)(nil); !errors.As(second(a.Dial("tcp", "nobody:1")), &dns) || !dns.IsNotFound {
		t.Error("an unknown name is not a DNSError")
	}
	if _, err := a.Listen("tcp", "b:0"); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("listening at another host's address: %v", err)
	}
	l := must(a.Listen("tcp", "a:80"))(t)
	defer l.Close()
	if _, err := a.Listen("tcp", "a:80"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("listening twice: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestDialCancelled(t *testing.T) {
	n := newNetwork(t)
	a, b := n.Host("a"), n.Host("b")
	n.Partition([]*virtual.Host{a}, []*virtual.Host{b})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- second(a.DialContext(ctx, "tcp", "b:1")) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := a.DialContext(ctx, "tcp", "b:1")
	if timeout := net.Error(nil); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("timed out: %v", err)
	}
}

// isTimeout reports whether err is a timeout as package net has it.
func isTimeout(err error) bool {
	e := net.Error(nil)
	return errors.As(err, &e) && e.Timeout() && errors.Is(err, os.ErrDeadlineExceeded)
}

func TestDeadlines(t *testing.T) {
	n := newNetwork(t)
	c, s := pair(t, n.Host("a"), n.Host("b"))
	must(s.Write([]byte("x")))(t)
	_ = c.SetReadDeadline(time.Now().Add(-time.Hour))
	if _, err := c.Read(make([]byte, 1)); !isTimeout(err) {
		t.Errorf("past deadline: %v", err)
	}
	_ = c.SetReadDeadline(time.Time{})
	must(c.Read(make([]byte, 1)))(t)

	// One that is set, or moved up, during a read.
	for _, first := range []time.Time{{}, time.Now().Add(time.Hour)} {
		_ = c.SetReadDeadline(first)
		done := make(chan error)
		go func() { done <- second(c.Read(make([]byte, 1))) }()
		_ = c.SetDeadline(time.Now().Add(time.Millisecond))
		if err := <-done; !isTimeout(err) {
			t.Errorf("deadline during a read: %v", err)
		}
	}
	_ = c.SetDeadline(time.Time{})
	much := make([]byte, 64<<20)
	_ = c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	if n, err := c.Write(much); !isTimeout(err) || n == len(much) {
		t.Errorf("write that does not fit: %d, %v", n, err)
	}
	l := must(n.Host("b").Listen("tcp", ":1"))(t)
	_ = l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now())
	if _, err := l.Accept(); !isTimeout(err) {
		t.Errorf("accept: %v", err)
	}
	_ = l.Close()
}

func TestCloseEndsCalls(t *testing.T) {
	n := newNetwork(t)
	c, s := pair(t, n.Host("a"), n.Host("b"))
	l := must(n.Listen("tcp", ":80"))(t)
	p := must(n.ListenPacket("udp", ":80"))(t)
	done := make(chan error)
	go func() { done <- second(c.Read(make([]byte, 1))) }()
	go func() { done <- second(c.Write(make([]byte, 64<<20))) }()
	go func() { done <- second(l.Accept()) }()
	go func() {
		_, _, err := p.ReadFrom(make([]byte, 1))
		done <- err
	}()
	_, _, _ = c.Close(), l.Close(), p.Close()
	for range 4 {
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	}
	if _, err := io.Copy(io.Discard, s); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer sees %v", err)
	}
}

func TestReset(t *testing.T) {
	n := newNetwork(t)
	c, s := pair(t, n.Host("a"), n.Host("b"))
	_ = c.(interface{ SetLinger(int) error }).SetLinger(0)
	_ = c.Close()
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after a reset: %v", err)
	}
	if _, err := s.Write(make([]byte, 1)); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("after a reset: %v", err)
	}
}

func TestPackets(t *testing.T) {
	n := newNetwork(t, virtual.WithMTU(1280))
	a, b := n.Host("a"), n.Host("b")
	for _, network := range []string{"udp4", "udp6", "udp"} {
		p := must(b.ListenPacket(network, ":53"))(t)
		c := must(a.Dial(network, "b:53"))(t)
		for _, size := range []int{0, 1, 1000, 9000, 60000} { // in fragments, too
			data := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
			must(c.Write(data))(t)
			got := make([]byte, 65536)
			k, from, err := p.ReadFrom(got)
			if err != nil || !bytes.Equal(got[:k], data) || from.String() != c.LocalAddr().String() {
				t.Fatalf("%s: %d bytes of %d from %v, %v", network, k, size, from, err)
			}
			must(p.WriteTo(data, from))(t)
			if k, err := c.Read(got); err != nil || !bytes.Equal(got[:k], data) {
				t.Fatalf("%s: answer of %d bytes, %v", network, k, err)
			}
		}
		_ = p.Close()
		must(c.Write([]byte("x")))(t)
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: port unreachable: %v", network, err)
		}
		_ = c.Close()
	}
	p := must(a.ListenPacket("udp", ":0"))(t)
	defer p.Close()
	if _, err := p.WriteTo(nil, &net.TCPAddr{}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("to a TCP address: %v", err)
	}
}

// A broadcast reaches all others.
func TestBroadcast(t *testing.T) {
	n := newNetwork(t)
	var all []net.PacketConn
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, must(n.Host(name).ListenPacket("udp4", ":99"))(t))
	}
	for _, to := range []string{"255.255.255.255", "10.0.255.255"} {
		must(all[0].WriteTo([]byte(to), &net.UDPAddr{IP: net.ParseIP(to), Port: 99}))(t)
		for _, p := range all[1:] {
			b := make([]byte, 64)
			k, _, err := p.ReadFrom(b)
			if string(b[:k]) != to || err != nil {
				t.Errorf("%q, %v", b[:k], err)
			}
		}
	}
	for _, p := range all {
		_ = p.Close()
	}
}

func TestHTTP(t *testing.T) {
	n := newNetwork(t)
	l := must(n.Host("server").Listen("tcp", ":80"))(t)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(l) })
	transport := &http.Transport{DialContext: n.DialContext}
	client := &http.Client{Transport: transport, Timeout: patience}
	body := strings.Repeat("body ", 100000)
	resp := must(client.Post("http://server/", "text/plain", strings.NewReader(body)))(t)
	got, err := io.ReadAll(resp.Body)
	if string(got) != body || err != nil {
		t.Errorf("%d bytes of %d, %v", len(got), len(body), err)
	}
	_ = resp.Body.Close()
	transport.CloseIdleConnections()
	_ = srv.Close()
	serving.Wait()
}
