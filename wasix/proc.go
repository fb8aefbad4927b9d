package wasix

import "github.com/gowasix/gowasix/wasix/abi"

// procExit is proc_exit(code) and proc_exit2(code): ends the process.
func procExit(t *Thread, stack []uint64) {
	if code := uint32(stack[0]); !t.aborts(code) {
		t.proc.exit(exitStatus{code: code})
	}
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
