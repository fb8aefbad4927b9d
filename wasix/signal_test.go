package wasix

import (
	"errors"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// signalled is a guest written in Go that handles signals.
type signalled struct {
	t       *testing.T
	network network.Network
	handle  func(g *signalled, sig abi.Signal) error
	thread  *Thread
	seen    []abi.Signal
}

// runSignalled runs main in a guest whose callback is handle, and returns which
// signals arrived, in their order, and how that ended.
func runSignalled(t *testing.T, handle func(*signalled, abi.Signal) error, main func(*signalled) error) ([]abi.Signal, error) {
	t.Helper()
	g := &signalled{t: t, handle: handle}
	cmd := g.start(main)
	err := cmd.Wait()
	return g.seen, err
}

// start starts the guest. main and the handler call the system by call and
// return its error.
func (g *signalled) start(main func(*signalled) error) *Cmd {
	g.t.Helper()
	cmd := Command(&fakeModule{map[string]func(*Thread, []uint64) (uint64, error){
		"_start": func(th *Thread, _ []uint64) (uint64, error) {
			g.thread = th
			if g.handle != nil {
				g.register("handler")
			}
			return 0, main(g)
		},
		"handler": func(_ *Thread, args []uint64) (uint64, error) {
			g.seen = append(g.seen, abi.Signal(args[0]))
			return 0, g.handle(g, abi.Signal(args[0]))
		},
	}})
	cmd.Network = g.network
	if err := cmd.Start(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	return cmd
}

// call makes a system call of wasix_32v1.
func (g *signalled) call(name string, args ...uint64) (abi.Errno, error) {
	stack := append(slices.Clone(args), 0)
	err := syscallOf(g.t, "wasix_32v1", name, len(args)).Call(g.thread, g.thread.instance.Memory().Bytes(), stack)
	return abi.Errno(stack[0]), err
}

func (g *signalled) register(callback string) error {
	copy(g.thread.mem[0x100:], callback)
	_, err := g.call("callback_signal", 0x100, uint64(len(callback)))
	return err
}

// raise sends the calling thread a signal.
func (g *signalled) raise(sig abi.Signal) error {
	errno, err := g.call("thread_signal", 0, uint64(sig))
	if err == nil && errno != abi.ESUCCESS {
		g.t.Errorf("thread_signal(%v): %v", sig, errno)
	}
	return err
}

func goOn(*signalled, abi.Signal) error { return nil }

// deathSignal returns the signal of an ExitError.
func deathSignal(err error) abi.Signal {
	var exit *ExitError
	if !errors.As(err, &exit) {
		return abi.SignalNone
	}
	return exit.Signal()
}

// What signal(7) lists as ignored or stopping; all else ends a process.
func TestDefaultActions(t *testing.T) {
	harmless := setOf(abi.SignalChld, abi.SignalUrg, abi.SignalWinch, abi.SignalCont)
	for sig := abi.Signal(1); sig <= lastSignal; sig++ {
		g := &signalled{t: t}
		ready := make(chan struct{})
		cmd := g.start(func(g *signalled) error {
			close(ready)
			_, err := g.call("thread_sleep", ^uint64(0))
			return err
		})
		<-ready
		if err := cmd.Process.Signal(sig); err != nil {
			t.Errorf("signal %d: %v", sig, err)
		}
		want := sig
		if harmless.has(sig) || stopSignals.has(sig) {
			want = abi.SignalTerm
			if stopSignals.has(sig) {
				_ = cmd.Process.Signal(abi.SignalCont)
			}
			_ = cmd.Process.Signal(abi.SignalTerm)
		}
		if err := cmd.Wait(); deathSignal(err) != want || err.(*ExitError).ExitCode() != 128+int(want) {
			t.Errorf("signal %d: %v", sig, err)
		}
		if err := cmd.Process.Signal(sig); err != os.ErrProcessDone {
			t.Errorf("signal %d to a process that has ended: %v", sig, err)
		}
	}
}

func TestSignalErrors(t *testing.T) {
	th := newTestThread(t)
	if err := th.proc.Signal(lastSignal + 1); err != syscall.EINVAL {
		t.Errorf("Signal: %v", err)
	}
	if err := th.proc.Signal(abi.SignalNone); err != nil {
		t.Errorf("Signal(0): %v", err)
	}
	const none, tooHigh, nobody = 0, 65, 77
	th.want(t, abi.EINVAL, procSignal, uint64(th.proc.pid), tooHigh)
	th.want(t, abi.EINVAL, procSignal, nobody, 1<<32-1)
	th.want(t, abi.ESRCH, procSignal, nobody, none)
	th.want(t, abi.ESRCH, procSignal, nobody, uint64(abi.SignalTerm))
	th.want(t, abi.ESUCCESS, procSignal, uint64(th.proc.pid), none)
	th.want(t, abi.ESUCCESS, procSignal, 0, none)
	th.want(t, abi.ESRCH, procSignal, 1<<32-1, none) // all but the caller
	th.want(t, abi.ESRCH, procSignal, 1<<32-nobody, none)
	th.want(t, abi.EINVAL, threadSignal, none, tooHigh)
	th.want(t, abi.ESRCH, threadSignal, nobody, none)
	for _, tid := range []uint64{0, mainThreadID, libcMainThreadID} {
		th.want(t, abi.ESUCCESS, threadSignal, tid, none)
	}
	th.want(t, abi.EINVAL, procRaise, tooHigh)
	th.want(t, abi.EINVAL, procRaiseInterval, none, 1, 0)
	th.want(t, abi.EINVAL, procRaiseInterval, tooHigh, 1, 0)
}

// Dispositions a process begins with are told to its C library, and count as
// long as it has no callback.
func TestSignalDispositions(t *testing.T) {
	th := newTestThread(t)
	th.proc.signals.ignored = setOf(abi.SignalInt, abi.SignalPipe)
	th.want(t, abi.EFAULT, procSignalsSizesGet, 1<<16-3)
	th.want(t, abi.ESUCCESS, procSignalsSizesGet, 0x200)
	if n, _ := th.uint32At(0x200); n != 2 {
		t.Errorf("%d dispositions", n)
	}
	th.want(t, abi.EFAULT, procSignalsGet, 1<<16-3)
	th.want(t, abi.ESUCCESS, procSignalsGet, 0x300)
	if got := string(th.mem[0x300:0x305]); got != "\x02\x01\x0d\x01?" {
		t.Errorf("dispositions %q", got)
	}
	for _, sig := range []abi.Signal{abi.SignalInt, abi.SignalPipe} {
		if err := th.proc.Signal(sig); err != nil || th.proc.exiting.Load() {
			t.Errorf("%v: %v", sig, err)
		}
	}
}

// Signals that are pending together are handled as on Linux: the highest
// begins first, since its handler interrupts the others'.
func TestSignalsHeldAndReleased(t *testing.T) {
	seen, err := runSignalled(t, goOn, func(g *signalled) error {
		if err := g.register(blockedCallback); err != nil {
			return err
		}
		for _, sig := range []abi.Signal{abi.SignalUsr2, abi.SignalUsr1, abi.SignalUsr2, abi.SignalTerm} {
			if err := g.raise(sig); err != nil {
				return err
			}
		}
		if len(g.seen) > 0 {
			g.t.Errorf("%v while blocked", g.seen)
		}
		return g.register("handler")
	})
	if want := []abi.Signal{abi.SignalTerm, abi.SignalUsr2, abi.SignalUsr1}; err != nil || !slices.Equal(seen, want) {
		t.Errorf("%v, %v", err, seen)
	}
}

// What was sent to the process while the C library blocked signals is for the next
// call: the program may take them to be blocked still.
func TestSignalsOfProcessHeldForNextCall(t *testing.T) {
	seen, err := runSignalled(t, goOn, func(g *signalled) error {
		send := func() error {
			_, err := g.call("proc_signal", initPID, uint64(abi.SignalUsr1))
			return err
		}
		if err := errors.Join(g.register(blockedCallback), send(), g.raise(abi.SignalUsr2), g.register("handler")); err != nil {
			return err
		}
		if want := []abi.Signal{abi.SignalUsr2}; !slices.Equal(g.seen, want) {
			t.Errorf("%v before the next call", g.seen)
		}
		if _, err := g.call("sched_yield"); err != nil {
			return err
		}
		// A wait ends, too.
		if err := errors.Join(g.register(blockedCallback), send(), g.register("handler")); err != nil {
			return err
		}
		errno, err := g.call("thread_sleep", ^uint64(0))
		if errno != abi.EINTR {
			t.Errorf("a wait: %v", errno)
		}
		return err
	})
	if want := []abi.Signal{abi.SignalUsr2, abi.SignalUsr1, abi.SignalUsr1}; err != nil || !slices.Equal(seen, want) {
		t.Errorf("%v, %v", err, seen)
	}
}

// What was sent to the process, and was for a thread that ends or blocks it before it
// has taken it, is for another one, even if that waits.
func TestSignalOfProcessFindsAnotherThread(t *testing.T) {
	for name, leave := range map[string]func(*Thread) error{
		"ends": func(th *Thread) error {
			_, err := callRaw(th, threadExit, 0)
			return err
		},
		"blocks": func(th *Thread) error {
			copy(th.mem[0x100:], blockedCallback)
			_, err := callRaw(th, callbackSignal, 0x100, uint64(len(blockedCallback)))
			_, joinErr := call(th, threadJoin, mainThreadID+1)
			return errors.Join(err, joinErr)
		},
	} {
		var taker atomic.Uint32
		waits := make(chan struct{})
		err := runFake(t, map[string]func(*Thread, []uint64) (uint64, error){
			"_start": func(th *Thread, _ []uint64) (uint64, error) {
				copy(th.mem[0x100:], "handler")
				_, err := callRaw(th, callbackSignal, 0x100, uint64(len("handler")))
				if e, spawnErr := call(th, threadSpawnV2, 64, 128); e != abi.ESUCCESS {
					return 0, errors.Join(err, spawnErr)
				}
				<-waits
				if err := th.proc.Signal(abi.SignalUsr1); err != nil {
					t.Error(err)
				}
				return 0, leave(th)
			},
			"wasi_thread_start": func(th *Thread, _ []uint64) (uint64, error) {
				close(waits)
				if e, _ := call(th, threadSleep, uint64(10*time.Second)); e != abi.EINTR {
					t.Errorf("%s: %v", name, e)
				}
				return 0, nil
			},
			"handler": func(th *Thread, _ []uint64) (uint64, error) {
				taker.Store(th.id)
				return 0, nil
			},
		})
		if err != nil || taker.Load() != mainThreadID+1 {
			t.Errorf("%s: thread %d took the signal, %v", name, taker.Load(), err)
		}
	}
}

func TestKillIsNotHandled(t *testing.T) {
	seen, err := runSignalled(t, goOn, func(g *signalled) error { return g.raise(abi.SignalKill) })
	if deathSignal(err) != abi.SignalKill || len(seen) > 0 {
		t.Errorf("%v, %v", err, seen)
	}
}

// A stopped process does not return from its call until it is continued.
func TestStopAndContinue(t *testing.T) {
	var stopped atomic.Bool
	g := &signalled{t: t, handle: goOn}
	cmd := g.start(func(g *signalled) error {
		stopped.Store(true)
		if err := g.raise(abi.SignalStop); err != nil {
			return err
		}
		if stopped.Load() {
			t.Error("it runs though it is stopped")
		}
		return nil
	})
	for !cmd.Process.isStopped() {
		time.Sleep(time.Millisecond)
	}
	_ = cmd.Process.Signal(abi.SignalUsr1) // waits
	stopped.Store(false)
	_ = cmd.Process.Signal(abi.SignalCont)
	if err := cmd.Wait(); err != nil || !slices.Contains(g.seen, abi.SignalUsr1) {
		t.Errorf("%v, %v", err, g.seen)
	}
}

func (p *Process) isStopped() bool {
	p.signals.mu.Lock()
	defer p.signals.mu.Unlock()
	return p.signals.resumed != nil
}

func TestKillStopped(t *testing.T) {
	cmd := (&signalled{t: t}).start(func(g *signalled) error { return g.raise(abi.SignalTstp) })
	for !cmd.Process.isStopped() {
		time.Sleep(time.Millisecond)
	}
	_ = cmd.Process.Signal(abi.SignalTerm) // waits for the process to go on
	cmd.Process.Kill()
	if err := cmd.Wait(); deathSignal(err) != abi.SignalKill {
		t.Error(err)
	}
}

// What the callback of wasix-libc does for a signal without a handler.
func TestDefaultActionOfLibrary(t *testing.T) {
	abort := func(g *signalled, sig abi.Signal) error {
		if sig == abi.SignalAbrt {
			t.Error("SIGABRT is not blocked")
		}
		if err := errors.Join(g.register(blockedCallback), g.raise(abi.SignalAbrt)); err != nil {
			return err
		}
		_, err := g.call("proc_exit2", 127)
		return err
	}
	for _, sig := range []abi.Signal{abi.SignalTerm, abi.SignalPipe, abi.SignalQuit} {
		_, err := runSignalled(t, abort, func(g *signalled) error { return g.raise(sig) })
		if deathSignal(err) != sig {
			t.Errorf("%v: %v", sig, err)
		}
	}
	trap := func(g *signalled, sig abi.Signal) error {
		return errors.Join(g.register(blockedCallback), errors.New("no such function"))
	}
	seen, err := runSignalled(t, trap, func(g *signalled) error { return errors.Join(g.raise(abi.SignalChld), g.raise(abi.SignalWinch)) })
	if err != nil || len(seen) != 2 {
		t.Errorf("%v, %v", err, seen)
	}
	if _, err := runSignalled(t, trap, func(g *signalled) error { return g.raise(abi.SignalUsr1) }); deathSignal(err) != abi.SignalUsr1 {
		t.Error(err)
	}
	// The library's way to stop unwinds its callback, and the program goes on.
	g := &signalled{t: t, handle: abort}
	cmd := g.start(func(g *signalled) error { return g.raise(abi.SignalTtin) })
	for !cmd.Process.isStopped() {
		time.Sleep(time.Millisecond)
	}
	g.handle = goOn
	_ = cmd.Process.Signal(abi.SignalCont)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// abort(3) of wasix-libc outside of handlers.
func TestAbortIsDeathBySIGABRT(t *testing.T) {
	seen, err := runSignalled(t, goOn, func(g *signalled) error {
		if err := errors.Join(g.raise(abi.SignalAbrt), g.register(blockedCallback), g.raise(abi.SignalAbrt)); err != nil {
			return err
		}
		_, err := g.call("proc_exit2", 127)
		return err
	})
	if deathSignal(err) != abi.SignalAbrt || !slices.Equal(seen, []abi.Signal{abi.SignalAbrt}) {
		t.Errorf("%v, %v", err, seen)
	}
}

func TestRaiseInterval(t *testing.T) {
	fired := func(g *signalled) error {
		for len(g.seen) < 5 {
			if errno, err := g.call("thread_sleep", uint64(time.Minute)); errno != abi.EINTR || err != nil {
				t.Errorf("thread_sleep: %v, %v", errno, err)
				return err
			}
		}
		_, err := g.call("proc_raise_interval", uint64(abi.SignalAlrm), 0, 1)
		return err
	}
	_, err := runSignalled(t, goOn, func(g *signalled) error {
		if errno, err := g.call("proc_raise_interval", uint64(abi.SignalAlrm), uint64(time.Millisecond), 1); errno != abi.ESUCCESS || err != nil {
			t.Errorf("proc_raise_interval: %v, %v", errno, err)
		}
		return fired(g)
	})
	if err != nil {
		t.Error(err)
	}
	// Once; then nothing is left to wait for.
	seen, err := runSignalled(t, goOn, func(g *signalled) error {
		if _, err := g.call("proc_raise_interval", uint64(abi.SignalAlrm), uint64(time.Millisecond), 0); err != nil {
			return err
		}
		_, err := g.call("thread_sleep", uint64(time.Minute))
		if len(g.thread.proc.signals.timers) > 0 {
			t.Error("a timer is left")
		}
		return err
	})
	if err != nil || len(seen) != 1 {
		t.Errorf("%v, %v", err, seen)
	}
	// The shortest interval, of a signal without a handler.
	_, err = runSignalled(t, nil, func(g *signalled) error {
		_, err := g.call("proc_raise_interval", uint64(abi.SignalWinch), 1, 1)
		_, _ = g.call("thread_sleep", uint64(10*time.Millisecond))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Waits that signals interrupt, over and over: none is lost, whenever it comes.
func TestSignalsReachWaits(t *testing.T) {
	const each = 300
	for name, prepare := range map[string]func(g *signalled) []uint64{
		"thread_sleep": func(*signalled) []uint64 { return []uint64{^uint64(0)} },
		"fd_read": func(g *signalled) []uint64 {
			if _, err := g.call("fd_pipe", 0x200, 0x204); err != nil {
				t.Error(err)
			}
			fd, _ := g.thread.uint32At(0x200)
			ptr, count := g.thread.iovec(1)
			return []uint64{uint64(fd), ptr, count, 0x210}
		},
		"futex_wait": func(g *signalled) []uint64 {
			clear(g.thread.mem[0x300:0x400])
			return []uint64{0x300, 0, 0x310, 0x340}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var handled atomic.Int32
			g := &signalled{t: t, handle: func(*signalled, abi.Signal) error { handled.Add(1); return nil }}
			ready := make(chan struct{})
			cmd := g.start(func(g *signalled) error {
				args := prepare(g)
				close(ready)
				for {
					errno, err := g.call(name, args...)
					if err != nil {
						return err
					}
					if want := abi.EINTR; errno != want && name != "futex_wait" {
						t.Errorf("%v", errno)
					}
				}
			})
			<-ready
			for n := range int32(each) {
				_ = cmd.Process.Signal(abi.SignalUsr1)
				for handled.Load() <= n {
					time.Sleep(time.Microsecond)
				}
			}
			cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
}

// A wait goes on when what interrupted it had no handler.
func TestWaitsGoOnWithoutHandler(t *testing.T) {
	g := &signalled{t: t, handle: func(g *signalled, sig abi.Signal) error {
		if sig == abi.SignalUsr1 {
			return nil
		}
		return errors.Join(g.register(blockedCallback), errors.New("no such function"))
	}}
	ready := make(chan struct{})
	cmd := g.start(func(g *signalled) error {
		close(ready)
		errno, err := g.call("thread_sleep", ^uint64(0))
		if errno != abi.EINTR || !slices.Contains(g.seen, abi.SignalUsr1) {
			t.Errorf("%v after %v", errno, g.seen)
		}
		return err
	})
	<-ready
	for range 20 {
		_ = cmd.Process.Signal(abi.SignalWinch)
		time.Sleep(100 * time.Microsecond)
	}
	_ = cmd.Process.Signal(abi.SignalUsr1)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// Signals that are ignored, however often, do not make a sleep longer.
func TestIgnoredSignalsDoNotProlongSleep(t *testing.T) {
	g := &signalled{t: t, handle: func(g *signalled, _ abi.Signal) error {
		signalIgnored(g.thread, []uint64{uint64(abi.SignalAlrm), 0})
		return nil
	}}
	cmd := g.start(func(g *signalled) error {
		if _, err := g.call("proc_raise_interval", uint64(abi.SignalAlrm), uint64(time.Millisecond), 1); err != nil {
			return err
		}
		errno, err := g.call("thread_sleep", uint64(100*time.Millisecond))
		if errno != abi.ESUCCESS || len(g.seen) == 0 {
			t.Errorf("%v after %d signals", errno, len(g.seen))
		}
		return err
	})
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// The trace of a call is its own, whatever its handlers call.
func TestTraceOfInterruptedCall(t *testing.T) {
	log := &traceLog{}
	g := &signalled{t: t, handle: func(g *signalled, _ abi.Signal) error { _, err := g.call("sched_yield"); return err }}
	cmd := Command(&fakeModule{map[string]func(*Thread, []uint64) (uint64, error){
		"_start": func(th *Thread, _ []uint64) (uint64, error) {
			g.thread = th
			return 0, errors.Join(g.register("handler"), g.raise(abi.SignalUsr1))
		},
		"handler": func(_ *Thread, args []uint64) (uint64, error) { return 0, g.handle(g, 0) },
	}})
	cmd.Trace = log.add
	if err := cmd.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1:1 callback_signal[256 7] begins",
		"1:1 callback_signal[256 7] result 0 errno SUCCESS false unwound false",
		"1:1 thread_signal[0 10] begins",
		"1:1 signal USR1",
		"1:1 sched_yield[] begins",
		"1:1 sched_yield[] result 0 errno SUCCESS true unwound false",
		"1:1 thread_signal[0 10] result 0 errno SUCCESS true unwound false",
		"1:1 gone 0 NONE",
	}
	if !slices.Equal(log.lines, want) {
		t.Errorf("%q", log.lines)
	}
}

// From the sender to the handler of a guest that sleeps.
func BenchmarkSignalToSleeper(b *testing.B) {
	handled := make(chan struct{})
	g := &signalled{t: &testing.T{}, handle: func(*signalled, abi.Signal) error { handled <- struct{}{}; return nil }}
	cmd := Command(&fakeModule{map[string]func(*Thread, []uint64) (uint64, error){
		"_start": func(th *Thread, _ []uint64) (uint64, error) {
			g.thread = th
			if err := g.register("handler"); err != nil {
				return 0, err
			}
			handled <- struct{}{}
			for {
				if _, err := g.call("thread_sleep", ^uint64(0)); err != nil {
					return 0, err
				}
			}
		},
		"handler": func(_ *Thread, args []uint64) (uint64, error) { return 0, g.handle(g, 0) },
	}})
	if err := cmd.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	<-handled
	for b.Loop() {
		_ = cmd.Process.Signal(abi.SignalUsr1)
		<-handled
	}
	cmd.Process.Kill()
	_ = cmd.Wait()
}

// A system call costs what it did: no allocation, and no lock, without signals.
func BenchmarkSyscallWithoutSignals(b *testing.B) {
	th := &Thread{proc: &Process{system: &system{}}, waiter: newThread(&Process{}, 1).waiter, stack: &stackSwitch{}}
	var yield *Syscall
	for _, s := range Syscalls() {
		if s.Name == "thread_id" {
			yield = s
		}
	}
	mem, stack := make([]byte, 64), make([]uint64, 2)
	b.ReportAllocs()
	for b.Loop() {
		stack[0] = 0
		_ = yield.Call(th, mem, stack)
	}
}

// A thread that sends to its process takes it before any but the main thread: the
// others may be about to end.
func TestTakerOfSignalIsItsSender(t *testing.T) {
	p := &Process{threads: map[uint32]*Thread{}}
	for id := range uint32(9) {
		p.threads[mainThreadID+id] = &Thread{proc: p, id: mainThreadID + id}
	}
	main, sender := p.threads[mainThreadID], p.threads[mainThreadID+5]
	if taker := p.taker(abi.SignalUsr1, sender); taker != main {
		t.Errorf("thread %d takes it, want the main thread", taker.id)
	}
	main.signals.blocked = true
	for range 50 {
		if taker := p.taker(abi.SignalUsr1, sender); taker != sender {
			t.Fatalf("thread %d takes it, want the sender", taker.id)
		}
	}
	sender.signals.blocked = true
	if taker := p.taker(abi.SignalUsr1, sender); taker == nil || taker == sender || taker == main {
		t.Errorf("%v takes it, want another", taker)
	}
}
