package wasix

import (
	"errors"
	"sync/atomic"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/epoll"
	"github.com/gowasix/gowasix/wasix/ready"
)

// mainThreadID is the id of the thread that runs _start.
const mainThreadID = 1

// Thread is one thread of a guest. Engine adapters hand it through from
// Instantiate to [Syscall.Call]; the rest is the system calls' own.
type Thread struct {
	proc     *Process
	id       uint32
	waiter   *ready.Waiter
	instance Instance

	mem   []byte   // the guest's memory during a call
	iovs  [][]byte // scratch of iovecs
	names nameScratch
	poll  pollScratch
	sock  sockScratch

	epollEvents epoll.Buffer

	traced TraceEvent // scratch of Cmd.Trace

	cpu cpuClock

	signals  threadSignals
	futex    futexWaiter
	finished chan struct{} // closed when the thread is gone

	began       int64 // when the call in progress first asked for a deadline
	again       bool  // it is made again
	stack       *stackSwitch
	checkpoints *checkpoints

	exited bool // thread_exit was called: unwind

	child  *Thread                // acts in the place of this thread, on its instance; proc.mu guards it from others
	lender atomic.Pointer[Thread] // in whose place this one acts, if it is such a child
	back   continuation           // how the lender goes on then, if by its stack
	behind bool                   // the process is gone before the thread; guarded by proc.mu
}

func newThread(p *Process, id uint32) *Thread {
	t := &Thread{
		proc: p, id: id, waiter: ready.NewWaiter(), finished: make(chan struct{}),
		stack: &stackSwitch{}, checkpoints: &checkpoints{},
	}
	t.futex.waiter = t.waiter
	return t
}

// ErrUnwind is what [Syscall.Call] returns when the guest must not run on.
var ErrUnwind = errors.New("wasix: the guest thread ends here")

// disturbed reports, to a guest that is about to run on, that it must not, or that
// signals were sent to it: see attend.
func (t *Thread) disturbed() bool {
	return t.waiter.Noticed() || t.exited || t.stack.jump.stack != nil
}

// after returns the deadline d nanoseconds from the beginning of a call, at most
// [ready.Never]. When the call is made again it does not wait longer for that.
func (t *Thread) after(d uint64) int64 {
	if !t.again {
		t.began = ready.Now()
	}
	return ready.Later(t.began, d)
}

// restart makes a call again that was interrupted, as long as no handler ran on
// that account, and returns its result.
func (t *Thread) restart(s *Syscall, stack []uint64) abi.Errno {
	errno := abi.EINTR
	for errno == abi.EINTR && t.instance != nil && t.waiter.Noticed() {
		began := t.began
		handled, err := t.attend()
		if handled || err != nil {
			break
		}
		t.mem = t.instance.Memory().Bytes()
		t.began, t.again = began, true
		errno = s.do(t, stack)
		t.again = false
	}
	return errno
}

// trap ends the process as if the guest had trapped on its own.
func (t *Thread) trap(message string) {
	t.proc.exit(exitStatus{trap: &Trap{Message: message}})
}
