package wasix

import (
	"github.com/gowasix/gowasix/wasix/abi"
)

// delivery is a call of the guest's callback, on the stack of its thread.
//
// wasix-libc's callback runs the program's handler. Where that is SIG_IGN, the
// rewriter has made it ask. Without one it takes the default action as it knows
// it: it blocks all signals and prints a message, then aborts, whatever the signal;
// or it calls SIG_IGN, or, before the program has set a handler, no function at all.
// Either way the host does what the signal does on Linux.
type delivery struct {
	signal    abi.Signal
	outer     *delivery
	ignored   bool // the guest's handler is SIG_IGN
	abandoned bool // the callback unwinds and counts as returned
}

// attend does what the thread was given notice of, before it returns to the
// guest: it takes the signals sent to it. It reports whether a handler ran. The
// error is ErrUnwind when the thread does not return to the guest.
func (t *Thread) attend() (handled bool, err error) {
	if t.child != nil {
		return false, nil // later
	}
	held := t.signals.held
	t.signals.held = false
	if handled, err = t.takeSignals(held); held {
		t.setBlocked(t.signals.blocked) // has the next call attend to the others
	}
	return handled, err
}

// takeSignals is attend; with own, only for signals that were sent to the thread.
func (t *Thread) takeSignals(own bool) (handled bool, err error) {
	for t.instance != nil && !t.stack.busy() {
		sig := t.takeSignal(own)
		if sig == abi.SignalNone {
			break
		}
		// As on Linux, signals that were pending together are handled the other
		// way round: each handler is interrupted by the next before it begins.
		inner, err := t.takeSignals(own)
		if err != nil {
			return true, err
		}
		ran, err := t.handle(sig)
		if err != nil {
			return true, err
		}
		handled = handled || inner || ran
	}
	if t.unwinds() {
		return handled, ErrUnwind
	}
	return handled, nil
}

// unwinds reports whether the thread must not return to where it was.
func (t *Thread) unwinds() bool {
	return t.exited || t.proc.exiting.Load() || t.stack.jump.stack != nil || t.signals.delivery != nil && t.signals.delivery.abandoned
}

// takeSignal takes the next signal that the thread accepts, which blocks it
// until the handler is done. It returns SignalNone when there is none: then all
// notices are attended to. While the process is stopped it waits. With own, it
// leaves what was sent to the process.
func (t *Thread) takeSignal(own bool) abi.Signal {
	s := &t.proc.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	for t.tellSignals(); s.resumed != nil && !t.unwinds(); t.tellSignals() {
		resumed := s.resumed
		s.mu.Unlock()
		select {
		case <-resumed:
		case <-t.proc.ctx.Done():
		}
		s.mu.Lock()
	}
	if t.unwinds() {
		return abi.SignalNone
	}
	t.waiter.Attend()
	set := t.deliverable()
	if own {
		set &= t.signals.pending
	}
	sig := set.first()
	if sig == abi.SignalNone {
		if t.proc.exiting.Load() { // since before the notice was withdrawn
			t.waiter.Interrupt()
		}
		return sig
	}
	set = setOf(sig)
	if t.signals.pending&set != 0 {
		t.signals.pending &^= set
	} else {
		s.pending &^= set
		s.rearm(sig)
	}
	t.signals.handling |= set
	return sig
}

// deliverable returns the signals that the thread may take: its own first. The
// signals are locked.
func (t *Thread) deliverable() signalSet {
	if t.signals.blocked {
		return 0
	}
	if own := t.signals.pending &^ t.signals.handling; own != 0 {
		return own
	}
	return t.proc.signals.pending &^ t.signals.handling
}

