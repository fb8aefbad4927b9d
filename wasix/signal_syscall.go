package wasix

import (
	"slices"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// maxCallbackName bounds the name of an export that a guest may register.
const maxCallbackName = 4096

// blockedCallback is the callback that wasix-libc registers to block signals.
const blockedCallback = "__wasm_signal_blocked"

// callbackSignal is callback_signal(name, name_len): names the export that the
// host calls with a signal's number, in any thread of the process. With a name that
// the module does not export there is none. "__wasm_signal_blocked" blocks all
// signals of the calling thread instead, until it names another. What was sent to
// the thread meanwhile is handled before that call returns, what was sent to the
// process after it: wasix-libc blocks signals within fork, but has no sigprocmask,
// and a program that takes them to be blocked must get to the end of that.
//
// A range outside memory is ignored: the call has no result, but for a variant of
// 2022, which always gets success.
func callbackSignal(t *Thread, stack []uint64) {
	n := uint32(stack[1])
	name, ok := t.bytes(uint32(stack[0]), uint64(n))
	stack[0] = uint64(abi.ESUCCESS)
	switch {
	case !ok || n > maxCallbackName:
	case string(name) == blockedCallback:
		t.setBlocked(true)
	default:
		t.proc.setCallback(string(name))
		t.signals.held = t.setBlocked(false)
	}
}

// setCallback makes an export the one that takes signals.
func (p *Process) setCallback(name string) {
	export, ok := p.module.Info().Exports[name]
	if !ok || export.String() != callbackType {
		name = ""
	}
	s := &p.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callback = name
}

// callbackType is the signature of a callback.
var callbackType = wasmfile.Signature{Params: []abi.ValueType{abi.ValueTypeI32}}.String()

// Thread ids that stand for the calling or the main thread.
const (
	callingThreadID  = 0          // of wasix-libc until March 2023
	libcMainThreadID = 0x3fffffff // of the main thread in wasix-libc
)

// threadSignal is thread_signal(tid, signal): sends a signal to a thread of the
// process, as tgkill(2). Sent to the calling thread, and not blocked there, it is
// handled before the call returns. Signal 0 only asks for the thread. 0 is the calling
// thread, 0x3fffffff the main thread.
//
// returns 0 except:
//   - EINVAL: no such signal
//   - ESRCH: no such thread
func threadSignal(t *Thread, p []uint64) abi.Errno {
	sig, ok := signalOf(p[1])
	if !ok {
		return abi.EINVAL
	}
	target := t.proc.threadOf(t, uint32(p[0]))
	if target == nil {
		return abi.ESRCH
	}
	if sig != abi.SignalNone {
		t.proc.post(target, sig, t)
	}
	return abi.ESUCCESS
}

// threadOf returns the thread that caller means by tid, nil for none.
func (p *Process) threadOf(caller *Thread, tid uint32) *Thread {
	switch tid {
	case callingThreadID, caller.id:
		return caller
	case libcMainThreadID:
		tid = mainThreadID
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.threads[tid]
}

// procRaise is proc_raise(signal): sends a signal to the calling thread, as
// raise(3), which is handled before the call returns.
//
// returns 0 except:
//   - EINVAL: no such signal
func procRaise(t *Thread, p []uint64) abi.Errno {
	return threadSignal(t, []uint64{callingThreadID, p[0]})
}

// procSignal is proc_signal(pid, signal): sends a signal to a process, as kill(2).
// Signal 0 only asks for the process. All processes of the tree are one process
// group: pid 0 is every one of them, and -1 all but the caller.
//
// returns 0 except:
//   - EINVAL: no such signal
//   - ESRCH: no such process
func procSignal(t *Thread, p []uint64) abi.Errno {
	sig, ok := signalOf(p[1])
	if !ok {
		return abi.EINVAL
	}
	targets := t.proc.addressed(int32(p[0]))
	if len(targets) == 0 {
		return abi.ESRCH
	}
	for _, target := range targets {
		if sig != abi.SignalNone {
			target.post(nil, sig, t)
		}
	}
	return abi.ESUCCESS
}

// addressed returns the processes that p means by pid, as kill(2).
func (p *Process) addressed(pid int32) []*Process {
	switch {
	case pid > 0:
		if target := p.system.find(uint32(pid)); target != nil {
			return []*Process{target}
		}
	case pid == 0:
		return p.system.all()
	case pid == -1:
		return slices.DeleteFunc(p.system.all(), func(other *Process) bool { return other == p })
	}
	return nil
}

// signalOf returns the signal of a parameter, and whether there is one of that
// number.
func signalOf(param uint64) (abi.Signal, bool) {
	return abi.Signal(param), uint32(param) <= uint32(lastSignal)
}

// procRaiseInterval is proc_raise_interval(signal, interval, repeat): sends the
// process a signal in interval nanoseconds and, if repeat is set, every interval
// nanoseconds from then on. Interval 0 ends that. Each signal has one timer.
//
// returns 0 except:
//   - EINVAL: no such signal
func procRaiseInterval(t *Thread, p []uint64) abi.Errno {
	sig, ok := signalOf(p[0])
	if !ok || sig == abi.SignalNone {
		return abi.EINVAL
	}
	const longest = 1<<63 - 1
	t.proc.setTimer(sig, time.Duration(min(p[1], longest)), uint32(p[2]) != 0)
	return abi.ESUCCESS
}

// procSignalsSizesGet is proc_signals_sizes_get(count): stores how many signals
// have a disposition other than the default when the program starts.
//
// returns 0 except:
//   - EFAULT: count lies outside memory
func procSignalsSizesGet(t *Thread, p []uint64) abi.Errno {
	if !t.putUint32(uint32(p[0]), uint32(t.proc.signals.ignored.len())) {
		return abi.EFAULT
	}
	return abi.ESUCCESS
}

// procSignalsGet is proc_signals_get(buf): fills in as many dispositions as
// proc_signals_sizes_get told.
//
// returns 0 except:
//   - EFAULT: buf lies outside memory
func procSignalsGet(t *Thread, p []uint64) abi.Errno {
	ignored := t.proc.signals.ignored
	buf, ok := t.bytes(uint32(p[0]), uint64(ignored.len())*abi.SizeofSignalDisposition)
	if !ok {
		return abi.EFAULT
	}
	for ; ignored != 0; ignored &^= setOf(ignored.first()) {
		buf[abi.OffsetofSignalDispositionSig] = byte(ignored.first())
		buf[abi.OffsetofSignalDispositionDisp] = byte(abi.DispositionIgnore)
		buf = buf[abi.SizeofSignalDisposition:]
	}
	return abi.ESUCCESS
}
