package virtual

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/link/loopback"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// Host is one host of a [Network]: a loopback interface, lo, and one with a
// cable, eth0. It is a [network.Network], to be a guest's, and opens connections
// and listeners for Go programs, which then are on this host, too. Its methods
// may be called concurrently.
type Host struct {
	network *Network
	name    string
	stack   *stack.Stack // nil: down since it was made
	clock   *clock
	port    port

	mu     sync.Mutex
	addrs  []netip.Prefix  // of eth0
	routes []network.Route // that were added
	expiry *time.Timer     // of the first of them, if any expires
	closed bool
}

// newHost makes a host with an address of each prefix. n is locked.
func newHost(n *Network, name string) *Host {
	h := &Host{network: n, name: name}
	h.port.init(h)
	addrs := make([]netip.Prefix, len(n.config.prefixes))
	for i, prefix := range n.config.prefixes {
		if addrs[i] = n.wire.lease(&h.port, prefix); !addrs[i].IsValid() {
			n.wire.unplug(&h.port)
			return h
		}
	}
	n.wire.plug(&h.port)
	h.clock = newClock(n.turns)
	h.stack = stack.New(stack.Options{
		Clock:              h.clock,
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol},
		HandleLocal:        true,
		SecureRNG:          random{},
	})
	h.setProtocolOptions()
	_ = h.stack.CreateNICWithOptions(loopbackNIC, loopback.New(), stack.NICOptions{Name: "lo"})
	_ = h.stack.CreateNICWithOptions(cableNIC, &h.port, stack.NICOptions{Name: "eth0"})
	h.assign(loopbackNIC, netip.PrefixFrom(loopback4, 8))
	h.assign(loopbackNIC, netip.PrefixFrom(loopback6, 128))
	for _, p := range addrs {
		h.assign(cableNIC, p)
	}
	h.addrs = addrs
	h.setRoutes()
	return h
}

// The sizes of buffers in bytes: what sockets say that they have, as on Linux, and
// the limits. TCP's are larger from the start, as a window of few packets makes a
// sender wait for its timer.
const (
	minBuffer     = 4096
	tcpRecvBuffer = 131072
	tcpSendBuffer = 16384
	tcpBuffer     = 1 << 20
	tcpMaxRecv    = 6 << 20
	tcpMaxSend    = 4 << 20
	udpBuffer     = 212992
)

func (h *Host) setProtocolOptions() {
	sack, moderate := tcpip.TCPSACKEnabled(true), tcpip.TCPModerateReceiveBufferOption(true)
	// Not RACK: of the netstack's a sender whose timer has fired may count nothing as
	// outstanding while something is, and never sends that again.
	recovery := tcpip.TCPRecovery(0)
	opts := []tcpip.SettableTransportProtocolOption{
		&sack, &moderate, &recovery,
		&tcpip.TCPReceiveBufferSizeRangeOption{Min: minBuffer, Default: tcpBuffer, Max: tcpMaxRecv},
		&tcpip.TCPSendBufferSizeRangeOption{Min: minBuffer, Default: tcpBuffer, Max: tcpMaxSend},
	}
	if c := h.network.config; c.retransmits {
		first, longest, retries := tcpip.TCPMinRTOOption(c.minRTO), tcpip.TCPMaxRTOOption(c.maxRTO), tcpip.TCPMaxRetriesOption(c.retries)
		opts = append(opts, &first, &longest, &retries)
	}
	for _, o := range opts {
		_ = h.stack.SetTransportProtocolOption(tcp.ProtocolNumber, o)
	}
	_ = h.stack.SetOption(tcpip.ReceiveBufferSizeOption{Min: 1, Default: udpBuffer, Max: tcpMaxRecv})
	_ = h.stack.SetOption(tcpip.SendBufferSizeOption{Min: 1, Default: udpBuffer, Max: tcpMaxSend})
}

func (h *Host) assign(nic tcpip.NICID, p netip.Prefix) {
	_ = h.stack.AddProtocolAddress(nic, tcpip.ProtocolAddress{
		Protocol:          protoOf(p.Addr()),
		AddressWithPrefix: tcpip.AddressWithPrefix{Address: wireAddr(p.Addr()), PrefixLen: p.Bits()},
	}, stack.AddressProperties{})
}

