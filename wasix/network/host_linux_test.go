package network

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

func TestHostStream(t *testing.T) {
	eachFamily(t, func(t *testing.T, f abi.AddressFamily) {
		l, at := listener(t, Host(), f)
		if at.Port() == 0 {
			t.Fatal("bind to port 0 must choose one at once")
		}
		c := open(t, Host(), f, stream)
		connectTo(t, c, at)
		s, from := accepted(t, l)
		if local := must[Addr](t)(c.LocalAddr()); from != local {
			t.Errorf("accept says %v, the client is %v", from, local)
		}
		if peer := must[Addr](t)(c.PeerAddr()); peer != at {
			t.Errorf("peer is %v, want %v", peer, at)
		}
		sendString(t, c, "hello", nil)
		if got := recvString(t, s); got != "hello" {
			t.Errorf("got %q", got)
		}
		check(t, "shutdown", c.Shutdown(abi.SdflagsWr), nil)
		if got := recvString(t, s); got != "" {
			t.Errorf("got %q at the end", got)
		}
		_, err := c.Sendmsg([][]byte{{1}}, nil)
		check(t, "send after shutdown", err, syscall.EPIPE)
	})
}

func TestHostErrors(t *testing.T) {
	n := Host()
	for _, c := range []struct {
		family abi.AddressFamily
		typ    abi.SockType
		proto  abi.SockProto
		want   error
	}{
		{abi.AddressFamilyUnspec, stream, 0, syscall.EAFNOSUPPORT},
		{abi.AddressFamilyUnix, stream, 0, syscall.EAFNOSUPPORT},
		{9, stream, 0, syscall.EAFNOSUPPORT},
		{inet4, abi.SockTypeUnused, 0, syscall.ESOCKTNOSUPPORT},
		{inet4, abi.SockTypeSeqpacket, 0, syscall.ESOCKTNOSUPPORT},
		{inet4, stream, abi.SockProtoUdp, syscall.EPROTONOSUPPORT},
		{inet4, dgram, abi.SockProtoTcp, syscall.EPROTONOSUPPORT},
		{inet4, dgram, abi.SockProtoIcmpv6, syscall.EPROTONOSUPPORT},
		{inet6, dgram, abi.SockProtoIcmp, syscall.EPROTONOSUPPORT},
		{inet4, stream, 300, syscall.EINVAL},
		{inet4, abi.SockTypeRaw, abi.SockProtoIcmp, syscall.EPERM},
		{inet4, stream, abi.SockProtoTcp, nil},
		{inet4, dgram, abi.SockProtoUdp, nil},
	} {
		s, err := n.Socket(c.family, c.typ, c.proto)
		if err != c.want {
			t.Errorf("socket(%v, %v, %v): got %v, want %v", c.family, c.typ, c.proto, err, c.want)
		}
		if err == nil {
			_ = s.Close()
		}
	}
	s := open(t, n, inet4, stream)
	_, _, err := s.Accept()
	check(t, "accept before listen", err, syscall.EINVAL)
	_, err = s.PeerAddr()
	check(t, "peer before connect", err, syscall.ENOTCONN)
	_, _, err = s.Recvmsg([][]byte{{0}}, 0, nil)
	check(t, "recv before connect", err, syscall.ENOTCONN)
	check(t, "shutdown before connect", s.Shutdown(abi.SdflagsRd), syscall.ENOTCONN)
	check(t, "shutdown nothing", s.Shutdown(0), syscall.EINVAL)
	check(t, "bind unix", s.Bind(Addr{Unix: true, Path: "x"}), syscall.EAFNOSUPPORT)
	check(t, "bind unspecified", s.Bind(Addr{}), nil) // INADDR_ANY, as Linux takes it
	check(t, "bind again", s.Bind(loopback(inet4)), syscall.EINVAL)
	u := open(t, n, inet4, dgram)
	check(t, "listen on datagrams", u.Listen(1), syscall.EOPNOTSUPP)
	_, err = u.Sendmsg([][]byte{{1}}, nil)
	check(t, "send to nobody", err, syscall.EDESTADDRREQ)
	_, err = u.Sendmsg(make([][]byte, maxIovecs+1), nil)
	check(t, "too many buffers", err, syscall.EMSGSIZE)
}

