package virtual

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// socket is what streams and datagram sockets have in common. Changes of state
// hold mu; transfers only load the endpoint.
type socket struct {
	host   *Host
	family abi.AddressFamily
	queue  ready.Queue
	entry  waiter.Entry // in the endpoint's queue
	at     atomic.Pointer[endpoint]
	shut   atomic.Uint32 // abi.Sdflags, by this side
	failed atomic.Uintptr
	moving sync.Mutex // held while the error of a datagram endpoint goes to failed

	mu   sync.Mutex
	opts options
}

// open gives a new socket an endpoint, and the options that sockets begin with.
func (s *socket) open(h *Host, family abi.AddressFamily, transport tcpip.TransportProtocolNumber) error {
	ep, err := h.newEndpoint(transport, family)
	if err != nil {
		return err
	}
	s.opts.init()
	s.init(h, family, ep)
	s.opts.apply(ep, family)
	return nil
}

func (s *socket) init(h *Host, family abi.AddressFamily, ep *endpoint) {
	s.host, s.family = h, family
	s.entry.Init(s, waiter.AllEvents)
	s.attach(ep)
}

// attach makes ep the endpoint.
func (s *socket) attach(ep *endpoint) {
	s.at.Store(ep)
	ep.events.EventRegister(&s.entry)
}

func (s *socket) ep() *endpoint { return s.at.Load() }

// Queue returns the queue that changes of the socket are reported to.
func (s *socket) Queue() *ready.Queue { return &s.queue }

// NotifyEvent is called by the netstack, with locks held.
func (s *socket) NotifyEvent(mask waiter.EventMask) {
	var ev ready.Events
	if mask&waiter.ReadableEvents != 0 {
		ev |= ready.In
	}
	if mask&waiter.WritableEvents != 0 {
		ev |= ready.Out
	}
	if mask&waiter.EventRdHUp != 0 {
		ev |= ready.RdHup
	}
	if mask&waiter.EventErr != 0 {
		ev |= ready.Err
	}
	if mask&waiter.EventHUp != 0 {
		ev |= ready.Hup
	}
	s.queue.Notify(ev)
}

// anything is what a change of state may make true.
const anything = ready.In | ready.Out | ready.RdHup | ready.Hup

func (s *socket) isShut(how abi.Sdflags) bool { return abi.Sdflags(s.shut.Load())&how != 0 }

const bothWays = abi.SdflagsRd | abi.SdflagsWr

// fail keeps an error until it is taken; nil is none.
func (s *socket) fail(err error) {
	if e, ok := err.(syscall.Errno); ok {
		s.failed.CompareAndSwap(0, uintptr(e))
	}
}

// takeFailure returns and clears the error that is kept.
func (s *socket) takeFailure() error {
	if s.failed.Load() == 0 {
		return nil
	}
	if e := s.failed.Swap(0); e != 0 {
		return syscall.Errno(e)
	}
	return nil
}

func (s *socket) LocalAddr() (network.Addr, error) {
	a, err := s.ep().GetLocalAddress()
	if err != nil {
		return network.Addr{}, errno(err)
	}
	return guestAddr(s.family, a), nil
}

// Available returns how many bytes can be read at once (FIONREAD).
func (s *socket) Available() int {
	n, _ := s.ep().GetSockOptInt(tcpip.ReceiveQueueSizeOption)
	return n
}

// bindAddr returns where Bind is to bind. Returns EAFNOSUPPORT and EINVAL as
// bind(2) for addresses of other families.
func (s *socket) bindAddr(addr network.Addr) (tcpip.FullAddress, error) {
	ip := addr.Addr()
	switch {
	case addr.Unix:
		return tcpip.FullAddress{}, s.otherFamily()
	case !ip.IsValid() && s.family == abi.AddressFamilyInet4:
		return tcpip.FullAddress{Port: addr.Port()}, nil
	case s.family == abi.AddressFamilyInet4 && !ip.Is4():
		return tcpip.FullAddress{}, syscall.EAFNOSUPPORT
	case s.family == abi.AddressFamilyInet6 && !ip.Is6():
		return tcpip.FullAddress{}, syscall.EINVAL
	case ip.Is4In6() && s.ep().SocketOptions().GetV6Only():
		return tcpip.FullAddress{}, syscall.EINVAL
	}
	return fullAddr(addr.AddrPort)
}

// otherFamily is the error for an address of a family that is too long, or too
// short, for the socket's.
func (s *socket) otherFamily() error {
	if s.family == abi.AddressFamilyInet4 {
		return syscall.EAFNOSUPPORT
	}
	return syscall.EINVAL
}

// peerAddr returns what to connect or send to.
func (s *socket) peerAddr(addr network.Addr) (tcpip.FullAddress, error) {
	ip := addr.Addr()
	switch {
	case addr.Unix || !ip.IsValid():
		return tcpip.FullAddress{}, s.otherFamily()
	case s.family == abi.AddressFamilyInet4 && !ip.Is4():
		return tcpip.FullAddress{}, syscall.EAFNOSUPPORT
	case s.family == abi.AddressFamilyInet6 && (ip.Is4() || ip.Is4In6()):
		if s.ep().SocketOptions().GetV6Only() {
			return tcpip.FullAddress{}, syscall.ENETUNREACH
		}
		mapped := netip.AddrFrom16(ip.As16())
		return destination(netip.AddrPortFrom(mapped, addr.Port()))
	}
	return destination(addr.AddrPort)
}

// close gives the endpoint back and ends all waits.
func (s *socket) close() error {
	s.mu.Lock()
	ep := s.ep()
	ep.Close()
	ep.events.EventUnregister(&s.entry)
	s.mu.Unlock()
	if s.host.isClosed() {
		tcpip.DeleteDanglingEndpoint(ep.Endpoint)
	}
	s.queue.Notify(ready.Closed)
	return nil
}

// JoinGroup joins a multicast group. Returns EINVAL when group is none, ENODEV
// when there is no such interface, EADDRINUSE when already joined.
func (s *socket) JoinGroup(group, iface netip.Addr, index uint32) error {
	m, err := s.membership(group, iface, index)
	if err != nil {
		return err
	}
	add := tcpip.AddMembershipOption(m)
	return errno(s.ep().SetSockOpt(&add))
}

// LeaveGroup leaves a multicast group. Returns EADDRNOTAVAIL when not joined.
func (s *socket) LeaveGroup(group, iface netip.Addr, index uint32) error {
	m, err := s.membership(group, iface, index)
	if err != nil {
		return err
	}
	remove := tcpip.RemoveMembershipOption(m)
	return errno(s.ep().SetSockOpt(&remove))
}

func (s *socket) membership(group, iface netip.Addr, index uint32) (tcpip.MembershipOption, error) {
	switch {
	case !group.IsMulticast():
		return tcpip.MembershipOption{}, syscall.EINVAL
	case group.Is6() && s.family == abi.AddressFamilyInet4:
		return tcpip.MembershipOption{}, syscall.ENOPROTOOPT
	}
	m := tcpip.MembershipOption{NIC: tcpip.NICID(index), MulticastAddr: stackAddr(group)}
	if group.Is4() {
		m.InterfaceAddr = stackAddr(iface)
		if m.InterfaceAddr == (tcpip.Address{}) {
			m.InterfaceAddr = tcpip.AddrFrom4([4]byte{})
		}
	}
	return m, nil
}
