package wasix

import (
	"errors"

	"github.com/gowasix/gowasix/wasix/abi"
)

// procForkEnv is proc_fork_env(pid): makes the caller a child process, as vfork(2)
// does, and stores its id; it returns once. Other threads run on as the parent. The
// child works on the parent's memory, and has descriptors, a current directory and
// signals of its own. Its proc_exec, when that succeeds, and its proc_exit return to
// the guest, which is the parent again; wasix-libc then jumps back to its vfork.
// Until then the parent takes no signals on that thread. When the parent ends meanwhile
// the child goes on, unless that is the root.
//
// returns 0 except:
//   - EAGAIN: too many processes or threads
//   - EFAULT: pid lies outside memory
//   - ENOTSUP: the caller is such a child: wasix-libc would jump to the wrong place
//
// A child that was killed, or whose signal handler has executed a program or exited,
// runs on until it does so itself, as nothing else leads the guest back; its calls
// answer EIO, but for those on its own memory and stack. One that traps takes the
// thread with it, and so the parent.
func procForkEnv(t *Thread, p []uint64) abi.Errno {
	ret := uint32(p[0])
	if !t.inMemory(ret, 4) {
		return abi.EFAULT
	}
	if t.lent() {
		return abi.ENOTSUP
	}
	child, err := t.lend()
	if err != nil {
		return abi.EAGAIN
	}
	t.putUint32(ret, child.proc.pid)
	return abi.ESUCCESS
}

// callAsChild is [Syscall.Call] for a thread with a child in its place: after vfork
// the child's calls are as any, and what it must not return from ends it.
func (t *Thread) callAsChild(s *Syscall, mem []byte, stack []uint64) error {
	child := t.child
	if t.suspended() {
		return s.Call(child, mem, stack)
	}
	if child.refuses(s) {
		stack[0] = uint64(abi.EIO)
	} else if err := s.Call(child, mem, stack); !child.proc.exiting.Load() {
		return err
	}
	switch inHandler := child.signals.delivery != nil; {
	case inHandler || t.proc.exiting.Load() && !s.leaves:
		return ErrUnwind
	case !s.leaves:
		return nil
	}
	t.takeBack()
	stack[0] = uint64(abi.ESUCCESS)
	if !t.disturbed() {
		return nil
	}
	_, err := t.attend()
	return err
}

// refuses reports whether the process has ended and the call may not be carried out
// any more. Those of memory and stack may: the guest may not get on without.
func (child *Thread) refuses(s *Syscall) bool {
	const ofMemory = "futex"
	return child.proc.exiting.Load() && s.do != nil && !s.leaves && !s.rewinds && s.Family != ofMemory
}

var errChildReturned error = &Trap{"a child made by proc_fork_env has returned to the host"}

// loseChild ends the child when what it was made in has ended, by err or because it
// has returned, and returns what the parent dies of.
func (t *Thread) loseChild(err error) error {
	if err == nil {
		err = errChildReturned
	}
	status := trapStatus(err)
	if errors.Is(err, ErrUnwind) || t.proc.exiting.Load() {
		status = exitStatus{signal: abi.SignalKill}
	}
	t.child.proc.exit(status)
	t.takeBack()
	return err
}
