package virtual

import (
	"net/netip"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// How much of the packet in question an ICMP error carries: its header and the
// ports, or for IPv6 as much as fits into the least MTU.
const (
	quoted4 = header.IPv4MaximumHeaderSize + 8
	quoted6 = minMTU - header.IPv6MinimumSize - header.ICMPv6DstUnreachableMinimumSize
)

// What errors come from: addresses that no host has (RFC 7600, RFC 6666).
var (
	router4 = netip.AddrFrom4([4]byte{192, 0, 0, 8})
	router6 = netip.MustParseAddr("100::8")
)

// unreachable answers a packet for an address that nobody has with an ICMP
// error. The stack that sends holds locks, so it gets the answer later.
func (w *wire) unreachable(from *port, pkt *stack.PacketBuffer) {
	source := netAddr(pkt.Network().SourceAddress())
	original := pkt.ToView()
	defer original.Release()
	var answer []byte
	switch {
	case pkt.NetworkProtocolNumber == header.IPv4ProtocolNumber && source.Is4():
		answer = unreachable4(source, original.AsSlice())
	case pkt.NetworkProtocolNumber == header.IPv6ProtocolNumber && source.Is6():
		answer = unreachable6(source, original.AsSlice())
	}
	if answer == nil {
		return
	}
	reply := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(answer)})
	reply.NetworkProtocolNumber = pkt.NetworkProtocolNumber
	from.receiveLater(reply, 0)
	reply.DecRef()
}

// unreachable4 returns an ICMP error about a packet, to its source, nil when
// there is to be none: about errors, and fragments after the first.
func unreachable4(source netip.Addr, packet []byte) []byte {
	ip := header.IPv4(packet)
	if ip.FragmentOffset() != 0 || ip.TransportProtocol() == header.ICMPv4ProtocolNumber {
		return nil
	}
	quote := packet[:min(len(packet), quoted4)]
	b := make([]byte, header.IPv4MinimumSize+header.ICMPv4MinimumSize+len(quote))
	out := header.IPv4(b)
	out.Encode(&header.IPv4Fields{
		TotalLength: uint16(len(b)),
		TTL:         64,
		Protocol:    uint8(header.ICMPv4ProtocolNumber),
		SrcAddr:     wireAddr(router4),
		DstAddr:     wireAddr(source),
	})
	out.SetChecksum(^out.CalculateChecksum())
	icmp := header.ICMPv4(b[header.IPv4MinimumSize:])
	icmp.SetType(header.ICMPv4DstUnreachable)
	icmp.SetCode(header.ICMPv4HostUnreachable)
	copy(icmp[header.ICMPv4MinimumSize:], quote)
	icmp.SetChecksum(^checksum.Checksum(icmp, 0))
	return b
}

// unreachable6 is unreachable4 for IPv6. It tells of the network: the netstack
// does not listen to errors about hosts.
func unreachable6(source netip.Addr, packet []byte) []byte {
	if header.IPv6(packet).TransportProtocol() == header.ICMPv6ProtocolNumber {
		return nil
	}
	quote := packet[:min(len(packet), quoted6)]
	b := make([]byte, header.IPv6MinimumSize+header.ICMPv6DstUnreachableMinimumSize+len(quote))
	icmp := header.ICMPv6(b[header.IPv6MinimumSize:])
	header.IPv6(b).Encode(&header.IPv6Fields{
		PayloadLength:     uint16(len(icmp)),
		TransportProtocol: header.ICMPv6ProtocolNumber,
		HopLimit:          64,
		SrcAddr:           wireAddr(router6),
		DstAddr:           wireAddr(source),
	})
	icmp.SetType(header.ICMPv6DstUnreachable)
	icmp.SetCode(header.ICMPv6NetworkUnreachable)
	copy(icmp[header.ICMPv6DstUnreachableMinimumSize:], quote)
	icmp.SetChecksum(header.ICMPv6Checksum(header.ICMPv6ChecksumParams{
		Header: icmp, Src: wireAddr(router6), Dst: wireAddr(source),
	}))
	return b
}
