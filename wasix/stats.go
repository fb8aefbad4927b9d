package wasix

import (
	"slices"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/socket"
)

// Stats is what a process is and has, at one moment.
type Stats struct {
	PID, Parent int // Parent is 0 for the root, 1 for orphans
	Args        []string
	Started     time.Time
	Exited      bool // it ends, or has ended
	Threads     int
	Memory      uint64            // bytes, of this process
	TreeMemory  uint64            // bytes, of all processes that one command began
	Descriptors []DescriptorStats // in order
}

// DescriptorStats is one open descriptor. Duplicates have the same Type and
// Socket.
type DescriptorStats struct {
	FD     uint32
	Type   abi.Filetype
	Flags  abi.Fdflags
	Socket *SocketStats // of a socket
}

// SocketStats is one socket. For a state that the network does not tell, State
// is the guest's own view: "LISTEN", "SYN-SENT", "ESTAB" or "UNCONN".
type SocketStats struct {
	Family abi.AddressFamily
	network.Info
}

// Stats returns what the process is and has. It may be called at any time, also
// after the end, and costs the guest nothing but what the operating system needs
// to answer. Sockets may change while they are asked one after the other.
func (p *Process) Stats() Stats {
	s := Stats{PID: p.Pid(), Started: p.started, TreeMemory: p.system.budget.used.Load()}
	if parent, ok := p.system.parentOf(p.pid); ok {
		s.Parent = int(parent)
	}
	p.mu.Lock()
	s.Args, s.Exited, s.Threads = p.image.args, p.ended, len(p.threads)
	s.Memory = p.image.charge.bytes.Load()
	p.mu.Unlock()
	for _, fd := range p.fds.Open() {
		if d, err := p.descriptorStats(fd); err == nil {
			s.Descriptors = append(s.Descriptors, d)
		}
	}
	return s
}

// Family returns the process and all its descendants that run, in the order of
// their ids.
func (p *Process) Family() []*Process {
	list := p.descendants()
	list = slices.DeleteFunc(list, func(c *Process) bool { return !c.runs() })
	slices.SortFunc(list, func(a, b *Process) int { return int(a.pid) - int(b.pid) })
	return append([]*Process{p}, list...)
}

func (p *Process) descendants() (list []*Process) {
	p.system.mu.Lock()
	defer p.system.mu.Unlock()
	list = append(list, p.children...)
	for i := 0; i < len(list); i++ {
		list = append(list, list[i].children...)
	}
	return list
}

// runs reports whether the process has begun and not ended: outside that time it
// is not complete.
func (p *Process) runs() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.began && (!p.ended || len(p.threads) > 0)
}

// descriptorStats returns EBADF when fd was closed meanwhile.
func (p *Process) descriptorStats(fd uint32) (DescriptorStats, error) {
	d, _, err := p.fds.Acquire(fd)
	if err != nil {
		return DescriptorStats{}, err
	}
	defer d.Release()
	stats := DescriptorStats{FD: fd, Type: d.File.Filetype(), Flags: d.Flags()}
	if s := socket.Of(d.File); s != nil {
		stats.Socket = &SocketStats{Family: s.Family(), Info: s.Info()}
	}
	return stats, nil
}
