package wasix

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/gowasix/gowasix/wasix/abi"
)

// No engine lets the host copy a guest's WebAssembly stack. A binary that went
// through Binaryen's pass "asyncify" can do it itself, when an import asks for
// it: asyncify_start_unwind makes every function on the stack save its locals in
// memory and return, up to the export that the host called; asyncify_start_rewind
// makes the same export, called once more, go down to that import again. Between
// the two the saved stack is plain data. fork gives a copy of it to a child, and
// longjmp goes back to one that setjmp saved.
//
// The data goes to the part of the stack in memory that lies below the stack
// pointer and is not in use. The stack in memory above it stays as it is.

// asyncifyExports are the exports that the pass adds.
var asyncifyExports = [...]string{
	"asyncify_start_unwind", "asyncify_stop_unwind", "asyncify_start_rewind", "asyncify_stop_rewind",
}

const (
	stackPointer    = "__stack_pointer"
	asyncifyHeader  = 8  // where the data ends, and where it must: two u32 before the data
	stackAlignment  = 16 // of the stack in memory
	minAsyncifyData = 256
)

var errAsyncify = errors.New("wasix: the program's asyncify data is not valid")

// entry is one call of an export by the host. Signal handlers are entered while
// an outer call is under way.
type entry struct {
	outer  *entry
	export string
	args   []uint64
}

// savedStack is the WebAssembly stack of one entry at an import.
type savedStack struct {
	entry   *entry
	block   uint32 // where in memory the header and the data belong
	data    []byte // both
	globals []savedGlobal
}

// savedGlobal is a mutable global that the binary exports.
type savedGlobal struct {
	name  string
	value uint64
}

// unwinding is what happens once the guest has saved its stack: next returns the
// stack to go on with, and what the import at its end then answers.
type unwinding struct {
	stack *savedStack
	next  func(*savedStack) (*savedStack, uint64)
}

// continuation is a stack to go on with.
type continuation struct {
	stack *savedStack
	value uint64 // for the import at its end
}

// stackSwitch is a thread's part in this; only the thread uses it.
type stackSwitch struct {
	low       uint32 // the stack in memory does not reach below
	known     bool   // that low is
	entry     *entry // the innermost
	unwinding *unwinding
	rewinding *continuation
	jump      *continuation // to an outer entry, by a trap
}

// busy reports whether the guest is on its way up or down its stack, and so can
// run nothing else.
func (s *stackSwitch) busy() bool { return s.unwinding != nil || s.rewinding != nil }

// call calls an export. However often its stack is unwound and rewound
// meanwhile, it returns once the export has.
func (t *Thread) call(export string, args ...uint64) (uint64, error) {
	return t.enter(&entry{t.stack.entry, export, args}, nil)
}

// enter carries out a call of an export, from its beginning or from a stack
// saved before.
func (t *Thread) enter(e *entry, from *continuation) (uint64, error) {
	s := &t.stack
	outer := s.entry
	s.entry = e
	defer func() { s.entry = outer }()
	for {
		if from != nil {
			if err := t.startRewind(from); err != nil {
				return 0, err
			}
		}
		r, err := t.instance.Call(e.export, e.args...)
		switch {
		case t.proc.exiting.Load():
			return r, err
		case s.jump != nil && s.jump.stack.entry == e:
			from, s.jump = s.jump, nil
		case err != nil || s.unwinding == nil:
			return r, err
		default:
			if from, err = t.stopUnwind(); err != nil {
				return 0, err
			}
		}
	}
}