func TestHostRefused(t *testing.T) {
	l := open(t, Host(), inet4, stream)
	check(t, "bind", l.Bind(loopback(inet4)), nil)
	at := must[Addr](t)(l.LocalAddr())
	c := open(t, Host(), inet4, stream)
	if err := c.Connect(at); err != syscall.EINPROGRESS && err != syscall.ECONNREFUSED {
		t.Fatalf("connect: %v", err)
	} else if err == syscall.EINPROGRESS {
		for c.Ready(ready.Out) == 0 {
			seq := c.Queue().Seq()
			_ = ready.NewWaiter().Wait(c, ready.Out, seq, ready.After(uint64(patience)))
		}
		check(t, "SO_ERROR", c.TakeError(), syscall.ECONNREFUSED)
		check(t, "SO_ERROR again", c.TakeError(), nil)
		check(t, "connect once more", c.Connect(at), syscall.ECONNABORTED) // as Linux
	}
	check(t, "listen", l.Listen(1), nil)
	connectTo(t, c, at)
	check(t, "connect that tells the outcome", c.Connect(at), nil)
	check(t, "connect again", c.Connect(at), syscall.EISCONN)
}

func TestHostReset(t *testing.T) {
	c, s := connected(t, Host(), inet4)
	check(t, "linger", s.SetOption(abi.SockOptionLinger, 0), nil)
	check(t, "close", closeNow(s), nil)
	check(t, "recv", await(t, c, ready.In, func() error {
		_, _, err := c.Recvmsg([][]byte{make([]byte, 4)}, 0, nil)
		return err
	}), syscall.ECONNRESET)
}

func TestHostDatagrams(t *testing.T) {
	eachFamily(t, func(t *testing.T, f abi.AddressFamily) {
		a, b := open(t, Host(), f, dgram), open(t, Host(), f, dgram)
		check(t, "bind", a.Bind(loopback(f)), nil)
		check(t, "bind", b.Bind(loopback(f)), nil)
		toA, toB := must[Addr](t)(a.LocalAddr()), must[Addr](t)(b.LocalAddr())

		sendString(t, a, "one", &toB)
		n, err := a.Sendmsg([][]byte{[]byte("t"), {}, []byte("wo")}, &toB)
		if n != 3 || err != nil {
			t.Fatal(n, err)
		}
		sendString(t, a, "", &toB)
		sendString(t, a, "four", &toB)
		sendString(t, a, "five5", &toB)

		var from Addr
		x, y := make([]byte, 2), make([]byte, 2)
		n, out := recvAll(t, b, [][]byte{x, y}, &from)
		if n != 3 || out != 0 || string(x)+string(y[:1]) != "one" || from != toA {
			t.Errorf("first: %d %v %q %q from %v", n, out, x, y, from)
		}
		n, out = recvAll(t, b, [][]byte{x}, &from)
		if n != 2 || out != MsgTrunc || string(x) != "tw" {
			t.Errorf("cut: %d %v %q", n, out, x)
		}
		if n, out = recvAll(t, b, [][]byte{x}, nil); n != 0 || out != 0 {
			t.Errorf("empty datagram: %d %v", n, out)
		}
		n, out, err = b.Recvmsg([][]byte{x}, MsgPeek|MsgTrunc, nil)
		if n != 4 || out != MsgTrunc || err != nil {
			t.Errorf("true length: %d %v %v", n, out, err)
		}
		if n, out = recvAll(t, b, [][]byte{x, y, make([]byte, 1)}, nil); n != 4 || out != 0 || string(x)+string(y) != "four" {
			t.Errorf("after peek: %d %v %q %q", n, out, x, y)
		}
		if n, out = recvAll(t, b, [][]byte{x, y}, nil); n != 4 || out != MsgTrunc {
			t.Errorf("cut over two: %d %v", n, out)
		}
	})
}

