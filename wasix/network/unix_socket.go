package network

import (
	"net/netip"
	"sync/atomic"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// unixSocket is one AF_UNIX socket. What it sends goes straight into its peer's
// queue.
type unixSocket struct {
	ns     *namespace
	typ    abi.SockType
	queue  ready.Queue
	in     unixQueue
	name   atomic.Pointer[Addr]       // nil: unnamed
	peer   atomic.Pointer[unixSocket] // of a stream: kept when the peer closes
	state  atomic.Uint32
	shut   atomic.Uint32 // abi.Sdflags, by this side or the peer
	closed atomic.Bool
	opts   unixOptions

	// Guarded by ns.mu, as are changes of name, peer and state.
	backlog int
	pending []*unixSocket            // connections to accept
	wanting map[*unixSocket]struct{} // sockets that wait for a place in it
}

const (
	unixOpen uint32 = iota
	unixListening
	unixConnected
)

// maxUnixBacklog is net.core.somaxconn.
const maxUnixBacklog = 4096

// all is what a change of state may make true.
const all = ready.In | ready.Out | ready.RdHup | ready.Hup

var unnamed = Addr{Unix: true}

func newUnixSocket(ns *namespace, typ abi.SockType) *unixSocket {
	s := &unixSocket{ns: ns, typ: typ}
	s.opts.init()
	return s
}

// join makes p the peer of s. ns is locked.
func (s *unixSocket) join(p *unixSocket) {
	s.peer.Store(p)
	s.state.Store(unixConnected)
}

func (s *unixSocket) datagrams() bool { return s.typ == abi.SockTypeDgram }

func (s *unixSocket) isShut(how abi.Sdflags) bool { return abi.Sdflags(s.shut.Load())&how != 0 }

func (s *unixSocket) Type() (abi.AddressFamily, abi.SockType, abi.SockProto) {
	return abi.AddressFamilyUnix, s.typ, 0
}

func (s *unixSocket) Queue() *ready.Queue { return &s.queue }

// Ready returns the levels as poll(2) has them for unix(7).
func (s *unixSocket) Ready(asked ready.Events) ready.Events {
	ev, ended := s.in.level()
	if ended && s.isShut(abi.SdflagsWr) {
		ev |= ready.Hup
	}
	switch state := s.state.Load(); {
	case state == unixListening:
		if s.acceptable() {
			ev |= ready.In
		}
	case state == unixOpen && !s.datagrams():
		ev |= ready.Out | ready.Hup
	default:
		ev |= s.roomAtPeer(asked)
	}
	return ev & (asked | ready.Err | ready.Hup)
}

func (s *unixSocket) roomAtPeer(asked ready.Events) ready.Events {
	p := s.peer.Load()
	if asked&ready.Out == 0 || p != nil && !p.in.room(s) {
		return 0
	}
	return ready.Out
}

func (s *unixSocket) acceptable() bool {
	s.ns.mu.Lock()
	defer s.ns.mu.Unlock()
	return len(s.pending) > 0
}

// Available returns how many bytes can be read at once (FIONREAD).
func (s *unixSocket) Available() int { return s.in.available(s.datagrams()) }

func (s *unixSocket) Bind(addr Addr) error {
	if !addr.Unix {
		return syscall.EINVAL
	}
	s.ns.mu.Lock()
	defer s.ns.mu.Unlock()
	return s.ns.bind(s, addr.Path)
}

func (s *unixSocket) Listen(backlog int) error {
	if s.datagrams() {
		return syscall.EOPNOTSUPP
	}
	if backlog < 0 || backlog > maxUnixBacklog {
		backlog = maxUnixBacklog
	}
	s.ns.mu.Lock()
	defer s.ns.mu.Unlock()
	if s.name.Load() == nil || s.state.Load() == unixConnected {
		return syscall.EINVAL
	}
	s.backlog = backlog
	s.state.Store(unixListening)
	s.tellWanting()
	return nil
}

// tellWanting wakes those who found the backlog full. ns is locked.
func (s *unixSocket) tellWanting() {
	for c := range s.wanting {
		c.queue.Notify(ready.Out)
	}
	clear(s.wanting)
}

func (s *unixSocket) Accept() (Socket, Addr, error) {
	if s.datagrams() {
		return nil, Addr{}, syscall.EOPNOTSUPP
	}
	s.ns.mu.Lock()
	defer s.ns.mu.Unlock()
	switch {
	case s.state.Load() != unixListening:
		return nil, Addr{}, syscall.EINVAL
	case len(s.pending) > 0:
		c := s.pending[0]
		s.pending[0] = nil
		s.pending = s.pending[1:]
		s.tellWanting()
		return c, c.peer.Load().address(), nil
	case s.isShut(abi.SdflagsRd):
		return nil, Addr{}, syscall.EINVAL
	}
	return nil, Addr{}, syscall.EAGAIN
}

func (s *unixSocket) Connect(addr Addr) error {
	s.ns.mu.Lock()
	defer s.ns.mu.Unlock()
	if s.datagrams() {
		return s.connectDatagrams(addr)
	}
	l, err := s.ns.find(addr, s.typ)
	switch {
	case err != nil:
		return err
	case l.state.Load() != unixListening || l.isShut(abi.SdflagsRd):
		return syscall.ECONNREFUSED
	case len(l.pending) > l.backlog:
		l.letWait(s)
		return syscall.EAGAIN
	}
	switch s.state.Load() {
	case unixConnected:
		return syscall.EISCONN
	case unixListening:
		return syscall.EINVAL
	}
	c := newUnixSocket(s.ns, s.typ)
	c.name.Store(l.name.Load())
	c.join(s)
	s.join(c)
	l.pending = append(l.pending, c)
	l.queue.Notify(ready.In)
	s.queue.Notify(ready.Out)
	return nil
}

// letWait makes c hear of a place in the backlog. ns is locked.
func (s *unixSocket) letWait(c *unixSocket) {
	if s.wanting == nil {
		s.wanting = map[*unixSocket]struct{}{}
	}
	if len(s.wanting) >= maxWanted {
		for other := range s.wanting {
			if other.closed.Load() {
				delete(s.wanting, other)
			}
		}
	}
	s.wanting[c] = struct{}{}
}

// connectDatagrams sets or dissolves the association. ns is locked.
func (s *unixSocket) connectDatagrams(addr Addr) error {
	var p *unixSocket
	if addr != (Addr{}) {
		var err error
		if p, err = s.ns.find(addr, s.typ); err != nil {
			return err
		}
		if !p.takesFrom(s) {
			return syscall.EPERM
		}
	}
	old := s.peer.Swap(p)
	if p == nil {
		s.state.Store(unixOpen)
	} else {
		s.state.Store(unixConnected)
	}
	if old != nil && old != p {
		s.disconnected(old)
	}
	return nil
}

// takesFrom reports whether datagrams of other may come in.
func (s *unixSocket) takesFrom(other *unixSocket) bool {
	p := s.peer.Load()
	return p == nil || p == other
}

// disconnected drops what came before the peer changed. If that was anything,
// the old one gets to know, provided that it still thinks of s as its peer.
func (s *unixSocket) disconnected(old *unixSocket) {
	lost, waiting := s.in.purge()
	notify(waiting, ready.Out)
	if lost && old.peer.Load() == s && !old.closed.Load() {
		old.in.fail(syscall.ECONNRESET)
		old.queue.Notify(ready.In | ready.Err)
	}
}

func (s *unixSocket) address() Addr {
	if a := s.name.Load(); a != nil {
		return *a
	}
	return unnamed
}

func (s *unixSocket) LocalAddr() (Addr, error) { return s.address(), nil }

func (s *unixSocket) PeerAddr() (Addr, error) {
	if p := s.peer.Load(); p != nil {
		return p.address(), nil
	}
	return Addr{}, syscall.ENOTCONN
}

// Shutdown succeeds without a connection, too, as it does on Linux.
func (s *unixSocket) Shutdown(how abi.Sdflags) error {
	if how == 0 || how&^(abi.SdflagsRd|abi.SdflagsWr) != 0 {
		return syscall.EINVAL
	}
	s.shut.Or(uint32(how))
	if how&abi.SdflagsRd != 0 {
		notify(s.in.end(nil), ready.Out)
	}
	if p := s.peer.Load(); p != nil && !s.datagrams() {
		p.shutByPeer(how, nil)
	}
	s.queue.Notify(all)
	return nil
}

// shutByPeer ends what the peer has ended from its side, with err pending.
func (s *unixSocket) shutByPeer(how abi.Sdflags, err error) {
	if how&abi.SdflagsRd != 0 {
		s.shut.Or(uint32(abi.SdflagsWr))
	}
	if how&abi.SdflagsWr != 0 {
		s.shut.Or(uint32(abi.SdflagsRd))
		notify(s.in.end(err), ready.Out)
	}
	s.queue.Notify(all)
}

func (s *unixSocket) TakeError() error { return s.in.takeError() }

// JoinGroup returns EOPNOTSUPP.
func (s *unixSocket) JoinGroup(_, _ netip.Addr, _ uint32) error { return syscall.EOPNOTSUPP }

// LeaveGroup returns EOPNOTSUPP.
func (s *unixSocket) LeaveGroup(_, _ netip.Addr, _ uint32) error { return syscall.EOPNOTSUPP }

// Close gives the name back. A peer of a stream finds the end, after
// ECONNRESET if s has not read all or was never accepted.
func (s *unixSocket) Close() error {
	s.ns.mu.Lock()
	if a := s.name.Load(); a != nil && s.ns.names[a.Path] == s {
		delete(s.ns.names, a.Path)
	}
	s.closed.Store(true)
	pending := s.pending
	s.pending = nil
	s.tellWanting()
	s.ns.mu.Unlock()
	for _, c := range pending {
		c.closed.Store(true)
		c.hangUp(true)
	}
	s.hangUp(false)
	s.queue.Notify(ready.Closed)
	return nil
}

// hangUp closes the queue of s and tells everybody concerned.
func (s *unixSocket) hangUp(reset bool) {
	unread, waiting := s.in.close()
	if p := s.peer.Load(); p != nil && !s.datagrams() {
		var err error
		if unread || reset {
			err = syscall.ECONNRESET
		}
		p.shutByPeer(abi.SdflagsRd|abi.SdflagsWr, err)
	}
	notify(waiting, all)
}
