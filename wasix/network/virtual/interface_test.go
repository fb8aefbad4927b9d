package virtual_test

import (
	"errors"
	"io"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/network"
)

// An address that a host gives its interface is where others find it, and nobody
// else's meanwhile.
func TestAddedAddress(t *testing.T) {
	n := newNetwork(t)
	a, b := n.Host("a"), n.Host("b")
	l := must(a.Listen("tcp", ":80"))(t)
	defer l.Close()
	p := netip.MustParsePrefix("10.0.200.200/16")
	to := netip.AddrPortFrom(p.Addr(), 80).String()
	if _, err := b.Dial("tcp", to); !errors.Is(err, syscall.EHOSTUNREACH) {
		t.Errorf("an address that nobody has: %v", err)
	}
	if err := a.Interface().AddAddr(p); err != nil {
		t.Fatal(err)
	}
	if err := b.Interface().AddAddr(p); err != syscall.EADDRINUSE {
		t.Errorf("the same address for another host: %v", err)
	}
	_ = must(b.Dial("tcp", to))(t).Close()
	_ = must(l.Accept())(t).Close()
	if err := errors.Join(a.Interface().RemoveAddr(p.Addr()), b.Interface().AddAddr(p)); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Gateway().Dial("tcp", to); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the other host's now, which does not listen: %v", err)
	}
}

// What a connection sends while its host is unplugged arrives when that is no more.
func TestUnplugged(t *testing.T) {
	n := newNetwork(t, forLong)
	a, b := n.Host("a"), n.Host("b")
	client, server := pair(t, a, b)
	if err := b.Interface().Unplug(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Dial("tcp", "b:1"); !errors.Is(err, syscall.EHOSTUNREACH) && !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("an unplugged host: %v", err)
	}
	must(client.Write([]byte("late")))(t)
	if err := b.Interface().Plug("virtual"); err != nil {
		t.Fatal(err)
	}
	_ = server.SetReadDeadline(time.Now().Add(patience))
	got := make([]byte, 4)
	if _, err := io.ReadFull(server, got); string(got) != "late" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// The interface is the guest's through all that wraps its network, but a policy
// lets nobody change it; and a closed host has none.
func TestInterfaceOf(t *testing.T) {
	n := newNetwork(t)
	h := n.Host("a")
	limited := network.WithQuota(h, network.Quota{})
	if got, err := network.InterfaceOf(limited).Prefixes(); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	guarded := network.InterfaceOf(network.WithPolicy(limited, &network.Policy{}))
	if got, err := guarded.Routes(); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if err := guarded.ClearAddrs(); err != syscall.EPERM {
		t.Errorf("under a policy: %v", err)
	}
	_ = h.Close()
	if _, err := h.Interface().HardwareAddr(); err != syscall.ENETDOWN {
		t.Errorf("of a closed host: %v", err)
	}
}
