package wasix

import (
	"context"
	"fmt"

	"github.com/gowasix/gowasix/wasix/abi"
)

// exitStatus is how a process ended; the zero value is success.
type exitStatus struct {
	code   uint32
	signal abi.Signal // killed by this signal, unless zero
	trap   *Trap      // died of a trap, unless nil
	cause  error      // why it was killed from outside
	untold bool       // the trace is to tell of the signal before the end
}

// ExitError reports a process that did not end with exit code 0.
type ExitError struct {
	status exitStatus
	name   string
}

// ExitCode returns the exit status as a shell shows it: the guest's own code
// (0 to 255), or 128 + n for a death by signal n. A trap counts as SIGABRT.
func (e *ExitError) ExitCode() int {
	if signal := e.status.deathSignal(); signal != abi.SignalNone {
		return 128 + int(signal)
	}
	return int(e.status.code & 0xff)
}

// Signal returns the signal that ended the process, or SignalNone.
func (e *ExitError) Signal() abi.Signal { return e.status.signal }

// Trap returns the trap that ended the process, or nil.
func (e *ExitError) Trap() *Trap { return e.status.trap }

func (e *ExitError) Error() string {
	switch {
	case e.status.trap != nil:
		return fmt.Sprintf("%s: %s", e.name, e.status.trap.Message)
	case e.status.signal != 0 && e.status.cause != nil:
		return fmt.Sprintf("%s: killed: %v", e.name, e.status.cause)
	case e.status.signal != 0:
		return fmt.Sprintf("%s: killed by signal %v", e.name, e.status.signal)
	}
	return fmt.Sprintf("%s: exit status %d", e.name, e.ExitCode())
}

// Unwrap returns the trap, or the error of the context that ended the process.
func (e *ExitError) Unwrap() error {
	if e.status.trap != nil {
		return e.status.trap
	}
	return e.status.cause
}

// killed is the status of a process ended by its context.
func killed(ctx context.Context) exitStatus {
	return exitStatus{signal: abi.SignalKill, cause: context.Cause(ctx)}
}

// err returns nil for success, else an *ExitError.
func (s exitStatus) err(name string) error {
	if s.code&0xff == 0 && s.signal == 0 && s.trap == nil {
		return nil
	}
	return &ExitError{status: s, name: name}
}
