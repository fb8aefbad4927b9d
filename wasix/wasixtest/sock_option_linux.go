package wasixtest

import (
	"github.com/gowasix/gowasix/wasix/abi"
)

var optionCases = []sockCase{
	{"what is no socket has no options", optionWrong, nil},
	{"flags are read as they were set", optionFlags, every},
	{"sizes are read as the kernel rounds them", optionSizes, inet},
	{"times are read as they were set, and taken away", optionTimes, every},
	{"a listener says that it is one", optionListening, every},
	{"type and protocol are told", optionType, inet},
	{"an option of another kind is refused", optionKinds, every},
	{"an option that there is not is NOPROTOOPT", optionUnknown, every},
	{"results outside memory are EFAULT", optionFaults, every},
	{"LINGER of 0 resets the peer", optionLinger, inet},
	{"an accepted socket inherits NODELAY and KEEPALIVE", optionInherited, inet},
	{"the options of IPv6 are not those of IPv4", optionV6, inet},
	{"multicast groups are joined and left", optionGroups, inet[:1]},
}

var optionCalls = []string{"flag", "size", "time"}

func optionWrong(g *sockGuest) {
	for _, call := range optionCalls {
		for fd, want := range map[uint64]abi.Errno{notOpen: abi.EBADF, root: abi.ENOTSOCK} {
			g.wants(want, nil, "sock_get_opt_"+call, fd, uint64(abi.SockOptionKeepAlive), valueAt)
			g.wants(want, nil, "sock_set_opt_"+call, fd, uint64(abi.SockOptionKeepAlive), valueAt)
		}
	}
}

// wantFlag checks what a flag is.
func (g *sockGuest) wantFlag(fd uint64, opt abi.SockOption, want byte) {
	g.t.Helper()
	g.wants(abi.ESUCCESS, []Write{{valueAt, []byte{want}}}, "sock_get_opt_flag", fd, uint64(opt), valueAt)
}

func (g *sockGuest) setFlag(fd uint64, opt abi.SockOption, v uint64) {
	g.t.Helper()
	g.wants(abi.ESUCCESS, nil, "sock_set_opt_flag", fd, uint64(opt), v)
}

// flags are those that sockets have. Of what is not 0 each is on.
var flags = map[abi.SockOption][]abi.AddressFamily{
	abi.SockOptionReuseAddr: every,
	abi.SockOptionKeepAlive: every,
	abi.SockOptionBroadcast: every,
	abi.SockOptionDontRoute: inet,
	abi.SockOptionOobInline: inet,
	abi.SockOptionReusePort: inet,
	abi.SockOptionNoDelay:   inet,
}

func optionFlags(g *sockGuest) {
	fd := g.open(stream)
	for opt, families := range flags {
		if len(families) < len(every) && g.family == local {
			continue
		}
		for _, v := range []uint64{1, 0, 2, 0, 1<<32 - 1, 0} {
			g.setFlag(fd, opt, v)
			g.wantFlag(fd, opt, byte(min(v, 1)))
		}
	}
}

func optionSizes(g *sockGuest) {
	fd := g.open(stream)
	for opt, values := range map[abi.SockOption][2]uint64{
		abi.SockOptionTtl:         {33, 33},
		abi.SockOptionRecvBufSize: {1 << 15, 1 << 16}, // the kernel doubles them
		abi.SockOptionSendBufSize: {1 << 15, 1 << 16},
		abi.SockOptionRecvLowat:   {2, 2},
	} {
		g.wants(abi.ESUCCESS, nil, "sock_set_opt_size", fd, uint64(opt), values[0])
		g.wants(abi.ESUCCESS, []Write{{valueAt, le64(values[1])}}, "sock_get_opt_size", fd, uint64(opt), valueAt)
	}
	ttl := uint64(abi.SockOptionTtl)
	for _, v := range []uint64{256, 1<<32 | 33, 1 << 63} {
		g.wants(abi.EINVAL, nil, "sock_set_opt_size", fd, ttl, v)
	}
	g.wants(abi.ESUCCESS, []Write{{valueAt, le64(33)}}, "sock_get_opt_size", fd, ttl, valueAt)
}

var times = []abi.SockOption{
	abi.SockOptionLinger, abi.SockOptionRecvTimeout, abi.SockOptionSendTimeout,
	abi.SockOptionConnectTimeout, abi.SockOptionAcceptTimeout,
}

// wantTime checks what a time is: there, if it is not 0.
func (g *sockGuest) wantTime(fd uint64, opt abi.SockOption, want uint64) {
	g.t.Helper()
	const timeAt = 0x440
	g.wants(abi.ESUCCESS, []Write{{timeAt, []byte{byte(min(want, 1))}}, {timeAt + 8, le64(want)}},
		"sock_get_opt_time", fd, uint64(opt), timeAt)
}

func optionTimes(g *sockGuest) {
	fd := g.open(stream)
	for _, opt := range times {
		g.wantTime(fd, opt, 0)
		for _, v := range []uint64{5e9, 1 << 33 * 1e9 >> 2} {
			if opt == abi.SockOptionLinger && v > 5e9 {
				continue
			}
			g.setTime(fd, opt, v)
			g.wantTime(fd, opt, v)
		}
		g.Put(valueAt, byte(abi.OptionNone))
		g.wants(abi.ESUCCESS, nil, "sock_set_opt_time", fd, uint64(opt), valueAt)
		g.wantTime(fd, opt, 0)
		g.Put(valueAt, 2)
		g.wants(abi.EINVAL, nil, "sock_set_opt_time", fd, uint64(opt), valueAt)
	}
}

