package wasix

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/gowasix/gowasix/wasix/epoll"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// initPID is the process id of the root of a process tree.
const initPID = 1

// maxPID bounds the process ids, as Linux's pid_max does: programs print them
// in little room.
const maxPID = 1<<22 - 1

// DefaultMaxProcesses is how many processes a command may have at once unless
// told otherwise: more than pipelines and build scripts use, few enough that a
// fork bomb leaves the host well.
const DefaultMaxProcesses = 1024

// DefaultMaxThreads is how many threads a command may have at once unless told
// otherwise: more than servers use, few enough that a runaway guest ends first.
const DefaultMaxThreads = 4096

var (
	errProcessLimit = errors.New("wasix: too many processes in the tree")
	errThreadLimit  = errors.New("wasix: too many threads in the tree")
)

// system is what the processes of one command share, and a kernel is to them:
// process ids, limits, the network. It ends with the root process.
type system struct {
	network      network.Network
	unix         network.Network
	terminal     vfs.Terminal                   // nil for none
	toldSize     atomic.Pointer[vfs.WindowSize] // what tty_get last told of the terminal
	trace        func(*TraceEvent)              // Cmd.Trace
	childFailed  func(pid int, err *ExitError)  // Cmd.ChildFailed
	maxBacklog   int
	maxProcesses int
	maxThreads   int
	budget       *memoryBudget
	spares       spares
	watches      epoll.Quota
	programs     programs

	// news is held while a child's end is told: nobody collects the child before its
	// SIGCHLD is there. It is taken before any other lock.
	news sync.Mutex

	// mu guards what follows, and parent, children, zombie and stopped of all processes.
	// It may be taken with a process's own mu held, not the other way round.
	mu          sync.Mutex
	processes   map[uint32]*Process // by id; a zombie keeps its id
	lastPID     uint32
	threadCount int
	ending      bool           // the root is gone: nobody is born any more
	running     sync.WaitGroup // processes other than the root
}

// newSystem returns the system of a command, without processes.
func (c *Cmd) newSystem() *system {
	s := &system{
		network: c.Network, unix: network.Unix(), trace: c.Trace, childFailed: c.ChildFailed,
		budget: newMemoryBudget(c.MaxMemory), maxBacklog: c.MaxBacklog, maxProcesses: c.MaxProcesses, maxThreads: c.MaxThreads,
		processes: map[uint32]*Process{},
		programs: programs{
			engine: c.Engine, byDev: map[uint64]Module{},
			hashes: map[fileID][sha256.Size]byte{}, loaded: map[[sha256.Size]byte]*compilation{},
		},
	}
	s.programs.ctx, s.programs.cancel = context.WithCancel(context.Background())
	if s.network == nil {
		s.network = network.None()
	}
	if s.maxBacklog <= 0 {
		s.maxBacklog = DefaultMaxBacklog
	}
	if s.maxProcesses <= 0 {
		s.maxProcesses = DefaultMaxProcesses
	}
	if s.maxThreads <= 0 {
		s.maxThreads = DefaultMaxThreads
	}
	return s
}

// add gives p a process id and a place below parent, nil for the root. Returns
// errProcessLimit, zombies counting, or ErrUnwind when the tree is ending.
func (s *system) add(p, parent *Process) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return ErrUnwind
	}
	if len(s.processes) >= s.maxProcesses {
		return errProcessLimit
	}
	p.pid = s.nextPID()
	s.processes[p.pid] = p
	if parent != nil {
		p.parent = parent
		parent.children = append(parent.children, p)
		s.running.Add(1)
	}
	return nil
}

// nextPID returns the next process id that nobody has.
func (s *system) nextPID() uint32 {
	for {
		s.lastPID++
		if s.lastPID > maxPID {
			s.lastPID = initPID + 1
		}
		if s.processes[s.lastPID] == nil {
			return s.lastPID
		}
	}
}

// find returns the process of the given id, alive or a zombie; nil for none.
func (s *system) find(pid uint32) *Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.processes[pid]
}

// parentOf returns the id of a process's parent, as getppid(2); false when there
// is no such process.
func (s *system) parentOf(pid uint32) (uint32, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.processes[pid]
	switch {
	case p == nil:
		return 0, false
	case p.parent != nil:
		return p.parent.pid, true
	case pid == initPID:
		return 0, true
	}
	return initPID, true
}

// all returns the processes that live.
func (s *system) all() []*Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	living := make([]*Process, 0, len(s.processes))
	for _, p := range s.processes {
		if !p.zombie {
			living = append(living, p)
		}
	}
	return living
}

// bury tells of the end of a process whose threads and descriptors are gone, but for
// what children act on. Its children become orphans, and the status is left for the
// parent to collect. With the root the tree ends.
func (s *system) bury(p *Process) {
	if p.pid == initPID {
		p.image.close()
		s.end()
		return
	}
	s.news.Lock()
	s.mu.Lock()
	s.orphan(p)
	p.zombie = true
	parent := p.parent
	if parent == nil {
		delete(s.processes, p.pid)
	}
	s.mu.Unlock()
	if parent != nil && !p.stillborn {
		parent.childChanged()
	}
	s.news.Unlock()
}

// forget is the last thing that happens to a process that was buried: only its memory
// is left.
func (s *system) forget(p *Process) {
	if p.pid != initPID {
		s.salvage(p.image)
		s.running.Done()
	}
}

// orphan takes the children from p. Nobody waits for an orphan: it goes as soon
// as it has ended. s.mu is held.
func (s *system) orphan(p *Process) {
	for _, child := range p.children {
		child.parent = nil
		if child.zombie {
			delete(s.processes, child.pid)
		}
	}
	p.children = nil
}

// end kills all processes but the root, which is gone already, and waits until
// nothing is left of them.
func (s *system) end() {
	s.killAll()
	s.running.Wait()
	s.close()
}

// killAll kills all processes but the root, whose status is set, and lets no more be
// born.
func (s *system) killAll() {
	s.mu.Lock()
	s.ending = true
	s.mu.Unlock()
	s.spares.close() // no time is spent on clearing memory any more
	for _, p := range s.all() {
		if p.pid != initPID {
			p.Kill()
		}
	}
}

// close gives back the terminal, in the mode it was in, and frees what was compiled.
func (s *system) close() {
	s.spares.close()
	s.programs.close()
	if s.terminal != nil {
		_ = s.terminal.Close()
	}
}

// addThread counts one more thread, or returns errThreadLimit.
func (s *system) addThread() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.threadCount >= s.maxThreads {
		return errThreadLimit
	}
	s.threadCount++
	return nil
}

func (s *system) removeThread() {
	s.mu.Lock()
	s.threadCount--
	s.mu.Unlock()
}
