package network

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/abi"
)

// Dialer is a Network that is not the kernel's: what a guest binds there is
// reached by dialling. DialContext connects, as net.Dialer does, with what
// sockets of this Network are bound to.
type Dialer interface {
	Network
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// dialerOf returns the Dialer that n is or wraps, or nil.
func dialerOf(n Network) Dialer {
	for {
		if d, ok := n.(Dialer); ok {
			return d
		}
		w, ok := n.(interface{ inside() Network })
		if !ok {
			return nil
		}
		n = w.inside()
	}
}

// relay carries what comes to an address of the host to a socket of the guest.
type relay struct {
	dial    func() (net.Conn, error)
	outside io.Closer
	at      netip.AddrPort // outside
	ctx     context.Context
	stop    context.CancelFunc
	slots   chan struct{} // one for each connection or peer
	users   atomic.Int32  // sockets besides the first
}

const (
	// maxRelayed bounds the connections or peers of one published port: further
	// ones wait in the kernel's queue, or are lost.
	maxRelayed = 4096
	// relayTimeout is how long the guest may take to take a connection.
	relayTimeout = 30 * time.Second
	// relayIdle is how long a peer of datagrams is remembered.
	relayIdle = time.Minute
)

// startRelay opens the address outside for the guest's socket that is bound to
// inside. Errors are those of bind(2), as syscall.Errno.
func startRelay(d Dialer, outside netip.AddrPort, proto abi.SockProto, inside netip.AddrPort) (*relay, error) {
	name := "tcp"
	if proto == abi.SockProtoUdp {
		name = "udp"
	}
	target := netip.AddrPortFrom(reachable(inside.Addr()), inside.Port()).String()
	r := &relay{slots: make(chan struct{}, maxRelayed)}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.dial = func() (net.Conn, error) {
		ctx, cancel := context.WithTimeout(r.ctx, relayTimeout)
		defer cancel()
		return d.DialContext(ctx, name, target)
	}
	if err := r.open(name, outside); err != nil {
		r.stop()
		return nil, syserror.Of(err)
	}
	return r, nil
}

func (r *relay) open(name string, outside netip.AddrPort) error {
	if name == "udp" {
		c, err := net.ListenUDP(name, net.UDPAddrFromAddrPort(outside))
		if err != nil {
			return err
		}
		r.outside, r.at = c, c.LocalAddr().(*net.UDPAddr).AddrPort()
		go r.serveDatagrams(c)
		return nil
	}
	l, err := net.ListenTCP(name, net.TCPAddrFromAddrPort(outside))
	if err != nil {
		return err
	}
	r.outside, r.at = l, l.Addr().(*net.TCPAddr).AddrPort()
	go r.serveStreams(l)
	return nil
}

// reachable returns the address to dial for a socket that is bound to ip.
func reachable(ip netip.Addr) netip.Addr {
	switch {
	case !ip.IsUnspecified():
		return ip
	case ip.Is4():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// close makes the address outside free, with the last socket. Connections go on
// until their ends are closed; datagrams do not.
func (r *relay) close() {
	if r.users.Add(-1) >= 0 {
		return
	}
	_ = r.outside.Close()
	r.stop()
}

func (r *relay) serveStreams(l *net.TCPListener) {
	for {
		r.slots <- struct{}{}
		c, err := l.AcceptTCP()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			<-r.slots
			time.Sleep(10 * time.Millisecond) // the host is short of descriptors
			continue
		}
		go func() {
			defer func() { <-r.slots }()
			r.carryStream(c)
		}()
	}
}

// carryStream connects the client with the guest and copies both ways.
func (r *relay) carryStream(client net.Conn) {
	defer client.Close()
	guest, err := r.dial()
	if err != nil {
		return
	}
	defer guest.Close()
	var both sync.WaitGroup
	both.Go(func() { carry(guest, client) })
	both.Go(func() { carry(client, guest) })
	both.Wait()
}

// carry copies from one connection to the other, with its end. When that fails,
// both are closed, so that nobody waits for what cannot come.
func carry(to, from net.Conn) {
	_, err := io.Copy(to, from)
	w, ok := to.(interface{ CloseWrite() error })
	if err == nil && ok && w.CloseWrite() == nil {
		return
	}
	_ = to.Close()
	_ = from.Close()
}

// serveDatagrams gives each peer a connection of its own to the guest.
func (r *relay) serveDatagrams(outside *net.UDPConn) {
	var mu sync.Mutex
	peers := map[netip.AddrPort]net.Conn{}
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range peers {
			_ = c.Close()
		}
	}()
	buf := make([]byte, 1<<16)
	for {
		n, from, err := outside.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error: of no concern to others
		}
		mu.Lock()
		guest := peers[from]
		mu.Unlock()
		if guest == nil {
			if guest = r.meet(); guest == nil {
				continue
			}
			mu.Lock()
			peers[from] = guest
			mu.Unlock()
			go func() {
				r.answer(outside, from, guest)
				mu.Lock()
				delete(peers, from)
				mu.Unlock()
				_ = guest.Close()
				<-r.slots
			}()
		}
		_ = guest.SetReadDeadline(time.Now().Add(relayIdle))
		_, _ = guest.Write(buf[:n])
	}
}

// meet connects with the guest for a new peer, or returns nil.
func (r *relay) meet() net.Conn {
	select {
	case r.slots <- struct{}{}:
	default:
		return nil
	}
	guest, err := r.dial()
	if err != nil {
		<-r.slots
		return nil
	}
	return guest
}

// answer carries the guest's datagrams to the peer, until neither has sent any
// for a while.
func (r *relay) answer(outside *net.UDPConn, to netip.AddrPort, guest net.Conn) {
	buf := make([]byte, 1<<16)
	for {
		n, err := guest.Read(buf)
		if err == nil {
			_ = guest.SetReadDeadline(time.Now().Add(relayIdle))
			_, _ = outside.WriteToUDPAddrPort(buf[:n], to)
		} else if !errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
	}
}
