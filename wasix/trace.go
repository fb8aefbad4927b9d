package wasix

import (
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// TraceEvent is a system call that a guest thread has made, for [Cmd.Trace].
type TraceEvent struct {
	PID     int    // of the process inside the guest's process tree, 1 for the first
	Thread  uint32 // the thread's id inside the process, 1 for the main thread
	Syscall *Syscall
	// Params are the parameters, one for each of Syscall.Signature.Params; an
	// i32 is in the low half, and the high half is undefined.
	Params []uint64
	// Result is what the guest gets, in the same form; 0 when the signature has
	// no result. It means nothing when the call has Unwound.
	Result   uint64
	Duration time.Duration // from the guest's call to the result, waiting included
	// Unwound says that the call did not return to the guest: it ended the
	// thread, or something ended the process meanwhile.
	Unwound bool

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
// return something else or nothing, or do not return.
func (e *TraceEvent) Errno() (abi.Errno, bool) {
	s := e.Syscall
	if e.Unwound || s.do == nil || len(s.Signature.Results) == 0 {
		return abi.ESUCCESS, false
	}
	return abi.Errno(e.Result), true
}

// traceCall carries out a call and tells of it.
func (t *Thread) traceCall(s *Syscall, stack []uint64) error {
	t.traced.begin(s, stack)
	err := s.Call(t, t.mem, stack)
	t.endTrace(stack, err)
	return err
}

// begin notes a call that is about to be carried out.
func (e *TraceEvent) begin(s *Syscall, stack []uint64) {
	e.Syscall, e.begun = s, true
	// The result takes the place of a parameter.
	e.Params = append(e.Params[:0], stack[:len(s.Signature.Params)]...)
	e.start = time.Now()
	if s.rewinds && !e.unwound.IsZero() {
		e.start, e.unwound = e.unwound, time.Time{}
	}
}

// endTrace tells of the call that is done. Imports that stand for instructions
// are no calls of the guest's, and one that has the guest save its stack first is
// not done.
func (t *Thread) endTrace(stack []uint64, err error) {
	e := &t.traced
	e.begun = false
	if e.Syscall.Module == wasmfile.HostModule {
		return
	}
	if e.Syscall.rewinds && t.stack.unwinding != nil && err == nil {
		e.unwound = e.start
		return
	}
	e.Duration = time.Since(e.start)
	e.thread, e.PID, e.Thread = t, t.proc.Pid(), t.id
	e.Unwound, e.Result = err != nil, 0
	if len(e.Syscall.Signature.Results) > 0 {
		e.Result = stack[0]
	}
	t.proc.trace(e)
}
