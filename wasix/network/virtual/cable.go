package virtual

import (
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// Cable says what the way between a host and the network is like, in either
// direction. The zero Cable is perfect.
type Cable struct {
	// Latency is how long a packet takes; a way has two cables.
	Latency time.Duration
	// Bandwidth is how many bytes a second pass, with headers; 0 is no limit. Up
	// to a megabyte waits for its turn, what is more is lost.
	Bandwidth int64
	// Loss is the part of packets that is lost, from 0 to 1.
	Loss float64
}

// SetCable replaces the cable of the host. Packets under way still arrive.
func (h *Host) SetCable(c Cable) {
	if c == (Cable{}) {
		h.port.cable.Store(nil)
	} else {
		h.port.cable.Store(&c)
	}
}

// maxWaiting is how many bytes may wait to be sent through a cable.
const maxWaiting = 1 << 20

// lane is one direction of a cable.
type lane struct {
	mu   sync.Mutex
	free time.Time // when the last packet will have left
}

// occupy takes the lane for a packet and returns when that arrives, or false
// when too much waits already.
func (l *lane) occupy(c *Cable, size int) (delay time.Duration, ok bool) {
	if c == nil {
		return 0, true
	}
	if c.Bandwidth <= 0 {
		return c.Latency, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.free.Before(now) {
		l.free = now
	}
	wait := l.free.Sub(now)
	if wait.Seconds()*float64(c.Bandwidth) > maxWaiting {
		return 0, false
	}
	own := time.Duration(float64(size) / float64(c.Bandwidth) * float64(time.Second))
	l.free = l.free.Add(own)
	return wait + own + c.Latency, true
}

// late holds packets until they are due, in order. It costs a goroutine only
// while it delivers.
type late struct {
	port      *port
	mu        sync.Mutex
	idle      sync.Cond // no delivery goes on
	packets   []latePacket
	timer     *time.Timer
	due       time.Time // of the last packet
	delivers  bool
	scheduled bool
	closed    bool
}

type latePacket struct {
	pkt *stack.PacketBuffer
	due time.Time
}

// receiveLater is receive after a while, and after what came before.
func (p *port) receiveLater(pkt *stack.PacketBuffer, delay time.Duration) {
	l := &p.late
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if due := time.Now().Add(delay); due.After(l.due) {
		l.due = due
	}
	l.packets = append(l.packets, latePacket{pkt.IncRef(), l.due})
	l.schedule()
}

// schedule sets the timer for the first packet. l is locked.
func (l *late) schedule() {
	if l.delivers || l.scheduled || len(l.packets) == 0 {
		return
	}
	l.scheduled = true
	d := time.Until(l.packets[0].due)
	if l.timer == nil {
		l.timer = time.AfterFunc(d, l.deliver)
	} else {
		l.timer.Reset(d)
	}
}

// deliver delivers what is due.
func (l *late) deliver() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scheduled, l.delivers = false, true
	for len(l.packets) > 0 && !l.packets[0].due.After(time.Now()) {
		pkt := l.packets[0].pkt
		l.packets[0].pkt = nil
		l.packets = l.packets[1:]
		l.mu.Unlock()
		l.port.receive(pkt)
		pkt.DecRef()
		l.mu.Lock()
	}
	l.delivers = false
	l.schedule()
	if l.idle.L != nil {
		l.idle.Broadcast()
	}
}

// drop frees all packets, for good.
func (l *late) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	for _, p := range l.packets {
		p.pkt.DecRef()
	}
	l.packets = nil
}

// wait waits for the end of a delivery.
func (l *late) wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle.L = &l.mu
	for l.delivers {
		l.idle.Wait()
	}
}
