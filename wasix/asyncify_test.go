package wasix

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
)

// replay is a guest written in Go that can save its stack: what its body has got
// from the system calls until then. To go down a saved stack it runs the body once
// more and gives it the same.
type replay struct {
	body  func(*replayed) error
	mu    sync.Mutex
	saved [][]replayResult // by the number that stands for the stack in memory
	state map[*Thread]*replayed
}

// replayed is a thread of such a guest.
type replayed struct {
	*Thread
	guest     *replay
	results   []replayResult
	next      int // of them
	unwinding bool
	rewinding bool
}

// replayResult is what a call has returned, and what was at pidAt then.
type replayResult struct {
	errno abi.Errno
	pid   uint32
}

var errReplayUnwinds = errors.New("the stack is saved")

// module returns the guest; own exports take the place of the usual ones, or
// leave them out when nil.
func (g *replay) module(own exports) *fakeModule {
	g.state = make(map[*Thread]*replayed)
	all := exports{
		"_start": func(t *Thread, _ []uint64) (uint64, error) { return 0, g.of(t).run() },
		"asyncify_start_unwind": func(t *Thread, args []uint64) (uint64, error) {
			g.of(t).save(uint32(args[0]))
			return 0, nil
		},
		"asyncify_stop_unwind": func(t *Thread, _ []uint64) (uint64, error) {
			g.of(t).unwinding = false
			return 0, nil
		},
		"asyncify_start_rewind": func(t *Thread, args []uint64) (uint64, error) {
			g.of(t).load(uint32(args[0]))
			return 0, nil
		},
		"asyncify_stop_rewind": func(t *Thread, _ []uint64) (uint64, error) {
			g.of(t).rewinding = false
			return 0, nil
		},
	}
	for name, f := range own {
		all[name] = f
		if f == nil {
			delete(all, name)
		}
	}
	return &fakeModule{all}
}

func (g *replay) of(t *Thread) *replayed {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state[t] == nil {
		g.state[t] = &replayed{Thread: t, guest: g}
	}
	return g.state[t]
}

func (r *replayed) run() error {
	r.next = 0
	if !r.rewinding {
		r.results = nil
	}
	err := r.guest.body(r)
	if r.unwinding && errors.Is(err, errReplayUnwinds) {
		return nil
	}
	return err
}

func (r *replayed) save(block uint32) {
	r.guest.mu.Lock()
	defer r.guest.mu.Unlock()
	r.unwinding = true
	binary.LittleEndian.PutUint32(r.mem[block+asyncifyHeader:], uint32(len(r.guest.saved)))
	binary.LittleEndian.PutUint32(r.mem[block:], block+asyncifyHeader+4)
	r.guest.saved = append(r.guest.saved, slices.Clone(r.results[:r.next]))
}

func (r *replayed) load(block uint32) {
	r.guest.mu.Lock()
	defer r.guest.mu.Unlock()
	r.rewinding = true
	r.results = slices.Clone(r.guest.saved[binary.LittleEndian.Uint32(r.mem[block+asyncifyHeader:])])
}

// call makes a system call.
func (r *replayed) call(s *Syscall, params ...uint64) (abi.Errno, error) {
	if r.next < len(r.results) {
		was := r.results[r.next]
		r.next++
		r.putUint32(pidAt, was.pid)
		return was.errno, nil
	}
	stack := append(slices.Clone(params), 0)
	err := s.Call(r.Thread, r.mem, stack)
	if err == nil && r.unwinding {
		err = errReplayUnwinds
	}
	if err != nil {
		return 0, err
	}
	pid, _ := r.uint32At(pidAt)
	r.results, r.next = append(r.results, replayResult{abi.Errno(stack[0]), pid}), r.next+1
	return abi.Errno(stack[0]), nil
}

// Where replayed guests keep what calls store.
const (
	pidAt    = 64
	optionAt = 128
	statusAt = 160
)

