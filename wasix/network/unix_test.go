package network

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

const unixFamily = abi.AddressFamilyUnix

func unixName(name string) Addr { return Addr{Unix: true, Path: name} }

func unixPair(t testing.TB, typ abi.SockType) (a, b Socket) {
	t.Helper()
	a, b, err := Unix().(Pairer).Pair(typ)
	check(t, "pair", err, nil)
	closeLater(t, a)
	closeLater(t, b)
	return a, b
}

func TestUnixSocketErrors(t *testing.T) {
	n := Unix()
	for _, c := range []struct {
		family abi.AddressFamily
		typ    abi.SockType
		proto  abi.SockProto
		want   error
	}{
		{inet4, stream, 0, syscall.EAFNOSUPPORT},
		{inet6, dgram, 0, syscall.EAFNOSUPPORT},
		{unixFamily, abi.SockTypeRaw, 0, syscall.ESOCKTNOSUPPORT},
		{unixFamily, stream, abi.SockProtoTcp, syscall.EPROTONOSUPPORT},
		{unixFamily, stream, 0, nil},
	} {
		_, err := n.Socket(c.family, c.typ, c.proto)
		check(t, c.typ.String(), err, c.want)
	}
	_, err := n.Resolve(t.Context(), "localhost")
	check(t, "resolve", err, syscall.ENOENT)
	_, _, err = n.(Pairer).Pair(abi.SockTypeRaw)
	check(t, "pair", err, syscall.ESOCKTNOSUPPORT)
	s := open(t, n, unixFamily, stream)
	check(t, "bind inet", s.Bind(inet("127.0.0.1:1")), syscall.EINVAL)
	check(t, "connect inet", s.Connect(inet("127.0.0.1:1")), syscall.EINVAL)
	check(t, "bind too long", s.Bind(unixName(string(make([]byte, maxUnixPath+1)))), syscall.EINVAL)
	check(t, "no such path", s.Connect(unixName("/run/none")), syscall.ENOENT)
	check(t, "no such abstract name", s.Connect(unixName("\x00none")), syscall.ECONNREFUSED)
	check(t, "listen unbound", s.Listen(1), syscall.EINVAL)
	check(t, "shutdown nothing", s.Shutdown(0), syscall.EINVAL)
	d := open(t, n, unixFamily, dgram)
	check(t, "bind", d.Bind(unixName("/d")), nil)
	check(t, "another type", s.Connect(unixName("/d")), syscall.EPROTOTYPE)
	check(t, "listen on datagrams", d.Listen(1), syscall.EOPNOTSUPP)
}

// Two namespaces know nothing of each other.
func TestUnixNamespaces(t *testing.T) {
	a, b := Unix(), Unix()
	check(t, "bind", open(t, a, unixFamily, stream).Bind(unixName("/s")), nil)
	check(t, "connect", open(t, b, unixFamily, stream).Connect(unixName("/s")), syscall.ENOENT)
	check(t, "bind", open(t, b, unixFamily, stream).Bind(unixName("/s")), nil)
	check(t, "bind", open(t, b, unixFamily, stream).Bind(unixName("/s")), syscall.EADDRINUSE)
}

func TestUnixNameGoesWithTheSocket(t *testing.T) {
	n := Unix()
	s := open(t, n, unixFamily, stream)
	check(t, "bind", s.Bind(unixName("/s")), nil)
	check(t, "close", closeNow(s), nil)
	check(t, "bind again", open(t, n, unixFamily, stream).Bind(unixName("/s")), nil)
}

func TestUnixAutobind(t *testing.T) {
	n := Unix()
	a, b := open(t, n, unixFamily, dgram), open(t, n, unixFamily, dgram)
	check(t, "bind", a.Bind(Addr{Unix: true}), nil)
	check(t, "bind", b.Bind(Addr{Unix: true}), nil)
	toA, toB := must[Addr](t)(a.LocalAddr()), must[Addr](t)(b.LocalAddr())
	if toA == toB || toA.Path[0] != 0 {
		t.Errorf("names %q and %q", toA.Path, toB.Path)
	}
	sendString(t, b, "to a", &toA)
	if got := recvString(t, a); got != "to a" {
		t.Errorf("got %q", got)
	}
}

// A full backlog makes connecting wait, and accepting ends the wait.
func TestUnixBacklog(t *testing.T) {
	n := Unix()
	l := open(t, n, unixFamily, stream)
	check(t, "bind", l.Bind(unixName("/s")), nil)
	check(t, "listen", l.Listen(1), nil)
	connect := func() (Socket, error) {
		c := open(t, n, unixFamily, stream)
		return c, c.Connect(unixName("/s"))
	}
	for range 2 { // one more than the backlog, as on Linux
		_, err := connect()
		check(t, "connect", err, nil)
	}
	c, err := connect()
	check(t, "connect", err, syscall.EAGAIN)
	done := make(chan error)
	go func() {
		done <- await(t, c, ready.Out, func() error { return c.Connect(unixName("/s")) })
	}()
	accepted(t, l)
	check(t, "connect at last", <-done, nil)
	_, err = connect()
	check(t, "connect", err, syscall.EAGAIN)
	check(t, "listen with more", l.Listen(2), nil)
	_, err = connect()
	check(t, "connect", err, nil)
	last, err := connect()
	check(t, "connect", err, syscall.EAGAIN)
	go func() {
		done <- await(t, last, ready.Out, func() error { return last.Connect(unixName("/s")) })
	}()
	check(t, "close", closeNow(l), nil)
	check(t, "connect to what closed", <-done, syscall.ENOENT)
}