// handle calls the guest's callback with a signal that was taken, or does what
// the signal does without one. It reports whether a handler ran. The error is
// ErrUnwind when the thread does not return to the guest.
func (t *Thread) handle(sig abi.Signal) (ran bool, err error) {
	t.traceSignal(sig)
	s := &t.proc.signals
	s.mu.Lock()
	callback := s.callback
	s.mu.Unlock()
	did := unhandled
	if callback != "" {
		if did, err = t.deliver(callback, sig); err != nil {
			return true, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.signals.handling &^= setOf(sig)
	if did == unhandled {
		t.proc.defaultAction(sig, false)
	}
	return did == handled, nil
}

// What a guest's callback did about a signal.
type outcome int

const (
	unhandled outcome = iota // nothing: the default action is the host's
	ignored
	handled
)

// deliver calls the guest's callback and tells what that did. The error is
// ErrUnwind when the thread does not return to where it was interrupted.
func (t *Thread) deliver(callback string, sig abi.Signal) (outcome, error) {
	d := &delivery{signal: sig, outer: t.signals.delivery}
	t.signals.delivery = d
	traced := t.traced
	t.traced = TraceEvent{}
	stack := t.saveStackPointer()
	stack.lower(redZone)
	_, err := t.call(callback, uint64(sig))
	t.traced, t.signals.delivery = traced, d.outer
	switch {
	case t.exited || t.proc.exiting.Load():
		return handled, ErrUnwind
	case t.stack.jump.stack != nil: // the handler does not return: its signal may come again
		t.endHandling(sig)
		return handled, ErrUnwind
	case err == nil:
		stack.restore()
		if d.ignored {
			return ignored, nil
		}
		return handled, nil
	case !t.signals.blocked:
		t.proc.exit(trapStatus(err))
		return handled, ErrUnwind
	}
	stack.restore()
	t.setBlocked(false)
	return unhandled, nil
}

// signalIgnored is what the rewriter has wasix-libc's callback ask before it calls
// SIG_IGN, or a handler of the same address. The library itself calls SIG_IGN as
// the default action, with all signals blocked; what else is meant cannot be told
// when there is such a handler. It returns the signal, or 0 when that is ignored.
func signalIgnored(t *Thread, stack []uint64) {
	sig, callable := abi.Signal(stack[0]), uint32(stack[1]) != 0
	d := t.signals.delivery
	byDefault := t.signals.blocked && sig <= lastSignal && sig != abi.SignalNone && ignoredSignals.has(sig)
	if d == nil || callable && !byDefault {
		return
	}
	d.ignored = true
	stack[0] = uint64(abi.SignalNone)
}

// endHandling lets a signal through again.
func (t *Thread) endHandling(sig abi.Signal) {
	t.proc.signals.mu.Lock()
	defer t.proc.signals.mu.Unlock()
	t.signals.handling &^= setOf(sig)
}

// savedStackPointer is where a guest's stack in memory was.
type savedStackPointer struct {
	global Global // nil when the guest keeps it to itself
	value  uint64
}

func (t *Thread) saveStackPointer() (s savedStackPointer) {
	if s.global = t.globals().sp; s.global != nil {
		s.value = s.global.Get()
	}
	return s
}

// redZone is how many bytes below the stack pointer a function that calls no other
// may use without moving it: what LLVM allows, and the ABIs of native machines.
const redZone = 128

// lower makes the stack pointer so many bytes less, if there is room.
func (s savedStackPointer) lower(bytes uint64) {
	if s.global != nil && s.value > bytes {
		s.global.Set(s.value - bytes)
	}
}

// restore undoes what a call that did not return has done.
func (s savedStackPointer) restore() {
	if s.global != nil {
		s.global.Set(s.value)
	}
}

// setBlocked blocks all signals of the thread, or lets them through. It reports
// whether one waits to be taken now.
func (t *Thread) setBlocked(blocked bool) bool { return t.setMask(t.signals.handling, blocked) }

// setMask makes the thread one that is in the handlers of some signals, and
// blocks all or not. It reports whether one waits to be taken now.
func (t *Thread) setMask(handling signalSet, blocked bool) bool {
	s := &t.proc.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	t.signals.handling, t.signals.blocked = handling, blocked
	if blocked {
		t.proc.retarget()
	}
	if t.deliverable() == 0 {
		return false
	}
	t.waiter.Interrupt()
	return true
}

// aborts reports whether the guest ends because its C library took the default
// action of a signal for an abort, and carries out what the signal does.
// wasix-libc's abort ends with status 127 after raising a blocked SIGABRT.
func (t *Thread) aborts(code uint32) bool {
	const libcAbort = 127
	s := &t.proc.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	abort := setOf(abi.SignalAbrt)
	if code != libcAbort || !t.signals.blocked || t.signals.pending&abort == 0 {
		return false
	}
	d := t.signals.delivery
	if d == nil || !stopSignals.has(d.signal) {
		sig := abi.SignalAbrt
		if d != nil {
			sig = d.signal
		}
		t.proc.exit(exitStatus{signal: sig, untold: d == nil})
		return true
	}
	t.signals.pending &^= abort
	d.abandoned = true
	t.waiter.Notice()
	return true
}
