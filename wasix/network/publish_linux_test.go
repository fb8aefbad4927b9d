package network

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

func publisher(t testing.TB, maps ...string) *Publisher {
	t.Helper()
	var list []PortMap
	for _, s := range maps {
		list = append(list, must[[]PortMap](t)(ParsePortMaps(s))...)
	}
	n, _ := guarded(t, "")
	return Publish(n, list)
}

func TestPublishStream(t *testing.T) {
	eachFamily(t, func(t *testing.T, f abi.AddressFamily) {
		n := publisher(t, "0:80")
		asked := inet("0.0.0.0:80")
		if f == inet6 {
			asked = inet("[::]:80")
		}
		l := open(t, n, f, stream)
		if _, ok := n.Outside(80, abi.SockProtoTcp); ok {
			t.Error("reachable before the guest has bound it")
		}
		check(t, "bind", l.Bind(asked), nil)
		check(t, "bind again", l.Bind(asked), syscall.EINVAL)
		check(t, "listen", l.Listen(4), nil)
		if got := must[Addr](t)(l.LocalAddr()); got != asked {
			t.Errorf("the guest sees %v, want %v", got, asked)
		}
		at, ok := n.Outside(80, abi.SockProtoTcp)
		if !ok || at.Addr() != netip.MustParseAddr("127.0.0.1") || at.Port() == 0 {
			t.Fatalf("published at %v, %v", at, ok)
		}
		c := open(t, Host(), inet4, stream)
		connectTo(t, c, Addr{AddrPort: at})
		s, _ := accepted(t, l)
		if got := must[Addr](t)(s.LocalAddr()); got.Port() != 80 || got.Addr().Unmap() != at.Addr() {
			t.Errorf("the accepted socket is at %v", got)
		}
		sendString(t, s, "hello", nil)
		if got := recvString(t, c); got != "hello" {
			t.Errorf("got %q", got)
		}
		second := open(t, n, f, stream)
		check(t, "second server", second.Bind(asked), syscall.EADDRINUSE)
	})
}

func TestPublishNothingElse(t *testing.T) {
	n := publisher(t, "0:80")
	for _, addr := range []string{"0.0.0.0:81", "127.0.0.1:0", "127.0.0.1:8080"} {
		check(t, addr, open(t, n, inet4, stream).Bind(inet(addr)), syscall.EPERM)
	}
	u := open(t, n, inet4, dgram)
	check(t, "the other protocol", u.Bind(inet("0.0.0.0:80")), syscall.EPERM)
	s := open(t, n, inet4, stream)
	check(t, "listen unbound", s.Listen(1), syscall.EPERM)
	check(t, "connect", s.Connect(inet("127.0.0.1:1")), syscall.EPERM)
	check(t, "other family", s.Bind(inet("[::]:80")), syscall.EAFNOSUPPORT)
	check(t, "bind", s.Bind(inet("10.1.2.3:80")), nil) // an address of the guest's own
	if got := must[Addr](t)(s.LocalAddr()); got != inet("10.1.2.3:80") {
		t.Errorf("bound to %v", got)
	}
	check(t, "connect when published", s.Connect(inet("127.0.0.1:1")), syscall.EPERM)
	if slices.Contains(families(t), inet6) {
		n = publisher(t, "[::1]:0:80")
		var told []string
		n.OnError = func(m PortMap, err error) { told = append(told, m.String()+": "+err.Error()) }
		check(t, "IPv4 at IPv6", open(t, n, inet4, stream).Bind(inet("0.0.0.0:80")), syscall.EADDRNOTAVAIL)
		if len(told) != 1 || !strings.HasPrefix(told[0], "[::1]:0:80: the guest's socket is of IPv4") {
			t.Errorf("told of %q", told)
		}
		check(t, "IPv6 at IPv6", open(t, n, inet6, stream).Bind(inet("[::]:80")), nil)
	}
}

// A bind that fails leaves no grant behind.
func TestPublishFailedBind(t *testing.T) {
	_, taken := listener(t, Host(), inet4)
	n := publisher(t, taken.String()+":80")
	s := open(t, n, inet4, stream)
	check(t, "bind", s.Bind(inet("0.0.0.0:80")), syscall.EADDRINUSE)
	check(t, "bind elsewhere", s.Bind(loopback(inet4)), syscall.EPERM)
	check(t, "listen", s.Listen(1), syscall.EPERM)
}

