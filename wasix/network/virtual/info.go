package virtual

import (
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"github.com/gowasix/gowasix/wasix/network"
)

// stateNames are the names of TCP's states, as ss(8) has them.
var stateNames = map[tcp.EndpointState]string{
	tcp.StateListen: "LISTEN", tcp.StateConnecting: "SYN-SENT", tcp.StateSynSent: "SYN-SENT", tcp.StateSynRecv: "SYN-RECV",
	tcp.StateEstablished: "ESTAB", tcp.StateFinWait1: "FIN-WAIT-1", tcp.StateFinWait2: "FIN-WAIT-2", tcp.StateTimeWait: "TIME-WAIT",
	tcp.StateCloseWait: "CLOSE-WAIT", tcp.StateLastAck: "LAST-ACK", tcp.StateClosing: "CLOSING",
}

// Info returns what the socket tells of itself: see [network.InfoOf].
func (s *stream) Info() network.Info {
	i := network.Info{State: "UNCONN", RecvQueue: s.Available(), BytesOut: s.sent.Load()}
	i.BytesIn = s.received.Load() + uint64(i.RecvQueue)
	i.Local, _ = s.LocalAddr()
	i.Peer, _ = s.PeerAddr()
	if name, ok := stateNames[s.tcp()]; ok {
		i.State = name
	}
	if s.state.Load() == listening {
		s.mu.Lock()
		defer s.mu.Unlock()
		i.SendQueue = s.backlog - 1 // see Listen
	}
	return i
}
