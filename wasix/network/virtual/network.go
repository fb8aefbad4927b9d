// Package virtual is a TCP/IP network in memory. A [Network] joins any number
// of hosts, each with a name, addresses, a loopback interface and ports of its
// own; a [Host] is what a guest's sockets run on, and what a Go program dials and
// listens by. Nothing is opened on the machine that runs it.
//
// The protocols are those of gVisor's netstack: TCP, UDP and ICMP errors over
// IPv4 and IPv6, with multicast. Cables have a latency, a bandwidth and losses,
// and the network can be split, for tests of what programs do then.
package virtual

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Network joins hosts, which reach one another by their addresses. Its methods
// may be called concurrently.
type Network struct {
	config  config
	wire    wire
	gateway *Host
	turns   chan struct{} // of timers

	mu     sync.Mutex
	hosts  map[string]*Host
	closed bool
}

type config struct {
	prefixes    []netip.Prefix
	mtu         uint32
	seed        uint64
	minRTO      time.Duration
	maxRTO      time.Duration
	retries     uint64
	retransmits bool
	connects    time.Duration // 0: as long as the netstack does
	name        string
}

// Option changes what [New] makes.
type Option func(*config)

// WithPrefixes sets the prefixes that hosts get addresses of: one of each, in
// this order. The first address of a prefix is the gateway's. It is 10.0.0.0/16
// and fd00::/64 without.
func WithPrefixes(prefixes ...netip.Prefix) Option {
	return func(c *config) { c.prefixes = prefixes }
}

// WithMTU sets how many bytes a packet may have, from 1280 to 65535, which it is
// without. Loopback interfaces have their own.
func WithMTU(mtu int) Option {
	return func(c *config) { c.mtu = uint32(min(max(mtu, minMTU), maxMTU)) }
}

// WithName sets the name that guests plug into the network by, which is virtual
// without.
func WithName(name string) Option { return func(c *config) { c.name = name } }

// WithSeed makes losses the same ones in every run.
func WithSeed(seed uint64) Option { return func(c *config) { c.seed = seed } }

// WithRetransmission sets how TCP sends again what is not acknowledged: after
// first, then after twice the time each, up to longest, and retries times before
// it gives up. It is as on Linux without: 200 ms, 120 s, 15 times. Connecting has a
// time of its own: see [WithConnectTimeout].
func WithRetransmission(first, longest time.Duration, retries int) Option {
	return func(c *config) {
		c.minRTO, c.maxRTO, c.retries, c.retransmits = first, longest, uint64(max(retries, 1)), true
	}
}

// WithConnectTimeout sets after how long connecting to who does not answer ends with
// ETIMEDOUT: after d, which is more than 0, and after 127 s at the latest, as it does
// without and on Linux.
func WithConnectTimeout(d time.Duration) Option {
	return func(c *config) { c.connects = max(d, 1) }
}

const (
	minMTU = 1280 // of IPv6
	maxMTU = 65535
)

// GatewayName is the name of the host that the Network itself is.
const GatewayName = "gateway"

// New returns a network with no host but the gateway. Close frees it.
func New(opts ...Option) *Network {
	n := &Network{
		config: config{
			prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("fd00::/64")},
			mtu:      maxMTU,
			seed:     1,
			name:     "virtual",
		},
		turns: make(chan struct{}, runtime.GOMAXPROCS(0)),
		hosts: map[string]*Host{},
	}
	for _, o := range opts {
		o(&n.config)
	}
	n.wire.init(n.config)
	n.gateway = n.Host(GatewayName)
	return n
}

// Host returns the host of that name, which it makes when there is none. Upper
// and lower case are the same. Once the network is closed, or has no address
// left, the host is down: its Socket returns ENETDOWN.
func (n *Network) Host(name string) *Host {
	key := hostKey(name)
	n.mu.Lock()
	defer n.mu.Unlock()
	if h := n.hosts[key]; h != nil {
		return h
	}
	if n.closed {
		return &Host{network: n, name: name}
	}
	h := newHost(n, name)
	n.hosts[key] = h
	return h
}

func hostKey(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Gateway returns the host that the Network itself dials and listens as.
func (n *Network) Gateway() *Host { return n.gateway }

// DialContext connects the gateway to an address: see [Host.DialContext].
func (n *Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return n.gateway.DialContext(ctx, network, address)
}

// Listen listens on the gateway: see [Host.Listen].
func (n *Network) Listen(network, address string) (net.Listener, error) {
	return n.gateway.Listen(network, address)
}

// ListenPacket opens a datagram socket on the gateway: see [Host.ListenPacket].
func (n *Network) ListenPacket(network, address string) (net.PacketConn, error) {
	return n.gateway.ListenPacket(network, address)
}

// resolve returns the addresses of a host, ENOENT when there is none.
func (n *Network) resolve(name string) ([]netip.Addr, error) {
	n.mu.Lock()
	h := n.hosts[hostKey(name)]
	n.mu.Unlock()
	if h == nil {
		return nil, syscall.ENOENT
	}
	return h.Addrs(), nil
}

// Close closes all hosts. It waits for their goroutines, not for peers.
func (n *Network) Close() error {
	n.mu.Lock()
	n.closed = true
	hosts := make([]*Host, 0, len(n.hosts))
	for _, h := range n.hosts {
		hosts = append(hosts, h)
	}
	n.mu.Unlock()
	for _, h := range hosts {
		_ = h.Close()
	}
	return nil
}

// forget frees the name of a host that closes.
func (n *Network) forget(h *Host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if key := hostKey(h.name); n.hosts[key] == h {
		delete(n.hosts, key)
	}
}

// Partition splits the network: hosts in different groups no longer reach each
// other, and the hosts that no group names are one more group. Packets under way
// are lost. It replaces the last partition.
func (n *Network) Partition(groups ...[]*Host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range n.hosts {
		h.port.group.Store(int32(slices.IndexFunc(groups, func(g []*Host) bool { return slices.Contains(g, h) })))
	}
}

// Heal ends the partition.
func (n *Network) Heal() { n.Partition() }