func optionListening(g *sockGuest) {
	fd := g.open(stream)
	g.bind(fd)
	g.wantFlag(fd, abi.SockOptionListening, 0)
	g.wants(abi.ESUCCESS, nil, "sock_listen", fd, 1)
	g.wantFlag(fd, abi.SockOptionListening, 1)
	g.wants(abi.ENOPROTOOPT, nil, "sock_set_opt_flag", fd, uint64(abi.SockOptionListening), 0)
}

func optionType(g *sockGuest) {
	for typ, proto := range map[abi.SockType]abi.SockProto{stream: abi.SockProtoTcp, dgram: abi.SockProtoUdp} {
		fd := g.open(typ)
		for opt, want := range map[abi.SockOption]uint64{abi.SockOptionType: uint64(typ), abi.SockOptionProto: uint64(proto)} {
			g.wants(abi.ESUCCESS, []Write{{valueAt, le64(want)}}, "sock_get_opt_size", fd, uint64(opt), valueAt)
		}
	}
}

func optionKinds(g *sockGuest) {
	fd := g.open(stream)
	for call, opt := range map[string]abi.SockOption{
		"flag": abi.SockOptionRecvBufSize, "size": abi.SockOptionKeepAlive, "time": abi.SockOptionReuseAddr,
	} {
		g.Put(valueAt, byte(abi.OptionNone))
		g.wants(abi.EINVAL, nil, "sock_get_opt_"+call, fd, uint64(opt), valueAt)
		g.wants(abi.EINVAL, nil, "sock_set_opt_"+call, fd, uint64(opt), valueAt)
	}
}

func optionUnknown(g *sockGuest) {
	fd := g.open(stream)
	g.Put(valueAt, byte(abi.OptionNone))
	for _, call := range optionCalls {
		for _, opt := range []uint64{0, 27, 255, 256, 256 | uint64(abi.SockOptionKeepAlive), 1<<32 - 1} {
			g.wants(abi.ENOPROTOOPT, nil, "sock_get_opt_"+call, fd, opt, valueAt)
			g.wants(abi.ENOPROTOOPT, nil, "sock_set_opt_"+call, fd, opt, valueAt)
		}
	}
}

func optionFaults(g *sockGuest) {
	fd := g.open(stream)
	for call, c := range map[string]struct {
		opt  abi.SockOption
		size uint64
	}{
		"flag": {abi.SockOptionKeepAlive, 1}, "size": {abi.SockOptionRecvBufSize, 8}, "time": {abi.SockOptionLinger, 16},
	} {
		for _, at := range []uint64{outside + 2 - c.size, outside + 1, 1<<32 - 1} {
			g.wants(abi.EFAULT, nil, "sock_get_opt_"+call, fd, uint64(c.opt), at)
		}
	}
	g.wants(abi.EFAULT, nil, "sock_set_opt_time", fd, uint64(abi.SockOptionLinger), outside-14)
}

func optionLinger(g *sockGuest) {
	fd, p := g.connection()
	g.setTime(fd, abi.SockOptionLinger, 0)
	g.close(fd)
	if n, err := p.Read(make([]byte, 1)); !isReset(err) {
		g.t.Errorf("the peer sees %d bytes, %v; want a reset", n, err)
	}
}

func optionInherited(g *sockGuest) {
	l, addr := g.listener(1)
	g.setFlag(l, abi.SockOptionNoDelay, 1)
	g.setFlag(l, abi.SockOptionKeepAlive, 1)
	p := g.dial(addr)
	fd := g.accept(l, p.name())
	g.wantFlag(fd, abi.SockOptionNoDelay, 1)
	g.wantFlag(fd, abi.SockOptionKeepAlive, 1)
	g.setFlag(fd, abi.SockOptionKeepAlive, 0)
	g.wantFlag(fd, abi.SockOptionKeepAlive, 0)
	g.wantFlag(l, abi.SockOptionKeepAlive, 1)
}

func optionV6(g *sockGuest) {
	fd := g.open(stream)
	if g.family == inet4 {
		g.wants(abi.ENOPROTOOPT, nil, "sock_set_opt_flag", fd, uint64(abi.SockOptionOnlyV6), 1)
		return
	}
	for _, v := range []uint64{1, 0} {
		g.setFlag(fd, abi.SockOptionOnlyV6, v)
		g.wantFlag(fd, abi.SockOptionOnlyV6, byte(v))
	}
}

func optionGroups(g *sockGuest) {
	fd := g.open(dgram)
	const groupAt, ifaceAt = 0x500, 0x504
	g.Put(groupAt, 239, 1, 2, 3, 127, 0, 0, 1)
	for _, c := range []struct {
		call string
		want abi.Errno
	}{{"join", 0}, {"join", abi.EADDRINUSE}, {"leave", 0}, {"leave", abi.EADDRNOTAVAIL}} {
		g.wants(c.want, nil, "sock_"+c.call+"_multicast_v4", fd, groupAt, ifaceAt)
	}
	g.wants(abi.EINVAL, nil, "sock_join_multicast_v4", fd, ifaceAt, ifaceAt)
	g.wants(abi.EFAULT, nil, "sock_join_multicast_v4", fd, outside-2, ifaceAt)
}
