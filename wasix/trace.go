package wasix

import (
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// TraceEvent is a system call that a guest thread has made, for [Cmd.Trace].
type TraceEvent struct {
	Thread  uint32 // the thread's id inside the guest, 1 for the main thread
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

// callTraced is [Syscall.Call] for a process with a trace. Imports that stand
// for instructions are no calls of the guest's.
func (s *Syscall) callTraced(t *Thread, stack []uint64) error {
	if s.Module == wasmfile.HostModule {
		s.carryOut(t, stack)
		return t.afterSyscall()
	}
	e := &t.traced
	e.Thread, e.Syscall = t.id, s
	// The result takes the place of a parameter.
	e.Params = append(e.Params[:0], stack[:len(s.Signature.Params)]...)
	start := time.Now()
	s.carryOut(t, stack)
	e.Duration = time.Since(start)
	e.Result = 0
	if len(s.Signature.Results) > 0 {
		e.Result = stack[0]
	}
	err := t.afterSyscall()
	e.Unwound = err != nil
	t.proc.trace(e)
	return err
}
