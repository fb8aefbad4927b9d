package virtual

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// port is the end of a host's cable: a link of its stack without link headers.
type port struct {
	host       *Host
	wire       *wire
	mtu        atomic.Uint32
	number     int // tells ports apart in MAC addresses
	dispatcher atomic.Pointer[stack.NetworkDispatcher]
	down       atomic.Bool  // the cable is unplugged
	group      atomic.Int32 // of a partition; -1 is that of all others
	cable      atomic.Pointer[Cable]
	sending    lane
	receiving  lane
	late       late

	mu         sync.RWMutex
	broadcasts []netip.Addr // of the prefixes
}

func (p *port) init(h *Host) {
	p.host, p.wire = h, &h.network.wire
	p.mtu.Store(h.network.config.mtu)
	p.group.Store(-1)
	p.late.port = p
}

// mac returns a locally administered address.
func (p *port) mac() net.HardwareAddr {
	return net.HardwareAddr{0x02, 0, 0, byte(p.number >> 16), byte(p.number >> 8), byte(p.number)}
}

// isBroadcast reports whether a is for all hosts.
func (p *port) isBroadcast(a tcpip.Address) bool {
	ip := netAddr(a)
	if !ip.Is4() {
		return false
	}
	if ip == broadcast {
		return true
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, b := range p.broadcasts {
		if b == ip {
			return true
		}
	}
	return false
}

// receive gives the stack a packet of its own with the same bytes.
func (p *port) receive(pkt *stack.PacketBuffer) {
	if d := p.dispatcher.Load(); d != nil {
		in := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: pkt.ToBuffer()})
		(*d).DeliverNetworkPacket(pkt.NetworkProtocolNumber, in)
		in.DecRef()
	}
}

// WritePackets is called by the stack to send. What is lost is sent, too.
func (p *port) WritePackets(pkts stack.PacketBufferList) (int, tcpip.Error) {
	for _, pkt := range pkts.AsSlice() {
		p.wire.carry(p, pkt)
	}
	return pkts.Len(), nil
}

// Attach is called with nil when the stack lets go of the port.
func (p *port) Attach(d stack.NetworkDispatcher) {
	if d == nil {
		p.dispatcher.Store(nil)
		p.late.drop()
		return
	}
	p.dispatcher.Store(&d)
}

// IsAttached reports whether a stack has the port.
func (p *port) IsAttached() bool { return p.dispatcher.Load() != nil }

// MTU returns how many bytes a packet may have.
func (p *port) MTU() uint32 { return p.mtu.Load() }

// SetMTU changes the MTU.
func (p *port) SetMTU(mtu uint32) { p.mtu.Store(mtu) }

// Capabilities tells that packets are not garbled on the way.
func (*port) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityRXChecksumOffload | stack.CapabilityTXChecksumOffload
}

// MaxHeaderLength returns 0: there is no link header.
func (*port) MaxHeaderLength() uint16 { return 0 }

// LinkAddress returns the MAC address.
func (p *port) LinkAddress() tcpip.LinkAddress { return tcpip.LinkAddress(p.mac()) }

// SetLinkAddress does nothing: the address is the network's.
func (*port) SetLinkAddress(tcpip.LinkAddress) {}

// ARPHardwareType tells that nobody needs ARP here.
func (*port) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }

// AddHeader does nothing.
func (*port) AddHeader(*stack.PacketBuffer) {}

// ParseHeader does nothing.
func (*port) ParseHeader(*stack.PacketBuffer) bool { return true }

// Wait waits until no late packet is being delivered.
func (p *port) Wait() { p.late.wait() }

// Close drops what is under way.
func (p *port) Close() { p.late.drop() }

// SetOnCloseAction does nothing.
func (*port) SetOnCloseAction(func()) {}
