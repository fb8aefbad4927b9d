package socket_test

import (
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/socket"
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

// eventful is a network on which something happens in the middle of calls.
type eventful struct {
	network.Network
	*events
}

// events are what happens when a socket is about to be asked for what is ready, when
// it has received, when it was asked for its error, and when it is about to send.
type events struct{ asked, received, taken, sending func() }

func noEvents() *events { return &events{func() {}, func() {}, func() {}, func() {}} }

func (n eventful) Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (network.Socket, error) {
	s, err := n.Network.Socket(family, typ, proto)
	return eventfulSocket{s, n.events}, err
}

type eventfulSocket struct {
	network.Socket
	*events
}

func (s eventfulSocket) Ready(asked ready.Events) ready.Events {
	s.asked()
	return s.Socket.Ready(asked)
}

func (s eventfulSocket) Recvmsg(iovs [][]byte, flags network.MsgFlags, from *network.Addr) (int, network.MsgFlags, error) {
	n, out, err := s.Socket.Recvmsg(iovs, flags, from)
	s.received()
	return n, out, err
}

func (s eventfulSocket) Sendmsg(iovs [][]byte, to *network.Addr) (int, error) {
	s.sending()
	return s.Socket.Sendmsg(iovs, to)
}

func (s eventfulSocket) TakeError() error {
	err := s.Socket.TakeError()
	s.taken()
	return err
}

func (s eventfulSocket) Arm() error {
	if a, ok := s.Socket.(ready.Armer); ok {
		return a.Arm()
	}
	return nil
}

// unixPair returns two sockets that are connected in memory, the first one with
// events.
func unixPair(t *testing.T, typ abi.SockType) (c, s *end, ev *events) {
	t.Helper()
	a, b, err := network.Unix().(network.Pairer).Pair(typ)
	if err != nil {
		t.Fatal(err)
	}
	ev = noEvents()
	return newEnd(t, socket.New(eventfulSocket{a, ev})), newEnd(t, socket.New(b)), ev
}

// All that is sent comes, with the end, between two steps of a call that waits for
// more and leaves it in the socket.
func TestPeekWaitAllSeesDataBeforeEnd(t *testing.T) {
	for _, sent := range []string{"", "short"} {
		ev := noEvents()
		c, s := streamOn(t, eventful{network.Host(), ev})
		ev.asked = sync.OnceFunc(func() {
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
	ev := noEvents()
	c := boundOn(t, eventful{network.Host(), ev}, abi.SockTypeDgram)
	s := bound(t, abi.SockTypeDgram)
	connect(t, c, s.name(t))
	connect(t, s, c.name(t))
	ev.received = sync.OnceFunc(func() {
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

// Data comes, then the end of the connection, of which another thread's poll learns,
// after a receive has looked.
func TestReceiveSeesDataBeforePolledError(t *testing.T) {
	c, s, ev := unixPair(t, abi.SockTypeStream)
	if _, err := c.send([]byte("not read")); err != nil {
		t.Fatal(err)
	}
	ev.received = sync.OnceFunc(func() {
		if _, err := s.send([]byte("last")); err != nil {
			t.Error(err)
		}
		_ = s.d.Release()
		wantErr(t, "poll", c.PollError(), syscall.ECONNRESET)
	})
	if b, err := c.recv(200, 0); string(b) != "last" || err != nil {
		t.Errorf("received %q, %v, want what came last", b, err)
	}
	_, err := c.recv(200, 0)
	wantErr(t, "receive then", err, syscall.ECONNRESET)
}

// An empty datagram is not lost when an error is polled after it was received.
func TestReceiveKeepsDatagramBeforePolledError(t *testing.T) {
	ev := noEvents()
	c := boundOn(t, eventful{network.Host(), ev}, abi.SockTypeDgram)
	s := bound(t, abi.SockTypeDgram)
	connect(t, c, s.name(t))
	connect(t, s, c.name(t))
	if _, err := s.send(nil); err != nil {
		t.Fatal(err)
	}
	arrived(t, c)
	ev.received = sync.OnceFunc(func() {
		_ = s.d.Release()
		if _, err := c.Socket.Writev([][]byte{[]byte("lost")}); err != nil {
			t.Error(err)
		}
		wantErr(t, "poll", c.PollError(), syscall.ECONNREFUSED)
	})
	_, err := c.recv(1, 0)
	wantErr(t, "receive", err, nil)
	_, err = c.recv(1, abi.RiflagsDontWait)
	wantErr(t, "receive then", err, syscall.ECONNREFUSED)
}

// A receive that waits hears of an error that another thread's poll took from the
// network before its attempt.
func TestReceiveHearsOfPolledError(t *testing.T) {
	c, s, ev := unixPair(t, abi.SockTypeDgram)
	if _, err := c.send([]byte("lost")); err != nil {
		t.Fatal(err)
	}
	received := make(chan error)
	connect(t, s, network.Addr{}) // so c gets ECONNRESET
	var before uint64
	ev.taken = func() {
		go func() {
			_, err := c.recv(1, 0)
			received <- err
		}()
		for !c.Queue().Watched() {
			runtime.Gosched()
		}
		before = c.Queue().Seq()
	}
	wantErr(t, "poll", c.PollError(), syscall.ECONNRESET)
	if c.Queue().Seq() == before {
		t.Error("it was not told")
		c.w.Interrupt()
	}
	wantErr(t, "receive", <-received, syscall.ECONNRESET)
}

// reset returns a socket whose peer was closed with data that it had not read.
func reset(t *testing.T) (*end, *events) {
	t.Helper()
	c, s, ev := unixPair(t, abi.SockTypeStream)
	if _, err := c.send([]byte("not read")); err != nil {
		t.Fatal(err)
	}
	_ = s.d.Release()
	return c, ev
}

// A receive does not find an end without error while a poll takes the error from the
// network.
func TestReceiveAwaitsPolledError(t *testing.T) {
	for range 500 {
		c, ev := reset(t)
		attempt, result := make(chan bool, 2), make(chan error)
		ev.received = func() { attempt <- true }
		ev.taken = func() {
			go func() {
				_, err := c.recv(1, 0)
				result <- err
			}()
			<-attempt
			for range 20 { // most likely it goes on
				runtime.Gosched()
			}
		}
		wantErr(t, "poll", c.PollError(), syscall.ECONNRESET)
		wantErr(t, "receive", <-result, syscall.ECONNRESET)
		if b, err := c.recv(1, 0); len(b) > 0 || err != nil {
			t.Fatalf("then received %q, %v, want the end", b, err)
		}
	}
}

// A send tells of the error that a poll took from the network after it had begun.
func TestSendTellsOfPolledError(t *testing.T) {
	c, ev := reset(t)
	ev.sending = sync.OnceFunc(func() { wantErr(t, "poll", c.PollError(), syscall.ECONNRESET) })
	for _, want := range []error{syscall.ECONNRESET, syscall.EPIPE} {
		_, err := c.send([]byte("x"))
		wantErr(t, "send", err, want)
	}
}
