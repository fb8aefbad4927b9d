package network

import (
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// givenListener is a listening socket over a net.Listener. Duplicates share the
// acceptor, and so the queue of connections.
type givenListener struct {
	noGroups
	acceptor *acceptor
	queue    ready.Queue
	options  givenOptions

	mu   sync.Mutex
	shut bool // until Listen is called again
}

// acceptor accepts from a net.Listener ahead of who wants the connections.
type acceptor struct {
	listener net.Listener
	local    Addr

	mu      sync.Mutex
	changed sync.Cond // pending, backlog or closed
	pending []net.Conn
	backlog int
	ended   bool // the listener gives no more
	sockets map[*givenListener]struct{}
}

// acceptPause is how long the acceptor waits after an error that may pass.
const acceptPause = 10 * time.Millisecond

func newGivenListener(l net.Listener) *givenListener {
	a := &acceptor{listener: l, local: addrOf(l.Addr()), backlog: maxUnixBacklog, sockets: map[*givenListener]struct{}{}}
	a.changed.L = &a.mu
	s := a.add()
	go a.run()
	return s
}

// add returns one more socket on the queue.
func (a *acceptor) add() *givenListener {
	s := &givenListener{acceptor: a, options: givenOptions{typ: abi.SockTypeStream, proto: abi.SockProtoTcp}}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sockets[s] = struct{}{}
	return s
}

// run accepts while there is room, until the listener is closed.
func (a *acceptor) run() {
	for a.awaitRoom() {
		c, err := a.listener.Accept()
		switch {
		case err == nil:
			a.push(c)
		case isTemporary(err):
			time.Sleep(acceptPause)
		default:
			a.mu.Lock()
			a.ended = true
			a.tell()
			a.mu.Unlock()
			return
		}
	}
}

func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// awaitRoom waits for a place in the queue: false when nobody is left.
func (a *acceptor) awaitRoom() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.pending) > a.backlog && len(a.sockets) > 0 {
		a.changed.Wait()
	}
	return len(a.sockets) > 0
}

func (a *acceptor) push(c net.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.sockets) == 0 {
		_ = c.Close()
		return
	}
	a.pending = append(a.pending, c)
	a.tell()
}

// tell wakes who waits for connections. a is locked.
func (a *acceptor) tell() {
	for s := range a.sockets {
		s.queue.Notify(ready.In)
	}
}

// pop returns the next connection, EAGAIN, or EINVAL when there will be none.
func (a *acceptor) pop() (net.Conn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.pending) == 0 {
		if a.ended {
			return nil, syscall.EINVAL
		}
		return nil, syscall.EAGAIN
	}
	c := a.pending[0]
	a.pending[0] = nil
	a.pending = a.pending[1:]
	a.changed.Signal()
	return c, nil
}

// putBack makes c the next connection again: the host had no descriptor for it.
func (a *acceptor) putBack(c net.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = slices.Insert(a.pending, 0, c)
	a.tell() // others may have found nothing meanwhile
}

func (a *acceptor) acceptable() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.pending) > 0 || a.ended
}

// remove takes s away. With the last socket the listener is closed, and the
// connections that nobody took.
func (a *acceptor) remove(s *givenListener) error {
	a.mu.Lock()
	delete(a.sockets, s)
	last := len(a.sockets) == 0
	var pending []net.Conn
	if last {
		pending, a.pending = a.pending, nil
		a.changed.Signal()
	}
	a.mu.Unlock()
	if !last {
		return nil
	}
	for _, c := range pending {
		_ = c.Close()
	}
	return syserror.Of(a.listener.Close())
}

func (s *givenListener) dup() (Socket, error) {
	d := s.acceptor.add()
	s.options.mu.Lock()
	defer s.options.mu.Unlock()
	d.options.set = maps.Clone(s.options.set)
	return d, nil
}

func (s *givenListener) Queue() *ready.Queue { return &s.queue }

func (s *givenListener) Ready(asked ready.Events) (ev ready.Events) {
	if s.isShut() {
		ev |= ready.Hup | asked&ready.In
	}
	if s.acceptor.acceptable() {
		ev |= asked & ready.In
	}
	return ev
}

func (s *givenListener) isShut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shut
}

func (s *givenListener) Type() (abi.AddressFamily, abi.SockType, abi.SockProto) {
	return s.acceptor.local.Family(), abi.SockTypeStream, abi.SockProtoTcp
}

// Bind returns EINVAL: bound.
func (s *givenListener) Bind(Addr) error { return syscall.EINVAL }

// Listen sets how many connections are accepted ahead.
func (s *givenListener) Listen(backlog int) error {
	if backlog < 0 || backlog > maxUnixBacklog {
		backlog = maxUnixBacklog
	}
	s.mu.Lock()
	s.shut = false
	s.mu.Unlock()
	a := s.acceptor
	a.mu.Lock()
	defer a.mu.Unlock()
	a.backlog = backlog
	a.changed.Signal()
	return nil
}

func (s *givenListener) Accept() (Socket, Addr, error) {
	if s.isShut() {
		return nil, Addr{}, syscall.EINVAL
	}
	c, err := s.acceptor.pop()
	if err != nil {
		return nil, Addr{}, err
	}
	family, _, _ := s.Type()
	socket, err := fromKernel(c)
	switch {
	case err == syscall.EMFILE || err == syscall.ENFILE:
		s.acceptor.putBack(c)
		return nil, Addr{}, err
	case err != nil:
		_ = c.Close()
		return nil, Addr{}, err
	case socket == nil:
		socket = newGivenConn(c, family)
	}
	peer, err := socket.PeerAddr()
	if err != nil {
		_ = socket.Close()
		return nil, Addr{}, syscall.ECONNABORTED
	}
	return socket, peer, nil
}

// Connect returns EISCONN, as for a listener of TCP.
func (s *givenListener) Connect(Addr) error { return syscall.EISCONN }

// Recvmsg returns ENOTCONN.
func (s *givenListener) Recvmsg([][]byte, MsgFlags, *Addr) (int, MsgFlags, error) {
	return 0, 0, syscall.ENOTCONN
}

// Sendmsg returns EPIPE, as for a listener of TCP.
func (s *givenListener) Sendmsg([][]byte, *Addr) (int, error) { return 0, syscall.EPIPE }

// Shutdown of the receiving half ends accepting until Listen is called again.
func (s *givenListener) Shutdown(how abi.Sdflags) error {
	if how&abi.SdflagsRd != 0 {
		s.mu.Lock()
		s.shut = true
		s.mu.Unlock()
		s.queue.Notify(all)
	}
	return nil
}

func (s *givenListener) LocalAddr() (Addr, error) { return s.acceptor.local, nil }

// PeerAddr returns ENOTCONN.
func (s *givenListener) PeerAddr() (Addr, error) { return Addr{}, syscall.ENOTCONN }

// TakeError returns nil.
func (s *givenListener) TakeError() error { return nil }

func (s *givenListener) Option(opt abi.SockOption) (int64, error) {
	return s.options.option(opt, !s.isShut())
}

func (s *givenListener) SetOption(opt abi.SockOption, value int64) error {
	return s.options.setOption(opt, value)
}

func (s *givenListener) Close() error {
	s.queue.Notify(ready.Closed)
	return s.acceptor.remove(s)
}
