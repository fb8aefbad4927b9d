package virtual_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/network/virtual"
	"github.com/gowasix/gowasix/wasix/ready"
)

// open opens a stream socket of IPv4.
func open(t *testing.T, n network.Network) network.Socket {
	t.Helper()
	s := must(n.Socket(abi.AddressFamilyInet4, abi.SockTypeStream, 0))(t)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func at(s string) network.Addr { return network.Addr{AddrPort: netip.MustParseAddrPort(s)} }

// listenAt has a guest listen at port 80 of all its addresses.
func listenAt(t *testing.T, n network.Network) network.Socket {
	t.Helper()
	l := open(t, n)
	if err := errors.Join(l.Bind(at("0.0.0.0:80")), l.Listen(4)); err != nil {
		t.Fatal(err)
	}
	return l
}

// once tries again whenever s is ready, until the attempt does not block.
func once(s network.Socket, attempt func() error) error {
	for w := ready.NewWaiter(); ; {
		seq := s.Queue().Seq()
		err := attempt()
		if err != syscall.EAGAIN && err != syscall.EINPROGRESS && err != syscall.EALREADY {
			return err
		}
		if err := w.Wait(s, ready.In|ready.Out, seq, ready.After(uint64(patience))); err != nil {
			return err
		}
	}
}

func accept(t *testing.T, l network.Socket) (network.Socket, error) {
	var c network.Socket
	err := once(l, func() (err error) {
		c, _, err = l.Accept()
		return err
	})
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

// A policy decides over a virtual network as over the host's: by addresses, ports,
// directions and names, the names of hosts among them.
func TestPolicy(t *testing.T) {
	n := newNetwork(t)
	a, b := n.Host("a"), n.Host("b")
	address := b.Addrs()[0].String()
	l := must(b.Listen("tcp", ":80"))(t)
	defer l.Close()
	for _, c := range []struct {
		rules, to string
		want      error
	}{
		{"", address + ":80", syscall.EPERM},
		{"ipv4:allow=" + address + ":80/out", address + ":80", nil},
		{"ipv4:allow=" + address + ":81/out", address + ":80", syscall.EPERM},
		{"ipv4:allow=" + address + ":80/in", address + ":80", syscall.EPERM},
		{"ipv4:allow=*:*,ip:deny={private}:*", address + ":80", syscall.EPERM},
		{"ipv4:allow=*:*,ip:deny={loopback}:*", "127.0.0.1:80", syscall.EPERM},
		{"ipv4:allow=*:*,ip:deny={loopback}:*", "0.0.0.0:80", syscall.EPERM},
		{"dns:allow=b:80", address + ":80", syscall.EPERM}, // which was not looked up
	} {
		guest := network.WithPolicy(a, must(network.ParseRules(c.rules))(t))
		s := open(t, guest)
		if err := once(s, func() error { return s.Connect(at(c.to)) }); !errors.Is(err, c.want) {
			t.Errorf("%q, %s: %v, want %v", c.rules, c.to, err, c.want)
		}
	}
	guest := network.WithPolicy(a, must(network.ParseRules("dns:allow=b:80"))(t))
	for _, ip := range must(guest.Resolve(t.Context(), "b"))(t) {
		if ip.Is4() {
			s := open(t, guest)
			to := network.Addr{AddrPort: netip.AddrPortFrom(ip, 80)}
			if err := once(s, func() error { return s.Connect(to) }); err != nil {
				t.Errorf("by a name that is granted: %v", err)
			}
		}
	}
	if _, err := guest.Resolve(t.Context(), "a"); !errors.Is(err, syscall.EPERM) {
		t.Errorf("a name that is not granted: %v", err)
	}
}

// A client that a policy refuses is closed before the guest sees it.
func TestPolicyRefusesClients(t *testing.T) {
	n := newNetwork(t)
	good, bad := n.Host("good"), n.Host("bad")
	rules := "ipv4:allow=0.0.0.0:80/in,ipv4:deny=" + bad.Addrs()[0].String() + ":*/in"
	l := listenAt(t, network.WithPolicy(n.Host("server"), must(network.ParseRules(rules))(t)))
	peers := make(chan network.Addr)
	go func() {
		var peer network.Addr
		_ = once(l, func() (err error) { // an error leaves no peer
			c, from, err := l.Accept()
			if err == nil {
				peer, _ = from, c.Close()
			}
			return err
		})
		peers <- peer
	}()
	refused := must(bad.Dial("tcp4", "server:80"))(t)
	defer refused.Close()
	_ = refused.SetReadDeadline(time.Now().Add(patience))
	if k, err := refused.Read(make([]byte, 1)); k != 0 || err == nil || isTimeout(err) {
		t.Errorf("who is refused reads %d bytes, %v", k, err)
	}
	c := must(good.Dial("tcp4", "server:80"))(t)
	defer c.Close()
	if peer := <-peers; peer.String() != c.LocalAddr().String() {
		t.Errorf("accepted %v", peer)
	}
}

// What a guest binds on a virtual network appears at a port of the machine, and
// nothing else.
func TestPublish(t *testing.T) {
	n := newNetwork(t)
	published := network.Publish(n.Host("server"), must(network.ParsePortMaps("127.0.0.1:0:80"))(t))
	if _, ok := published.Outside(80, abi.SockProtoTcp); ok {
		t.Error("a port is open before the guest has bound it")
	}
	l := listenAt(t, published)
	outside, ok := published.Outside(80, abi.SockProtoTcp)
	if !ok {
		t.Fatal("the port is not published")
	}
	c := must(net.Dial("tcp", outside.String()))(t)
	defer c.Close()
	s, err := accept(t, l)
	if err != nil {
		t.Fatal(err)
	}
	must(c.Write([]byte("question")))(t)
	_ = c.(*net.TCPConn).CloseWrite()
	var got []byte
	for b := make([]byte, 16); ; {
		var k int
		err := once(s, func() (err error) {
			k, _, err = s.Recvmsg([][]byte{b}, 0, nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if k == 0 {
			break
		}
		got = append(got, b[:k]...)
	}
	if string(got) != "question" {
		t.Errorf("the guest gets %q", got)
	}
	must(s.Sendmsg([][]byte{[]byte("answer")}, nil))(t)
	_ = s.Close()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if got, err := io.ReadAll(c); string(got) != "answer" || err != nil {
		t.Errorf("outside there is %q, %v", got, err)
	}
	_, _ = l.Close(), s.Close()
}

// Sockets of guests tell what they are and have, under a policy, too.
func TestInfo(t *testing.T) {
	n := newNetwork(t)
	server := network.WithPolicy(n.Host("server"), must(network.ParseRules("ipv4:allow=*:80"))(t))
	l := listenAt(t, server)
	if i := network.InfoOf(l); i.State != "LISTEN" || i.SendQueue != 4 || i.Local != at("0.0.0.0:80") || i.Peer != (network.Addr{}) {
		t.Errorf("the listener is %+v", i)
	}
	c := must(n.Host("client").Dial("tcp4", "server:80"))(t)
	s := must(accept(t, l))(t)
	must(c.Write([]byte("question")))(t)
	b := make([]byte, 3)
	for _, want := range []network.Info{{RecvQueue: 5, BytesIn: 8}, {RecvQueue: 2, BytesIn: 8}} {
		err := once(s, func() error {
			_, _, err := s.Recvmsg([][]byte{b}, 0, nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if i := network.InfoOf(s); i.State != "ESTAB" || i.RecvQueue != want.RecvQueue || i.BytesIn != want.BytesIn || i.Peer.String() != c.LocalAddr().String() {
			t.Errorf("the connection is %+v, want %+v", i, want)
		}
	}
	must(s.Sendmsg([][]byte{[]byte("answer")}, nil))(t)
	_ = c.Close()
	for w := ready.NewWaiter(); ; {
		seq := s.Queue().Seq()
		if s.Ready(ready.RdHup) != 0 {
			break
		}
		if err := w.Wait(s, ready.RdHup, seq, ready.After(uint64(patience))); err != nil {
			t.Fatal(err)
		}
	}
	if i := network.InfoOf(s); i.State == "ESTAB" || i.BytesOut != 6 {
		t.Errorf("without its peer it is %+v", i)
	}
}

// A guest's socket whose attempt to connect has timed out says so once, in each of
// the ways, and can connect afterwards.
func TestConnectTimesOut(t *testing.T) {
	n := newNetwork(t, virtual.WithConnectTimeout(time.Millisecond))
	guest, server := n.Host("guest"), n.Host("server")
	_ = listenAt(t, server)
	to := network.Addr{AddrPort: netip.AddrPortFrom(server.Addrs()[0], 80)}
	for name, how := range map[string]func(network.Socket) error{
		"connect":  func(s network.Socket) error { return s.Connect(to) },
		"SO_ERROR": func(s network.Socket) error { return s.TakeError() },
		"send": func(s network.Socket) error {
			_, err := s.Sendmsg([][]byte{{1}}, nil)
			return err
		},
		"receive": func(s network.Socket) error {
			_, _, err := s.Recvmsg([][]byte{{1}}, 0, nil)
			return err
		},
	} {
		s, w := open(t, guest), ready.NewWaiter()
		n.Partition([]*virtual.Host{guest}, []*virtual.Host{server})
		if err := s.Connect(to); err != syscall.EINPROGRESS {
			t.Errorf("%s: at first %v", name, err)
		}
		for s.Ready(ready.Out)&ready.Err == 0 {
			if err := w.Wait(s, ready.Out, s.Queue().Seq(), ready.After(uint64(time.Millisecond))); err != nil && err != syscall.ETIMEDOUT {
				t.Fatal(err)
			}
		}
		if err := how(s); err != syscall.ETIMEDOUT {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.TakeError(); err != nil {
			t.Errorf("%s: and then %v", name, err)
		}
		n.Heal()
		again := func() error { return once(s, func() error { return s.Connect(to) }) }
		err := again()
		for err == syscall.ETIMEDOUT || err == syscall.ECONNABORTED { // it was told, or the machine is busy
			err = again()
		}
		if err != nil {
			t.Errorf("%s: at last %v", name, err)
		}
	}
}
