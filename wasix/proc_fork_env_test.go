package wasix

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
)

// want makes a system call that must give errno.
func (g *signalled) want(errno abi.Errno, name string, args ...uint64) error {
	g.t.Helper()
	got, err := g.call(name, args...)
	if got != errno && !errors.Is(err, ErrUnwind) {
		g.t.Errorf("%s%v: %v, want %v", name, args, got, errno)
	}
	return err
}

// forkEnv makes the guest a child, whose id it returns.
func (g *signalled) forkEnv() uint32 {
	g.t.Helper()
	_ = g.want(abi.ESUCCESS, "proc_fork_env", pidAt)
	pid, _ := g.thread.uint32At(pidAt)
	return pid
}

// joins waits for a child and returns its status: a code, or -signal.
func (g *signalled) joins(pid uint32) int {
	g.t.Helper()
	g.thread.mem[optionAt] = 1
	g.thread.putUint32(optionAt+abi.OffsetofOptionPidU, pid)
	_ = g.want(abi.ESUCCESS, "proc_join", optionAt, 0, statusAt)
	status := g.thread.mem[statusAt:][:abi.SizeofJoinStatus]
	u := status[abi.OffsetofJoinStatusU:]
	if status[abi.OffsetofJoinStatusTag] == byte(abi.JoinStatusTypeExitSignal) {
		return -int(u[abi.OffsetofErrnoSignalSignal])
	}
	return int(u[0])
}

func (g *signalled) wantJoin(pid uint32, status int) {
	g.t.Helper()
	if got := g.joins(pid); got != status {
		g.t.Errorf("the child's status is %d, want %d", got, status)
	}
}

const sleepLong = uint64(time.Hour)

// Signals of the parent wait for the child's end, and what the child does about
// signals is its own.
func TestForkEnvAndSignals(t *testing.T) {
	var seen []string
	g := &signalled{t: t}
	g.handle = func(g *signalled, sig abi.Signal) error {
		err := g.want(abi.ESUCCESS, "proc_id", pidAt+4)
		pid, _ := g.thread.uint32At(pidAt + 4)
		seen = append(seen, fmt.Sprint(pid, " ", sig))
		return err
	}
	cmd := g.start(func(g *signalled) error {
		pid := g.forkEnv()
		_ = g.want(abi.ESUCCESS, "proc_signal", initPID, uint64(abi.SignalUsr1))
		_ = g.raise(abi.SignalUsr2)
		_ = g.register("none") // from now on it has no handler
		_ = g.want(abi.ESUCCESS, "sched_yield")
		if _, err := g.call("proc_exit2", 5); err != nil {
			return err
		}
		seen = append(seen, "parent")
		g.wantJoin(pid, 5)
		return g.raise(abi.SignalHup)
	})
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	seen = slices.DeleteFunc(seen, func(s string) bool { return s == "1 CHLD" }) // sooner or later
	if want := []string{"2 USR2", "1 USR1", "parent", "1 HUP"}; !slices.Equal(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
}

// A child that was killed runs on to where it executes a program or exits, and does
// nothing until then.
func TestForkEnvKilled(t *testing.T) {
	for _, end := range []struct {
		call string
		args []uint64
	}{{"proc_exit2", []uint64{0}}, {"proc_exec3", make([]uint64, 9)}, {"proc_exec", make([]uint64, 4)}} {
		sleeping := make(chan *Process, 1)
		g := &signalled{t: t}
		cmd := g.start(func(g *signalled) error {
			pid := g.forkEnv()
			sleeping <- g.thread.proc.system.find(pid)
			if errno, err := g.call("thread_sleep", sleepLong); errno != abi.EINTR && errno != abi.EIO || err != nil {
				t.Errorf("%v, %v", errno, err)
			}
			_ = g.want(abi.EIO, "thread_sleep", sleepLong)
			_ = g.want(abi.EIO, "proc_signal", initPID, uint64(abi.SignalKill))
			_ = g.want(abi.ESUCCESS, "futex_wait", 64, 0, 128, 192) // what else may trap in a C library
			if err := g.want(abi.ESUCCESS, end.call, end.args...); err != nil {
				return err
			}
			g.wantJoin(pid, -int(abi.SignalKill))
			return nil
		})
		(<-sleeping).Kill()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", end.call, err)
		}
	}
}

