package network

import (
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// Recvmsg receives what the peers have put into the queue. A connection that is
// none yet is EINVAL for streams and ENOTCONN for seqpackets, as on Linux.
func (s *unixSocket) Recvmsg(iovs [][]byte, flags MsgFlags, from *Addr) (int, MsgFlags, error) {
	stream := s.typ == abi.SockTypeStream
	if s.state.Load() != unixConnected {
		switch s.typ {
		case abi.SockTypeStream:
			return 0, 0, syscall.EINVAL
		case abi.SockTypeSeqpacket:
			return 0, 0, syscall.ENOTCONN
		}
	}
	if stream && from != nil {
		*from = s.peer.Load().address() // unless nothing comes
	}
	n, out, heard, err := s.in.pop(stream, iovs, flags, from)
	if err != nil {
		return 0, 0, err
	}
	notify(heard, ready.Out)
	return n, out, nil
}

// Sendmsg puts iovs into the queue of the receiver.
func (s *unixSocket) Sendmsg(iovs [][]byte, to *Addr) (int, error) {
	switch s.typ {
	case abi.SockTypeStream:
		return s.sendBytes(iovs, to)
	case abi.SockTypeSeqpacket:
		return s.sendPacket(iovs)
	}
	return s.sendDatagram(iovs, to)
}

func (s *unixSocket) sendBytes(iovs [][]byte, to *Addr) (int, error) {
	p := s.peer.Load()
	switch {
	case to != nil && p != nil:
		return 0, syscall.EISCONN
	case to != nil:
		return 0, syscall.EOPNOTSUPP
	case p == nil:
		return 0, syscall.ENOTCONN
	case s.isShut(abi.SdflagsWr):
		return 0, syscall.EPIPE
	}
	n, err := p.in.pushBytes(s, iovs, s.opts.sendBuffer())
	if n > 0 {
		p.queue.Notify(ready.In)
	}
	return n, err
}

func (s *unixSocket) sendPacket(iovs [][]byte) (int, error) {
	if err := s.in.takeError(); err != nil {
		return 0, err
	}
	p := s.peer.Load()
	if p == nil {
		return 0, syscall.ENOTCONN
	}
	n, err := s.sendMessage(p, iovs)
	if err == syscall.ECONNREFUSED {
		err = syscall.EPIPE
	}
	return n, err
}

func (s *unixSocket) sendDatagram(iovs [][]byte, to *Addr) (int, error) {
	if err := s.in.takeError(); err != nil {
		return 0, err
	}
	p := s.peer.Load()
	switch {
	case s.isShut(abi.SdflagsWr):
		return 0, syscall.EPIPE
	case to == nil && p == nil:
		return 0, syscall.ENOTCONN
	}
	if to != nil {
		var err error
		if p, err = s.lookUp(*to); err != nil {
			return 0, err
		}
	}
	if !p.closed.Load() && !p.takesFrom(s) {
		return 0, syscall.EPERM
	}
	n, err := s.sendMessage(p, iovs)
	if err == syscall.ECONNREFUSED && to == nil {
		s.forget(p)
	}
	return n, err
}

func (s *unixSocket) lookUp(addr Addr) (*unixSocket, error) {
	s.ns.mu.Lock()
	defer s.ns.mu.Unlock()
	return s.ns.find(addr, s.typ)
}

// forget dissolves the association with p, which is closed.
func (s *unixSocket) forget(p *unixSocket) {
	s.ns.mu.Lock()
	defer s.ns.mu.Unlock()
	if s.peer.CompareAndSwap(p, nil) {
		s.state.Store(unixOpen)
		s.disconnected(p)
	}
}

func (s *unixSocket) sendMessage(p *unixSocket, iovs [][]byte) (int, error) {
	size, limit := 0, s.opts.sendBuffer()
	for _, b := range iovs {
		size += len(b)
	}
	switch {
	case size > limit-32: // as Linux
		return 0, syscall.EMSGSIZE
	case s.isShut(abi.SdflagsWr):
		return 0, syscall.EPIPE
	}
	if err := p.in.pushMessage(s, iovs, size, limit); err != nil {
		return 0, err
	}
	p.queue.Notify(ready.In)
	return size, nil
}
