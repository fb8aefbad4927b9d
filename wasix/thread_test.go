package wasix

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
)

// runFake runs a guest written in Go to its end.
func runFake(t *testing.T, exports map[string]func(*Thread, []uint64) (uint64, error)) error {
	t.Helper()
	return Command(&fakeModule{exports}, "fake").Run(t.Context())
}

func TestExitCodeOfAnyThreadEndsTheProcess(t *testing.T) {
	err := runFake(t, map[string]func(*Thread, []uint64) (uint64, error){
		"_start": func(th *Thread, _ []uint64) (uint64, error) {
			if e, _ := call(th, threadSpawnV2, 64, 128); e != abi.ESUCCESS {
				t.Errorf("thread_spawn_v2: %v", e)
			}
			_, err := call(th, threadSleep, uint64(time.Hour))
			return 0, err
		},
		"wasi_thread_start": func(th *Thread, args []uint64) (uint64, error) {
			if args[0] != uint64(th.id) || args[1] != 64 {
				t.Errorf("wasi_thread_start(%v), thread %d", args, th.id)
			}
			return callRaw(th, procExit, 7)
		},
	})
	var exit *ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Fatalf("got %v, want exit status 7", err)
	}
}

func TestTrapOfAnyThreadEndsTheProcess(t *testing.T) {
	err := runFake(t, map[string]func(*Thread, []uint64) (uint64, error){
		"_start": func(th *Thread, _ []uint64) (uint64, error) {
			stack := []uint64{64}
			s := Syscall{raw: wasiThreadSpawn}
			// The other thread may have ended the process already.
			if err := s.Call(th, th.mem, stack); err != nil && err != ErrUnwind || int32(stack[0]) <= 0 {
				t.Errorf("thread-spawn: %d, %v", int32(stack[0]), err)
			}
			_, err := call(th, futexWait, 1024, masked, putOption(th, 2048, 0), 3000)
			return 0, err
		},
		"wasi_thread_start": func(*Thread, []uint64) (uint64, error) {
			return 0, &Trap{Message: "integer divide by zero"}
		},
	})
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Trap() == nil || exit.ExitCode() != 134 {
		t.Fatalf("got %v, want the trap", err)
	}
}

func TestMainThreadMayEndFirst(t *testing.T) {
	var ended atomic.Bool
	err := runFake(t, map[string]func(*Thread, []uint64) (uint64, error){
		"_start": func(th *Thread, _ []uint64) (uint64, error) {
			if e, _ := call(th, threadSpawnV2, 64, 128); e != abi.ESUCCESS {
				t.Errorf("thread_spawn_v2: %v", e)
			}
			return callRaw(th, threadExit, 0)
		},
		"wasi_thread_start": func(th *Thread, _ []uint64) (uint64, error) {
			if e, _ := call(th, threadJoin, mainThreadID); e != abi.ESUCCESS {
				t.Errorf("thread_join: %v", e)
			}
			ended.Store(true)
			return 0, nil
		},
	})
	if err != nil || !ended.Load() {
		t.Fatalf("err %v, second thread ended %v", err, ended.Load())
	}
}

func TestThreadLimit(t *testing.T) {
	cmd := Command(&fakeModule{map[string]func(*Thread, []uint64) (uint64, error){
		"_start": func(th *Thread, _ []uint64) (uint64, error) {
			for i := range 3 {
				want := abi.ESUCCESS
				if i == 2 {
					want = abi.EAGAIN
				}
				if e, _ := call(th, threadSpawnV2, 64, 128); e != want {
					t.Errorf("spawn %d: %v, want %v", i, e, want)
				}
			}
			return 0, nil
		},
		"wasi_thread_start": func(th *Thread, _ []uint64) (uint64, error) {
			_, err := call(th, threadSleep, uint64(time.Hour))
			return 0, err
		},
	}}, "fake")
	cmd.MaxThreads = 3
	if err := cmd.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestCancelEndsWaitingThreads(t *testing.T) {
	waits := map[string]func(*Thread) error{
		"sleep": func(th *Thread) error { _, err := call(th, threadSleep, uint64(time.Hour)); return err },
		"futex": func(th *Thread) error {
			_, err := call(th, futexWait, 1024, masked, putOption(th, 2048, 0), 3000)
			return err
		},
		"join": func(th *Thread) error {
			if e, _ := call(th, threadSpawnV2, 64, 128); e != abi.ESUCCESS {
				t.Errorf("spawn: %v", e)
			}
			_, err := call(th, threadJoin, 2)
			return err
		},
	}
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cmd := Command(&fakeModule{map[string]func(*Thread, []uint64) (uint64, error){
				"_start": func(th *Thread, _ []uint64) (uint64, error) {
					time.AfterFunc(time.Millisecond, cancel)
					return 0, wait(th)
				},
				"wasi_thread_start": func(th *Thread, _ []uint64) (uint64, error) {
					_, err := call(th, threadSleep, uint64(time.Hour))
					return 0, err
				},
			}}, "fake")
			err := cmd.Run(ctx)
			var exit *ExitError
			if !errors.Is(err, context.Canceled) || !errors.As(err, &exit) || exit.ExitCode() != 137 {
				t.Fatalf("got %v, want a kill by the context", err)
			}
		})
	}
}

func TestThreadLocals(t *testing.T) {
	var destroyed [4]uint64
	err := runFake(t, map[string]func(*Thread, []uint64) (uint64, error){
		"_start": func(th *Thread, _ []uint64) (uint64, error) {
			if e, _ := call(th, threadLocalCreate, 0x1_0000_0002, 512); e != abi.ESUCCESS {
				t.Errorf("create: %v", e)
			}
			key, _ := th.uint32At(512)
			if e, _ := call(th, threadLocalSet, uint64(key), 0x3_0000_0004); e != abi.ESUCCESS {
				t.Errorf("set: %v", e)
			}
			if e, _ := call(th, threadLocalGet, uint64(key), 520); e != abi.ESUCCESS {
				t.Errorf("get: %v", e)
			}
			if v := binary.LittleEndian.Uint64(th.mem[520:]); v != 0x3_0000_0004 {
				t.Errorf("value %#x", v)
			}
			if e, _ := call(th, threadLocalSet, uint64(key)+1, 0); e != abi.EINVAL {
				t.Errorf("set of an unknown key: %v", e)
			}
			return callRaw(th, threadExit, 0)
		},
		"_thread_local_destroy": func(_ *Thread, args []uint64) (uint64, error) {
			copy(destroyed[:], args)
			return 0, nil
		},
	})
	if want := [4]uint64{2, 1, 4, 3}; err != nil || destroyed != want {
		t.Fatalf("err %v, destructor called with %v, want %v", err, destroyed, want)
	}
}
