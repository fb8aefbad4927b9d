package network

import (
	"net/netip"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

const (
	inet4  = abi.AddressFamilyInet4
	inet6  = abi.AddressFamilyInet6
	stream = abi.SockTypeStream
	dgram  = abi.SockTypeDgram
)

func inet(s string) Addr { return Addr{AddrPort: netip.MustParseAddrPort(s)} }

func loopback(f abi.AddressFamily) Addr {
	if f == inet6 {
		return inet("[::1]:0")
	}
	return inet("127.0.0.1:0")
}

// families returns the address families that the machine has. IPv4 it must.
func families(t testing.TB) []abi.AddressFamily {
	t.Helper()
	s := open(t, Host(), inet6, stream)
	if s.Bind(loopback(inet6)) != nil {
		t.Log("no IPv6 loopback on this machine")
		return []abi.AddressFamily{inet4}
	}
	return []abi.AddressFamily{inet4, inet6}
}

func eachFamily(t *testing.T, test func(t *testing.T, f abi.AddressFamily)) {
	for _, f := range families(t) {
		t.Run(f.String(), func(t *testing.T) { test(t, f) })
	}
}

// open opens a socket for the time of the test.
func open(t testing.TB, n Network, f abi.AddressFamily, typ abi.SockType) Socket {
	t.Helper()
	s, err := n.Socket(f, typ, 0)
	if err != nil {
		t.Fatalf("socket: %v", err)
	}
	closeLater(t, s)
	return s
}

var closedEarly sync.Map

// closeLater closes s at the end of the test, unless closeNow did.
func closeLater(t testing.TB, s Socket) {
	t.Cleanup(func() {
		if _, done := closedEarly.LoadAndDelete(s); !done {
			_ = s.Close()
		}
	})
}

func closeNow(s Socket) error {
	closedEarly.Store(s, true)
	return s.Close()
}

func check(t testing.TB, what string, got, want error) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// await repeats attempt until it no longer answers EAGAIN.
func await(t testing.TB, s Socket, ev ready.Events, attempt func() error) error {
	t.Helper()
	w := ready.NewWaiter()
	deadline := ready.After(uint64(patience))
	for {
		seq := s.Queue().Seq()
		err := attempt()
		if err != syscall.EAGAIN {
			return err
		}
		if err := w.Wait(s, ev, seq, deadline); err != nil {
			t.Fatalf("waiting for %b: %v", ev, err)
		}
	}
}

func accepted(t testing.TB, l Socket) (Socket, Addr) {
	t.Helper()
	var c Socket
	var from Addr
	check(t, "accept", await(t, l, ready.In, func() (err error) {
		c, from, err = l.Accept()
		return err
	}), nil)
	closeLater(t, c)
	return c, from
}

func listener(t testing.TB, n Network, f abi.AddressFamily) (Socket, Addr) {
	t.Helper()
	l := open(t, n, f, stream)
	check(t, "bind", l.Bind(loopback(f)), nil)
	check(t, "listen", l.Listen(16), nil)
	return l, must[Addr](t)(l.LocalAddr())
}

func connectTo(t testing.TB, c Socket, to Addr) {
	t.Helper()
	err := c.Connect(to)
	if err == syscall.EINPROGRESS {
		w := ready.NewWaiter()
		for c.Ready(ready.Out) == 0 {
			seq := c.Queue().Seq()
			if c.Ready(ready.Out) != 0 {
				break
			}
			check(t, "wait", w.Wait(c, ready.Out, seq, ready.After(uint64(patience))), nil)
		}
		err = c.TakeError()
	}
	check(t, "connect", err, nil)
}

// connected returns both ends of a stream.
func connected(t testing.TB, n Network, f abi.AddressFamily) (client, server Socket) {
	t.Helper()
	l, at := listener(t, n, f)
	client = open(t, n, f, stream)
	connectTo(t, client, at)
	server, _ = accepted(t, l)
	return client, server
}

func recvAll(t testing.TB, s Socket, iovs [][]byte, from *Addr) (n int, out MsgFlags) {
	t.Helper()
	check(t, "recv", await(t, s, ready.In, func() (err error) {
		n, out, err = s.Recvmsg(iovs, 0, from)
		return err
	}), nil)
	return n, out
}

func recvString(t testing.TB, s Socket) string {
	t.Helper()
	b := make([]byte, 1<<16)
	n, _ := recvAll(t, s, [][]byte{b}, nil)
	return string(b[:n])
}

func sendString(t testing.TB, s Socket, text string, to *Addr) {
	t.Helper()
	n, err := s.Sendmsg([][]byte{[]byte(text)}, to)
	if n != len(text) || err != nil {
		t.Fatalf("send %q: %d, %v", text, n, err)
	}
}

// TestMain fails when tests leave goroutines or descriptors behind. The poller
// of package ready may stay: one goroutine, one descriptor, and Go's own.
func TestMain(m *testing.M) {
	before := openDescriptors()
	code := m.Run()
	if code == 0 {
		code = leaks(before)
	}
	os.Exit(code)
}

func leaks(before int) int {
	const allowedFDs, allowedGoroutines = 8, 3
	for try := 0; ; try++ {
		runtime.GC() // package net keeps pipes to splice with, for a while
		fds, goroutines := openDescriptors()-before, runtime.NumGoroutine()
		if fds <= allowedFDs && goroutines <= allowedGoroutines {
			return 0
		}
		if try == 100 {
			println("left behind: descriptors", fds, "goroutines", goroutines)
			return 1
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