var (
	forks = &Syscall{do: procFork, rewinds: true}
	joins = &Syscall{do: procJoin}
)

// fork forks, and returns the child's id, 0 in the child.
func (r *replayed) fork() (pid uint32, errno abi.Errno, err error) {
	errno, err = r.call(forks, 1, pidAt)
	pid, _ = r.uint32At(pidAt)
	return pid, errno, err
}

// join waits for a child, and returns its exit code.
func (r *replayed) join(pid uint32) (code byte, err error) {
	r.mem[optionAt] = 1
	r.putUint32(optionAt+abi.OffsetofOptionPidU, pid)
	errno, err := r.call(joins, optionAt, 0, statusAt)
	if err == nil && errno != abi.ESUCCESS {
		err = errors.New(errno.Name())
	}
	return r.mem[statusAt+abi.OffsetofJoinStatusU], err
}

// Processes fork and execute, and are looked at from outside all the time.
func TestProcessesAreWatched(t *testing.T) {
	const forked = 30
	g := &replay{body: func(r *replayed) error {
		for range forked {
			pid, errno, err := r.fork()
			switch {
			case err != nil:
				return err
			case errno != abi.ESUCCESS:
				return errors.New(errno.Name())
			case pid == 0:
				n, nn := putText(r.Thread, 1024, "/bin/returns")
				_, err := r.call(&Syscall{do: procExec3}, n, nn, 2048, 0, 0, 0, 0, 0, 0)
				return err
			}
			if _, err := r.join(pid); err != nil {
				return err
			}
		}
		return nil
	}}
	cmd := Command(g.module(nil), "forks")
	cmd.Programs = map[string]Module{"returns": returns}
	var events sync.Map
	cmd.Trace = func(e *TraceEvent) { events.Store(e.Syscall, e.Thread) }
	if err := cmd.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var watchers sync.WaitGroup
	for range 2 {
		watchers.Go(func() {
			for running := true; running; {
				select {
				case <-cmd.Process.Done():
					running = false
				default:
				}
				for _, p := range cmd.Process.Family() {
					if s := p.Stats(); s.PID != p.Pid() {
						t.Errorf("process %d is %d", p.Pid(), s.PID)
					}
					p.Pending(abi.SignalUsr1)
					if p != cmd.Process {
						_ = p.Signal(abi.SignalWinch)
					}
				}
			}
		})
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	watchers.Wait()
}

// A fork past a limit fails, and leaves nothing behind.
func TestForkLimits(t *testing.T) {
	for name, limit := range map[string]func(*Cmd){
		"processes": func(c *Cmd) { c.MaxProcesses = 3 },
		"threads":   func(c *Cmd) { c.MaxThreads = 3 },
	} {
		children := 0
		g := &replay{body: func(r *replayed) error {
			var pids []uint32
			for {
				pid, errno, err := r.fork()
				switch {
				case err != nil:
					return err
				case errno == abi.EAGAIN:
					children = len(pids)
					for _, pid := range pids {
						if errno, err := r.call(&Syscall{do: procSignal}, uint64(pid), uint64(abi.SignalKill)); errno != 0 || err != nil {
							return errors.Join(err, errors.New(errno.Name()))
						}
						if _, err := r.join(pid); err != nil {
							return err
						}
					}
					return nil
				case errno != abi.ESUCCESS:
					return errors.New(errno.Name())
				case pid == 0:
					_, err := r.call(&Syscall{do: threadSleep}, uint64(time.Hour))
					return err
				}
				pids = append(pids, pid)
			}
		}}
		cmd := Command(g.module(nil), "bomb")
		cmd.ChildFailed = func(pid int, err *ExitError) { t.Errorf("%s: the host is told of %d: %v", name, pid, err) }
		limit(cmd)
		if err := cmd.Run(t.Context()); err != nil || children != 2 {
			t.Errorf("%s: %v after %d children", name, err, children)
		}
		if n := cmd.Process.threadCount; n != 0 {
			t.Errorf("%s: %d threads are left", name, n)
		}
	}
}

// A child that does not come out of its start function ends with its parent.
func TestForkOfAModuleThatNeverStarts(t *testing.T) {
	forking := make(chan struct{})
	g := &replay{body: func(r *replayed) error {
		_, _, err := r.fork()
		return err
	}}
	m := &stuck{fakeModule: g.module(nil), starting: forking}
	cmd := Command(m, "stuck")
	if err := cmd.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-forking
	cmd.Process.Kill()
	if err := cmd.Wait(); deathSignal(err) != abi.SignalKill {
		t.Error(err)
	}
}

// stuck is a module whose instances after the first have an endless start function.
type stuck struct {
	*fakeModule
	mu       sync.Mutex
	made     int
	starting chan struct{}
}

func (m *stuck) Instantiate(t *Thread, mem Memory) (Instance, error) {
	m.mu.Lock()
	m.made++
	again := m.made > 1
	m.mu.Unlock()
	if again {
		close(m.starting)
		t.mem = mem.Bytes()
		_, err := call(t, threadSleep, uint64(time.Hour))
		return nil, err
	}
	return m.fakeModule.Instantiate(t, mem)
}

// Programs that claim to have gone through asyncify fail by themselves, with an
// error that says how.
func TestBadAsyncify(t *testing.T) {
	var g *replay
	nothing := func(*Thread, []uint64) (uint64, error) { return 0, nil }
	writes := func(end, limit func(block uint32) uint32) func(*Thread, []uint64) (uint64, error) {
		return func(t *Thread, args []uint64) (uint64, error) {
			block := uint32(args[0])
			g.of(t).save(block)
			t.putUint32(block, end(block))
			t.putUint32(block+4, limit(block))
			return 0, nil
		}
	}
	at := func(n uint32) func(uint32) uint32 { return func(uint32) uint32 { return n } }
	after := func(n uint32) func(uint32) uint32 { return func(block uint32) uint32 { return block + n } }
	forking := func(name string) exports {
		return exports{name: func(t *Thread, _ []uint64) (uint64, error) {
			errno, err := call(t, procFork, 1, pidAt)
			return uint64(errno), err
		}}
	}
	for name, c := range map[string]struct {
		own  exports
		want string // of the error; "" for ENOSYS
	}{
		"data that ends before it begins": {exports{"asyncify_start_unwind": writes(after(4), at(1<<15))}, "no valid stack"},
		"data that ends past its limit":   {exports{"asyncify_start_unwind": writes(at(1<<15+1), at(1<<15))}, "no valid stack"},
		"data that ends past memory":      {exports{"asyncify_start_unwind": writes(at(1<<32-1), at(1<<32-1))}, "no valid stack"},
		"another limit":                   {exports{"asyncify_start_unwind": writes(after(16), at(1<<16))}, "no valid stack"},
		"a stack that is never saved":     {exports{"asyncify_start_unwind": nothing}, "asyncify: the program calls"},
		"a stack that is never gone down": {exports{"asyncify_start_rewind": nothing}, "asyncify: the program calls"},
		"a fork while it saves its stack": {forking("asyncify_start_unwind"), "asyncify: the program calls"},
		"no stop":                         {exports{"asyncify_stop_unwind": nil}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			unsupported := false
			g = &replay{body: func(r *replayed) error {
				if _, err := r.call(&Syscall{do: schedYield}); err != nil {
					return err
				}
				_, errno, err := r.fork()
				unsupported = errno == abi.ENOSYS
				if err != nil {
					return err
				}
				_, err = r.call(&Syscall{Module: "m", Name: "f", do: schedYield})
				return err
			}}
			err := Command(g.module(c.own), "bad").Run(t.Context())
			switch {
			case unsupported != (c.want == ""):
				t.Errorf("ENOSYS: %v", unsupported)
			case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "bad: ") || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