func TestHostConnectedDatagrams(t *testing.T) {
	a, b, c := open(t, Host(), inet4, dgram), open(t, Host(), inet4, dgram), open(t, Host(), inet4, dgram)
	for _, s := range []Socket{a, b, c} {
		check(t, "bind", s.Bind(loopback(inet4)), nil)
	}
	toA, toB := must[Addr](t)(a.LocalAddr()), must[Addr](t)(b.LocalAddr())
	check(t, "connect", a.Connect(toB), nil)
	sendString(t, c, "from another", &toA)
	sendString(t, b, "from b", &toA)
	if got := recvString(t, a); got != "from b" {
		t.Errorf("got %q", got)
	}
	check(t, "dissolve", a.Connect(Addr{}), nil)
	_, err := a.PeerAddr()
	check(t, "peer", err, syscall.ENOTCONN)
	if err := a.Shutdown(abi.SdflagsRd); err != syscall.ENOTCONN {
		t.Errorf("shutdown: %v", err)
	}
	if n, _, err := a.Recvmsg([][]byte{make([]byte, 8)}, 0, nil); n != 0 || err != syscall.EAGAIN {
		t.Errorf("after shutdown a read that does not wait finds nothing, not %d, %v", n, err)
	}
}

func TestHostVectors(t *testing.T) {
	c, s := connected(t, Host(), inet4)
	for _, parts := range []int{0, 1, 2, stackIovecs, stackIovecs + 1, maxIovecs} {
		out, in := make([][]byte, parts), make([][]byte, parts)
		var want []byte
		for i := range out {
			out[i] = []byte(fmt.Sprintf("%03x", i))
			want = append(want, out[i]...)
			in[i] = make([]byte, 3)
		}
		if n, err := c.Sendmsg(out, nil); n != len(want) || err != nil {
			t.Fatalf("%d parts: sent %d, %v", parts, n, err)
		}
		if parts == 0 {
			continue
		}
		if n, _ := recvAll(t, s, in, nil); n != len(want) || !bytes.Equal(bytes.Join(in, nil), want) {
			t.Fatalf("%d parts: received %d", parts, n)
		}
	}
}

func TestHostPeek(t *testing.T) {
	c, s := connected(t, Host(), inet4)
	sendString(t, c, "abc", nil)
	b := make([]byte, 2)
	check(t, "peek", await(t, s, ready.In, func() error {
		_, _, err := s.Recvmsg([][]byte{b}, MsgPeek, nil)
		return err
	}), nil)
	if got := recvString(t, s); string(b) != "ab" || got != "abc" {
		t.Errorf("peeked %q, received %q", b, got)
	}
}

// The calls that move payload do not allocate, whatever the address.
func TestHostAllocations(t *testing.T) {
	eachFamily(t, func(t *testing.T, f abi.AddressFamily) {
		l, _ := listener(t, Host(), f)
		c, s := connected(t, Host(), f)
		u := open(t, Host(), f, dgram)
		check(t, "bind", u.Bind(loopback(f)), nil)
		self := must[Addr](t)(u.LocalAddr())
		one, two := [][]byte{make([]byte, 64)}, [][]byte{make([]byte, 32), make([]byte, 32)}
		many := make([][]byte, 100)
		for i := range many {
			many[i] = make([]byte, 1)
		}
		var from Addr
		fail := func(n int, err error) {
			if n < 0 || err != nil {
				t.Fatal(n, err)
			}
		}
		recv := func(s Socket, iovs [][]byte, from *Addr) {
			n, _, err := s.Recvmsg(iovs, 0, from)
			for err == syscall.EAGAIN { // on its way
				n, _, err = s.Recvmsg(iovs, 0, from)
			}
			fail(n, err)
		}
		for name, call := range map[string]func(){
			"stream":          func() { fail(c.Sendmsg(one, nil)); recv(s, one, nil) },
			"stream vector":   func() { fail(c.Sendmsg(two, nil)); recv(s, two, nil) },
			"stream pooled":   func() { fail(c.Sendmsg(many, nil)); recv(s, many, nil) },
			"datagram":        func() { fail(u.Sendmsg(one, &self)); recv(u, one, &from) },
			"datagram vector": func() { fail(u.Sendmsg(two, &self)); recv(u, two, &from) },
			"accept nothing":  func() { _, _, _ = l.Accept() },
			"addresses":       func() { _, _ = c.LocalAddr(); _, _ = c.PeerAddr() },
			"level":           func() { _ = c.Ready(ready.Out) },
		} {
			if n := testing.AllocsPerRun(200, call); n != 0 {
				t.Errorf("%s: %v allocations", name, n)
			}
		}
	})
}