func TestPublishDatagrams(t *testing.T) {
	n := publisher(t, "0:53/udp")
	u := open(t, n, inet4, dgram)
	check(t, "bind", u.Bind(inet("0.0.0.0:53")), nil)
	at, _ := n.Outside(53, abi.SockProtoUdp)
	c := open(t, Host(), inet4, dgram)
	to := Addr{AddrPort: at}
	sendString(t, c, "question", &to)
	b := make([]byte, 16)
	var from Addr
	recvAll(t, u, [][]byte{b}, &from)
	sendString(t, u, "answer", &from)
	if got := recvString(t, c); got != "answer" {
		t.Errorf("got %q", got)
	}
	elsewhere := inet("127.0.0.1:9")
	_, err := u.Sendmsg([][]byte{{1}}, &elsewhere)
	check(t, "send to a stranger", err, syscall.EPERM)
}

// Published again after a restart, the port outside stays.
func TestPublishKeepsThePort(t *testing.T) {
	n := publisher(t, "0:80")
	s := open(t, n, inet4, stream)
	check(t, "bind", s.Bind(inet("0.0.0.0:80")), nil)
	first, _ := n.Outside(80, abi.SockProtoTcp)
	check(t, "close", closeNow(s), nil)
	check(t, "bind", open(t, n, inet4, stream).Bind(inet("127.0.0.1:80")), nil)
	if second, _ := n.Outside(80, abi.SockProtoTcp); second != first {
		t.Errorf("first %v, then %v", first, second)
	}
}

func TestPublishTellsWhatIsBound(t *testing.T) {
	n := publisher(t, "0:80")
	var told []PortMap
	n.OnBind = func(m PortMap) { told = append(told, m) }
	check(t, "bind unpublished", open(t, n, inet4, stream).Bind(inet("0.0.0.0:81")), syscall.EPERM)
	check(t, "bind published", open(t, n, inet4, stream).Bind(inet("0.0.0.0:80")), nil)
	at, _ := n.Outside(80, abi.SockProtoTcp)
	if want := []PortMap{{Outside: at, Guest: 80, Proto: abi.SockProtoTcp}}; !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
}

// Each bind to a published port that fails is told, with the map as it was given; the
// callback may ask the Publisher.
func TestPublishTellsWhatFails(t *testing.T) {
	_, taken := listener(t, Host(), inet4)
	outside := taken.String() + ":80"
	for name, n := range map[string]*Publisher{"kernel's": publisher(t, outside), "relayed": relaying(t, outside)} {
		var told []PortMap
		n.OnError = func(m PortMap, err error) {
			told = append(told, m)
			if at, bound := n.Outside(m.Guest, m.Proto); bound || !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("%s: told of %v, reachable at %v", name, err, at)
			}
		}
		n.OnBind = func(m PortMap) { t.Errorf("%s: told that %v is bound", name, m) }
		check(t, name+": not published", open(t, n, inet4, stream).Bind(inet("127.0.0.1:81")), syscall.EPERM)
		for range 2 {
			check(t, name, open(t, n, inet4, stream).Bind(inet("127.0.0.1:80")), syscall.EADDRINUSE)
		}
		want := PortMap{Outside: taken.AddrPort, Guest: 80, Proto: abi.SockProtoTcp}
		if !slices.Equal(told, []PortMap{want, want}) {
			t.Errorf("%s: told of %v", name, told)
		}
	}
}

// dialing is a network that is reached by dialling, as one in memory is.
type dialing struct {
	Network
	net.Dialer
}

// relaying publishes ports of a network that is not the kernel's.
func relaying(t testing.TB, maps ...string) *Publisher {
	t.Helper()
	return Publish(WithPolicy(&dialing{Network: Host()}, nil), publisher(t, maps...).maps())
}

func (p *Publisher) maps() (list []PortMap) {
	for _, m := range p.ports {
		list = append(list, m.PortMap)
	}
	return list
}

