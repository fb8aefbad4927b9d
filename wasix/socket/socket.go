// Package socket is the socket table: sockets as POSIX describes them, with
// their states, timeouts and blocking calls, on any network of package network.
//
// A [Socket] is a descriptor.File; its descriptor and the status flags are kept
// by package descriptor. Operations that may block take the description they
// are made through and the waiter of the calling thread. A blocked operation
// ends with
//   - EINTR when the waiter is interrupted,
//   - EBADF when the last descriptor of the socket is closed,
//   - EAGAIN, as on Linux, when a timeout set by SO_RCVTIMEO or its like passes;
//
// what was transferred before counts: then the count is returned instead.
//
// Nothing here knows guests or engines. Errors are syscall.Errno values with
// their Linux meaning, and all methods may be called concurrently.
package socket

import (
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// Rights are the rights of a new socket's descriptor: all that a socket can do.
const Rights = abi.RightsFdRead | abi.RightsFdWrite | abi.RightsFdFdstatSetFlags |
	abi.RightsFdFilestatGet | abi.RightsPollFdReadwrite |
	abi.RightsSockShutdown | abi.RightsSockAccept | abi.RightsSockConnect |
	abi.RightsSockListen | abi.RightsSockBind | abi.RightsSockRecv | abi.RightsSockSend |
	abi.RightsSockAddrLocal | abi.RightsSockAddrRemote |
	abi.RightsSockRecvFrom | abi.RightsSockSendTo

// Socket is one open socket.
type Socket struct {
	net    network.Socket
	desc   descriptor.Description // see Description
	family abi.AddressFamily
	typ    abi.SockType
	state  atomic.Uint32
	// pending is an error that was taken from the network when it could not be
	// reported: after part of a transfer, or to a poll. The next call reports it.
	pending atomic.Uintptr
	polling sync.Mutex // held while pending is beingPolled

	// In nanoseconds; 0 is none.
	recvTimeout, sendTimeout, connectTimeout, acceptTimeout atomic.Uint64

	lowat atomic.Int64 // RECV_LOWAT; 0 and 1 are the same
	// readShut: receiving was shut down, which ends waits for datagrams, though a
	// receive that does not wait finds nothing.
	readShut atomic.Bool
	lingers  atomic.Bool // LINGER is on, and not 0
}

// beingPolled is in pending while a poll takes an error from the network: who does not
// find it there waits until it is known, and does not take its end for another.
const beingPolled = ^uintptr(0)

// The states of a socket. A bound one is still open: the network knows.
const (
	stateOpen uint32 = iota
	stateListening
	stateConnecting
	stateConnected
	stateFailed // the last attempt to connect failed
	stateGiven  // a listener that was handed over
)

// kernelSocket is a Socket that the kernel's poll(2) can tell about.
type kernelSocket struct {
	Socket
	ready.SysSource
}

// The methods that both parts of a kernelSocket have.

func (k *kernelSocket) Arm() error                            { return k.SysSource.Arm() }
func (k *kernelSocket) Queue() *ready.Queue                   { return k.net.Queue() }
func (k *kernelSocket) Ready(asked ready.Events) ready.Events { return k.Socket.Ready(asked) }

// Pending returns Err while the socket keeps an error that the kernel told, and
// that a listener was given away.
func (k *kernelSocket) Pending() ready.Events {
	ev := k.given()
	if k.postponed() {
		ev |= ready.Err
	}
	return ev
}

// Open opens a socket on n, as socket(2). Errors are those of
// [network.Network.Socket].
func Open(n network.Network, family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (*Socket, error) {
	c, err := n.Socket(family, typ, proto)
	if err != nil {
		return nil, err
	}
	return newSocket(c, stateOpen), nil
}

// Pair opens two connected sockets, as socketpair(2). Returns EOPNOTSUPP when n
// makes no pairs.
func Pair(n network.Network, typ abi.SockType) (a, b *Socket, err error) {
	p, ok := n.(network.Pairer)
	if !ok {
		return nil, nil, syscall.EOPNOTSUPP
	}
	ca, cb, err := p.Pair(typ)
	if err != nil {
		return nil, nil, err
	}
	return newSocket(ca, stateConnected), newSocket(cb, stateConnected), nil
}

// New returns the socket over c, which may be listening or connected already.
func New(c network.Socket) *Socket {
	state := stateOpen
	if on, err := c.Option(abi.SockOptionListening); err == nil && on != 0 {
		state = stateListening
	} else if _, err := c.PeerAddr(); err == nil {
		state = stateConnected
	}
	s := newSocket(c, state)
	if n, err := c.Option(abi.SockOptionRecvLowat); err == nil {
		s.lowat.Store(n)
	}
	if d, err := c.Option(abi.SockOptionLinger); err == nil {
		s.lingers.Store(d > 0)
	}
	return s
}

func newSocket(c network.Socket, state uint32) *Socket {
	var s *Socket
	if sys, ok := c.(ready.SysSource); ok {
		k := &kernelSocket{SysSource: sys}
		s = &k.Socket
		s.desc.File = k
	} else {
		s = &Socket{}
		s.desc.File = s
	}
	s.net = c
	s.family, s.typ, _ = c.Type()
	s.state.Store(state)
	return s
}

// Of returns the socket that f is, nil when it is something else.
func Of(f descriptor.File) *Socket {
	switch f := f.(type) {
	case *kernelSocket:
		return &f.Socket
	case *Socket:
		return f
	}
	return nil
}

// File returns the socket in the form for [descriptor.NewDescription].
func (s *Socket) File() descriptor.File { return s.desc.File }

// Description is [descriptor.NewDescription] of a new socket, in the socket's own
// memory. It must be called once at the most.
func (s *Socket) Description(flags abi.Fdflags) *descriptor.Description {
	s.desc.Init(s.desc.File, flags)
	return &s.desc
}

// Family returns the address family.
func (s *Socket) Family() abi.AddressFamily { return s.family }

// Filetype returns the WASI file type.
func (s *Socket) Filetype() abi.Filetype {
	switch s.typ {
	case abi.SockTypeDgram:
		return abi.FiletypeSocketDgram
	case abi.SockTypeRaw:
		return abi.FiletypeSocketRaw
	case abi.SockTypeSeqpacket:
		return abi.FiletypeSocketSeqpacket
	}
	return abi.FiletypeSocketStream
}

// Queue returns the queue that changes of the socket are reported to.
func (s *Socket) Queue() *ready.Queue { return s.net.Queue() }

// Ready returns which of the asked events hold now, and any of Err and Hup.
func (s *Socket) Ready(asked ready.Events) ready.Events {
	ev := s.net.Ready(asked) | s.given()&(asked|ready.Hup)
	if s.postponed() {
		ev |= ready.Err
	}
	return ev
}

// Close closes the socket. Package descriptor calls it after the last use. It
// does not block, even with LINGER on: what was sent is delivered, but a guest
// could make its own end wait for as long as it likes.
func (s *Socket) Close() error {
	if s.lingers.Load() {
		_ = s.net.SetOption(abi.SockOptionLinger, -1)
	}
	return s.net.Close()
}

// LocalAddr returns the address the socket is bound to (getsockname(2)), the
// family's wildcard when it is not bound.
func (s *Socket) LocalAddr() (network.Addr, error) { return s.net.LocalAddr() }

// PeerAddr returns the address of the peer (getpeername(2)), or ENOTCONN.
func (s *Socket) PeerAddr() (network.Addr, error) { return s.net.PeerAddr() }

// TakeError returns and clears the pending error (SO_ERROR); nil when none.
func (s *Socket) TakeError() error {
	if err := s.takePending(); err != nil {
		return err
	}
	return s.net.TakeError()
}

// PollError returns the pending error and leaves it for the next call to report.
func (s *Socket) PollError() error {
	s.polling.Lock()
	defer s.polling.Unlock()
	if !s.pending.CompareAndSwap(0, beingPolled) {
		return errorOf(s.pending.Load())
	}
	err := s.net.TakeError()
	s.pending.Store(event(err))
	if err != nil {
		s.net.Queue().Notify(ready.Err) // who waits did not find it in the network
	}
	return err
}

// Available returns how many bytes can be read at once (FIONREAD), 0 where the
// network does not tell.
func (s *Socket) Available() int { return network.Available(s.net) }

// Arm makes changes reach the queue, where that takes it: see [ready.Armer].
func (s *Socket) Arm() error {
	if a, ok := s.net.(ready.Armer); ok {
		return a.Arm()
	}
	return nil
}

// Status returns how far the socket is (sock_status).
func (s *Socket) Status() abi.SockStatus {
	switch s.state.Load() {
	case stateListening:
		return abi.SockStatusOpened
	case stateConnecting:
		return s.connectStatus()
	case stateConnected:
		if s.Ready(0)&ready.Hup != 0 {
			return abi.SockStatusClosed
		}
		return abi.SockStatusOpened
	case stateFailed:
		return abi.SockStatusFailed
	}
	if s.stream() {
		return abi.SockStatusOpening
	}
	return abi.SockStatusOpened
}

func (s *Socket) connectStatus() abi.SockStatus {
	switch ev := s.Ready(ready.Out); {
	case ev&(ready.Err|ready.Hup) != 0:
		return abi.SockStatusFailed
	case ev&ready.Out != 0:
		return abi.SockStatusOpened
	}
	return abi.SockStatusOpening
}

func (s *Socket) stream() bool { return s.typ == abi.SockTypeStream }

// postponed reports whether an error is pending.
func (s *Socket) postponed() bool { return s.pending.Load()+1 > 1 }

func (s *Socket) takePending() error {
	for {
		switch errno := s.pending.Load(); {
		case errno == 0:
			return nil
		case errno == beingPolled:
			s.awaitPoll()
		case s.pending.CompareAndSwap(errno, 0):
			return errorOf(errno)
		}
	}
}

func errorOf(errno uintptr) error {
	if errno == 0 {
		return nil
	}
	return syscall.Errno(errno)
}

func (s *Socket) awaitPoll() {
	s.polling.Lock()
	defer s.polling.Unlock()
}

// postpone keeps err for the next call when the network tells it only once.
func (s *Socket) postpone(err error) {
	errno := event(err)
	for errno != 0 && !s.pending.CompareAndSwap(0, errno) && !s.postponed() {
		s.awaitPoll()
	}
}

// event returns the number of err, 0 for none and for what is a state, which the next
// call finds again.
func event(err error) uintptr {
	errno, _ := err.(syscall.Errno)
	switch errno {
	case syscall.EAGAIN, syscall.EBADF, syscall.EINTR, syscall.EINVAL,
		syscall.ENOBUFS, syscall.ENOMEM, syscall.ENOTCONN, syscall.EPIPE:
		return 0
	}
	return uintptr(errno)
}

// wait blocks until an attempt that answered EAGAIN is worth another.
func (s *Socket) wait(d *descriptor.Description, w *ready.Waiter, asked ready.Events, seq uint64, deadline int64) error {
	err := d.Wait(w, asked, seq, deadline)
	if err == syscall.ETIMEDOUT {
		return syscall.EAGAIN
	}
	return err
}

// deadline returns when an operation that starts now gives up.
func deadline(timeout uint64) int64 {
	if timeout == 0 {
		return ready.Never
	}
	return ready.After(timeout)
}