func TestHostFlagsReachTheKernel(t *testing.T) {
	c, s := connected(t, Host(), inet4)
	l, _ := listener(t, Host(), inet4)
	fresh := open(t, Host(), inet4, stream)
	for _, h := range []Socket{c, s, l, fresh} {
		fd := h.(*hostSocket).SysFD()
		if fl := must[int](t)(unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)); fl&unix.O_NONBLOCK == 0 {
			t.Error("not non-blocking")
		}
		if fl := must[int](t)(unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)); fl&unix.FD_CLOEXEC == 0 {
			t.Error("inherited by other programs")
		}
	}
}

// listenQueue returns the backlog that the kernel has for a listener, which
// ss(8) shows as Send-Q.
func listenQueue(t *testing.T, s Socket) int {
	t.Helper()
	info, err := unix.GetsockoptTCPInfo(s.(*hostSocket).SysFD(), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sacked) // for listeners: the backlog
}

func TestHostBacklogIsTheKernels(t *testing.T) {
	raw := strings.TrimSpace(string(must[[]byte](t)(os.ReadFile("/proc/sys/net/core/somaxconn"))))
	var somaxconn int
	if _, err := fmt.Sscan(raw, &somaxconn); err != nil {
		t.Fatal(err)
	}
	s := open(t, Host(), inet4, stream)
	for _, c := range []struct{ backlog, want int }{
		{0, 0}, {1, 1}, {5, 5}, {1 << 31, somaxconn}, {-1, somaxconn}, {1<<63 - 1, somaxconn}, {-1 << 63, somaxconn}, {3, 3},
	} {
		check(t, "listen", s.Listen(c.backlog), nil)
		if got := listenQueue(t, s); got != c.want {
			t.Errorf("backlog %d: the kernel has %d, want %d", c.backlog, got, c.want)
		}
	}
	if at := must[Addr](t)(s.LocalAddr()); at.Port() == 0 {
		t.Error("listen on an unbound socket must take an ephemeral port")
	}
}

func TestHostPortIsReservedByBind(t *testing.T) {
	a, b := open(t, Host(), inet4, stream), open(t, Host(), inet4, stream)
	check(t, "bind", a.Bind(loopback(inet4)), nil)
	at := must[Addr](t)(a.LocalAddr())
	check(t, "bind", b.Bind(at), syscall.EADDRINUSE)
	check(t, "bind after failure", b.Bind(loopback(inet4)), nil)
	if !inProcNet(t, at.Port()) {
		// A bound socket that does not listen is not in the table yet.
		check(t, "listen", a.Listen(1), nil)
		if !inProcNet(t, at.Port()) {
			t.Error("the kernel does not know the listener")
		}
	}
}

func inProcNet(t *testing.T, port uint16) bool {
	t.Helper()
	f := must[*os.File](t)(os.Open("/proc/net/tcp"))
	defer f.Close()
	want := fmt.Sprintf(" 0100007F:%04X ", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.Contains(lines.Text(), want) {
			return true
		}
	}
	return false
}

func TestHostFromFD(t *testing.T) {
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	f := must[*os.File](t)(l.(*net.TCPListener).File())
	s := must[Socket](t)(FromFD(int(f.Fd())))
	defer s.Close()
	f.Close()
	l.Close()
	if v := must[int64](t)(s.Option(abi.SockOptionListening)); v != 1 {
		t.Error("not listening")
	}
	if family, typ, proto := s.Type(); family != inet4 || typ != stream || proto != abi.SockProtoTcp {
		t.Error(family, typ, proto)
	}
	c := open(t, Host(), inet4, stream)
	connectTo(t, c, must[Addr](t)(s.LocalAddr()))
	accepted(t, s)

	null := must[*os.File](t)(os.Open(os.DevNull))
	defer null.Close()
	_, err := FromFD(int(null.Fd()))
	check(t, "no socket", err, syscall.ENOTSOCK)
	_, err = FromFD(-1)
	check(t, "no descriptor", err, syscall.EBADF)
}

