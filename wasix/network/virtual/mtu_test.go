package virtual

import (
	"io"
	"sync/atomic"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// measured notes the size of the largest packet that a host gets.
type measured struct {
	stack.NetworkDispatcher
	largest atomic.Int64
}

func (m *measured) DeliverNetworkPacket(protocol tcpip.NetworkProtocolNumber, pkt *stack.PacketBuffer) {
	for size := int64(pkt.Size()); ; {
		if old := m.largest.Load(); old >= size || m.largest.CompareAndSwap(old, size) {
			break
		}
	}
	m.NetworkDispatcher.DeliverNetworkPacket(protocol, pkt)
}

// Packets of streams and pieces of datagrams are hardly shorter than the MTU, and
// never longer.
func TestMTU(t *testing.T) {
	for _, mtu := range []int{1280, 9000} {
		for _, proto := range []string{"tcp4", "tcp6", "udp4", "udp6"} {
			n := New(WithMTU(mtu))
			server := n.Host("server")
			m := &measured{NetworkDispatcher: *server.port.dispatcher.Load()}
			wrapped := stack.NetworkDispatcher(m)
			server.port.dispatcher.Store(&wrapped)
			if err := sendMuch(n, proto); err != nil {
				t.Errorf("%s: %v", proto, err)
			}
			// The stack keeps room for the most options that a segment may have, and
			// cuts datagrams at multiples of 8 bytes.
			if got := m.largest.Load(); got > int64(mtu) || got < int64(mtu)-40 {
				t.Errorf("%s: packets of up to %d bytes with an MTU of %d", proto, got, mtu)
			}
			_ = n.Close()
		}
	}
}

// sendMuch sends 60,000 bytes to the server, which has them when it returns.
func sendMuch(n *Network, proto string) error {
	const size = 60000
	server, client := n.Host("server"), n.Host("client")
	if proto[:3] == "udp" {
		p, err := server.ListenPacket(proto, ":9")
		if err != nil {
			return err
		}
		defer p.Close()
		c, err := client.Dial(proto, "server:9")
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.Write(make([]byte, size)); err != nil {
			return err
		}
		_, _, err = p.ReadFrom(make([]byte, size))
		return err
	}
	l, err := server.Listen(proto, ":9")
	if err != nil {
		return err
	}
	defer l.Close()
	c, err := client.Dial(proto, "server:9")
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := c.Write(make([]byte, size)); err != nil { // it fits into the buffers
		return err
	}
	_, err = io.ReadFull(s, make([]byte, size))
	return err
}
