package network

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// Listeners tell how many wait, connections what is under way, on all networks.
func TestInfo(t *testing.T) {
	l, at := listener(t, WithPolicy(Host(), rules(t, "ipv4:allow=127.0.0.1:*")), inet4)
	given, addr := listenOpaque(t)
	closeLater(t, given)
	check(t, "listen", given.Listen(16), nil)
	for name, c := range map[string]struct {
		s    Socket
		addr string
		tcp  bool
	}{"kernel": {l, at.String(), true}, "given": {given, addr, false}} {
		client := dialTCP(t, c.addr)
		check(t, "wait", await(t, c.s, ready.In, func() error {
			if c.s.Ready(ready.In) == 0 {
				return syscall.EAGAIN
			}
			return nil
		}), nil)
		i := InfoOf(c.s)
		if i.RecvQueue != 1 || i.SendQueue != 16 || i.Local.String() != c.addr || i.Peer != (Addr{}) || c.tcp != (i.State == "LISTEN") {
			t.Errorf("%s: the listener is %+v", name, i)
		}
		a, _ := accepted(t, c.s)
		must[int](t)(client.Write([]byte("question")))
		b := make([]byte, 3)
		recvAll(t, a, [][]byte{b}, nil)
		i = InfoOf(a)
		if i.RecvQueue != 5 || i.Local.String() != c.addr || i.Peer.String() != client.LocalAddr().String() {
			t.Errorf("%s: the connection is %+v", name, i)
		}
		if c.tcp && (i.State != "ESTAB" || i.BytesIn != 8 || i.BytesOut != 0) {
			t.Errorf("%s: the connection is %+v", name, i)
		}
	}
	ns := Unix()
	u, c := open(t, ns, abi.AddressFamilyUnix, stream), open(t, ns, abi.AddressFamilyUnix, stream)
	name := Addr{Unix: true, Path: "/run/s"}
	check(t, "listen", firstError(u.Bind(name), u.Listen(3), c.Connect(name)), nil)
	if i := InfoOf(u); i.RecvQueue != 1 || i.SendQueue != 3 || i.Local != name {
		t.Errorf("the Unix listener is %+v", i)
	}
	sendString(t, c, "four", nil)
	if i := InfoOf(c); i.SendQueue != 4 || i.Peer != name {
		t.Errorf("the Unix connection is %+v", i)
	}
}

// The host's own Unix sockets tell whom they belong to, though guests do not learn it.
func TestInfoOfUnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for name, want := range map[string]string{path: path, "@" + path: "\x00" + path} {
		l := must[net.Listener](t)(net.Listen("unix", name))
		s := must[Socket](t)(FromListener(l))
		s = Adopt(WithPolicy(Host(), rules(t, "ipv4:allow=127.0.0.1:*")), s)
		closeLater(t, s)
		if i := InfoOf(s); i.Local != (Addr{Unix: true, Path: want}) || i.Peer.Path != "" {
			t.Errorf("%s: %+v", name, i)
		}
		if addr, err := s.LocalAddr(); addr != (Addr{Unix: true}) || err != nil {
			t.Errorf("%s: the guest is told %v, %v", name, addr, err)
		}
	}
}

// What can be read at once leaves out datagrams that a policy does not let in, and
// an error stays to be told.
func TestAvailableUnderPolicy(t *testing.T) {
	n, _ := guarded(t, "ipv4:allow=127.0.0.1:*")
	u, bad, good := open(t, n, inet4, dgram), open(t, Host(), inet4, dgram), open(t, Host(), inet4, dgram)
	check(t, "bind", firstError(u.Bind(loopback(inet4)), bad.Bind(inet("127.0.0.2:0")), good.Bind(loopback(inet4))), nil)
	at := must[Addr](t)(u.LocalAddr())
	sendString(t, bad, "a long datagram", &at)
	if got := Available(u); got != 0 {
		t.Errorf("%d bytes of one that is refused can be read", got)
	}
	sendString(t, bad, "a long datagram", &at)
	sendString(t, good, "short", &at)
	if got := Available(u); got != 5 {
		t.Errorf("%d bytes can be read, want 5", got)
	}
	if got := recvString(t, u); got != "short" {
		t.Errorf("got %q", got)
	}
	peer := must[Addr](t)(good.LocalAddr())
	check(t, "connect and close", firstError(u.Connect(peer), closeNow(good)), nil)
	sendString(t, u, "to nobody", nil)
	if got := Available(u); got != 0 {
		t.Errorf("%d bytes can be read from nobody", got)
	}
	check(t, "the error", u.TakeError(), syscall.ECONNREFUSED)
}