// Many goroutines wait for one listener; each connection is taken once.
func TestHostManyAccepters(t *testing.T) {
	const accepters, connections = 8, 64
	l, at := listener(t, Host(), inet4)
	check(t, "listen", l.Listen(connections), nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[netip.AddrPort]int{}
	waiters := make([]*ready.Waiter, accepters)
	done := make(chan struct{})
	for i := range waiters {
		w := ready.NewWaiter()
		waiters[i] = w
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				seq := l.Queue().Seq()
				c, from, err := l.Accept()
				switch err {
				case nil:
					mu.Lock()
					got[from.AddrPort]++
					if len(got) == connections {
						close(done)
					}
					mu.Unlock()
					_ = c.Close()
				case syscall.EAGAIN:
					if w.Wait(l, ready.In, seq, ready.Never) == syscall.EINTR {
						return
					}
				default:
					t.Errorf("accept: %v", err)
					return
				}
			}
		}()
	}
	for range connections {
		connectTo(t, open(t, Host(), inet4, stream), at)
	}
	<-done
	for _, w := range waiters {
		w.Interrupt()
	}
	wg.Wait()
	for from, n := range got {
		if n != 1 {
			t.Errorf("%v accepted %d times", from, n)
		}
	}
}

func TestHostCloseWakesWaiters(t *testing.T) {
	s, err := Host().Socket(inet4, dgram, 0)
	check(t, "socket", err, nil)
	check(t, "bind", s.Bind(loopback(inet4)), nil)
	done := make(chan error, 4)
	for range cap(done) {
		seq := s.Queue().Seq()
		go func() { done <- ready.NewWaiter().Wait(s, ready.In, seq, ready.Never) }()
	}
	s.(*hostSocket).Disarm()
	for range cap(done) {
		if err := <-done; err != nil && err != syscall.EBADF { // EBADF for the late
			t.Errorf("wait: %v", err)
		}
	}
	check(t, "close", s.Close(), nil)
}

func TestHostShutdownWakesAccept(t *testing.T) {
	l, _ := listener(t, Host(), inet4)
	done := make(chan error)
	go func() {
		done <- await(t, l, ready.In, func() error {
			_, _, err := l.Accept()
			return err
		})
	}()
	check(t, "shutdown", l.Shutdown(abi.SdflagsRd), nil)
	check(t, "accept", <-done, syscall.EINVAL)
	check(t, "listen again", l.Listen(1), nil)
}

func TestHostResolve(t *testing.T) {
	n := Host()
	for name, want := range map[string]string{"127.0.0.1": "127.0.0.1", "::1": "::1", "fe80::1%2": "fe80::1%2"} {
		got, err := n.Resolve(t.Context(), name)
		if err != nil || len(got) != 1 || got[0].String() != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	got, err := n.Resolve(t.Context(), "localhost")
	if err != nil || len(got) == 0 {
		t.Fatalf("localhost: %v, %v", got, err)
	}
	for _, a := range got {
		if !a.IsLoopback() || a.Is4In6() {
			t.Errorf("localhost is %v", a)
		}
	}
	_, err = n.Resolve(t.Context(), "")
	check(t, "no name", err, syscall.ENOENT)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = n.Resolve(ctx, "example.invalid")
	check(t, "cancelled", err, syscall.ECANCELED)
}

// A resolver whose server never answers is given up with the context, and one
// that fails says so.
func TestHostResolver(t *testing.T) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	n := Host(WithResolver(&net.Resolver{PreferGo: true, Dial: dial}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := n.Resolve(ctx, "example.invalid")
		done <- err
	}()
	cancel()
	check(t, "cancelled", <-done, syscall.ECANCELED)

	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
	n = Host(WithResolver(&net.Resolver{PreferGo: true, Dial: refuse}))
	_, err := n.Resolve(t.Context(), "example.invalid")
	check(t, "no server", err, syscall.EAGAIN)
}

func TestNone(t *testing.T) {
	_, err := None().Socket(inet4, stream, 0)
	check(t, "socket", err, syscall.EPERM)
	_, err = None().Resolve(t.Context(), "localhost")
	check(t, "resolve", err, syscall.EPERM)
}
