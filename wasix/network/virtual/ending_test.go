package virtual

import (
	"io"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"

	"github.com/gowasix/gowasix/wasix/abi"
)

// eventfulEndpoint is an endpoint at which something happens after it was read.
type eventfulEndpoint struct {
	tcpip.Endpoint
	event func()
}

func (e eventfulEndpoint) Read(dst io.Writer, opts tcpip.ReadOptions) (tcpip.ReadResult, tcpip.Error) {
	result, err := e.Endpoint.Read(dst, opts)
	e.event()
	return result, err
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
		})}
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
