package wasix

import (
	"runtime"

	"github.com/gowasix/gowasix/wasix/abi"
)

// threadSpawnV2 is thread_spawn_v2(start, tid): starts a thread that calls the
// export wasi_thread_start(tid, start), and stores its id.
//
// returns 0 except:
//   - EFAULT: a pointer lies outside memory
//   - EAGAIN: the process has too many threads, or the engine cannot make one
//   - ENOTSUP: the module does not export wasi_thread_start; the caller is a child
//     on its parent's memory, which its threads would outlive
func threadSpawnV2(t *Thread, p []uint64) abi.Errno {
	start, ret := uint32(p[0]), uint32(p[1])
	if !t.inMemory(start, abi.SizeofThreadStart) || !t.inMemory(ret, 4) {
		return abi.EFAULT
	}
	tid, errno := t.spawn(wasiThreadStart(start))
	if errno == abi.ESUCCESS {
		t.putUint32(ret, tid)
	}
	return errno
}

// wasiThreadSpawn is wasi.thread-spawn(start): as thread_spawn_v2, but returns
// the thread's id, or a negative number on failure.
func wasiThreadSpawn(t *Thread, stack []uint64) {
	tid, errno := t.spawn(wasiThreadStart(uint32(stack[0])))
	if errno != abi.ESUCCESS {
		tid = uint32(-int32(errno))
	}
	stack[0] = uint64(tid)
}

// threadEntry says how a new thread enters the guest.
type threadEntry struct {
	export string
	enter  func(*Thread) error
}

func wasiThreadStart(start uint32) threadEntry {
	const export = "wasi_thread_start"
	return threadEntry{export, func(t *Thread) error {
		t.findThreadStack(start)
		_, err := t.call(export, uint64(t.id), uint64(start))
		return err
	}}
}

// threadSpawn2022 is thread_spawn(user_data, stack_base, stack_start, reactor,
// tid) as binaries of 2022 and 2023 import it: the host sets __stack_pointer to
// stack_base and calls _start_thread, or _react, with the halves of user_data.
//
// returns 0 except:
//   - EFAULT: tid lies outside memory
//   - EAGAIN: the process has too many threads, or the engine cannot make one
//   - ENOTSUP: the module does not export the entry function; the caller is a child
//     on its parent's memory, which its threads would outlive
func threadSpawn2022(t *Thread, p []uint64) abi.Errno {
	userData, stackBase, stackStart, reactor, ret := p[0], p[1], p[2], uint32(p[3]), uint32(p[4])
	if !t.inMemory(ret, 4) {
		return abi.EFAULT
	}
	export := "_start_thread"
	if reactor != 0 {
		export = "_react"
	}
	tid, errno := t.spawn(threadEntry{export, func(t *Thread) error {
		if sp := t.globals().sp; sp != nil {
			sp.Set(stackBase)
		}
		t.stack.low, t.stack.known, t.stack.high = uint32(stackStart), stackStart < stackBase, uint32(stackBase)
		_, err := t.call(export, uint64(uint32(userData)), userData>>32)
		return err
	}})
	if errno == abi.ESUCCESS {
		t.putUint32(ret, tid)
	}
	return errno
}

// spawn starts a thread that enters the guest by e, and returns its id.
func (t *Thread) spawn(e threadEntry) (uint32, abi.Errno) {
	p := t.proc
	if _, ok := p.module.Info().Exports[e.export]; !ok || p.memory == nil || t.lent() {
		return 0, abi.ENOTSUP
	}
	child, err := p.addThread(0)
	if err != nil {
		return 0, abi.EAGAIN
	}
	started := make(chan error, 1)
	go child.run(started, e.enter)
	if err := <-started; err != nil {
		return 0, abi.EAGAIN
	}
	return child.id, abi.ESUCCESS
}

// threadJoin is thread_join(tid): waits for the end of a thread.
//
// returns 0 except:
//   - EDEADLK: tid is the calling thread
//   - EINTR: interrupted
func threadJoin(t *Thread, p []uint64) abi.Errno {
	tid := uint32(p[0])
	if tid == t.id {
		return abi.EDEADLK
	}
	t.proc.mu.Lock()
	other := t.proc.threads[tid]
	t.proc.mu.Unlock()
	if other == nil {
		return abi.ESUCCESS // ended before
	}
	return errnoOf(t.waiter.WaitClosed(other.finished))
}

// threadExit is thread_exit(code): ends the calling thread. The main thread's
// end does not end the process as long as others run.
func threadExit(t *Thread, _ []uint64) { t.exited = true }

// threadID is thread_id(tid): stores the id of the calling thread.
//
// returns 0 except:
//   - EFAULT: tid lies outside memory
func threadID(t *Thread, p []uint64) abi.Errno {
	if !t.putUint32(uint32(p[0]), t.id) {
		return abi.EFAULT
	}
	return abi.ESUCCESS
}

// threadParallelism is thread_parallelism(count): stores how many threads can
// run at once.
//
// returns 0 except:
//   - EFAULT: count lies outside memory
func threadParallelism(t *Thread, p []uint64) abi.Errno {
	if !t.putUint32(uint32(p[0]), uint32(runtime.GOMAXPROCS(0))) {
		return abi.EFAULT
	}
	return abi.ESUCCESS
}

// schedYield is sched_yield(): lets other threads run.
//
// returns 0
func schedYield(*Thread, []uint64) abi.Errno {
	runtime.Gosched()
	return abi.ESUCCESS
}
