package network

// Info is what a socket tells of itself, as ss(8) shows it. Byte counts are 0
// where the network keeps none: they are kept for TCP only. A virtual network does
// not tell what peers have not got.
type Info struct {
	Local, Peer Addr // zero where there is none
	// State is "LISTEN", "ESTAB", "SYN-SENT", ... as ss has it, "" where the
	// network does not tell.
	State string
	// RecvQueue is bytes that can be received, or connections that wait on a
	// listener; SendQueue is bytes that the peer has not got, or the backlog.
	RecvQueue, SendQueue int
	BytesIn, BytesOut    uint64
}

// InfoOf returns what s tells of itself, by a method Info where it has one. It may
// be called at any time before Close, and concurrently. It costs some system calls.
func InfoOf(s Socket) (i Info) {
	if t, ok := s.(interface{ Info() Info }); ok {
		return t.Info()
	}
	return addrInfo(s)
}

// addrInfo returns the addresses of s and what can be read at once.
func addrInfo(s Socket) (i Info) {
	i.Local, _ = s.LocalAddr()
	i.Peer, _ = s.PeerAddr()
	i.RecvQueue = Available(s)
	return i
}

func (s *guardedSocket) Info() Info {
	i := InfoOf(s.Socket)
	if !i.Local.Unix {
		i.Local, _ = s.LocalAddr()
	}
	return i
}

func (s *publishedSocket) Info() Info {
	i := InfoOf(s.Socket)
	if !i.Local.Unix {
		i.Local, _ = s.LocalAddr()
	}
	return i
}

func (s *givenListener) Info() Info {
	i := addrInfo(s)
	s.acceptor.mu.Lock()
	defer s.acceptor.mu.Unlock()
	i.RecvQueue, i.SendQueue = len(s.acceptor.pending), s.acceptor.backlog
	return i
}

func (c *givenConn) Info() Info {
	i := addrInfo(c)
	if outer := c.unixSocket.peer.Load(); outer != nil {
		i.SendQueue = outer.Available()
	}
	return i
}

func (s *unixSocket) Info() Info {
	i := addrInfo(s)
	switch {
	case s.state.Load() == unixListening:
		s.ns.mu.Lock()
		defer s.ns.mu.Unlock()
		i.RecvQueue, i.SendQueue = len(s.pending), s.backlog
	case !s.datagrams():
		if p := s.peer.Load(); p != nil {
			i.SendQueue = p.Available()
		}
	}
	return i
}
