package wasix

import (
	"sync"

	"github.com/gowasix/gowasix/wasix/abi"
)

// procExit is proc_exit(code) and proc_exit2(code): ends the process.
func procExit(t *Thread, stack []uint64) {
	t.proc.exit(exitStatus{code: uint32(stack[0])})
}

// procID is proc_id(pid): stores the process id.
//
// returns 0 except:
//   - EFAULT: pid lies outside memory
func procID(t *Thread, p []uint64) abi.Errno {
	if !t.putUint32(uint32(p[0]), t.proc.pid) {
		return abi.EFAULT
	}
	return abi.ESUCCESS
}

// procParent is proc_parent(pid, parent): stores the id of a process's parent:
// 0 for the root of the tree, and the root's for orphans.
//
// returns 0 except:
//   - EFAULT: parent lies outside memory
//   - ESRCH: no such process
func procParent(t *Thread, p []uint64) abi.Errno {
	if !t.inMemory(uint32(p[1]), 4) {
		return abi.EFAULT
	}
	parent, ok := t.proc.system.parentOf(uint32(p[0]))
	if !ok {
		return abi.ESRCH
	}
	t.putUint32(uint32(p[1]), parent)
	return abi.ESUCCESS
}

// signalState is what the guest said about signals. No signal is delivered yet.
type signalState struct {
	mu       sync.Mutex
	callback string // the export that takes signals
}

// maxCallbackName bounds the name of an export that a guest may register.
const maxCallbackName = 4096

// callbackSignal is callback_signal(name, name_len): names the export that the
// host calls with a signal's number. A range outside memory is ignored: the
// call has no result, but for a variant of 2022, which always gets success.
func callbackSignal(t *Thread, stack []uint64) {
	n := uint32(stack[1])
	name, ok := t.bytes(uint32(stack[0]), uint64(n))
	stack[0] = uint64(abi.ESUCCESS)
	if !ok || n > maxCallbackName {
		return
	}
	s := &t.proc.signals
	s.mu.Lock()
	s.callback = string(name)
	s.mu.Unlock()
}

// procSignalsSizesGet is proc_signals_sizes_get(count): stores how many signals
// have a disposition other than the default when the program starts: none.
//
// returns 0 except:
//   - EFAULT: count lies outside memory
func procSignalsSizesGet(t *Thread, p []uint64) abi.Errno {
	if !t.putUint32(uint32(p[0]), 0) {
		return abi.EFAULT
	}
	return abi.ESUCCESS
}

// procSignalsGet is proc_signals_get(buf): fills in as many dispositions as
// proc_signals_sizes_get told.
//
// returns 0
func procSignalsGet(*Thread, []uint64) abi.Errno { return abi.ESUCCESS }
