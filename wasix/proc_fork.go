package wasix

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/gowasix/gowasix/wasix/abi"
)

// Grower is a [Memory] that can be made larger from outside. Others do not grow.
type Grower interface {
	Memory
	// Grow adds pages of 64 KiB and returns how many there were; false when that
	// would exceed the maximum. Several threads may call it at once.
	Grow(pages uint32) (before uint32, ok bool)
}

// procFork is proc_fork(copy_memory, pid): makes a child process that is a copy
// of the caller with only the calling thread, as fork(2). It returns in both:
// with the id of the child, and with 0 in the child. Without copy_memory it is
// vfork(2), whose child should only exec or exit: the caller goes on after that. The
// child works on the caller's memory then, but for the stack; see [Thread.vfork].
//
// returns 0 except:
//   - EAGAIN: too many processes or threads
//   - EFAULT: pid lies outside memory
//   - ENOMEM: no memory for the child, or for saving the stack
//   - ENOSYS: the binary has no asyncify
//   - ENOTSUP: it is not known where the stack is
//
// A child that is made in a signal handler has the stack of the handler only: it
// should exec or exit there, or jump to a stack that setjmp saved. When the handler
// returns it ends with a trap.
func procFork(t *Thread, p []uint64) abi.Errno {
	copyMemory, ret := uint32(p[0]), uint32(p[1])
	if c, ok := t.rewound(); ok {
		if c.errno == abi.ESUCCESS {
			t.putUint32(ret, uint32(c.value))
		}
		return c.errno
	}
	if !t.inMemory(ret, 4) {
		return abi.EFAULT
	}
	return t.unwind(unwinding{next: (*Thread).forked, arg: copyMemory})
}

// forked makes the child. The stack is the parent's to go on with as well.
func (t *Thread) forked(u *unwinding) continuation {
	s, vfork := u.stack.keep(), u.arg == 0
	if vfork {
		if c, ok := t.vfork(s); ok {
			return c
		}
	}
	child, errno := t.fork(s)
	if errno != abi.ESUCCESS {
		return continuation{s, 0, errno}
	}
	if vfork {
		select {
		case <-child.leaving:
		case <-t.proc.ending:
		}
	}
	return continuation{s, uint64(child.pid), abi.ESUCCESS}
}

// fork makes a child that goes on with the saved stack. It returns when the
// child has its memory. Returns ESUCCESS except EAGAIN and ENOMEM.
func (t *Thread) fork(s *savedStack) (*Process, abi.Errno) {
	parent := t.proc
	im, err := parent.system.copyImage(parent.image)
	if err != nil {
		return nil, abi.ENOMEM
	}
	child := parent.system.makeProcess()
	child.image = im
	child.inherit(parent)
	if err := parent.system.add(child, parent); err != nil {
		child.abandon()
		return nil, abi.EAGAIN
	}
	copied := make(chan error, 1)
	err = child.start(parent.ending, func(ct *Thread) error {
		err := ct.copyOf(t)
		child.stillborn = err != nil
		if err != nil {
			child.exit(exitStatus{signal: abi.SignalKill, cause: err})
		}
		copied <- err
		if err != nil {
			return err
		}
		return child.returned(ct.goOn(s))
	})
	if err != nil {
		parent.system.disown(parent, child.pid)
		return nil, abi.EAGAIN
	}
	if err := told(copied, child.done); err != nil {
		<-child.done
		parent.system.disown(parent, child.pid)
		return nil, abi.ENOMEM
	}
	return child, abi.ESUCCESS
}

// told returns what came, or is to come, over failure before done was closed, and
// nil when nothing did: the child was killed before.
func told(failure <-chan error, done <-chan struct{}) error {
	select {
	case err := <-failure:
		return err
	case <-done:
	}
	select {
	case err := <-failure: // both were there
		return err
	default:
		return nil
	}
}

// copyOf makes the thread, a child's first, one like t, which forks meanwhile.
func (ct *Thread) copyOf(t *Thread) error {
	ct.stack.low, ct.stack.known, ct.stack.high = t.stack.low, t.stack.known, t.stack.high
	*ct.checkpoints = *t.checkpoints
	ct.checkpoints.saved = slices.Clone(t.checkpoints.saved)
	ct.inheritMask(t)
	return ct.copyMemory(t.instance.Memory().Bytes())
}

// inheritMask has the thread, a child's first, block the signals that t blocks.
func (ct *Thread) inheritMask(t *Thread) {
	t.proc.signals.mu.Lock()
	handling, blocked := t.signals.handling, t.signals.blocked
	t.proc.signals.mu.Unlock()
	ct.setMask(handling, blocked)
}

// goOn runs a child from the stack that its parent has saved, to its end.
func (ct *Thread) goOn(s *savedStack) error {
	for from := (continuation{s, 0, abi.ESUCCESS}); ; {
		e := from.stack.entry
		_, err := ct.enter(e, from)
		switch {
		case ct.proc.exiting.Load() || e.outer == nil:
			return err
		case ct.stack.jump.stack == nil:
			return cmp.Or(err, error(errHandlerEnds))
		}
		from, ct.stack.jump = ct.stack.jump, continuation{}
		ct.setMask(0, false)
	}
}

// inherit gives a child what fork(2) copies from its parent, besides the program.
func (p *Process) inherit(parent *Process) {
	p.fds = parent.fds.Fork()
	p.tree, p.mounted = parent.tree, parent.mounted
	p.keepRoot(parent.root)
	parent.cwdMu.RLock()
	p.cwd = parent.cwd
	parent.cwdMu.RUnlock()
	s := &parent.signals
	s.mu.Lock()
	p.signals.callback, p.signals.ignored = s.callback, s.ignored
	s.mu.Unlock()
}

// copyImage returns a copy of the image for a child, with memory of its own that
// is still fresh.
func (s *system) copyImage(im *image) (*image, error) {
	size := uint64(0)
	if im.memory != nil {
		size = uint64(len(im.memory.Bytes()))
	}
	c, err := s.newImage(im.module, im.args, im.environ, nil, size)
	if err != nil {
		return nil, err
	}
	im.locals.copyTo(&c.locals)
	return c, nil
}

// copyTo copies the keys and all values: the child's thread has the ids of the
// parent's among its locals.
func (l *threadLocals) copyTo(to *threadLocals) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to.last, to.keys = l.last, make(map[uint32]*threadLocal, len(l.keys))
	for key, local := range l.keys {
		to.keys[key] = &threadLocal{local.userData, maps.Clone(local.values)}
	}
}

var errNoMemory = errors.New("wasix: the child's memory cannot grow")

// copyMemory makes the memory of a child a copy of from.
func (t *Thread) copyMemory(from []byte) error {
	memory := t.instance.Memory()
	touched := len(memory.Bytes()) // at most, by the start function
	if missing := len(from) - touched; missing > 0 {
		if _, ok := t.growMemory(uint32(missing / wasmPageSize)); !ok {
			return errNoMemory
		}
	}
	copyMemory(memory.Bytes(), from, touched)
	return nil
}
