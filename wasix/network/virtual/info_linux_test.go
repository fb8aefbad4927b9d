package virtual_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/network/virtual"
)

// waits fails the test unless a listener comes to tell that want connections wait.
func waits(t *testing.T, l network.Socket, want int) {
	t.Helper()
	for end := time.Now().Add(patience); network.InfoOf(l).RecvQueue != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d connections wait, want %d", network.InfoOf(l).RecvQueue, want)
		}
	}
}

// drain accepts all connections that wait and returns how many there were.
func drain(t *testing.T, l network.Socket) (n int) {
	for ; ; n++ {
		c, _, err := l.Accept()
		if err == syscall.EAGAIN {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
}

// dialMany connects n times, from as many goroutines.
func dialMany(t *testing.T, from *virtual.Host, n int) []net.Conn {
	conns := make([]net.Conn, n)
	var dialling sync.WaitGroup
	for i := range conns {
		dialling.Go(func() {
			c, err := from.Dial("tcp4", "server:80")
			if err != nil {
				t.Error(err)
				return
			}
			conns[i] = c
			t.Cleanup(func() { _ = c.Close() })
		})
	}
	dialling.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return conns
}

// A listener tells how many connections wait: as many as can be accepted, also of
// peers that are gone.
func TestWaitingConnections(t *testing.T) {
	n := newNetwork(t)
	server, client := n.Host("server"), n.Host("client")
	l := open(t, server)
	if err := errors.Join(l.SetOption(abi.SockOptionReuseAddr, 1), l.Bind(at("0.0.0.0:80")), l.Listen(64)); err != nil {
		t.Fatal(err)
	}
	random, left := rand.New(rand.NewPCG(1, 2)), 0
	for range 20 {
		more := random.IntN(20)
		for i, c := range dialMany(t, client, more) {
			if i%2 == 0 {
				_ = c.Close()
			}
		}
		waits(t, l, left+more)
		if left += more; random.IntN(2) == 0 {
			_ = must(accept(t, l))(t)
			left--
		}
		waits(t, l, left)
		if left > 30 {
			if got := drain(t, l); got != left {
				t.Fatalf("%d connections are accepted, want %d", got, left)
			}
			left = 0
			waits(t, l, 0)
		}
	}
	dialMany(t, client, 3)
	_ = l.Shutdown(abi.SdflagsRd)
	if got := network.InfoOf(l).RecvQueue; got != 0 {
		t.Errorf("%d connections wait for what listens no more", got)
	}
	if err := l.Listen(64); err != nil {
		t.Fatal(err)
	}
	dialMany(t, client, 2)
	waits(t, l, 2)
}

// The count stays right where more connect than the queue has room for.
func TestWaitingConnectionsOverflow(t *testing.T) {
	n := newNetwork(t)
	l, client := open(t, n.Host("server")), n.Host("client")
	if err := errors.Join(l.Bind(at("0.0.0.0:80")), l.Listen(1)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var dialling sync.WaitGroup
	for range 8 {
		dialling.Go(func() {
			if c, err := client.DialContext(ctx, "tcp4", "server:80"); err == nil {
				_, _ = c.Write([]byte("so that the listener hears of it"))
				_ = c.Close()
			}
		})
	}
	for accepted := 0; accepted < 2; {
		_ = must(accept(t, l))(t)
		accepted += 1 + drain(t, l)
	}
	cancel()
	dialling.Wait()
	for end := time.Now().Add(patience); drain(t, l) != 0 || network.InfoOf(l).RecvQueue != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d connections wait in an empty queue", network.InfoOf(l).RecvQueue)
		}
	}
}

// What was shut down listens again at its own port or not at all: not while
// connections have that, unless it may share it.
func TestListenAgain(t *testing.T) {
	for reuse, want := range map[int64]error{0: syscall.EADDRINUSE, 1: nil} {
		n := newNetwork(t)
		l := open(t, n.Host("server"))
		if err := errors.Join(l.SetOption(abi.SockOptionReuseAddr, reuse), l.Bind(at("0.0.0.0:80")), l.Listen(4)); err != nil {
			t.Fatal(err)
		}
		again := func() error {
			return errors.Join(l.Shutdown(abi.SdflagsRd), l.Listen(4))
		}
		dialMany(t, n.Host("client"), 1)
		if err := again(); err != nil {
			t.Errorf("reuse %d, after one that nobody accepted: %v", reuse, err)
		}
		dialMany(t, n.Host("client"), 1)
		c := must(accept(t, l))(t)
		if err := again(); !errors.Is(err, want) {
			t.Errorf("reuse %d, beside a connection: %v, want %v", reuse, err, want)
		}
		_ = c.SetOption(abi.SockOptionLinger, 0)
		_ = c.Close()
		if err := l.Listen(4); err != nil {
			t.Errorf("reuse %d, once that is gone: %v", reuse, err)
		}
		if a, err := l.LocalAddr(); a.Port() != 80 || err != nil {
			t.Errorf("reuse %d: listens at %v, %v", reuse, a, err)
		}
		_ = l.Close()
	}
}
