package virtual_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/network/virtual"
)

// datagrams opens a datagram socket of h, bound to a port of all its addresses.
func datagrams(t *testing.T, h *virtual.Host, any string) network.Socket {
	t.Helper()
	local := at(any)
	s := must(h.Socket(local.Family(), abi.SockTypeDgram, 0))(t)
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Bind(local); err != nil {
		t.Fatal(err)
	}
	return s
}

// next returns the next datagram of s.
func next(t *testing.T, s network.Socket) string {
	t.Helper()
	b := make([]byte, 64)
	n := 0
	err := once(s, func() (err error) {
		n, _, err = s.Recvmsg([][]byte{b}, 0, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// What is sent to a group reaches those that have joined it, as long as they are
// in it, and nobody else.
func TestMulticast(t *testing.T) {
	for any, group := range map[string]string{"0.0.0.0:9": "239.1.2.3:9", "[::]:9": "[ff15::9]:9"} {
		n := newNetwork(t)
		from, to := datagrams(t, n.Host("sender"), any), at(group)
		member, leaver, other := datagrams(t, n.Host("member"), any), datagrams(t, n.Host("leaver"), any), datagrams(t, n.Host("other"), any)
		ip, none := to.Addr(), netip.Addr{}
		if err := errors.Join(member.JoinGroup(ip, none, 0), leaver.JoinGroup(ip, none, 0)); err != nil {
			t.Fatal(err)
		}
		send := func(text string, to network.Addr) {
			if _, err := from.Sendmsg([][]byte{[]byte(text)}, &to); err != nil {
				t.Fatalf("%s to %v: %v", text, to, err)
			}
		}
		direct := func(host string) {
			for _, ip := range n.Host(host).Addrs() {
				if ip.Is4() == to.Addr().Is4() {
					send("direct", network.Addr{AddrPort: netip.AddrPortFrom(ip, 9)})
				}
			}
		}
		send("first", to)
		if a, b := next(t, member), next(t, leaver); a != "first" || b != "first" {
			t.Errorf("%s: members get %q, %q", group, a, b)
		}
		if err := leaver.LeaveGroup(ip, none, 0); err != nil {
			t.Fatal(err)
		}
		send("second", to)
		direct("leaver")
		direct("other")
		if a, b, c := next(t, member), next(t, leaver), next(t, other); a != "second" || b != "direct" || c != "direct" {
			t.Errorf("%s: a member gets %q, one that has left %q, another %q", group, a, b, c)
		}
	}
}
