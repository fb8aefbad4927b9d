package socket_test

import (
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/socket"
)

// TestAllocations holds the calls of a server's inner loop to none.
func TestAllocations(t *testing.T) {
	noLeaks(t)
	buf, iovs := make([]byte, 64), make([][]byte, 2)
	full := func() [][]byte { iovs[0], iovs[1] = buf[:32], buf[32:]; return iovs }
	check := func(what string, err error) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	none := func(what string, f func()) {
		t.Helper()
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
	for _, typ := range []abi.SockType{abi.SockTypeStream, abi.SockTypeDgram} {
		c, s := connected(t, typ)
		none("send and recv", func() {
			_, err := c.Send(c.d, c.w, full(), 0, nil)
			check("send", err)
			_, _, err = s.Recv(s.d, s.w, full(), abi.RiflagsWaitall, nil)
			check("recv", err)
		})
		subs := []ready.Subscription{{Source: s.d.File, Asked: ready.In}, {Source: c.d.File, Asked: ready.Out}}
		none("poll", func() {
			_, err := s.w.Poll(subs, ready.Never)
			check("poll", err)
		})
		none("would block", func() {
			_, _, _ = s.Recv(s.d, s.w, full(), abi.RiflagsDontWait, nil)
		})
		check("set", s.SetTime(abi.SockOptionRecvTimeout, 1000, true))
		none("wait", func() {
			_, _, _ = s.Recv(s.d, s.w, full(), 0, nil)
		})
	}
	a, b := bound(t, abi.SockTypeDgram), bound(t, abi.SockTypeDgram)
	to, from := new(network.Addr), new(network.Addr)
	*to = b.name(t)
	none("send to and recv from", func() {
		_, err := a.Send(a.d, a.w, full(), 0, to)
		check("send", err)
		_, _, err = b.Recv(b.d, b.w, full(), 0, from)
		check("recv", err)
	})
}

// BenchmarkListenCycle opens, binds, listens and closes, by the table and by
// the same calls to the kernel.
func BenchmarkListenCycle(b *testing.B) {
	b.Run("socket", func(b *testing.B) {
		b.ReportAllocs()
		fds, host, addr := descriptor.NewTable(0), network.Host(), ourAddr(loopback)
		for b.Loop() {
			s, err := socket.Open(host, abi.AddressFamilyInet4, abi.SockTypeStream, 0)
			if err != nil {
				b.Fatal(err)
			}
			fd, err := fds.Insert(descriptor.NewDescription(s.File(), 0), descriptor.Rights{Base: socket.Rights}, false, 0)
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Bind(addr); err != nil {
				b.Fatal(err)
			}
			if err := s.Listen(128, 4096); err != nil {
				b.Fatal(err)
			}
			if err := fds.Close(fd); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("kernel", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				b.Fatal(err)
			}
			if err := unix.Bind(fd, loopback); err != nil {
				b.Fatal(err)
			}
			if err := unix.Listen(fd, 128); err != nil {
				b.Fatal(err)
			}
			if err := unix.Close(fd); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkEcho sends a byte and waits for it to come back, between two threads.
func BenchmarkEcho(b *testing.B) {
	b.Run("socket", func(b *testing.B) { benchmarkEcho(b, false) })
	b.Run("socket, own thread", func(b *testing.B) { benchmarkEcho(b, true) })
	b.Run("net.Conn", benchmarkNetEcho)
}

func benchmarkEcho(b *testing.B, ownThread bool) {
	c, s := connected(b, abi.SockTypeStream)
	c.w.OwnsThread, s.w.OwnsThread = ownThread, ownThread
	done := make(chan error)
	go func() {
		buf, iovs := make([]byte, 1), make([][]byte, 1)
		for {
			iovs[0] = buf
			n, _, err := s.Recv(s.d, s.w, iovs, 0, nil)
			if n == 0 || err != nil {
				done <- err
				return
			}
			iovs[0] = buf
			if _, err := s.Send(s.d, s.w, iovs, 0, nil); err != nil {
				done <- err
				return
			}
		}
	}()
	buf, iovs := make([]byte, 1), make([][]byte, 1)
	b.ReportAllocs()
	for b.Loop() {
		iovs[0] = buf
		if _, err := c.Send(c.d, c.w, iovs, 0, nil); err != nil {
			b.Fatal(err)
		}
		iovs[0] = buf
		if _, _, err := c.Recv(c.d, c.w, iovs, 0, nil); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Shutdown(abi.SdflagsWr); err != nil {
		b.Fatal(err)
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

func benchmarkNetEcho(b *testing.B) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	done := make(chan error)
	go func() {
		s, err := l.Accept()
		if err != nil {
			done <- err
			return
		}
		defer s.Close()
		buf := make([]byte, 1)
		for {
			if _, err := s.Read(buf); err != nil {
				done <- err
				return
			}
			if _, err := s.Write(buf); err != nil {
				done <- err
				return
			}
		}
	}()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
	_ = c.Close()
	if err := <-done; err != io.EOF {
		b.Fatal(err)
	}
}
