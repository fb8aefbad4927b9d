package network

import (
	"net/netip"
	"sync"

	"github.com/gowasix/gowasix/wasix/ready"
)

// Streams are granted once. Of datagrams, each is: from whom, and to whom.

// fromPool has the addresses of senders that the guest does not ask for.
var fromPool = sync.Pool{New: func() any { return new(Addr) }}

// Recvmsg drops datagrams whose senders may not reach the guest.
func (s *guardedSocket) Recvmsg(iovs [][]byte, flags MsgFlags, from *Addr) (int, MsgFlags, error) {
	if s.stream() {
		return s.Socket.Recvmsg(iovs, flags, from)
	}
	if from == nil {
		from = fromPool.Get().(*Addr)
		defer fromPool.Put(from)
	}
	for range maxRefused {
		n, out, err := s.receive(iovs, flags, from)
		if err != nil || s.receives(from.AddrPort) {
			return n, out, err
		}
		if flags&MsgPeek != 0 {
			s.drop(*from)
		}
	}
	return 0, 0, s.comeBack()
}

func (s *guardedSocket) receive(iovs [][]byte, flags MsgFlags, from *Addr) (int, MsgFlags, error) {
	if flags&MsgPeek == 0 {
		s.taking.RLock()
		defer s.taking.RUnlock()
	}
	return s.Socket.Recvmsg(iovs, flags, from)
}

// drop takes a datagram of sender's out of the way, unless another thread has done so
// since it was looked at: what comes next may be for the guest.
func (s *guardedSocket) drop(sender Addr) {
	s.taking.Lock()
	defer s.taking.Unlock()
	var next Addr
	if _, _, err := s.Socket.Recvmsg(nil, MsgPeek, &next); err == nil && next == sender {
		_, _, _ = s.Socket.Recvmsg(nil, 0, nil)
	}
}

// Available returns how many bytes can be read at once, after it has dropped
// datagrams that may not come in. A pending error is left to be received.
func (s *guardedSocket) Available() int {
	if !s.stream() && s.Socket.Ready(ready.In)&(ready.In|ready.Err) == ready.In {
		_, _, _ = s.Recvmsg(nil, MsgPeek, nil)
	}
	return Available(s.Socket)
}

// receives reports whether a datagram of sender may come in. A read that found
// the end has no sender.
func (s *guardedSocket) receives(sender netip.AddrPort) bool {
	if peer := s.peer.Load(); peer != nil && *peer == sender || !sender.IsValid() {
		return true
	}
	if s.met.has(sender) {
		return true
	}
	if !s.granted.Load() {
		r := Request{Use: UseRecvFrom, Addr: netip.AddrPortFrom(sender.Addr(), s.localPort())}
		err := s.guard.check(r)
		if err != nil && !s.guard.allows(UseSendTo, s.destination(sender)) {
			_ = s.guard.refuse(r, err)
			return false
		}
	}
	s.met.add(sender)
	return true
}

// localPort returns the port that the socket receives at.
func (s *guardedSocket) localPort() uint16 {
	if local := s.local.Load(); local != nil {
		return local.Port()
	}
	local, err := s.Socket.LocalAddr()
	if err != nil || s.portless {
		return 0
	}
	if local.Port() != 0 {
		s.local.Store(&local.AddrPort)
	}
	return local.Port()
}

// Sendmsg asks for the address of a datagram. Streams ignore addresses.
func (s *guardedSocket) Sendmsg(iovs [][]byte, to *Addr) (int, error) {
	if to != nil && to.IsValid() && !s.stream() {
		if err := s.asksToSend(to.AddrPort); err != nil {
			return 0, err
		}
	}
	return s.Socket.Sendmsg(iovs, to)
}

func (s *guardedSocket) asksToSend(to netip.AddrPort) error {
	to = s.destination(to)
	if s.met.has(to) && !s.guard.denies(UseSendTo, to) {
		return nil
	}
	return s.guard.askFor(UseSendTo, to)
}

// maxPeers is how many peers one socket remembers, and maxNames how many
// addresses a network does: enough for a busy server, and an end to a flood.
const (
	maxPeers = 1024
	maxNames = 4096
)

// peers are the senders whose datagrams came in. They may be answered.
type peers struct {
	mu  sync.Mutex
	set map[netip.AddrPort]struct{}
}

func (p *peers) has(addr netip.AddrPort) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.set[addr]
	return ok
}

func (p *peers) add(addr netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.set == nil {
		p.set = map[netip.AddrPort]struct{}{}
	}
	if len(p.set) >= maxPeers {
		for other := range p.set { // any: the map's order is random
			delete(p.set, other)
			break
		}
	}
	p.set[addr] = struct{}{}
}

// learned are the addresses of names that were looked up, with the ports that
// the names are granted.
type learned struct {
	mu    sync.RWMutex
	ports map[netip.Addr][]PortRange
	order []netip.Addr // oldest first
}

func (l *learned) add(ip netip.Addr, ports []PortRange) {
	ip, _ = effective(UseConnect, ip)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ports == nil {
		l.ports = map[netip.Addr][]PortRange{}
	}
	old, known := l.ports[ip]
	if !known {
		if len(l.order) == maxNames {
			delete(l.ports, l.order[0])
			l.order = append(l.order[:0], l.order[1:]...)
		}
		l.order = append(l.order, ip)
	}
	l.ports[ip] = union(old, ports)
}

// union returns a and what b adds to it: names share addresses.
func union(a, b []PortRange) []PortRange {
	for _, r := range b {
		known := false
		for _, have := range a {
			known = known || have == r
		}
		if !known {
			a = append(a[:len(a):len(a)], r)
		}
	}
	return a
}

func (l *learned) has(addr netip.AddrPort) bool {
	ip, _ := effective(UseConnect, addr.Addr())
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, r := range l.ports[ip] {
		if r.contains(addr.Port()) {
			return true
		}
	}
	return false
}
