package wasix

import (
	"encoding/binary"
	"slices"

	"github.com/gowasix/gowasix/wasix/abi"
)

// maxStale is how many stacks are kept that the guest has no right to any more,
// or hardly: of functions that have returned since, and of buffers that were
// filled anew from the same place. Programs keep copies of a jmp_buf, and some
// jump to and fro between functions as if their stacks were two.
const maxStale = 64

const (
	// maxSaved bounds the bytes of the stacks that a thread has saved. Programs
	// with a setjmp in each of a thousand nested functions need a tenth of it.
	maxSaved = 64 << 20
	// savedSize is what a saved stack takes besides its data, roughly.
	savedSize = 512
)

// checkpoints are the stacks that a thread saved by stack_checkpoint, oldest first.
type checkpoints struct {
	last  uint64
	size  int // bytes
	saved []stackCheckpointed
}

// stackCheckpointed is a saved stack, the number that the guest has of it, and
// the buffer where the guest keeps that.
type stackCheckpointed struct {
	*savedStack
	id     uint64
	buffer uint32
}

// add keeps a stack and returns its number. Returns ENOMEM when there would be
// more than [maxSaved].
func (c *checkpoints) add(s *savedStack, buffer uint32) (uint64, abi.Errno) {
	stale := 0
	for i := len(c.saved) - 1; i >= 0; i-- {
		if old := c.saved[i]; old.sp < s.sp || old.sp == s.sp && old.buffer == buffer {
			if stale++; stale > maxStale {
				c.size -= old.size()
				c.saved = slices.Delete(c.saved, i, i+1)
			}
		}
	}
	if c.size+s.size() > maxSaved {
		return 0, abi.ENOMEM
	}
	c.last++
	c.size += s.size()
	c.saved = append(c.saved, stackCheckpointed{s, c.last, buffer})
	return c.last, abi.ESUCCESS
}

// size returns how many bytes the stack takes, roughly.
func (s *savedStack) size() int { return len(s.data) + savedSize }

// find returns the stack of that number, nil when it is forgotten.
func (c *checkpoints) find(id uint64) *savedStack {
	for _, s := range c.saved {
		if s.id == id {
			return s.savedStack
		}
	}
	return nil
}

// stackCheckpoint is stack_checkpoint(snapshot, value): saves the stack, as
// setjmp(3), and stores 0. It returns once more for each stack_restore, and
// stores what that gives.
//
// returns 0 except:
//   - EFAULT: a pointer lies outside memory
//   - ENOMEM: no room on the stack in memory to save it, or too much is saved
//   - ENOSYS: the binary has no asyncify
//   - ENOTSUP: it is not known where the stack is
func stackCheckpoint(t *Thread, p []uint64) abi.Errno {
	snapshot, ret := uint32(p[0]), uint32(p[1])
	if c, ok := t.rewound(); ok {
		if c.errno == abi.ESUCCESS {
			t.putUint64(ret, c.value)
		}
		return c.errno
	}
	if !t.inMemory(snapshot, abi.SizeofStackSnapshot) || !t.inMemory(ret, 8) {
		return abi.EFAULT
	}
	return t.unwind(unwinding{next: (*Thread).checkpointed, arg: snapshot})
}

// checkpointed keeps the stack under a number that it writes to the snapshot, at
// the address u.arg.
func (t *Thread) checkpointed(u *unwinding) continuation {
	s := u.stack.keep()
	id, errno := t.checkpoints.add(s, u.arg)
	b := t.instance.Memory().Bytes()[u.arg:][:abi.SizeofStackSnapshot]
	clear(b)
	binary.LittleEndian.PutUint64(b, id)
	return continuation{s, 0, errno}
}

// stackRestore is stack_restore(snapshot, value): goes back to where the stack
// was saved, as longjmp(3), which there returns value, or 1 for 0. A stack that is
// gone, because its function has returned or another thread saved it, is a trap.
func stackRestore(t *Thread, p []uint64) {
	b, ok := t.bytes(uint32(p[0]), abi.SizeofStackSnapshot)
	if !ok {
		t.trap("stack_restore: the snapshot lies outside memory")
		return
	}
	target := t.checkpoints.find(binary.LittleEndian.Uint64(b))
	switch {
	case target == nil || !t.entered(target.entry):
		t.trap("stack_restore: the stack is gone, as its function has returned")
	case target.entry != t.stack.entry:
		t.stack.jump = continuation{target, max(p[1], 1), abi.ESUCCESS}
	default:
		errno := t.unwind(unwinding{next: jumped, target: continuation{target, max(p[1], 1), abi.ESUCCESS}})
		if errno != abi.ESUCCESS {
			t.trap("stack_restore: " + errno.Name())
		}
	}
}

// jumped leaves the stack that was saved.
func jumped(_ *Thread, u *unwinding) continuation { return u.target }
