package wasix

import (
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// handler carries out one system call for a guest thread. Parameters are in p,
// one per WebAssembly parameter (an i32 in the low half); the errno it returns
// is the call's result.
type handler func(t *Thread, p []uint64) abi.Errno

// Support says how far a system call works.
type Support uint8

// The levels of support, from none to complete.
const (
	Unsupported Support = iota // answers NOSYS
	Partial                    // works with the limits named in the note
	Full                       // works as on Linux
)

// String returns "unsupported", "partial" or "full".
func (s Support) String() string {
	switch s {
	case Partial:
		return "partial"
	case Full:
		return "full"
	}
	return "unsupported"
}

// Syscall is a row of the system call table: one import as a guest sees it.
type Syscall struct {
	Module, Name string
	Family       string // "sock", "fd", ...
	Signature    wasmfile.Signature
	ParamNames   []string
	Support      Support
	Note         string // what is missing, or peculiar

	do  handler                         // result is an errno
	raw func(t *Thread, stack []uint64) // result, if any, is anything else

	rewinds bool // a guest goes down a saved stack to such calls
	leaves  bool // the caller's program ends in success
}

// Call carries out the call for guest thread t, for engine adapters. stack
// holds the parameters and takes the result in its first element, so it has
// at least one element; mem is the guest's memory as it is now. A non-nil error
// means that the guest must not run on: the adapter unwinds it with a trap.
// Call does not allocate.
func (s *Syscall) Call(t *Thread, mem []byte, stack []uint64) error {
	if t.child != nil {
		return t.callAsChild(s, mem, stack)
	}
	t.mem = mem
	if t.proc.trace != nil && !t.traced.begun {
		return t.traceCall(s, stack)
	}
	switch {
	case t.stack.busy() && !t.stack.mayCall(s):
		t.trap("asyncify: the program calls " + s.Module + "." + s.Name + " while its stack is saved or restored")
	case s.do != nil:
		errno := s.do(t, stack)
		if errno == abi.EINTR {
			errno = t.restart(s, stack)
		}
		stack[0] = uint64(errno)
	default:
		s.raw(t, stack)
	}
	if !t.disturbed() {
		return nil
	}
	_, err := t.attend()
	return err
}
