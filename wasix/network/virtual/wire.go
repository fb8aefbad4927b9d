package virtual

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/gowasix/gowasix/wasix/network"
)

// wire carries packets between the ports of hosts, by their addresses.
type wire struct {
	mu      sync.RWMutex
	owners  map[tcpip.Address]*port
	plugged []*port                     // changed by copying only: flood reads it unlocked
	last    map[netip.Prefix]netip.Addr // the address that was leased last
	ports   int

	rngMu sync.Mutex
	rng   *rand.Rand
}

func (w *wire) init(c config) {
	w.owners = map[tcpip.Address]*port{}
	w.last = map[netip.Prefix]netip.Addr{}
	w.rng = rand.New(rand.NewPCG(c.seed, 0))
}

// plug makes p get packets, and gives it a number.
func (w *wire) plug(p *port) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ports++
	p.number = w.ports
	w.plugged = append(w.plugged, p)
}

// lease gives p a free address of a prefix, none when it has none left.
func (w *wire) lease(p *port, prefix netip.Prefix) netip.Prefix {
	w.mu.Lock()
	defer w.mu.Unlock()
	ip, ok := w.free(prefix)
	if !ok {
		return netip.Prefix{}
	}
	w.owners[stackAddr(ip)] = p
	return netip.PrefixFrom(ip, prefix.Bits())
}

// free finds an address that has no owner, starting after the last one.
func (w *wire) free(prefix netip.Prefix) (netip.Addr, bool) {
	first := prefix.Masked().Addr().Next()
	ip, ok := w.last[prefix]
	if !ok {
		ip = prefix.Masked().Addr()
	}
	for range len(w.owners) + 2 {
		ip = ip.Next()
		if !prefix.Contains(ip) || ip.Is4() && ip == lastAddr(prefix) {
			ip = first
		}
		if w.owners[stackAddr(ip)] == nil && prefix.Contains(ip) {
			w.last[prefix] = ip
			return ip, true
		}
	}
	return ip, false
}

// claim gives p an address, unless it has an owner.
func (w *wire) claim(p *port, ip netip.Addr) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.owners[stackAddr(ip)] != nil {
		return false
	}
	w.owners[stackAddr(ip)] = p
	return true
}

// release frees an address.
func (w *wire) release(ip netip.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.owners, stackAddr(ip))
}

// unplug frees all addresses of p.
func (w *wire) unplug(p *port) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for a, owner := range w.owners {
		if owner == p {
			delete(w.owners, a)
		}
	}
	w.plugged = slices.DeleteFunc(slices.Clone(w.plugged), func(other *port) bool { return other == p })
}

// hostOf returns the host that packets of h to an address are at at once, nil
// when there is none.
func (w *wire) hostOf(h *Host, a tcpip.Address) *Host {
	w.mu.RLock()
	owner := w.owners[a]
	w.mu.RUnlock()
	switch {
	case owner == nil && netAddr(a).IsLoopback() || owner == &h.port:
		return h
	case owner == nil || owner.cable.Load() != nil || h.port.cable.Load() != nil:
		return nil
	}
	return owner.host
}

// carry brings a packet to whom it is for. A packet for nobody is answered with
// an ICMP error.
func (w *wire) carry(from *port, pkt *stack.PacketBuffer) {
	if from.down.Load() {
		return
	}
	to := pkt.Network().DestinationAddress()
	if isMulticast(to) || from.isBroadcast(to) {
		w.flood(from, pkt)
		return
	}
	w.mu.RLock()
	owner := w.owners[to]
	w.mu.RUnlock()
	if owner == nil || owner.down.Load() {
		w.unreachable(from, pkt)
		return
	}
	w.pass(from, owner, pkt)
}

func isMulticast(a tcpip.Address) bool {
	return a.Len() == header.IPv4AddressSize && header.IsV4MulticastAddress(a) ||
		a.Len() == header.IPv6AddressSize && header.IsV6MulticastAddress(a)
}

// flood brings a packet to all other ports; hosts take what they have joined.
func (w *wire) flood(from *port, pkt *stack.PacketBuffer) {
	w.mu.RLock()
	ports := w.plugged
	w.mu.RUnlock()
	for _, p := range ports {
		if p != from {
			w.pass(from, p, pkt)
		}
	}
}

// pass lets a packet through two cables, if they do.
func (w *wire) pass(from, to *port, pkt *stack.PacketBuffer) {
	if from.down.Load() || to.down.Load() || from.group.Load() != to.group.Load() {
		return
	}
	a, b := from.cable.Load(), to.cable.Load()
	if a == nil && b == nil {
		to.receive(pkt)
		return
	}
	if w.loses(a) || w.loses(b) {
		return
	}
	delay, ok := from.sending.occupy(a, pkt.Size())
	if !ok {
		return
	}
	more, ok := to.receiving.occupy(b, pkt.Size())
	if !ok {
		return
	}
	to.receiveLater(pkt, delay+more)
}

func (w *wire) loses(c *Cable) bool {
	if c == nil || c.Loss <= 0 {
		return false
	}
	w.rngMu.Lock()
	defer w.rngMu.Unlock()
	return w.rng.Float64() < c.Loss
}

var _ network.Network = (*Host)(nil)