// unwind makes the guest save its stack as soon as the import returns, whatever
// it returns. Returns ESUCCESS except:
//   - ENOSYS: the binary has no asyncify
//   - ENOMEM: there is no room for the data on the stack in memory
//   - ENOTSUP: it is not known where that stack is
func (t *Thread) unwind(next func(*savedStack) (*savedStack, uint64)) abi.Errno {
	for _, name := range asyncifyExports {
		if t.instance == nil || !t.instance.HasExport(name) {
			return abi.ENOSYS
		}
	}
	sp := t.instance.Global(stackPointer)
	if sp == nil || !t.stack.known {
		return abi.ENOTSUP
	}
	top := uint32(sp.Get()) &^ (stackAlignment - 1)
	block := (t.stack.low + stackAlignment - 1) &^ (stackAlignment - 1)
	if uint64(block)+minAsyncifyData > uint64(top) || !t.inMemory(top, 0) {
		return abi.ENOMEM
	}
	t.putUint32(block, block+asyncifyHeader)
	t.putUint32(block+4, top)
	t.stack.unwinding = &unwinding{&savedStack{t.stack.entry, block, nil, t.saveGlobals()}, next}
	if _, err := t.instance.Call("asyncify_start_unwind", uint64(block)); err != nil {
		t.trap(err.Error())
	}
	return abi.ESUCCESS
}

// saveGlobals returns the mutable globals that can be set again.
func (t *Thread) saveGlobals() (saved []savedGlobal) {
	for name, mutable := range t.proc.module.Info().Globals {
		if mutable {
			saved = append(saved, savedGlobal{name, t.instance.Global(name).Get()})
		}
	}
	return saved
}

// stopUnwind takes the stack that the guest has saved, and returns how to go on.
func (t *Thread) stopUnwind() (*continuation, error) {
	u := t.stack.unwinding
	t.stack.unwinding = nil
	if _, err := t.instance.Call("asyncify_stop_unwind"); err != nil {
		return nil, err
	}
	mem := t.instance.Memory().Bytes()
	header := mem[u.stack.block:][:asyncifyHeader]
	end, limit := binary.LittleEndian.Uint32(header), binary.LittleEndian.Uint32(header[4:])
	if end < u.stack.block+asyncifyHeader || end > limit || uint64(limit) > uint64(len(mem)) {
		return nil, errAsyncify
	}
	u.stack.data = slices.Clone(mem[u.stack.block:end])
	stack, value := u.next(u.stack)
	return &continuation{stack, value}, nil
}

// startRewind makes the next call of the entry go down the saved stack.
func (t *Thread) startRewind(c *continuation) error {
	mem := t.instance.Memory().Bytes()
	if uint64(c.stack.block)+uint64(len(c.stack.data)) > uint64(len(mem)) {
		return errAsyncify
	}
	copy(mem[c.stack.block:], c.stack.data)
	for _, g := range c.stack.globals {
		t.instance.Global(g.name).Set(g.value)
	}
	t.stack.rewinding = c
	_, err := t.instance.Call("asyncify_start_rewind", uint64(c.stack.block))
	return err
}

// rewound is what an import asks first that may unwind: it reports whether the
// guest has come back to it down a saved stack, and what it is to answer.
func (t *Thread) rewound() (uint64, bool) {
	c := t.stack.rewinding
	if c == nil {
		return 0, false
	}
	t.stack.rewinding = nil
	if _, err := t.instance.Call("asyncify_stop_rewind"); err != nil {
		t.trap(err.Error())
	}
	return c.value, true
}

// entered reports whether the call e is still under way.
func (t *Thread) entered(e *entry) bool {
	for at := t.stack.entry; at != nil; at = at.outer {
		if at == e {
			return true
		}
	}
	return false
}

// findThreadStack learns where the stack in memory of another thread is, from
// its thread_start.
func (t *Thread) findThreadStack(start uint32) {
	mem := t.instance.Memory().Bytes()
	if uint64(start)+abi.SizeofThreadStart > uint64(len(mem)) {
		return
	}
	stack := binary.LittleEndian.Uint32(mem[start+abi.OffsetofThreadStartStack:])
	size := binary.LittleEndian.Uint32(mem[start+abi.OffsetofThreadStartStackSize:])
	t.stack.low, t.stack.known = stack-size, size > 0 && size < stack
}

// findStack learns where the stack in memory of the main thread is, before the
// program runs: between the data and the heap, or first of all.
func (t *Thread) findStack() {
	sp := t.instance.Global(stackPointer)
	if sp == nil {
		return
	}
	for _, name := range []string{"__stack_low", "__data_end"} {
		if g := t.instance.Global(name); g != nil {
			t.stack.known = true
			if low := uint32(g.Get()); low < uint32(sp.Get()) {
				t.stack.low = low
			}
			return
		}
	}
}