// The same holds for one whose handler has exited.
func TestForkEnvExitsInHandler(t *testing.T) {
	g := &signalled{t: t}
	g.handle = func(g *signalled, sig abi.Signal) error {
		if sig != abi.SignalUsr1 {
			return nil
		}
		if _, err := g.call("proc_exit2", 4); err != nil {
			return err
		}
		t.Error("the handler goes on")
		return nil
	}
	cmd := g.start(func(g *signalled) error {
		pid := g.forkEnv()
		_ = g.raise(abi.SignalUsr1)
		_ = g.want(abi.EIO, "sched_yield")
		if _, err := g.call("proc_exit2", 7); err != nil {
			return err
		}
		g.wantJoin(pid, 4)
		return nil
	})
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// The end of the root is that of the child in its place; that of another parent is not,
// and when the child leaves it does not run on.
func TestForkEnvOfKilledParent(t *testing.T) {
	sleeping := make(chan struct{})
	g := &signalled{t: t}
	cmd := g.start(func(g *signalled) error {
		g.forkEnv()
		close(sleeping)
		_, err := g.call("thread_sleep", sleepLong)
		return err
	})
	<-sleeping
	cmd.Process.Kill()
	if err := cmd.Wait(); deathSignal(err) != abi.SignalKill {
		t.Error(err)
	}

	g = &signalled{t: t}
	cmd = g.start(func(g *signalled) error {
		child := program(func(th *Thread) error {
			g := &signalled{t: t, thread: th}
			g.forkEnv()
			th.proc.Kill()
			_ = g.want(abi.ESUCCESS, "sched_yield")
			err := g.want(abi.ESUCCESS, "proc_exit2", 0)
			if !errors.Is(err, ErrUnwind) {
				t.Errorf("the parent runs on: %v", err)
			}
			return err
		})
		g.wantJoin(g.spawns(child).pid, -int(abi.SignalKill))
		return nil
	})
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// A child that traps, or returns, takes its parent with it.
func TestForkEnvLosesStack(t *testing.T) {
	for _, c := range []struct {
		with error
		want string
	}{{&Trap{"unreachable"}, "guest: unreachable"}, {nil, "guest: " + errChildReturned.(*Trap).Message}} {
		var childDied string
		cmd := Command(program(func(th *Thread) error {
			if errno, err := call(th, procForkEnv, pidAt); errno != abi.ESUCCESS {
				t.Errorf("%v, %v", errno, err)
			}
			return c.with
		}), "guest")
		cmd.ChildFailed = func(pid int, err *ExitError) { childDied = err.Error() }
		if err := cmd.Run(t.Context()); err == nil || err.Error() != c.want || childDied != c.want {
			t.Errorf("%v, and the child %q, want %q", err, childDied, c.want)
		}
	}
}

// Past a limit, or with bad arguments, it fails and leaves nothing behind.
func TestForkEnvErrors(t *testing.T) {
	for name, limit := range map[string]func(*Cmd){
		"processes": func(c *Cmd) { c.MaxProcesses = 1 },
		"threads":   func(c *Cmd) { c.MaxThreads = 1 },
	} {
		cmd := Command(program(func(th *Thread) error {
			before := len(th.mem)
			for range 3 {
				if errno, err := call(th, procForkEnv, pidAt); errno != abi.EAGAIN || err != nil {
					t.Errorf("%s: %v, %v", name, errno, err)
				}
			}
			if errno, _ := call(th, procID, pidAt); errno != abi.ESUCCESS || len(th.mem) != before {
				t.Errorf("%s: %v afterwards, %d bytes of memory", name, errno, len(th.mem))
			}
			return nil
		}), "guest")
		limit(cmd)
		if err := cmd.Run(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := cmd.Process.threadCount; n != 0 {
			t.Errorf("%s: %d threads are left", name, n)
		}
	}
	g := &signalled{t: t}
	cmd := g.start(func(g *signalled) error {
		_ = g.want(abi.EFAULT, "proc_fork_env", 1<<16-3)
		pid := g.forkEnv()
		_ = g.want(abi.ENOTSUP, "proc_fork_env", pidAt)
		_ = g.want(abi.ENOENT, "proc_exec3", make([]uint64, 9)...)
		_ = g.want(abi.ESUCCESS, "proc_exit", 8)
		g.wantJoin(pid, 8)
		return nil
	})
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// The child has the parent's memory as long as it acts in its place, and the
// parent's memory is charged once.
func TestForkEnvAndMemory(t *testing.T) {
	cmd := Command(program(func(th *Thread) error {
		g := &signalled{t: t, thread: th}
		system := th.proc.system
		used := system.budget.used.Load()
		for range 3 {
			pid := g.forkEnv()
			n, nn := putText(th, 1024, "/bin/returns")
			_ = g.want(abi.ESUCCESS, "proc_exec3", n, nn, 2048, 0, 0, 0, 0, 0, 0)
			g.wantJoin(pid, 0)
			if now := system.budget.used.Load(); now != used {
				t.Errorf("%d bytes are used, before %d", now, used)
			}
		}
		return nil
	}), "guest")
	cmd.Programs = map[string]Module{"returns": returns}
	if err := cmd.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// A child on its parent's memory makes no thread, which would outlive its stay there.
func TestForkEnvMakesNoThread(t *testing.T) {
	exit := syscallNamed(t, "wasix_32v1", "proc_exit2")
	err := runFake(t, map[string]func(*Thread, []uint64) (uint64, error){
		"_start": func(th *Thread, _ []uint64) (uint64, error) {
			if errno, _ := call(th, procForkEnv, pidAt); errno != abi.ESUCCESS {
				t.Errorf("proc_fork_env: %v", errno)
			}
			if errno, _ := call(th, threadSpawnV2, 64, 128); errno != abi.ENOTSUP {
				t.Errorf("thread_spawn_v2: %v", errno)
			}
			return 0, exit.Call(th, th.mem, []uint64{0})
		},
		"wasi_thread_start": func(*Thread, []uint64) (uint64, error) { return 0, nil },
	})
	if err != nil {
		t.Error(err)
	}
}
