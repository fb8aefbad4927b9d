package wasix

import (
	"math/bits"
	"os"
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// lastSignal is the highest signal; those from 32 on are the real-time signals,
// which are not queued here.
const lastSignal abi.Signal = 64

// signalSet is a set of signals.
type signalSet uint64

func setOf(signals ...abi.Signal) (s signalSet) {
	for _, sig := range signals {
		s |= 1 << (sig - 1)
	}
	return s
}

func (s signalSet) has(sig abi.Signal) bool { return s&setOf(sig) != 0 }

func (s signalSet) len() int { return bits.OnesCount64(uint64(s)) }

// first returns the lowest signal of s, SignalNone when s is empty.
func (s signalSet) first() abi.Signal {
	if s == 0 {
		return abi.SignalNone
	}
	return abi.Signal(bits.TrailingZeros64(uint64(s)) + 1)
}

// What a signal does to a process without a handler for it, by signal(7). What
// is in none of the sets ends the process.
var (
	stopSignals    = setOf(abi.SignalStop, abi.SignalTstp, abi.SignalTtin, abi.SignalTtou)
	ignoredSignals = setOf(abi.SignalChld, abi.SignalCont, abi.SignalUrg, abi.SignalWinch)
)

// signalState is a process's part in signals.
//
// A guest registers one export as its callback, and keeps from the host what it
// does about which signal: so with a callback every signal goes there, but for
// KILL and STOP, and what it does not handle comes back, see [delivery].
type signalState struct {
	mu       sync.Mutex
	callback string        // the export that takes signals; "" without
	ignored  signalSet     // as the process began; counts without a callback
	pending  signalSet     // sent to the process, for any thread to take
	resumed  chan struct{} // closed when the process goes on; nil unless it is stopped
	timers   map[abi.Signal]*signalTimer
}

// threadSignals is a thread's part in signals, guarded by the process's
// signalState, but for delivery.
type threadSignals struct {
	pending  signalSet // sent to the thread
	handling signalSet // blocked, as the thread is in their handlers
	untold   signalSet // the trace is to tell of, as their senders carried the default action out
	blocked  bool      // all are, as the guest wants it
	delivery *delivery // the innermost, nil outside; only the thread uses it
	held     bool      // what is pending for the process is for the next call; only the thread uses it
}

// Signal sends the process a signal, as kill(2). A guest without a handler for it
// meets its default action. Signal does not wait for any of this. Returns
// [os.ErrProcessDone] when the process has ended, and EINVAL for what is no signal.
func (p *Process) Signal(sig abi.Signal) error {
	switch {
	case sig > lastSignal:
		return syscall.EINVAL
	case p.exiting.Load():
		return os.ErrProcessDone
	case sig != abi.SignalNone:
		p.post(nil, sig, nil)
	}
	return nil
}

// SignalGroup sends a signal to all processes of the tree that p is in, as a
// terminal does to the foreground process group. It does nothing for what is no signal.
func (p *Process) SignalGroup(sig abi.Signal) {
	for _, target := range p.system.all() {
		_ = target.Signal(sig) // an error says that it has ended
	}
}

// Pending reports whether a signal was sent to the process that it has not
// handled yet, or is about to.
func (p *Process) Pending(sig abi.Signal) bool {
	if sig == abi.SignalNone || sig > lastSignal {
		return false
	}
	s := &p.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	pending := s.pending
	for _, t := range p.liveThreads() {
		pending |= t.signals.pending | t.signals.handling
	}
	return pending.has(sig)
}

// post sends a signal to thread t, or to the process when t is nil. sender is the
// calling thread, if a guest's call sends it.
func (p *Process) post(t *Thread, sig abi.Signal, sender *Thread) {
	s := &p.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	p.postLocked(t, sig, sender)
}

// postLocked is post with the signals locked. Without a callback the sender carries out
// what the signal does, since no thread of the process has a say in that.
func (p *Process) postLocked(t *Thread, sig abi.Signal, sender *Thread) {
	s := &p.signals
	switch {
	case sig == abi.SignalKill:
		p.exit(exitStatus{signal: sig})
		return
	case sig == abi.SignalCont:
		p.discard(stopSignals)
		p.resume()
	case stopSignals.has(sig):
		p.discard(setOf(abi.SignalCont))
	}
	if sig == abi.SignalStop || s.callback == "" && s.resumed == nil && (t == nil || !t.signals.blocked) {
		p.defaultAction(sig, true)
		p.leaveToTell(t, sig)
		return
	}
	if t != nil {
		t.signals.pending |= setOf(sig)
	} else {
		s.pending |= setOf(sig)
		t = p.taker(sig, sender)
	}
	if t != nil && t.accepts(sig) {
		t.wake()
	}
}

// sigpipe sends the thread SIGPIPE for writing to f, whose reader is gone. Programs
// that never registered a callback cannot ignore the signal: they do without. So do
// sockets, as wasix-libc does not hand on MSG_NOSIGNAL, and Rust's library, which
// ignores the signal elsewhere, does not with WASIX.
func (t *Thread) sigpipe(f descriptor.File) {
	switch f.Filetype() {
	case abi.FiletypeSocketStream, abi.FiletypeSocketDgram, abi.FiletypeSocketSeqpacket:
		return
	}
	s := &t.proc.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.callback != "" {
		t.proc.postLocked(t, abi.SignalPipe, t)
	}
}

// discard takes signals back that nobody has taken. The signals are locked.
func (p *Process) discard(set signalSet) {
	p.signals.pending &^= set
	for _, t := range p.liveThreads() {
		t.signals.pending &^= set
		t.signals.untold &^= set
	}
}

// taker returns the thread to wake for a signal of the process: the main thread if it
// accepts it, or else the sender, as any other may be about to end, or else any; nil if
// none does. Linux prefers the main thread, too (complete_signal in kernel/signal.c), and
// passes over it only if it has a signal to take already. There as here a thread that
// takes signals of its own just then may be first. POSIX wants it taken before kill
// returns only where no thread but the caller's accepts it. A default action without a
// callback needs no thread: see [Process.postLocked]. The signals are locked.
func (p *Process) taker(sig abi.Signal, sender *Thread) (taker *Thread) {
	for _, t := range p.liveThreads() {
		switch {
		case !t.accepts(sig):
		case t.id == mainThreadID:
			return t
		case taker == nil || t == sender:
			taker = t
		}
	}
	return taker
}

// retarget wakes others to take what was sent to the process, when a thread that was
// to is gone or has blocked it; as retarget_shared_pending in Linux's kernel/signal.c.
// The signals are locked.
func (p *Process) retarget() {
	for left := p.signals.pending; left != 0; {
		sig := left.first()
		left &^= setOf(sig)
		if t := p.taker(sig, nil); t != nil {
			t.wake()
		}
	}
}

// accepts reports whether the signal is not blocked. The signals are locked.
func (t *Thread) accepts(sig abi.Signal) bool {
	return !t.signals.blocked && !t.signals.handling.has(sig)
}

// defaultAction does what a signal does without a handler; untold says that the trace
// does not know of it yet. The signals are locked.
func (p *Process) defaultAction(sig abi.Signal, untold bool) {
	switch {
	case p.signals.ignored.has(sig) && sig != abi.SignalStop, ignoredSignals.has(sig):
	case stopSignals.has(sig):
		p.stopThreads(sig)
	default:
		p.exit(exitStatus{signal: sig, untold: untold})
	}
}

// stopThreads makes the threads stop before they return to the guest. One that
// waits goes on waiting meanwhile: that cannot be told apart. The signals are locked.
func (p *Process) stopThreads(sig abi.Signal) {
	if p.signals.resumed != nil {
		return
	}
	p.signals.resumed = make(chan struct{})
	for _, t := range p.liveThreads() {
		t.waiter.Notice()
	}
	p.tellStop(sig)
}

// resume lets a stopped process go on. The signals are locked.
func (p *Process) resume() {
	if s := &p.signals; s.resumed != nil {
		close(s.resumed)
		s.resumed = nil
		p.tellStop(abi.SignalNone)
	}
}
