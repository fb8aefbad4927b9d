package wasix

import (
	"context"
	"net/netip"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// obligingNetwork is a network on which every call succeeds at once and
// nothing happens: what is tested is how guests' parameters get there.
type obligingNetwork struct{}

func (obligingNetwork) Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (network.Socket, error) {
	return &obligingSocket{family: family, typ: typ, proto: proto}, nil
}

func (obligingNetwork) Resolve(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
}

func (n obligingNetwork) Pair(typ abi.SockType) (network.Socket, network.Socket, error) {
	return &obligingSocket{family: abi.AddressFamilyUnix, typ: typ}, &obligingSocket{family: abi.AddressFamilyUnix, typ: typ}, nil
}

func (obligingNetwork) Interface() network.Interface { return obligingInterface{} }

// obligingInterface has two addresses and two routes, whatever is changed.
type obligingInterface struct{}

var obligingPrefixes = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("2001:db8::1/64")}

func (obligingInterface) HardwareAddr() ([6]byte, error)    { return [6]byte{2, 4, 6, 8, 10, 12}, nil }
func (obligingInterface) Prefixes() ([]netip.Prefix, error) { return obligingPrefixes, nil }

func (obligingInterface) Routes() (routes []network.Route, err error) {
	for _, p := range obligingPrefixes {
		routes = append(routes, network.Route{Prefix: p, Router: p.Addr().Next(), Expires: time.Unix(1<<32, 1)})
	}
	return routes, nil
}

func (obligingInterface) AddAddr(netip.Prefix) error   { return nil }
func (obligingInterface) RemoveAddr(netip.Addr) error  { return nil }
func (obligingInterface) ClearAddrs() error            { return nil }
func (obligingInterface) AcquireAddrs() error          { return nil }
func (obligingInterface) AddRoute(network.Route) error { return nil }
func (obligingInterface) RemoveRoute(netip.Addr) error { return nil }
func (obligingInterface) ClearRoutes() error           { return nil }
func (obligingInterface) SetGateway(netip.Addr) error  { return nil }
func (obligingInterface) Plug(string) error            { return nil }
func (obligingInterface) Unplug() error                { return nil }

type obligingSocket struct {
	family abi.AddressFamily
	typ    abi.SockType
	proto  abi.SockProto
	queue  ready.Queue
	value  int64 // of the option set last
}

func (s *obligingSocket) addr() network.Addr {
	switch s.family {
	case abi.AddressFamilyUnix:
		return network.Addr{Unix: true, Path: "/tmp/socket"}
	case abi.AddressFamilyInet6:
		return network.Addr{AddrPort: netip.AddrPortFrom(netip.IPv6Loopback(), 0xabcd)}
	}
	return network.Addr{AddrPort: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0xabcd)}
}

func (s *obligingSocket) Queue() *ready.Queue                       { return &s.queue }
func (s *obligingSocket) Ready(asked ready.Events) ready.Events     { return asked }
func (s *obligingSocket) Bind(network.Addr) error                   { return nil }
func (s *obligingSocket) Listen(int) error                          { return nil }
func (s *obligingSocket) Connect(network.Addr) error                { return nil }
func (s *obligingSocket) Shutdown(abi.Sdflags) error                { return nil }
func (s *obligingSocket) LocalAddr() (network.Addr, error)          { return s.addr(), nil }
func (s *obligingSocket) PeerAddr() (network.Addr, error)           { return s.addr(), nil }
func (s *obligingSocket) TakeError() error                          { return nil }
func (s *obligingSocket) Option(abi.SockOption) (int64, error)      { return s.value, nil }
func (s *obligingSocket) SetOption(_ abi.SockOption, v int64) error { s.value = v; return nil }
func (s *obligingSocket) Close() error                              { return nil }

func (s *obligingSocket) Type() (abi.AddressFamily, abi.SockType, abi.SockProto) {
	return s.family, s.typ, s.proto
}

func (s *obligingSocket) Accept() (network.Socket, network.Addr, error) {
	return &obligingSocket{family: s.family, typ: s.typ, proto: s.proto}, s.addr(), nil
}

// Recvmsg fills all buffers.
func (s *obligingSocket) Recvmsg(iovs [][]byte, _ network.MsgFlags, from *network.Addr) (int, network.MsgFlags, error) {
	if from != nil {
		*from = s.addr()
	}
	n := 0
	for _, b := range iovs {
		for i := range b {
			b[i] = '!'
		}
		n += len(b)
	}
	return n, network.MsgTrunc, nil
}

// Sendmsg sends all but the last byte.
func (s *obligingSocket) Sendmsg(iovs [][]byte, _ *network.Addr) (int, error) {
	n := 0
	for _, b := range iovs {
		n += len(b)
	}
	return max(0, n-1), nil
}

func (s *obligingSocket) JoinGroup(_, _ netip.Addr, _ uint32) error  { return nil }
func (s *obligingSocket) LeaveGroup(_, _ netip.Addr, _ uint32) error { return nil }
