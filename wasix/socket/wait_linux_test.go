package socket_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// A receive that waits in the kernel lets the garbage collector stop its thread,
// and goes on waiting after the signal of that.
func TestReceiveOutlastsSignals(t *testing.T) {
	client, server := connected(t, abi.SockTypeStream)
	server.w.OwnsThread = true
	type result struct {
		b   []byte
		err error
	}
	got := make(chan result)
	go func() {
		for range 3 {
			b, err := server.recv(8, 0)
			got <- result{b, err}
		}
	}()
	for _, message := range []string{"one", "two", "three"} {
		for range 10 {
			runtime.GC()
		}
		if _, err := client.Send(client.d, client.w, [][]byte{[]byte(message)}, 0, nil); err != nil {
			t.Fatal(err)
		}
		if r := <-got; string(r.b) != message || r.err != nil {
			t.Errorf("received %q, %v, want %q", r.b, r.err, message)
		}
	}
}

// Many receives park and wake, as the poller begins and ends to watch their
// sockets: none sleeps over what has come.
func TestReceiveMissesNothing(t *testing.T) {
	const pairs, rounds = 24, 400
	var talking sync.WaitGroup
	send := func(e *end, i int) {
		if _, err := e.Send(e.d, e.w, [][]byte{{byte(i)}}, 0, nil); err != nil {
			t.Error(err)
		}
	}
	receive := func(e *end, i int) {
		if b, err := e.recv(8, 0); err != nil || len(b) != 1 || b[0] != byte(i) {
			t.Errorf("round %d: %v, %v", i, b, err)
		}
	}
	for range pairs {
		client, server := connected(t, abi.SockTypeStream)
		talking.Go(func() {
			for i := range rounds {
				send(client, i)
				receive(client, i)
			}
		})
		talking.Go(func() {
			for i := range rounds {
				receive(server, i)
				send(server, i)
			}
		})
	}
	talking.Wait()
}

// eventful is a network on which something happens each time one of its sockets
// is asked for what is ready, and each time one has received.
type eventful struct {
	network.Network
	event, received *func()
}

func (n eventful) Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (network.Socket, error) {
	s, err := n.Network.Socket(family, typ, proto)
	return eventfulSocket{s, n}, err
}

type eventfulSocket struct {
	network.Socket
	network eventful
}

func (s eventfulSocket) Ready(asked ready.Events) ready.Events {
	(*s.network.event)()
	return s.Socket.Ready(asked)
}

func (s eventfulSocket) Recvmsg(iovs [][]byte, flags network.MsgFlags, from *network.Addr) (int, network.MsgFlags, error) {
	n, out, err := s.Socket.Recvmsg(iovs, flags, from)
	(*s.network.received)()
	return n, out, err
}

func (s eventfulSocket) Arm() error { return s.Socket.(ready.Armer).Arm() }

// All that is sent comes, with the end, between two steps of a call that waits for
// more and leaves it in the socket.
func TestPeekWaitAllSeesDataBeforeEnd(t *testing.T) {
	for _, sent := range []string{"", "short"} {
		event, received := func() {}, func() {}
		c, s := streamOn(t, eventful{network.Host(), &event, &received})
		event = sync.OnceFunc(func() {
			if sent != "" {
				if _, err := s.send([]byte(sent)); err != nil {
					t.Error(err)
				}
			}
			wantErr(t, "shutdown", s.Shutdown(abi.SdflagsWr), nil)
		})
		if b, err := c.recv(200, abi.RiflagsWaitall|abi.RiflagsPeek); string(b) != sent || err != nil {
			t.Errorf("received %q, %v, want %q", b, err, sent)
		}
	}
}

// A datagram comes, and then the socket is shut down, after a receive has looked and
// before it waits.
func TestReceiveSeesDatagramBeforeShutdown(t *testing.T) {
	event, received := func() {}, func() {}
	c := boundOn(t, eventful{network.Host(), &event, &received}, abi.SockTypeDgram)
	s := bound(t, abi.SockTypeDgram)
	connect(t, c, s.name(t))
	connect(t, s, c.name(t))
	received = sync.OnceFunc(func() {
		if _, err := s.send([]byte("last")); err != nil {
			t.Error(err)
		}
		arrived(t, c)
		wantErr(t, "shutdown", c.Shutdown(abi.SdflagsRd), nil)
	})
	for _, want := range []string{"last", ""} {
		if b, err := c.recv(200, 0); string(b) != want || err != nil {
			t.Errorf("received %q, %v, want %q", b, err, want)
		}
	}
}