// Name returns the name that the host has in the network.
func (h *Host) Name() string { return h.name }

// Addrs returns the addresses that other hosts reach this one by.
func (h *Host) Addrs() []netip.Addr {
	h.mu.Lock()
	defer h.mu.Unlock()
	var addrs []netip.Addr
	for _, p := range h.addrs {
		addrs = append(addrs, p.Addr())
	}
	return addrs
}

// Socket opens a socket on the host. Stream sockets are TCP, datagram sockets
// UDP. Returns:
//   - EAFNOSUPPORT: neither INET4 nor INET6
//   - EINVAL: a protocol out of range
//   - ENETDOWN: the host is closed, or has no address
//   - EPERM: a raw socket
//   - EPROTONOSUPPORT, ESOCKTNOSUPPORT: what the host does not have
func (h *Host) Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (network.Socket, error) {
	if family != abi.AddressFamilyInet4 && family != abi.AddressFamilyInet6 {
		return nil, syscall.EAFNOSUPPORT
	}
	if proto > network.MaxProto {
		return nil, syscall.EINVAL
	}
	switch {
	case typ == abi.SockTypeStream && (proto == 0 || proto == abi.SockProtoTcp):
		return orNone(newStream(h, family))
	case typ == abi.SockTypeDgram && (proto == 0 || proto == abi.SockProtoUdp):
		return orNone(newDatagram(h, family))
	case typ == abi.SockTypeRaw:
		return nil, syscall.EPERM
	case typ == abi.SockTypeStream || typ == abi.SockTypeDgram:
		return nil, syscall.EPROTONOSUPPORT
	}
	return nil, syscall.ESOCKTNOSUPPORT
}

// orNone returns no socket with an error.
func orNone[S network.Socket](s S, err error) (network.Socket, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Resolve returns the addresses of a host of the network by its name, and knows
// addresses and localhost. Returns ENOENT.
func (h *Host) Resolve(_ context.Context, name string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{ip}, nil
	}
	if strings.EqualFold(strings.TrimSuffix(name, "."), "localhost") {
		return []netip.Addr{loopback4, loopback6}, nil
	}
	return h.network.resolve(name)
}

// endpoint is an endpoint of the netstack with the queue of its events.
type endpoint struct {
	tcpip.Endpoint
	events  *waiter.Queue
	told    atomic.Bool // how the connection ended
	waiting waiting     // of a listener
}

// newEndpoint returns ENETDOWN when the host is down.
func (h *Host) newEndpoint(transport tcpip.TransportProtocolNumber, family abi.AddressFamily) (*endpoint, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stack == nil || h.closed {
		return nil, syscall.ENETDOWN
	}
	events := new(waiter.Queue)
	ep, err := h.stack.NewEndpoint(transport, netProto(family), events)
	if err != nil {
		return nil, errno(err)
	}
	return &endpoint{Endpoint: ep, events: events}, nil
}

// Close unplugs the host and ends its connections, which peers do not hear of.
// Sockets that are open stay so, but can do nothing. The name and the addresses
// are free.
func (h *Host) Close() error {
	h.mu.Lock()
	closed := h.closed
	h.closed = true
	if h.expiry != nil {
		h.expiry.Stop()
	}
	h.mu.Unlock()
	if closed || h.stack == nil {
		return nil
	}
	h.network.forget(h)
	h.network.wire.unplug(&h.port)
	h.destroy()
	return nil
}

func (h *Host) isClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// destroy is the stack's Destroy, but for the wait until connections have ended
// in good form, TIME_WAIT included.
func (h *Host) destroy() {
	h.stack.Close()
	h.stack.TransportProtocolInstance(tcp.ProtocolNumber).Wait()
	h.clock.stop()
	_ = h.stack.RemoveNIC(cableNIC)
	_ = h.stack.RemoveNIC(loopbackNIC)
	h.port.Wait()
	for _, e := range append(h.stack.RegisteredEndpoints(), h.stack.CleanupEndpoints()...) {
		if ep, ok := e.(*tcp.Endpoint); ok {
			tcpip.DeleteDanglingEndpoint(ep) // a global variable has them
		}
	}
}
