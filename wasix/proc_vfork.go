package wasix

import (
	"slices"

	"github.com/gowasix/gowasix/wasix/abi"
)

// vfork makes a child that goes on with the stack s in t's place, on its instance
// and memory, until it executes a program or ends: then the parent goes on with it.
// The stack in memory is the parent's as it was; all else that the child writes
// stays. ok is false if the child needs memory of its own: it is made in a signal
// handler, in which the parent could not be found again, or by such a child, or it
// is not known where the stack in memory ends.
func (t *Thread) vfork(s *savedStack) (c continuation, ok bool) {
	mem, sp, high := t.instance.Memory().Bytes(), uint32(s.sp), t.stack.high
	if s.entry.outer != nil || t.lent() || high < sp || uint64(high) > uint64(len(mem)) {
		return c, false
	}
	child, err := t.lend()
	if err != nil {
		return continuation{s, 0, abi.EAGAIN}, true
	}
	s.frames = slices.Clone(mem[sp:high])
	child.back = continuation{s, uint64(child.proc.pid), abi.ESUCCESS}
	return continuation{s, 0, abi.ESUCCESS}, true
}

// suspended reports whether the thread waits for a child in its place to leave it.
func (t *Thread) suspended() bool { return t.child != nil && t.child.back.stack != nil }

// resume ends the suspension, as the child has executed a program or ended, perhaps
// by err, and returns how the thread goes on. The error is ErrUnwind when it does not.
func (t *Thread) resume(err error) (continuation, error) {
	child := t.child
	if err != nil && !child.exited && !child.proc.exiting.Load() {
		child.proc.exit(trapStatus(err))
	}
	s := t.stack
	s.unwinding, s.rewinding, s.jump = unwinding{}, continuation{}, continuation{}
	t.takeBack()
	if t.proc.exiting.Load() {
		return continuation{}, ErrUnwind
	}
	return child.back, nil
}