// Much more than the buffer goes through, in order, while both sides wait for
// each other by turns.
func TestUnixStreamOfBytes(t *testing.T) {
	a, b := unixPair(t, stream)
	sent := make([]byte, 3<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range sent {
		sent[i] = byte(r.Uint32())
	}
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for rest := sent; len(rest) > 0; {
			size := min(len(rest), 1+r.IntN(100_000))
			var n int
			if err := await(t, a, ready.Out, func() (err error) {
				n, err = a.Sendmsg([][]byte{rest[:size/3], rest[size/3 : size]}, nil)
				return err
			}); err != nil {
				t.Error(err)
				return
			}
			rest = rest[n:]
		}
		check(t, "shutdown", a.Shutdown(abi.SdflagsWr), nil)
	}()
	var got []byte
	buf := make([]byte, 70_000)
	for {
		n, _ := recvAll(t, b, [][]byte{buf[:10], buf[10:]}, nil)
		if n == 0 {
			break
		}
		got = append(got, buf[:n]...)
	}
	wg.Wait()
	if !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came of %d, or others", len(got), len(sent))
	}
}

func TestUnixBackPressure(t *testing.T) {
	a, b := unixPair(t, stream)
	big := make([]byte, defaultBuffer+1)
	n, err := a.Sendmsg([][]byte{big}, nil)
	if n != defaultBuffer || err != nil {
		t.Fatalf("sent %d, %v", n, err)
	}
	_, err = a.Sendmsg([][]byte{{1}}, nil)
	check(t, "send to the full", err, syscall.EAGAIN)
	if a.Ready(ready.Out) != 0 {
		t.Error("writable though full")
	}
	recvAll(t, b, [][]byte{big[:defaultBuffer/4]}, nil)
	if a.Ready(ready.Out) != 0 {
		t.Error("writable though more than half full")
	}
	seq := a.Queue().Seq()
	recvAll(t, b, [][]byte{big[:defaultBuffer/4]}, nil)
	if a.Queue().Seq() == seq || a.Ready(ready.Out) != ready.Out {
		t.Error("not told of room")
	}
	check(t, "set", a.SetOption(abi.SockOptionSendBufSize, 1), nil)
	if v := must[int64](t)(a.Option(abi.SockOptionSendBufSize)); v != minBuffer {
		t.Errorf("least buffer is %d", v)
	}
	_, err = a.Sendmsg([][]byte{{1}}, nil)
	check(t, "send with a small buffer", err, syscall.EAGAIN)
}

func TestUnixDatagramBackPressure(t *testing.T) {
	for _, typ := range []abi.SockType{dgram, abi.SockTypeSeqpacket} {
		a, b := unixPair(t, typ)
		_, err := a.Sendmsg([][]byte{make([]byte, defaultBuffer-31)}, nil)
		check(t, "too long", err, syscall.EMSGSIZE)
		sent := 0
		for ; sent < 1000; sent++ {
			if _, err = a.Sendmsg([][]byte{{1}, {2}}, nil); err != nil {
				break
			}
		}
		check(t, "send to the full", err, syscall.EAGAIN)
		done := make(chan error)
		go func() {
			done <- await(t, a, ready.Out, func() error {
				_, err := a.Sendmsg([][]byte{{3}}, nil)
				return err
			})
		}()
		for range sent {
			if got := recvString(t, b); got != "\x01\x02" {
				t.Fatalf("got %q", got)
			}
		}
		check(t, "send at last", <-done, nil)
		if got := recvString(t, b); got != "\x03" {
			t.Errorf("got %q", got)
		}
		_, _, err = b.Recvmsg([][]byte{{0}}, 0, nil)
		check(t, "recv", err, syscall.EAGAIN)
	}
}

// A sender that waits for a receiver learns that it is gone.
func TestUnixCloseWakesSenders(t *testing.T) {
	for typ, want := range map[abi.SockType]error{
		stream: syscall.EPIPE, abi.SockTypeSeqpacket: syscall.ECONNRESET, dgram: syscall.ECONNREFUSED,
	} {
		a, b := unixPair(t, typ)
		for {
			if _, err := a.Sendmsg([][]byte{make([]byte, 10_000)}, nil); err == syscall.EAGAIN {
				break
			}
		}
		done := make(chan error)
		go func() {
			done <- await(t, a, ready.Out, func() error {
				_, err := a.Sendmsg([][]byte{make([]byte, 10_000)}, nil)
				return err
			})
		}()
		check(t, "close", closeNow(b), nil)
		check(t, typ.String(), <-done, want)
	}
}

