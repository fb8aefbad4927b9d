package wasix

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

// lender is a process below the root that is killed while a child acts in its place.
type lender struct {
	*Process
	child    *Process
	killed   chan struct{} // closed then
	goOn     chan struct{} // what the child waits for
	instance atomic.Bool   // it is closed
}

// lastingModule is one whose instances close after the process that l's child is.
type lastingModule struct {
	*fakeModule
	l *lender
}

type lastingInstance struct {
	Instance
	l *lender
}

func (m *lastingModule) Instantiate(t *Thread, memory Memory) (Instance, error) {
	in, err := m.fakeModule.Instantiate(t, memory)
	return &lastingInstance{in, m.l}, err
}

func (in *lastingInstance) Close() error {
	<-in.l.child.done
	for range 1000 {
		runtime.Gosched()
	}
	in.l.instance.Store(true)
	return in.Instance.Close()
}

// startLender has g, the root, start the process, whose child runs body, and kill it.
func startLender(g *signalled, body func(l *lender, child *signalled) error) *lender {
	l := &lender{killed: make(chan struct{}), goOn: make(chan struct{})}
	module := &lastingModule{program(func(th *Thread) error {
		child := &signalled{t: g.t, thread: th}
		if !th.proc.image.charge.add(wasmPageSize) {
			g.t.Error("no memory")
		}
		l.child = th.proc.system.find(child.forkEnv())
		th.proc.Kill()
		close(l.killed)
		return body(l, child)
	}), l}
	l.Process = g.spawns(module)
	<-l.killed
	return l
}

// spawns makes a child process that runs the module.
func (g *signalled) spawns(module Module) *Process {
	child, errno := g.thread.proc.spawn(func(p *Process) abi.Errno {
		im, err := p.system.newImage(module, []string{"child"}, nil, nil, 0)
		if err != nil {
			return abi.ENOMEM
		}
		p.image = im
		return abi.ESUCCESS
	})
	if errno != abi.ESUCCESS {
		g.t.Fatal(errno)
	}
	return child
}

// A process that is killed while a child acts in its place is gone at once, and only the
// memory, which is charged for, and the thread stay until the child has left them.
func TestKilledLenderIsGoneAtOnce(t *testing.T) {
	var log traceLog
	cmd := Command(program(func(th *Thread) error {
		g := &signalled{t: t, thread: th}
		system := th.proc.system
		before, threads := system.budget.used.Load(), system.threadCount
		l := startLender(g, func(l *lender, child *signalled) error {
			<-l.goOn
			_ = child.want(abi.ESUCCESS, "proc_id", pidAt)
			if pid, _ := child.thread.uint32At(pidAt); pid != l.child.pid {
				t.Errorf("process %d goes on, not the child %d", pid, l.child.pid)
			}
			err := child.want(abi.ESUCCESS, "proc_exit2", 0)
			if !errors.Is(err, ErrUnwind) {
				t.Errorf("the parent runs on: %v", err)
			}
			return err
		})
		g.wantJoin(l.pid, -int(abi.SignalKill))
		_ = g.want(abi.ESRCH, "proc_signal", uint64(l.pid), 0)
		if open := l.fds.Open(); len(open) > 0 {
			t.Errorf("descriptors %v are open", open)
		}
		if parent, ok := system.parentOf(l.child.pid); parent != initPID || !ok {
			t.Errorf("the child's parent is %d, %v", parent, ok)
		}
		if used := system.budget.used.Load(); used != before+wasmPageSize {
			t.Errorf("%d bytes are charged, before %d", used, before)
		}
		close(l.goOn)
		<-l.done
		<-l.child.done
		if used := system.budget.used.Load(); used != before || system.threadCount != threads {
			t.Errorf("%d bytes are charged, before %d; %d threads, before %d", used, before, system.threadCount, threads)
		}
		return nil
	}), "root")
	cmd.Trace = log.add
	if err := cmd.Run(t.Context()); err != nil {
		t.Error(err)
	}
	ends := slices.DeleteFunc(log.lines, func(line string) bool { return !strings.Contains(line, " gone ") })
	if want := []string{"2:1 gone 0 KILL", "3:1 gone 0 NONE", "1:1 gone 0 NONE"}; !slices.Equal(ends, want) {
		t.Errorf("traced %q, want %q", ends, want)
	}
}

// The end of the tree waits for what such a process has left behind.
func TestTreeEndsWithMemoryOfKilledLender(t *testing.T) {
	var l *lender
	cmd := Command(program(func(th *Thread) error {
		g := &signalled{t: t, thread: th}
		l = startLender(g, func(_ *lender, child *signalled) error { _, err := child.call("thread_sleep", sleepLong); return err })
		g.wantJoin(l.pid, -int(abi.SignalKill))
		return nil
	}), "root")
	if err := cmd.Run(t.Context()); err != nil {
		t.Error(err)
	}
	if !l.instance.Load() {
		t.Error("the instance is there")
	}
	if s := cmd.Process.system; s.threadCount != 0 || s.budget.used.Load() != 0 {
		t.Errorf("%d threads and %d bytes are left", s.threadCount, s.budget.used.Load())
	}
}
