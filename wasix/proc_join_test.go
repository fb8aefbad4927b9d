package wasix

import (
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

// child adds a process without a thread below p; end ends it.
func (p *Process) child(t *testing.T) *Process {
	t.Helper()
	c, err := p.system.newProcess(p)
	if err != nil {
		t.Fatal(err)
	}
	c.image = newTestImage(c.system)
	return c
}

func (p *Process) end(s exitStatus) {
	p.exit(s)
	p.system.bury(p)
	p.system.forget(p)
}

// callJoin calls proc_join and returns what it stored.
func callJoin(th *Thread, tag byte, pid uint32, flags abi.JoinFlags) (joined uint32, status []byte, errno abi.Errno) {
	const option, out = 64, 128
	th.mem[option] = tag
	binary.LittleEndian.PutUint32(th.mem[option+abi.OffsetofOptionPidU:], pid)
	errno = procJoin(th, []uint64{option, uint64(flags), out})
	joined = binary.LittleEndian.Uint32(th.mem[option+abi.OffsetofOptionPidU:])
	return joined, th.mem[out : out+abi.SizeofJoinStatus], errno
}

func TestProcJoin(t *testing.T) {
	th := newTestThread(t)
	if _, _, errno := callJoin(th, 0, 0, 0); errno != abi.ECHILD {
		t.Errorf("without children: %v", errno)
	}
	a, b, c := th.proc.child(t), th.proc.child(t), th.proc.child(t)
	if joined, status, errno := callJoin(th, 0, 0, abi.JoinFlagsNonBlocking); joined != 0 || status[0] != 0 || errno != 0 {
		t.Errorf("before any has ended: %d, %v, %v", joined, status, errno)
	}
	b.end(exitStatus{code: 0x107})
	c.end(exitStatus{signal: abi.SignalTerm})
	if joined, status, errno := callJoin(th, 1, c.pid, 0); joined != c.pid || status[0] != 2 || status[4] != 15 || errno != 0 {
		t.Errorf("killed: %d, %v, %v", joined, status, errno)
	}
	if joined, status, errno := callJoin(th, 1, 0, 0); joined != b.pid || status[0] != 1 || status[2] != 7 || errno != 0 {
		t.Errorf("exited: %d, %v, %v", joined, status, errno)
	}
	if _, _, errno := callJoin(th, 1, b.pid, 0); errno != abi.ECHILD {
		t.Errorf("a second time: %v", errno)
	}
	go a.end(exitStatus{trap: &Trap{}})
	if joined, status, errno := callJoin(th, 0, 0, 0); joined != a.pid || status[0] != 2 || status[4] != 6 || errno != 0 {
		t.Errorf("trapped: %d, %v, %v", joined, status, errno)
	}
	if errno := procJoin(th, []uint64{64, 4, 128}); errno != abi.EINVAL {
		t.Errorf("unknown flags: %v", errno)
	}
	if errno := procJoin(th, []uint64{64, 0, 1 << 16}); errno != abi.EFAULT {
		t.Errorf("bad pointer: %v", errno)
	}
}

// A child that was stopped is told of once, unless it goes on before, and only to
// who asks for it.
func TestProcJoinStopped(t *testing.T) {
	th := newTestThread(t)
	child := th.proc.child(t)
	const nohang, stops = abi.JoinFlagsNonBlocking, abi.JoinFlagsWakeStopped
	for i, c := range []struct {
		sig   abi.Signal
		flags abi.JoinFlags
		want  uint32 // the child's id, or 0
	}{
		{abi.SignalTstp, nohang, 0},
		{abi.SignalNone, stops, child.pid},
		{abi.SignalNone, stops | nohang, 0},
		{abi.SignalStop, stops | nohang, 0}, // it is stopped already
		{abi.SignalCont, stops | nohang, 0},
		{abi.SignalTstp, 0 | nohang, 0},
		{abi.SignalCont, stops | nohang, 0},
		{abi.SignalTstp, stops, child.pid},
	} {
		if c.sig != abi.SignalNone {
			child.post(nil, c.sig, nil)
		}
		joined, status, errno := callJoin(th, 1, 0, c.flags)
		stopped := joined != 0 && status[0] == byte(abi.JoinStatusTypeStopped) && status[2] == byte(abi.SignalTstp)
		if joined != c.want || joined != 0 && !stopped || errno != abi.ESUCCESS {
			t.Errorf("%d: %d, %v, %v", i, joined, status, errno)
		}
	}
	child.end(exitStatus{signal: abi.SignalKill})
	if joined, status, errno := callJoin(th, 1, 0, stops); joined != child.pid || status[0] != 2 || errno != abi.ESUCCESS {
		t.Errorf("killed: %d, %v, %v", joined, status, errno)
	}
}

func TestProcJoin2022(t *testing.T) {
	th := newTestThread(t)
	const pid, status = 64, 68
	for _, c := range []struct {
		pid  uint32
		end  exitStatus
		want uint32
	}{{0xffffffff, exitStatus{code: 5}, 0x500}, {2, exitStatus{signal: abi.SignalKill}, 9}, {0, exitStatus{}, 0}} {
		child := th.proc.child(t)
		child.end(c.end)
		if c.pid == 2 {
			c.pid = child.pid
		}
		th.putUint32(pid, c.pid)
		errno := procJoin2022(th, []uint64{pid, status})
		joined, _ := th.uint32At(pid)
		got, _ := th.uint32At(status)
		if errno != abi.ESUCCESS || joined != child.pid || got != c.want {
			t.Errorf("%d: %d, %#x, %v", c.pid, joined, got, errno)
		}
	}
}

func TestOrphans(t *testing.T) {
	th := newTestThread(t)
	const out = 64
	parent := th.proc.child(t)
	dead, orphan := parent.child(t), parent.child(t)
	dead.end(exitStatus{})
	parent.end(exitStatus{})
	if errno := procParent(th, []uint64{uint64(orphan.pid), out}); errno != abi.ESUCCESS || th.mem[out] != initPID {
		t.Errorf("parent of an orphan: %d, %v", th.mem[out], errno)
	}
	if errno := procParent(th, []uint64{uint64(dead.pid), out}); errno != abi.ESRCH {
		t.Errorf("an orphaned zombie: %v", errno)
	}
	if th.proc.find(dead.pid) != nil || th.proc.find(orphan.pid) != orphan {
		t.Error("the living orphan is to be found, the dead one is not")
	}
	orphan.end(exitStatus{})
	if joined, _, errno := callJoin(th, 0, 0, 0); joined != parent.pid || errno != abi.ESUCCESS {
		t.Errorf("join: %d, %v", joined, errno)
	}
	if n := len(th.proc.processes); n != 1 {
		t.Errorf("%d processes are left", n)
	}
}

func TestProcessLimit(t *testing.T) {
	s := (&Cmd{MaxProcesses: 2}).newSystem()
	root, err := s.newProcess(nil)
	if err != nil {
		t.Fatal(err)
	}
	root.image = newTestImage(s)
	child := root.child(t)
	if _, err := s.newProcess(root); err != errProcessLimit {
		t.Errorf("a third process: %v", err)
	}
	go child.end(exitStatus{})
	root.end(exitStatus{})
	if _, err := s.newProcess(root); err != ErrUnwind {
		t.Errorf("after the root: %v", err)
	}
}

// newTestImage returns an image without memory.
func newTestImage(s *system) *image {
	im := imageOf(&fakeModule{})
	im.charge.budget = s.budget
	return im
}

// A thread that waits for any child finds that there is none, when the only one could
// not be made.
func TestProcJoinOfStillborn(t *testing.T) {
	th := newTestThread(t)
	p := th.proc
	child := p.system.makeProcess()
	t.Cleanup(child.stop)
	if err := p.system.add(child, p); err != nil {
		t.Fatal(err)
	}
	joined := make(chan abi.Errno)
	go func() {
		_, errno := th.join(anyChild, 0)
		joined <- errno
	}()
	for !p.changed.Watched() {
		runtime.Gosched()
	}
	p.system.mu.Lock()
	child.zombie = true
	p.system.mu.Unlock()
	before := p.changed.Seq()
	p.system.disown(p, child.pid)
	if p.changed.Seq() == before {
		t.Error("it was not told")
		th.waiter.Interrupt()
	}
	if errno := <-joined; errno != abi.ECHILD {
		t.Errorf("%v, want ECHILD", errno)
	}
}
