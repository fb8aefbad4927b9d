package wasix

import (
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// TraceKind says what a [TraceEvent] tells of.
type TraceKind uint8

// What [Cmd.Trace] is told of.
const (
	TraceReturn TraceKind = iota // a call is done, or never will be
	TraceCall                    // a call begins
	TraceSignal                  // the thread takes a signal, by a handler or the default action; nobody takes SIGKILL
	TraceExit                    // the thread is gone
	TraceExec                    // so it is, as another program takes its process over
)

// TraceEvent is what a guest thread does, for [Cmd.Trace]. Each call has two
// events, unless the thread is gone first; between them may be those of a signal's
// handler, and of the calls that it makes.
type TraceEvent struct {
	Kind   TraceKind
	PID    int    // of the process inside the guest's process tree, 1 for the first
	Thread uint32 // the thread's id inside the process, 1 for the main thread

	Syscall *Syscall // nil if the event is no call's
	// Params are the parameters, one for each of Syscall.Signature.Params; an
	// i32 is in the low half, and the high half is undefined.
	Params []uint64
	// Result is what the guest gets, in the same form; 0 when the signature has
	// no result. It means nothing before the return, nor when the call has Unwound.
	Result   uint64
	Duration time.Duration // from the guest's call to the result, waiting included
	// Unwound says that the call did not return to the guest: it ended the
	// thread or jumped, or something ended the process meanwhile.
	Unwound bool

	Signal   abi.Signal // that is taken, or that the process has died of
	ExitCode uint32     // of the process, if it has ended and not died of a signal

	begun   bool // the call is under way
	start   time.Time
	unwound time.Time // the start of a call that goes on once the guest has come back down its stack
	thread  *Thread
}

// Addr returns the socket address that parameter i points to, as it is now, and
// whether there is one. It must not be called once Trace has returned.
func (e *TraceEvent) Addr(i int) (network.Addr, bool) {
	if e.thread == nil {
		return network.Addr{}, false
	}
	addr, errno := e.thread.addrAt(uint32(e.Params[i]))
	return addr, errno == abi.ESUCCESS && addr.Family() != abi.AddressFamilyUnspec
}

// Text returns the text that parameter i points to and whose length is the next
// parameter, at most max bytes of it, and whether it lies in the guest's memory.
// It must not be called once Trace has returned.
func (e *TraceEvent) Text(i, max int) (string, bool) {
	if e.thread == nil {
		return "", false
	}
	b, ok := e.thread.bytes(uint32(e.Params[i]), uint64(uint32(e.Params[i+1])))
	return string(b[:min(len(b), max)]), ok
}

// Errno returns the result as an errno, and whether it is one: some calls
// return something else or nothing, have not returned, or do not.
func (e *TraceEvent) Errno() (abi.Errno, bool) {
	s := e.Syscall
	if e.Kind != TraceReturn || e.Unwound || s.do == nil || len(s.Signature.Results) == 0 {
		return abi.ESUCCESS, false
	}
	return abi.Errno(e.Result), true
}

// traceCall carries out a call and tells of it, unless it stands for an instruction.
func (t *Thread) traceCall(s *Syscall, stack []uint64) error {
	guests := s.Module != wasmfile.HostModule
	if guests {
		t.beginTrace(s, stack)
	}
	t.traced.begun = true
	err := s.Call(t, t.mem, stack)
	t.traced.begun = false
	if guests {
		t.endTrace(stack, err)
	}
	return err
}

// beginTrace tells of a call that is about to be carried out. One that the guest
// has come back to, down its stack, was told of before.
func (t *Thread) beginTrace(s *Syscall, stack []uint64) {
	e := &t.traced
	if s.rewinds && !e.unwound.IsZero() {
		e.start, e.unwound = e.unwound, time.Time{}
		if e.Syscall == s {
			return
		}
		t.tellReturn(0, true) // a jump came here
	}
	e.Syscall, e.start = s, time.Now()
	// The result takes the place of a parameter.
	e.Params = append(e.Params[:0], stack[:len(s.Signature.Params)]...)
	e.thread, e.PID, e.Thread = t, t.proc.Pid(), t.id
	e.Kind, e.Result, e.Duration, e.Unwound = TraceCall, 0, 0, false
	t.proc.trace(e)
}

// endTrace tells of the call that is done. One that has the guest save its stack
// first is not.
func (t *Thread) endTrace(stack []uint64, err error) {
	e := &t.traced
	if e.Syscall.rewinds && t.stack.unwinding.next != nil && err == nil {
		e.unwound = e.start
		return
	}
	var result uint64
	if len(e.Syscall.Signature.Results) > 0 {
		result = stack[0]
	}
	t.tellReturn(result, err != nil)
}

func (t *Thread) tellReturn(result uint64, unwound bool) {
	e := &t.traced
	e.Kind, e.Result, e.Unwound, e.Duration = TraceReturn, result, unwound, time.Since(e.start)
	t.proc.trace(e)
}

// traceSignal tells of a signal that the thread takes.
func (t *Thread) traceSignal(sig abi.Signal) {
	if t.proc.trace != nil {
		t.proc.trace(&TraceEvent{Kind: TraceSignal, PID: t.proc.Pid(), Thread: t.id, Signal: sig})
	}
}

// leaveToTell has thread t, or for nil one of p's, tell of a signal whose default action
// its sender has carried out. It does so once it has come from its call or to a
// checkpoint; of what ends the process, [Thread.traceExit]. The signals are locked.
func (p *Process) leaveToTell(t *Thread, sig abi.Signal) {
	if p.trace == nil || p.exiting.Load() {
		return
	}
	if t == nil {
		t = p.taker(sig, nil)
	}
	for _, any := range p.liveThreads() {
		if t == nil { // all block it
			t = any
		}
	}
	if t != nil {
		t.signals.untold |= setOf(sig)
		t.wake()
	}
}

// tellSignals tells of the signals that are left to the thread. The signals are
// locked, but not meanwhile.
func (t *Thread) tellSignals() {
	s := &t.proc.signals
	for t.signals.untold != 0 {
		sig := t.signals.untold.first()
		t.signals.untold &^= setOf(sig)
		s.mu.Unlock()
		t.traceSignal(sig)
		s.mu.Lock()
	}
}

// traceExit tells that the thread is gone, unless its process has told.
func (t *Thread) traceExit() {
	t.proc.mu.Lock()
	told := t.behind
	t.proc.mu.Unlock()
	if !told {
		t.tellExit()
	}
}

// tellExit tells that the thread is gone. The main thread's place is taken by that
// of the program that exec starts.
func (t *Thread) tellExit() {
	p := t.proc
	if p.trace == nil {
		return
	}
	p.signals.mu.Lock()
	t.tellSignals()
	p.signals.mu.Unlock()
	p.mu.Lock()
	status, exec := p.status, p.next != nil && !p.ended
	p.mu.Unlock()
	if status.untold {
		p.dying.Do(func() { t.traceSignal(status.signal) })
	}
	e := TraceEvent{Kind: TraceExit, PID: p.Pid(), Thread: t.id, Signal: status.deathSignal(), ExitCode: status.code & 0xff}
	if exec && t.id == mainThreadID {
		return
	}
	if exec {
		e.Kind = TraceExec
	}
	p.trace(&e)
}
