package network

import (
	"net/netip"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

func TestHostOptions(t *testing.T) {
	const none = -99 // not to be read
	for _, c := range []struct {
		family   abi.AddressFamily
		typ      abi.SockType
		opt      abi.SockOption
		set, got int64
		err      error
	}{
		{inet4, stream, abi.SockOptionReusePort, 1, 1, nil},
		{inet4, stream, abi.SockOptionReusePort, 0, 0, nil},
		{inet4, stream, abi.SockOptionReuseAddr, 7, 1, nil},
		{inet4, stream, abi.SockOptionReuseAddr, 0, 0, nil},
		{inet4, stream, abi.SockOptionNoDelay, 1, 1, nil},
		{inet4, stream, abi.SockOptionNoDelay, 0, 0, nil},
		{inet4, stream, abi.SockOptionDontRoute, 1, 1, nil},
		{inet6, stream, abi.SockOptionOnlyV6, 1, 1, nil},
		{inet6, stream, abi.SockOptionOnlyV6, 0, 0, nil},
		{inet4, stream, abi.SockOptionOnlyV6, 1, none, syscall.ENOPROTOOPT},
		{inet4, dgram, abi.SockOptionBroadcast, 1, 1, nil},
		{inet4, dgram, abi.SockOptionMulticastLoopV4, 0, 0, nil},
		{inet4, dgram, abi.SockOptionMulticastLoopV4, 1, 1, nil},
		{inet6, dgram, abi.SockOptionMulticastLoopV6, 0, 0, nil},
		{inet6, dgram, abi.SockOptionMulticastLoopV6, 1, 1, nil},
		{inet4, dgram, abi.SockOptionPromiscuous, 1, none, syscall.ENOPROTOOPT},
		{inet4, stream, abi.SockOptionListening, 1, 0, syscall.ENOPROTOOPT},
		{inet4, stream, abi.SockOptionKeepAlive, 1, 1, nil},
		{inet4, stream, abi.SockOptionKeepAlive, 0, 0, nil},
		{inet4, stream, abi.SockOptionOobInline, 1, 1, nil},
		{inet4, stream, abi.SockOptionRecvBufSize, 8192, 16384, nil},
		{inet4, stream, abi.SockOptionSendBufSize, 8192, 16384, nil},
		{inet4, stream, abi.SockOptionRecvLowat, 3, 3, nil},
		{inet4, stream, abi.SockOptionSendLowat, 3, 1, syscall.ENOPROTOOPT},
		{inet4, stream, abi.SockOptionTtl, 17, 17, nil},
		{inet6, stream, abi.SockOptionTtl, 18, 18, nil},
		{inet4, stream, abi.SockOptionTtl, 300, none, syscall.EINVAL},
		{inet4, dgram, abi.SockOptionMulticastTtlV4, 9, 9, nil},
		{inet6, dgram, abi.SockOptionMulticastTtlV4, 9, 9, nil},
		{inet4, stream, abi.SockOptionLinger, -1, -1, nil},
		{inet4, stream, abi.SockOptionLinger, 0, 0, nil},
		{inet4, stream, abi.SockOptionLinger, 5e9, 5e9, nil},
		{inet4, stream, abi.SockOptionLinger, 5e9 + 1, 6e9, nil},
		{inet4, stream, abi.SockOptionType, 1, int64(stream), syscall.ENOPROTOOPT},
		{inet4, dgram, abi.SockOptionType, 1, int64(dgram), syscall.ENOPROTOOPT},
		{inet4, stream, abi.SockOptionProto, 1, int64(abi.SockProtoTcp), syscall.ENOPROTOOPT},
		{inet4, dgram, abi.SockOptionProto, 1, int64(abi.SockProtoUdp), syscall.ENOPROTOOPT},
		{inet4, stream, abi.SockOptionNoop, 1, none, syscall.ENOPROTOOPT},
		{inet4, stream, abi.SockOption(200), 1, none, syscall.ENOPROTOOPT},
	} {
		s := open(t, Host(), c.family, c.typ)
		if err := s.SetOption(c.opt, c.set); err != c.err {
			t.Errorf("set %v=%d on %v %v: got %v, want %v", c.opt, c.set, c.family, c.typ, err, c.err)
		}
		if c.got == none {
			continue
		}
		if got, err := s.Option(c.opt); got != c.got || err != nil {
			t.Errorf("get %v after %d on %v %v: got %d, %v, want %d", c.opt, c.set, c.family, c.typ, got, err, c.got)
		}
	}
}

// Values far out of range become the nearest, not their low bits.
func TestHostOptionRange(t *testing.T) {
	s := open(t, Host(), inet4, stream)
	check(t, "set", s.SetOption(abi.SockOptionRecvBufSize, 1<<32|4096), nil)
	if got, _ := s.Option(abi.SockOptionRecvBufSize); got < 1<<16 {
		t.Errorf("receive buffer of %d bytes", got)
	}
	check(t, "set", s.SetOption(abi.SockOptionLinger, 1<<63-1), nil)
	if got, _ := s.Option(abi.SockOptionLinger); got < 1e9 {
		t.Errorf("linger of %d ns", got)
	}
}

func TestHostInheritance(t *testing.T) {
	l, at := listener(t, Host(), inet4)
	check(t, "set", l.SetOption(abi.SockOptionNoDelay, 1), nil)
	check(t, "set", l.SetOption(abi.SockOptionKeepAlive, 1), nil)
	if v, _ := l.Option(abi.SockOptionListening); v != 1 {
		t.Error("a listener must say so")
	}
	c := open(t, Host(), inet4, stream)
	connectTo(t, c, at)
	s, _ := accepted(t, l)
	for _, o := range []abi.SockOption{abi.SockOptionNoDelay, abi.SockOptionKeepAlive} {
		if v, err := s.Option(o); v != 1 || err != nil {
			t.Errorf("%v not inherited: %d, %v", o, v, err)
		}
	}
	if v, _ := s.Option(abi.SockOptionListening); v != 0 {
		t.Error("the accepted socket does not listen")
	}
}

func TestHostMulticast(t *testing.T) {
	group := netip.MustParseAddr("224.0.0.251")
	lo := netip.MustParseAddr("127.0.0.1")
	s := open(t, Host(), inet4, dgram)
	check(t, "leave before join", s.LeaveGroup(group, lo, 0), syscall.EADDRNOTAVAIL)
	check(t, "join", s.JoinGroup(group, lo, 0), nil)
	check(t, "join again", s.JoinGroup(group, lo, 0), syscall.EADDRINUSE)
	check(t, "leave", s.LeaveGroup(group, lo, 0), nil)
	check(t, "join by index", s.JoinGroup(group, netip.Addr{}, 1), nil)
	check(t, "not a group", s.JoinGroup(lo, lo, 0), syscall.EINVAL)
	check(t, "nothing", s.JoinGroup(netip.Addr{}, lo, 0), syscall.EINVAL)
	for _, f := range families(t) {
		if f == inet6 {
			s := open(t, Host(), inet6, dgram)
			check(t, "join", s.JoinGroup(netip.MustParseAddr("ff02::fb"), netip.Addr{}, 1), nil)
			check(t, "leave", s.LeaveGroup(netip.MustParseAddr("ff02::fb"), netip.Addr{}, 1), nil)
		}
	}
}
