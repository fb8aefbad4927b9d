package wasix

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
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

// asyncifyExports are the exports that the pass adds, and their signatures.
var asyncifyExports = map[string]string{
	"asyncify_start_unwind": callbackType, "asyncify_stop_unwind": wasmfile.Signature{}.String(),
	"asyncify_start_rewind": callbackType, "asyncify_stop_rewind": wasmfile.Signature{}.String(),
}

// hasAsyncify reports whether the binary went through the pass.
func hasAsyncify(info *wasmfile.Info) bool {
	for name, signature := range asyncifyExports {
		if export, ok := info.Exports[name]; !ok || export.String() != signature {
			return false
		}
	}
	return true
}

const (
	stackPointer    = "__stack_pointer"
	asyncifyHeader  = 8  // where the data ends, and where it must: two u32 before the data
	stackAlignment  = 16 // of the stack in memory
	minAsyncifyData = 256
)

// How a program fails that claims to have gone through the pass.
var (
	errAsyncifyData = &Trap{"asyncify: the program has left no valid stack where it was to save one"}
	errNotRewound   = &Trap{"asyncify: the program has returned instead of going back down its stack"}
	errHandlerEnds  = &Trap{"a child that was forked in a signal handler has returned from it"}
)

// entry is one call of an export by the host. Signal handlers are entered while
// an outer call is under way.
type entry struct {
	outer  *entry
	export string
	args   []uint64
}

// savedStack is the WebAssembly stack of one entry at an import. One that is kept
// does not change.
type savedStack struct {
	entry   *entry
	sp      uint64   // the stack pointer
	block   uint32   // where in memory the header and the data belong
	limit   uint32   // where the data must end
	data    []byte   // both
	frames  []byte   // the stack in memory from sp on, nil if nobody writes there
	globals []uint64 // the values of [guestGlobals.saved]
	few     [2]uint64
}

// keep returns a copy, in memory of its own.
func (s *savedStack) keep() *savedStack {
	kept := *s
	kept.data = slices.Clone(s.data)
	kept.globals = append(kept.few[:0], s.globals...)
	return &kept
}

// unwinding is what happens once the guest has saved its stack: next tells how to
// go on, and may keep the stack. The others are for next. Without next it is none.
type unwinding struct {
	next   func(t *Thread, u *unwinding) continuation
	arg    uint32
	target continuation // that goes on in place of the stack, if it has one
	stack  savedStack
}

// continuation is a stack to go on with, and what the import at its end then
// answers. Without a stack it is none.
type continuation struct {
	stack *savedStack
	value uint64
	errno abi.Errno // in place of the value, unless ESUCCESS
}

// stackSwitch is a thread's part in this; only the thread uses it.
type stackSwitch struct {
	low       uint32 // the stack in memory does not reach below
	known     bool   // that low is
	high      uint32 // nor above; 0 if not known
	entry     *entry // the innermost
	unwinding unwinding
	rewinding continuation
	jump      continuation // to an outer entry, by a trap

	globals guestGlobals
	values  []uint64  // scratch of savedStack.globals
	args    [1]uint64 // scratch of arguments
}

// guestGlobals are globals that an instance exports.
type guestGlobals struct {
	found bool
	sp    Global   // the stack pointer, nil without
	saved []Global // those that belong to a stack, in the same order for all instances
}

// busy reports whether the guest is on its way up or down its stack, and so can
// run nothing else.
func (s *stackSwitch) busy() bool { return s.unwinding.next != nil || s.rewinding.stack != nil }

// mayCall reports whether a guest that is busy may make a system call: on its way
// it makes none but the one that it goes down to, besides those that the rewriter
// has added.
func (s *stackSwitch) mayCall(c *Syscall) bool {
	return c.Module == wasmfile.HostModule || c.rewinds && s.unwinding.next == nil
}

// call calls an export. However often its stack is unwound and rewound
// meanwhile, it returns once the export has.
func (t *Thread) call(export string, args ...uint64) (uint64, error) {
	return t.enter(&entry{t.stack.entry, export, args}, continuation{})
}

// enter carries out a call of an export, from its beginning or from a stack
// saved before.
func (t *Thread) enter(e *entry, from continuation) (r uint64, err error) {
	s := t.stack
	outer := s.entry
	s.entry = e
	defer func() {
		s.entry = outer
		if t.child != nil {
			err = t.loseChild(err)
		}
	}()
	for {
		if from.stack != nil {
			if err := t.startRewind(from); err != nil {
				return 0, err
			}
		}
		r, err = t.instance.Call(e.export, e.args...)
		from, err = t.acting().next(e, err)
		if from.stack == nil && t.suspended() {
			from, err = t.resume(err)
		}
		if from.stack == nil {
			return r, err
		}
	}
}

// next returns how the guest goes on when a call of e's export has returned, or was
// unwound by err: by no stack when that is all.
func (t *Thread) next(e *entry, err error) (continuation, error) {
	s := t.stack
	switch from := s.jump; {
	case t.proc.exiting.Load():
		return continuation{}, err
	case from.stack != nil && from.stack.entry == e:
		s.jump = continuation{}
		return from, nil
	case err != nil:
		s.unwinding, s.rewinding = unwinding{}, continuation{}
		return continuation{}, err
	case s.rewinding.stack != nil:
		s.rewinding = continuation{}
		return continuation{}, errNotRewound
	case s.unwinding.next == nil:
		return continuation{}, nil
	}
	return t.stopUnwind()
}

