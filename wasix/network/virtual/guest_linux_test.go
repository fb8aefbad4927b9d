package virtual_test

import (
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// Each host has a loopback interface of its own, with ports of its own.
func TestLoopbackIsOwn(t *testing.T) {
	n := newNetwork(t)
	for _, address := range []string{"127.0.0.1:80", "[::1]:80"} {
		hosts := []string{"a", "b"}
		listeners := map[string]net.Listener{}
		for _, name := range hosts {
			l := must(n.Host(name).Listen("tcp", address))(t)
			defer l.Close()
			listeners[name] = l
		}
		for _, name := range hosts {
			c := must(n.Host(name).Dial("tcp", address))(t)
			s := must(listeners[name].Accept())(t)
			transfer(t, c, s, 100)
			_, _ = c.Close(), s.Close()
		}
		if c, err := n.Host("c").Dial("tcp", address); err == nil {
			_ = c.Close()
			t.Errorf("%s of another host is reached", address)
		}
	}
	if c, err := n.Host("a").Dial("tcp4", "b:80"); err == nil {
		_ = c.Close()
		t.Error("what listens on the loopback interface only is reached from outside")
	}
}

// A guest may have names of its own beside those of the hosts.
func TestNamesOfGuests(t *testing.T) {
	n := newNetwork(t)
	db := n.Host("db.service.test").Addrs()
	own := []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	names := network.Names{
		Hosts:  map[string][]netip.Addr{"printer": own, "cache.service.test": own},
		Search: []string{"service.test"},
	}
	guest := network.WithNames(n.Host("guest"), names)
	only4 := network.WithNames(guest, network.Names{Family: abi.AddressFamilyInet4})
	for _, c := range []struct {
		n    network.Network
		host string
		want []netip.Addr
	}{
		{guest, "db", db}, {guest, "DB.service.test.", db}, {guest, "printer", own}, {guest, "cache", own},
		{guest, "guest", n.Host("guest").Addrs()}, {only4, "db", db[:1]}, {n.Host("other"), "db", nil}, {guest, "nobody", nil},
	} {
		got, err := c.n.Resolve(t.Context(), c.host)
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) || err != nil && err != syscall.ENOENT {
			t.Errorf("%s: %v, %v, want %v", c.host, got, err, c.want)
		}
	}
}

// Quotas hold on a virtual network as on the kernel's.
func TestQuota(t *testing.T) {
	n := newNetwork(t)
	client := n.Host("client")
	guest := network.WithQuota(n.Host("server"), network.Quota{Sockets: 3, Pending: 2, Rate: 1})
	l := listenAt(t, guest) // with a backlog of 4
	if i, u := network.InfoOf(l), guest.Usage(); i.SendQueue != 2 || u.Pending != 2 {
		t.Errorf("the backlog is %d, and %d are pending, want 2", i.SendQueue, u.Pending)
	}
	if err := open(t, guest).Listen(1); err != syscall.ENOBUFS {
		t.Errorf("a second listener: %v", err)
	}
	first := must(client.Dial("tcp4", "server:80"))(t)
	defer first.Close()
	s := must(accept(t, l))(t)
	if _, err := guest.Socket(abi.AddressFamilyInet4, abi.SockTypeDgram, 0); err != syscall.ENOBUFS {
		t.Errorf("a fourth socket: %v", err)
	}
	second := must(client.Dial("tcp4", "server:80"))(t)
	defer second.Close()
	waits(t, l, 1)
	if _, _, err := l.Accept(); err != syscall.ENOBUFS {
		t.Errorf("accept without room: %v", err)
	}
	waits(t, l, 1)
	u := guest.Usage()
	if u.Sockets != 3 || u.SocketsRefused != 2 || u.ListensRefused != 1 || u.Connections != 1 {
		t.Errorf("usage %+v", u)
	}
	must(first.Write([]byte("12345")))(t)
	b := make([]byte, 9)
	if err := once(s, func() error {
		_, _, err := s.Recvmsg([][]byte{b}, 0, nil)
		return err
	}); err != nil || guest.Usage().BytesIn != 5 {
		t.Errorf("%v, %d bytes are counted", err, guest.Usage().BytesIn)
	}
}

// Guests of several hosts may share a quota.
func TestQuotaOfNetwork(t *testing.T) {
	n := newNetwork(t)
	a := network.WithQuota(n.Host("a"), network.Quota{Sockets: 4})
	b := a.Share(network.WithPolicy(n.Host("b"), network.AllowAll()))
	l := listenAt(t, a)
	c := open(t, b)
	to := network.Addr{AddrPort: netip.AddrPortFrom(n.Host("a").Addrs()[0], 80)}
	if err := once(c, func() error { return c.Connect(to) }); err != nil {
		t.Fatal(err)
	}
	s := must(accept(t, l))(t)
	if peer := must(s.PeerAddr())(t); !slices.Contains(n.Host("b").Addrs(), peer.Addr()) {
		t.Errorf("b's guest connects from %v", peer)
	}
	must(c.Sendmsg([][]byte{[]byte("12345")}, nil))(t)
	if err := once(s, func() error {
		_, _, err := s.Recvmsg([][]byte{make([]byte, 9)}, 0, nil)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	_ = open(t, b)
	for name, guest := range map[string]*network.Limited{"a": a, "b": b} {
		if _, err := guest.Socket(abi.AddressFamilyInet4, abi.SockTypeStream, 0); err != syscall.ENOBUFS {
			t.Errorf("%s: a fifth socket: %v", name, err)
		}
		if u := guest.Usage(); u.Sockets != 4 || u.Connections != 2 || u.BytesIn != 5 || u.BytesOut != 5 {
			t.Errorf("%s: usage %+v", name, u)
		}
	}
}

// Bytes that come too soon are there when their turn has come, and who waits for
// them is woken.
func TestQuotaOfBytes(t *testing.T) {
	n := newNetwork(t)
	guest := network.WithQuota(n.Host("server"), network.Quota{BytesIn: 10_000, BytesOut: 10_000})
	l := listenAt(t, guest)
	c := must(n.Host("client").Dial("tcp4", "server:80"))(t)
	defer c.Close()
	s := must(accept(t, l))(t)
	must(c.Write(make([]byte, 12_000)))(t)
	got, b := 0, make([]byte, 20_000)
	for got < 12_000 {
		if err := once(s, func() error {
			k, _, err := s.Recvmsg([][]byte{b}, 0, nil)
			got += k
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	for sent := 0; sent < 12_000; {
		if err := once(s, func() error {
			k, err := s.Sendmsg([][]byte{b[:12_000-sent]}, nil)
			sent += max(k, 0)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if u := guest.Usage(); u.BytesIn != 12_000 || u.BytesOut != 12_000 {
		t.Errorf("usage %+v", u)
	}
}