func TestUnixAvailable(t *testing.T) {
	for typ, want := range map[abi.SockType]int{stream: 5, dgram: 2, abi.SockTypeSeqpacket: 5} {
		a, b := unixPair(t, typ)
		sendString(t, a, "ab", nil)
		sendString(t, a, "cde", nil)
		if got := b.(interface{ Available() int }).Available(); got != want {
			t.Errorf("%v: %d bytes", typ, got)
		}
	}
}

func TestUnixTrueLength(t *testing.T) {
	a, b := unixPair(t, dgram)
	sendString(t, a, "abcde", nil)
	n, out, err := b.Recvmsg([][]byte{make([]byte, 2)}, MsgTrunc|MsgPeek, nil)
	if n != 5 || out != MsgTrunc || err != nil {
		t.Errorf("%d, %v, %v", n, out, err)
	}
}

func TestUnixOptions(t *testing.T) {
	s := open(t, Unix(), unixFamily, stream)
	for _, c := range []struct {
		opt      abi.SockOption
		set, got int64
		err      error
	}{
		{abi.SockOptionReuseAddr, 5, 1, nil},
		{abi.SockOptionReuseAddr, 0, 0, nil},
		{abi.SockOptionKeepAlive, 1, 1, nil},
		{abi.SockOptionBroadcast, 1, 1, nil},
		{abi.SockOptionDontRoute, 1, 1, nil},
		{abi.SockOptionOobInline, 1, 1, nil},
		{abi.SockOptionLinger, 1, 1e9, nil},
		{abi.SockOptionLinger, 2e9, 2e9, nil},
		{abi.SockOptionLinger, -1, -1, nil},
		{abi.SockOptionSendBufSize, 10_000, 20_000, nil},
		{abi.SockOptionSendBufSize, 1 << 40, 2 * defaultBuffer, nil},
		{abi.SockOptionRecvBufSize, 10_000, 20_000, nil},
		{abi.SockOptionRecvLowat, 3, 3, nil},
		{abi.SockOptionSendLowat, 3, 1, syscall.ENOPROTOOPT},
		{abi.SockOptionListening, 1, 0, syscall.ENOPROTOOPT},
		{abi.SockOptionType, 1, int64(stream), syscall.ENOPROTOOPT},
		{abi.SockOptionReusePort, 1, 0, syscall.EOPNOTSUPP},
	} {
		check(t, "set "+c.opt.String(), s.SetOption(c.opt, c.set), c.err)
		if got := must[int64](t)(s.Option(c.opt)); got != c.got {
			t.Errorf("%v: set %d, got %d, want %d", c.opt, c.set, got, c.got)
		}
	}
	_, err := s.Option(abi.SockOptionNoDelay)
	check(t, "TCP_NODELAY", err, syscall.EOPNOTSUPP)
	check(t, "TCP_NODELAY", s.SetOption(abi.SockOptionNoDelay, 1), syscall.EOPNOTSUPP)
	check(t, "bind", s.Bind(unixName("/s")), nil)
	check(t, "listen", s.Listen(-1), nil)
	if v := must[int64](t)(s.Option(abi.SockOptionListening)); v != 1 {
		t.Error("a listener must say so")
	}
}

// Everything at once, for the race detector: what is counted must add up.
func TestUnixManyAtOnce(t *testing.T) {
	const clients, rounds = 8, 50
	n := Unix()
	l := open(t, n, unixFamily, stream)
	check(t, "bind", l.Bind(unixName("/echo")), nil)
	check(t, "listen", l.Listen(2), nil)
	var wg sync.WaitGroup
	for range clients {
		wg.Add(2)
		go func() {
			defer wg.Done()
			for range rounds {
				var s Socket
				if err := await(t, l, ready.In, func() (err error) {
					s, _, err = l.Accept()
					return err
				}); err != nil {
					t.Error(err)
					return
				}
				sendString(t, s, recvString(t, s), nil)
				check(t, "close", s.Close(), nil)
			}
		}()
		go func() {
			defer wg.Done()
			for range rounds {
				c, err := n.Socket(unixFamily, stream, 0)
				check(t, "socket", err, nil)
				check(t, "connect", await(t, c, ready.Out, func() error { return c.Connect(unixName("/echo")) }), nil)
				sendString(t, c, "hello", nil)
				_ = c.Ready(ready.In | ready.Out)
				if got := recvString(t, c); got != "hello" {
					t.Errorf("got %q", got)
				}
				if got := recvString(t, c); got != "" {
					t.Errorf("got %q at the end", got)
				}
				check(t, "close", c.Close(), nil)
			}
		}()
	}
	wg.Wait()
}

func TestUnixAllocations(t *testing.T) {
	a, b := unixPair(t, stream)
	iovs, buf := [][]byte{make([]byte, 100)}, [][]byte{make([]byte, 100)}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := a.Sendmsg(iovs, nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.Recvmsg(buf, 0, nil); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