// unwind makes the guest save its stack as soon as the import returns, whatever
// it returns, and then do u. Returns ESUCCESS except:
//   - ENOSYS: the binary has no asyncify
//   - ENOMEM: there is no room for the data on the stack in memory
//   - ENOTSUP: it is not known where that stack is, or the call comes from the
//     module's start function
func (t *Thread) unwind(u unwinding) abi.Errno {
	s := t.stack
	if !t.proc.asyncify {
		return abi.ENOSYS
	}
	globals := t.globals()
	if s.entry == nil || !s.known || globals.sp == nil {
		return abi.ENOTSUP
	}
	sp := globals.sp.Get()
	top := uint32(sp) &^ (stackAlignment - 1)
	block := (s.low + stackAlignment - 1) &^ (stackAlignment - 1)
	if uint64(block)+minAsyncifyData > uint64(top) || !t.inMemory(top, 0) {
		return abi.ENOMEM
	}
	t.putUint32(block, block+asyncifyHeader)
	t.putUint32(block+4, top)
	s.unwinding = u
	s.unwinding.stack = savedStack{entry: s.entry, sp: sp, block: block, limit: top}
	if u.target.stack == nil {
		s.unwinding.stack.globals = s.saveGlobals()
	}
	if err := t.callAsyncify("asyncify_start_unwind", block); err != nil {
		t.trap(err.Error())
	}
	return abi.ESUCCESS
}

// callAsyncify calls one of asyncify's exports that take a block.
func (t *Thread) callAsyncify(export string, block uint32) error {
	t.stack.args[0] = uint64(block)
	_, err := t.instance.Call(export, t.stack.args[:]...)
	return err
}

// globals returns the globals of the thread's instance. Of those that can be set, a
// stack has the numbers: references belong to the instance.
func (t *Thread) globals() *guestGlobals {
	g := &t.stack.globals
	if g.found {
		return g
	}
	g.found = true
	g.sp = t.instance.Global(stackPointer)
	all := t.proc.module.Info().Globals
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name].Mutable && all[name].IsNumber() {
			g.saved = append(g.saved, t.instance.Global(name))
		}
	}
	return g
}

// saveGlobals returns the values of the globals, until it is called again.
func (s *stackSwitch) saveGlobals() []uint64 {
	s.values = s.values[:0]
	for _, g := range s.globals.saved {
		s.values = append(s.values, g.Get())
	}
	return s.values
}

// stopUnwind takes the stack that the guest has saved, and returns how to go on.
func (t *Thread) stopUnwind() (continuation, error) {
	u := &t.stack.unwinding
	next := u.next
	u.next = nil
	defer func() { *u = unwinding{} }()
	if _, err := t.instance.Call("asyncify_stop_unwind"); err != nil {
		return continuation{}, err
	}
	mem := t.instance.Memory().Bytes()
	header := mem[u.stack.block:][:asyncifyHeader]
	end, limit := binary.LittleEndian.Uint32(header), binary.LittleEndian.Uint32(header[4:])
	if end < u.stack.block+asyncifyHeader || end > limit || limit != u.stack.limit {
		return continuation{}, errAsyncifyData
	}
	u.stack.data = mem[u.stack.block:end]
	return next(t, u), nil
}

// startRewind makes the next call of the entry go down the saved stack.
func (t *Thread) startRewind(c continuation) error {
	mem := t.instance.Memory().Bytes()
	if uint64(c.stack.block)+uint64(len(c.stack.data)) > uint64(len(mem)) {
		return errAsyncifyData
	}
	copy(mem[c.stack.block:], c.stack.data)
	if c.stack.frames != nil {
		copy(mem[uint32(c.stack.sp):], c.stack.frames)
	}
	globals := t.globals().saved
	for i, v := range c.stack.globals {
		globals[i].Set(v)
	}
	t.stack.rewinding = c
	return t.callAsyncify("asyncify_start_rewind", c.stack.block)
}

// rewound is what an import asks first that may unwind: ok when the guest has come
// back to it down a saved stack, and then how.
func (t *Thread) rewound() (c continuation, ok bool) {
	c = t.stack.rewinding
	if c.stack == nil {
		return c, false
	}
	t.stack.rewinding = continuation{}
	if _, err := t.instance.Call("asyncify_stop_rewind"); err != nil {
		t.trap(err.Error())
	}
	return c, true
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
	t.stack.low, t.stack.known, t.stack.high = stack-size, size > 0 && size < stack, stack
}

// findStack learns where the stack in memory of the main thread is, before the
// program runs: between the data and the heap, or first of all.
func (t *Thread) findStack() {
	sp := t.globals().sp
	if sp == nil {
		return
	}
	for _, name := range []string{"__stack_low", "__data_end"} {
		if g := t.instance.Global(name); g != nil {
			t.stack.known, t.stack.high = true, uint32(sp.Get())
			if low := uint32(g.Get()); low < uint32(sp.Get()) {
				t.stack.low = low
			}
			return
		}
	}
}
