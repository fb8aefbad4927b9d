package virtual

import (
	"io"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// eventfulEndpoint is an endpoint at which something happens after it was read, and
// after it has told an error.
type eventfulEndpoint struct {
	tcpip.Endpoint
	read, told func()
}

func (e eventfulEndpoint) Read(dst io.Writer, opts tcpip.ReadOptions) (tcpip.ReadResult, tcpip.Error) {
	result, err := e.Endpoint.Read(dst, opts)
	e.read()
	return result, err
}

func (e eventfulEndpoint) LastError() tcpip.Error {
	err := e.Endpoint.LastError()
	if err != nil {
		e.told()
	}
	return err
}

// streams returns both ends of a connection.
func streams(t *testing.T) (a, b *stream) {
	t.Helper()
	n := New()
	t.Cleanup(func() { _ = n.Close() })
	l, err := n.Host("b").Listen("tcp4", ":9")
	if err != nil {
		t.Fatal(err)
	}
	ca, err := n.Host("a").Dial("tcp4", "b:9")
	if err != nil {
		t.Fatal(err)
	}
	cb, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return ca.(*streamConn).Socket.(*stream), cb.(*streamConn).Socket.(*stream)
}

// Data comes, and then what ends reading, after a receive has looked: both are found,
// in this order.
func TestReceiveFindsDataBeforeEnd(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*stream)
		want error
	}{
		"shutdown": {func(s *stream) {
			if err := s.Shutdown(abi.SdflagsRd); err != nil {
				t.Error(err)
			}
		}, nil},
		"failure": {func(s *stream) { s.fail(syscall.ECONNRESET) }, syscall.ECONNRESET},
	} {
		a, b := streams(t)
		ep := a.ep()
		ep.Endpoint = eventfulEndpoint{ep.Endpoint, sync.OnceFunc(func() {
			if n, err := b.Sendmsg([][]byte{[]byte("last")}, nil); n != 4 || err != nil {
				t.Errorf("%s: sent %d, %v", name, n, err)
			}
			for a.Available() == 0 {
				runtime.Gosched()
			}
			c.end(a)
		}), func() {}}
		got := make([]byte, 9)
		for _, want := range []struct {
			n   int
			err error
		}{{0, syscall.EAGAIN}, {4, nil}, {0, c.want}} {
			if n, _, err := a.Recvmsg([][]byte{got}, 0, nil); n != want.n || err != want.err {
				t.Errorf("%s: received %d, %v, want %d, %v", name, n, err, want.n, want.err)
			}
		}
	}
}

// A receive finds the error that another thread's poll is about to keep.
func TestReceiveFindsPolledError(t *testing.T) {
	n := New()
	defer n.Close()
	c, err := n.Host("a").Dial("udp4", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	s := c.(*packetConn).Socket.(*datagram)
	ep := s.ep()
	inner, result, told := ep.Endpoint, make(chan error), false
	ep.Endpoint = eventfulEndpoint{inner, func() {}, sync.OnceFunc(func() {
		told = true
		read := make(chan bool)
		ep.Endpoint = eventfulEndpoint{inner, func() { close(read) }, func() {}}
		go func() {
			_, _, err := s.Recvmsg([][]byte{make([]byte, 1)}, 0, nil)
			result <- err
		}()
		<-read
		for range 20 { // most likely it goes on
			runtime.Gosched()
		}
	})}
	if _, err := s.Sendmsg([][]byte{[]byte("nobody")}, nil); err != nil {
		t.Fatal(err)
	}
	for !told { // until the error comes back
		s.Ready(ready.In)
	}
	if err := <-result; err != syscall.ECONNREFUSED {
		t.Errorf("received %v, want ECONNREFUSED", err)
	}
}
