package virtual

import (
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"

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
		i.RecvQueue = s.ep().waiting.length()
		i.SendQueue = s.backlog - 1 // see Listen
	}
	return i
}

// waiting counts the connections in the queue of an endpoint that listens, whose
// length the netstack keeps to itself: it notifies of each that comes.
type waiting struct {
	entry waiter.Entry
	n     atomic.Int64 // less than there are, and even -1, for a moment
}

// count starts to count, before the endpoint listens.
func (w *waiting) count(events *waiter.Queue) {
	w.entry.Init(w, waiter.ReadableEvents|waiter.WritableEvents)
	events.EventRegister(&w.entry)
}

// NotifyEvent is called by the netstack. What becomes readable alone is a connection
// that came; at the listener's end it becomes everything.
func (w *waiting) NotifyEvent(mask waiter.EventMask) {
	if mask == waiter.ReadableEvents {
		w.n.Add(1)
	}
}

// length returns how many connections wait.
func (w *waiting) length() int { return max(int(w.n.Load()), 0) }
