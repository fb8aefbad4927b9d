package network

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
)

func TestQuotaOfSockets(t *testing.T) {
	n := WithQuota(Host(), Quota{Sockets: 3})
	l, at := listener(t, n, inet4)
	first := open(t, n, inet4, dgram)
	second := open(t, n, inet4, dgram)
	_, err := n.Socket(inet4, dgram, 0)
	check(t, "one too many", err, syscall.ENOBUFS)
	c := dialTCP(t, at.String())
	_, _, err = l.Accept()
	check(t, "accept without room", err, syscall.ENOBUFS)
	check(t, "close", closeNow(first), nil)
	a, _ := accepted(t, l) // the connection has waited
	must[int](t)(c.Write([]byte("here")))
	if got := recvString(t, a); got != "here" {
		t.Errorf("got %q", got)
	}
	sendString(t, a, "there!", nil)
	if u := n.Usage(); u != (Usage{Sockets: 3, Connections: 1, SocketsRefused: 2, BytesIn: 4, BytesOut: 6}) {
		t.Errorf("usage %+v", u)
	}
	check(t, "close", firstError(closeNow(a), closeNow(second), closeNow(l)), nil)
	if u := n.Usage(); u.Sockets != 0 {
		t.Errorf("%d sockets are left", u.Sockets)
	}
	unix := WithQuota(Unix(), Quota{Sockets: 1})
	_, _, err = unix.Pair(stream)
	check(t, "a pair", err, syscall.ENOBUFS)
	_, err = unix.Socket(inet4, stream, 0)
	check(t, "what the network has not", err, syscall.EAFNOSUPPORT)
	if u := unix.Usage(); u.Sockets != 0 || u.SocketsRefused != 1 {
		t.Errorf("usage %+v", u)
	}
}

func TestQuotaOfPending(t *testing.T) {
	n := WithQuota(WithPolicy(Host(), AllowAll()), Quota{Pending: 10})
	a, b, c := open(t, n, inet4, stream), open(t, n, inet4, stream), open(t, n, inet4, stream)
	check(t, "first", a.Listen(7), nil)
	check(t, "second", b.Listen(-1), nil)
	if i := InfoOf(b); i.SendQueue != 3 {
		t.Errorf("the backlog is %d, where 3 were left", i.SendQueue)
	}
	check(t, "third", c.Listen(1), syscall.ENOBUFS)
	check(t, "less", a.Listen(5), nil)
	check(t, "third, now", c.Listen(100), nil)
	if i := InfoOf(c); i.SendQueue != 2 {
		t.Errorf("the backlog is %d, where 2 were left", i.SendQueue)
	}
	u := open(t, n, inet4, dgram)
	check(t, "datagrams", u.Listen(1), syscall.ENOBUFS)
	check(t, "close", closeNow(c), nil)
	check(t, "datagrams, with room", u.Listen(1), syscall.EOPNOTSUPP)
	if got := n.Usage(); got.Pending != 8 || got.ListensRefused != 2 {
		t.Errorf("usage %+v", got)
	}
}

func TestQuotaOfConnections(t *testing.T) {
	l, at := listener(t, Host(), inet4)
	n := WithQuota(Host(), Quota{Rate: 2})
	for range 2 {
		c := open(t, n, inet4, stream)
		connectTo(t, c, at)
		accepted(t, l)
		if err := c.Connect(at); err != syscall.EISCONN && err != nil {
			t.Errorf("asked again: %v", err)
		}
	}
	n.quota.at = n.quota.at.Add(time.Hour) // no time passes
	check(t, "one too many", open(t, n, inet4, stream).Connect(at), syscall.ENOBUFS)
	if u := n.Usage(); u.Connections != 2 || u.ConnectionsRefused != 1 {
		t.Errorf("usage %+v", u)
	}
	var q quota
	q.Rate = 2
	start := time.Unix(1000, 0)
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {0, true}, {0, false}, {499 * time.Millisecond, false}, {500 * time.Millisecond, true}, {time.Hour, true}, {time.Hour, true}, {time.Hour, false}} {
		if got := q.spend(start.Add(c.after)); got != c.want {
			t.Errorf("after %v: %v", c.after, got)
		}
	}
}

// A client that comes too soon is closed before the guest sees it.
func TestQuotaOfClients(t *testing.T) {
	n := WithQuota(Host(), Quota{Rate: 1})
	l, at := listener(t, n, inet4)
	dialTCP(t, at.String())
	accepted(t, l)
	n.quota.at = n.quota.at.Add(time.Hour)
	c := dialTCP(t, at.String())
	_, _, err := l.Accept()
	check(t, "accept", err, syscall.EAGAIN)
	if k, err := c.Read(make([]byte, 1)); k != 0 || err == nil {
		t.Errorf("the client reads %d bytes, %v", k, err)
	}
	if u := n.Usage(); u.Sockets != 1+1 || u.ConnectionsRefused != 1 {
		t.Errorf("usage %+v", u)
	}
}

// Published and handed over, sockets are within the quota.
func TestQuotaOfPublished(t *testing.T) {
	limited := WithQuota(WithPolicy(Host(), nil), Quota{Sockets: 2})
	n := Publish(limited, must[[]PortMap](t)(ParsePortMaps("0:80")))
	l := open(t, n, inet4, stream)
	check(t, "bind", l.Bind(inet("0.0.0.0:80")), nil)
	check(t, "listen", l.Listen(1), nil)
	d := must[Socket](t)(Dup(l))
	if _, err := Dup(l); err != syscall.ENOBUFS {
		t.Errorf("a third: %v", err)
	}
	check(t, "close", d.Close(), nil)
	at, _ := n.Outside(80, abi.SockProtoTcp)
	dialTCP(t, at.String())
	accepted(t, l)
}

// A guest's network with a context of its own, and what it adopts, is within the
// quota that others share, and ends with the context.
func TestQuotaIsSharedByGuests(t *testing.T) {
	var asked context.Context
	p := rules(t, "")
	p.Ask = func(ctx context.Context, _ Request) error {
		asked = ctx
		return syscall.EACCES
	}
	all := WithQuota(None(), Quota{Sockets: 3})
	ctx, cancel := context.WithCancel(t.Context())
	guest := WithContext(ctx, all.Share(WithPolicy(Host(), p)))
	check(t, "bind", open(t, guest, inet4, stream).Bind(loopback(inet4)), syscall.EACCES)
	if cancel(); asked.Err() != context.Canceled {
		t.Error("the policy does not hear that the guest has ended")
	}
	closeLater(t, Adopt(guest, must[Socket](t)(Host().Socket(inet4, stream, 0))))
	open(t, all.Share(Host()), inet4, stream)
	for name, n := range map[string]Network{"of the guest": guest, "of another": all.Share(Host()), "of the first": all} {
		_, err := n.Socket(inet4, stream, 0)
		check(t, "a fourth socket "+name, err, syscall.ENOBUFS)
	}
	if u := all.Usage(); u != (Usage{Sockets: 3, SocketsRefused: 3}) {
		t.Errorf("usage %+v", u)
	}
}
