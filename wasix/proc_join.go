package wasix

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// anyChild stands for no child in particular.
const anyChild = 0

// Queue implements [ready.Source]: a process reports there that the state of a
// child has changed.
func (p *Process) Queue() *ready.Queue { return &p.changed }

// Ready implements [ready.Source].
func (p *Process) Ready(ready.Events) ready.Events { return 0 }

// childChanged tells p that one of its children has ended, was stopped or goes on.
func (p *Process) childChanged() {
	p.changed.Notify(ready.In)
	p.post(nil, abi.SignalChld, nil)
}

// tellStop tells p's parent that p was stopped by a signal, or with SignalNone that
// it goes on. The signals of p are locked; so those of a child are before those of
// its parent.
func (p *Process) tellStop(sig abi.Signal) {
	p.system.mu.Lock()
	p.stopped = sig
	parent := p.parent
	p.system.mu.Unlock()
	if parent != nil {
		parent.childChanged()
	}
}

// joined is what a parent learns of a child.
type joined struct {
	pid     uint32     // 0 when there is nothing to learn
	stopped abi.Signal // what it was stopped by; SignalNone when it has ended
	status  exitStatus // of one that has ended
}

// collect looks for a child of p with news, the first-born of them when pid is
// anyChild: it removes one that has ended. Of one that was stopped it tells once,
// with stops. The errno is ECHILD when p has no such child at all.
func (s *system) collect(p *Process, pid uint32, stops bool) (joined, abi.Errno) {
	s.news.Lock()
	defer s.news.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	found := false
	for i, child := range p.children {
		if pid != anyChild && child.pid != pid {
			continue
		}
		found = true
		if child.zombie {
			p.children = append(p.children[:i:i], p.children[i+1:]...)
			delete(s.processes, child.pid)
			return joined{pid: child.pid, status: child.status}, abi.ESUCCESS
		}
		if sig := child.stopped; stops && sig != abi.SignalNone {
			child.stopped = abi.SignalNone
			return joined{pid: child.pid, stopped: sig}, abi.ESUCCESS
		}
	}
	if !found {
		return joined{}, abi.ECHILD
	}
	return joined{}, abi.ESUCCESS
}

// disown takes a child from p whose making failed. Threads that wait for any child
// look again: there may be none.
func (s *system) disown(p *Process, pid uint32) {
	s.collect(p, pid, false)
	p.changed.Notify(ready.In)
}

// join waits for a child's end, as waitpid(2), and collects it; with WAKE_STOPPED
// also for its being stopped. With NON_BLOCKING it returns nothing instead of
// waiting. Returns ESUCCESS except:
//   - ECHILD: no such child
//   - EINTR: interrupted
func (t *Thread) join(pid uint32, flags abi.JoinFlags) (joined, abi.Errno) {
	stops, nohang := flags&abi.JoinFlagsWakeStopped != 0, flags&abi.JoinFlagsNonBlocking != 0
	for {
		seq := t.proc.changed.Seq()
		child, errno := t.proc.system.collect(t.proc, pid, stops)
		if child.pid != 0 || errno != abi.ESUCCESS || nohang {
			return child, errno
		}
		err := t.waiter.Wait(t.proc, ready.In, seq, ready.Never)
		if err == nil {
			continue
		}
		// SIGCHLD interrupts, but a child with news comes first.
		if child, _ := t.proc.system.collect(t.proc, pid, stops); child.pid != 0 {
			return child, abi.ESUCCESS
		}
		return joined{}, errnoOf(err)
	}
}

// procJoin is proc_join(pid, flags, status): waits for the end of a child, as
// waitpid(2), and stores how it ended. pid points to an option_pid: none, or 0,
// is any child; it takes the id of the child that ended, or 0 when NON_BLOCKING
// is set and none has. With WAKE_STOPPED, a child that was stopped is told of once,
// with the signal. There is no flag for one that goes on.
//
// returns 0 except:
//   - ECHILD: no such child
//   - EFAULT: pid or status lies outside memory
//   - EINTR: interrupted
//   - EINVAL: unknown flags
func procJoin(t *Thread, p []uint64) abi.Errno {
	const known = abi.JoinFlagsNonBlocking | abi.JoinFlagsWakeStopped
	flags := abi.JoinFlags(p[1])
	if flags&^known != 0 {
		return abi.EINVAL
	}
	option, ok1 := t.bytes(uint32(p[0]), abi.SizeofOptionPid)
	status, ok2 := t.bytes(uint32(p[2]), abi.SizeofJoinStatus)
	if !ok1 || !ok2 {
		return abi.EFAULT
	}
	pid := uint32(anyChild)
	if option[abi.OffsetofOptionPidTag] != 0 {
		pid = binary.LittleEndian.Uint32(option[abi.OffsetofOptionPidU:])
	}
	child, errno := t.join(pid, flags)
	if errno != abi.ESUCCESS {
		return errno
	}
	clear(status)
	option[abi.OffsetofOptionPidTag] = 1
	child.putJoinStatus(status)
	binary.LittleEndian.PutUint32(option[abi.OffsetofOptionPidU:], child.pid)
	return abi.ESUCCESS
}

// procJoin2022 is proc_join(pid, status) as binaries until March 2023 import it:
// it waits for the child *pid, or for any when that is 0 or -1, and stores its
// id and the status as waitpid(2) has it. The ABI calls that an exit code, but
// wasix-libc hands it on as the status.
//
// returns 0 except:
//   - ECHILD: no such child
//   - EFAULT: pid or status lies outside memory
//   - EINTR: interrupted
func procJoin2022(t *Thread, p []uint64) abi.Errno {
	pid, ok := t.uint32At(uint32(p[0]))
	if !ok || !t.inMemory(uint32(p[1]), 4) {
		return abi.EFAULT
	}
	if int32(pid) < 0 { // a process group, or any
		pid = anyChild
	}
	child, errno := t.join(pid, 0)
	if errno != abi.ESUCCESS {
		return errno
	}
	t.putUint32(uint32(p[0]), child.pid)
	t.putUint32(uint32(p[1]), child.status.wait())
	return abi.ESUCCESS
}

// putJoinStatus stores what was learned in out, a join_status of zeros.
func (j joined) putJoinStatus(out []byte) {
	u := out[abi.OffsetofJoinStatusU:]
	tag := abi.JoinStatusTypeExitNormal
	switch signal := j.status.deathSignal(); {
	case j.pid == 0:
		tag = abi.JoinStatusTypeNothing
	case j.stopped != abi.SignalNone:
		tag = abi.JoinStatusTypeStopped
		u[abi.OffsetofJoinStatusUStopped] = byte(j.stopped)
	case signal != abi.SignalNone:
		tag = abi.JoinStatusTypeExitSignal
		u[abi.OffsetofErrnoSignalSignal] = byte(signal)
	default:
		binary.LittleEndian.PutUint16(u, uint16(j.status.code&0xff))
	}
	out[abi.OffsetofJoinStatusTag] = byte(tag)
}

// wait returns s as waitpid(2) does.
func (s exitStatus) wait() uint32 {
	if signal := s.deathSignal(); signal != abi.SignalNone {
		return uint32(signal)
	}
	return (s.code & 0xff) << 8
}

// deathSignal returns the signal that a parent sees, SignalNone after an exit.
func (s exitStatus) deathSignal() abi.Signal {
	if s.trap != nil {
		return abi.SignalAbrt
	}
	return s.signal
}