func TestPublishRelayedStream(t *testing.T) {
	const attempts = 5 // another program may have a port that was given back
	for range attempts {
		if relaysStream(t) {
			return
		}
	}
	t.Error("what was closed is still bound outside")
}

// relaysStream publishes a listener through a relay, and reports whether its port
// outside could be bound again once it was closed.
func relaysStream(t *testing.T) bool {
	t.Helper()
	outside := "127.0.0.1"
	if slices.Contains(families(t), inet6) {
		outside = "[::1]" // of another family than the guest's
	}
	inside := inet("127.0.0.1:" + freePort(t))
	n := relaying(t, fmt.Sprintf("%s:0:%d", outside, inside.Port()))
	l := open(t, n, inet4, stream)
	check(t, "bind elsewhere", l.Bind(inet("127.0.0.1:0")), syscall.EPERM)
	check(t, "bind", l.Bind(inside), nil)
	check(t, "listen", l.Listen(4), nil)
	at, _ := n.Outside(inside.Port(), abi.SockProtoTcp)
	c := must[net.Conn](t)(net.Dial("tcp", at.String()))
	defer c.Close()
	s, _ := accepted(t, l)
	if got := must[Addr](t)(s.LocalAddr()); got != inside {
		t.Errorf("the accepted socket is at %v", got)
	}
	must[int](t)(c.Write([]byte("question")))
	check(t, "end", c.(*net.TCPConn).CloseWrite(), nil)
	if got := recvString(t, s) + recvString(t, s); got != "question" {
		t.Errorf("got %q", got)
	}
	check(t, "close the listener", closeNow(l), nil)
	sendString(t, s, "answer", nil) // the connection outlives it
	check(t, "close", closeNow(s), nil)
	if got := string(must[[]byte](t)(io.ReadAll(c))); got != "answer" {
		t.Errorf("got %q", got)
	}
	err := open(t, n, inet4, stream).Bind(inside)
	if err == syscall.EADDRINUSE {
		return false
	}
	check(t, "bind again", err, nil)
	if second, _ := n.Outside(inside.Port(), abi.SockProtoTcp); second != at {
		t.Errorf("first at %v, then at %v", at, second)
	}
	return true
}

func TestPublishRelayedDatagrams(t *testing.T) {
	inside := inet("127.0.0.1:" + freePort(t))
	n := relaying(t, fmt.Sprintf("0:%d/udp", inside.Port()))
	u := open(t, n, inet4, dgram)
	check(t, "bind", u.Bind(inside), nil)
	at, _ := n.Outside(inside.Port(), abi.SockProtoUdp)
	var clients []net.Conn
	for i := range 3 {
		c := must[net.Conn](t)(net.Dial("udp", at.String()))
		defer c.Close()
		clients = append(clients, c)
		must[int](t)(fmt.Fprintf(c, "question %d", i))
		b := make([]byte, 16)
		var from Addr
		k, _ := recvAll(t, u, [][]byte{b}, &from)
		sendString(t, u, "answer to "+string(b[:k]), &from)
	}
	for i, c := range clients {
		b := make([]byte, 64)
		if got := string(b[:must[int](t)(c.Read(b))]); got != fmt.Sprintf("answer to question %d", i) {
			t.Errorf("client %d got %q", i, got)
		}
	}
}

// A client that comes when the guest does not listen any more is turned away.
func TestPublishRelayedToNobody(t *testing.T) {
	inside := inet("127.0.0.1:" + freePort(t))
	n := relaying(t, fmt.Sprintf("0:%d", inside.Port()))
	check(t, "bind", open(t, n, inet4, stream).Bind(inside), nil)
	at, _ := n.Outside(inside.Port(), abi.SockProtoTcp)
	c := must[net.Conn](t)(net.Dial("tcp", at.String()))
	defer c.Close()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the client reads %d bytes, %v", n, err)
	}
	taken := relaying(t, fmt.Sprintf("%v:%d", at, inside.Port()+1))
	check(t, "taken outside", open(t, taken, inet4, stream).Bind(inet(fmt.Sprintf("127.0.0.1:%d", inside.Port()+1))), syscall.EADDRINUSE)
}

func freePort(t testing.TB) string {
	t.Helper()
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
