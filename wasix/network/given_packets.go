package network

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// givenPackets is a bound datagram socket over a net.PacketConn. One goroutine
// receives ahead, the other sends what the guest leaves to it.
type givenPackets struct {
	noGroups
	conn    net.PacketConn
	queue   ready.Queue
	local   Addr
	options givenOptions

	mu       sync.Mutex
	changed  sync.Cond // of what follows
	received packetList
	sending  packetList
	peer     Addr // the zero Addr: none
	shut     abi.Sdflags
	closed   bool
	err      error // pending
}

// packetList is datagrams in order, up to givenPacketBytes.
type packetList struct {
	list []packet
	used int
}

type packet struct {
	data []byte
	addr Addr
}

const givenPacketBytes = defaultBuffer

// fits reports whether one more may be added: an empty list takes any.
func (l *packetList) fits(size int) bool { return l.used == 0 || l.used+size <= givenPacketBytes }

func (l *packetList) push(p packet) {
	l.list = append(l.list, p)
	l.used += len(p.data) + messageOverhead
}

func (l *packetList) pop() packet {
	p := l.list[0]
	l.list[0] = packet{}
	l.list = l.list[1:]
	l.used -= len(p.data) + messageOverhead
	return p
}

func newGivenPackets(c net.PacketConn) *givenPackets {
	s := &givenPackets{conn: c, local: addrOf(c.LocalAddr()), options: givenOptions{typ: abi.SockTypeDgram, proto: abi.SockProtoUdp}}
	s.changed.L = &s.mu
	go s.receive()
	go s.send()
	return s
}

// maxDatagram is the longest datagram of UDP, and more.
const maxDatagram = 1 << 16

func (s *givenPackets) receive() {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		s.mu.Lock()
		addr := inFamily(addrOf(from), s.family())
		switch {
		case s.closed:
			s.mu.Unlock()
			return
		case err != nil:
			s.err = syserror.Of(err)
		case s.peer != Addr{} && s.peer != addr || s.shut&abi.SdflagsRd != 0 || !s.received.fits(n+messageOverhead):
			s.mu.Unlock()
			continue // lost, as datagrams are
		default:
			s.received.push(packet{append([]byte(nil), buf[:n]...), addr})
		}
		s.mu.Unlock()
		s.queue.Notify(ready.In)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !isTemporary(err) && !isRefused(err) {
			return
		}
	}
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

func (s *givenPackets) send() {
	for {
		s.mu.Lock()
		for len(s.sending.list) == 0 && !s.closed {
			s.changed.Wait()
		}
		if len(s.sending.list) == 0 {
			s.mu.Unlock()
			_ = s.conn.Close()
			return
		}
		p := s.sending.pop()
		s.mu.Unlock()
		s.queue.Notify(ready.Out)
		_, err := s.conn.WriteTo(p.data, net.UDPAddrFromAddrPort(p.addr.AddrPort))
		if err != nil {
			s.mu.Lock()
			s.err = syserror.Of(err)
			s.mu.Unlock()
			s.queue.Notify(ready.Err)
		}
	}
}

func (s *givenPackets) family() abi.AddressFamily { return s.local.Family() }

func (s *givenPackets) Queue() *ready.Queue { return &s.queue }

func (s *givenPackets) Ready(asked ready.Events) (ev ready.Events) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.received.list) > 0 || s.shut&abi.SdflagsRd != 0 {
		ev |= asked & ready.In
	}
	if s.sending.fits(maxDatagram) {
		ev |= asked & ready.Out
	}
	if s.err != nil {
		ev |= ready.Err
	}
	return ev
}

func (s *givenPackets) Type() (abi.AddressFamily, abi.SockType, abi.SockProto) {
	return s.family(), abi.SockTypeDgram, abi.SockProtoUdp
}

// Bind returns EINVAL: bound.
func (s *givenPackets) Bind(Addr) error { return syscall.EINVAL }

// Listen returns EOPNOTSUPP.
func (s *givenPackets) Listen(int) error { return syscall.EOPNOTSUPP }

// Accept returns EOPNOTSUPP.
func (s *givenPackets) Accept() (Socket, Addr, error) { return nil, Addr{}, syscall.EOPNOTSUPP }

func (s *givenPackets) Connect(addr Addr) error {
	if addr.IsValid() && addr.Family() != s.family() {
		return syscall.EAFNOSUPPORT
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peer = addr
	return nil
}

func (s *givenPackets) Recvmsg(iovs [][]byte, flags MsgFlags, from *Addr) (n int, out MsgFlags, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.takeError(); err != nil {
		return 0, 0, err
	}
	if len(s.received.list) == 0 {
		if s.shut&abi.SdflagsRd == 0 {
			return 0, 0, syscall.EAGAIN
		}
		if from != nil {
			*from = Addr{}
		}
		return 0, 0, nil
	}
	p := s.received.list[0]
	if flags&MsgPeek == 0 {
		s.received.pop()
	}
	n, out = scatter(p.data, iovs, flags)
	if from != nil {
		*from = p.addr
	}
	return n, out, nil
}

func (s *givenPackets) Sendmsg(iovs [][]byte, to *Addr) (int, error) {
	size := 0
	for _, b := range iovs {
		size += len(b)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.takeError(); err != nil {
		return 0, err
	}
	target := s.peer
	if to != nil {
		target = *to
	}
	switch {
	case s.shut&abi.SdflagsWr != 0:
		return 0, syscall.EPIPE
	case target == Addr{}:
		return 0, syscall.EDESTADDRREQ
	case target.Family() != s.family():
		return 0, syscall.EAFNOSUPPORT
	case size >= maxDatagram:
		return 0, syscall.EMSGSIZE
	case !s.sending.fits(size + messageOverhead):
		return 0, syscall.EAGAIN
	}
	data := make([]byte, 0, size)
	for _, b := range iovs {
		data = append(data, b...)
	}
	s.sending.push(packet{data, target})
	s.changed.Signal()
	return size, nil
}

func (s *givenPackets) Shutdown(how abi.Sdflags) error {
	s.mu.Lock()
	s.shut |= how
	connected := s.peer != Addr{}
	s.mu.Unlock()
	s.queue.Notify(all)
	if !connected {
		return syscall.ENOTCONN // and shut all the same, as Linux
	}
	return nil
}

func (s *givenPackets) LocalAddr() (Addr, error) { return s.local, nil }

func (s *givenPackets) PeerAddr() (Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peer == (Addr{}) {
		return Addr{}, syscall.ENOTCONN
	}
	return s.peer, nil
}

func (s *givenPackets) TakeError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takeError()
}

func (s *givenPackets) takeError() error {
	err := s.err
	s.err = nil
	return err
}

func (s *givenPackets) Option(opt abi.SockOption) (int64, error) { return s.options.option(opt, false) }

func (s *givenPackets) SetOption(opt abi.SockOption, value int64) error {
	return s.options.setOption(opt, value)
}

// Close leaves it to the goroutines to send the rest.
func (s *givenPackets) Close() error {
	s.mu.Lock()
	s.closed = true
	s.received = packetList{}
	s.mu.Unlock()
	s.changed.Signal()
	s.queue.Notify(ready.Closed)
	now := time.Now()
	_ = s.conn.SetReadDeadline(now)
	_ = s.conn.SetWriteDeadline(now.Add(givenLinger))
	return nil
}
