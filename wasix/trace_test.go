package wasix

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// syscallNamed returns a row of the table.
func syscallNamed(t *testing.T, module, name string) *Syscall {
	t.Helper()
	all := Syscalls()
	i := slices.IndexFunc(all, func(s *Syscall) bool { return s.Module == module && s.Name == name })
	if i < 0 {
		t.Fatalf("there is no %s.%s", module, name)
	}
	return all[i]
}

// syscallOf returns the row for a number of parameters, where a call has several forms.
func syscallOf(t *testing.T, module, name string, params int) *Syscall {
	t.Helper()
	all := Syscalls()
	i := slices.IndexFunc(all, func(s *Syscall) bool {
		return s.Module == module && s.Name == name && len(s.ParamNames) == params && s.Support != Unsupported
	})
	if i < 0 {
		t.Fatalf("there is no %s.%s of %d parameters", module, name, params)
	}
	return all[i]
}

// traceLog collects events as text.
type traceLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *traceLog) add(e *TraceEvent) {
	errno, ok := e.Errno()
	l.mu.Lock()
	defer l.mu.Unlock()
	who := fmt.Sprintf("%d:%d ", e.PID, e.Thread)
	switch e.Kind {
	case TraceCall:
		l.lines = append(l.lines, fmt.Sprintf("%s%s%d begins", who, e.Syscall.Name, e.Params))
		return
	case TraceSignal:
		l.lines = append(l.lines, fmt.Sprintf("%ssignal %v", who, e.Signal))
		return
	case TraceExit:
		l.lines = append(l.lines, fmt.Sprintf("%sgone %d %v", who, e.ExitCode, e.Signal))
		return
	case TraceExec:
		l.lines = append(l.lines, who+"gone by exec")
		return
	}
	if e.Duration < 0 {
		l.lines = append(l.lines, "negative duration")
	}
	l.lines = append(l.lines, fmt.Sprintf("%s%s%d result %d errno %v %v unwound %v",
		who, e.Syscall.Name, e.Params, e.Result, errno.Name(), ok, e.Unwound))
}

func TestTrace(t *testing.T) {
	const wasix32 = "wasix_32v1"
	calls := []struct {
		s      *Syscall
		params []uint64
		want   string
	}{
		{syscallNamed(t, wasix32, "sched_yield"), nil, "1:1 sched_yield[] result 0 errno SUCCESS true unwound false"},
		{syscallNamed(t, wasix32, "fd_close"), []uint64{99}, "1:1 fd_close[99] result 8 errno BADF true unwound false"},
		{syscallNamed(t, wasix32, "clock_time_get"), []uint64{1, 2, 1 << 20}, "1:1 clock_time_get[1 2 1048576] result 21 errno FAULT true unwound false"},
		{syscallNamed(t, wasix32, "dlopen"), make([]uint64, 16), "1:1 dlopen[0 0 0 0 0 0 0 0] result 52 errno NOSYS true unwound false"},
		{syscallNamed(t, wasmfile.HostModule, "checkpoint"), nil, ""},
		{syscallNamed(t, wasix32, "proc_exit"), []uint64{0}, "1:1 proc_exit[0] result 0 errno SUCCESS false unwound true"},
	}
	var want []string
	start := func(th *Thread, _ []uint64) (uint64, error) {
		for _, c := range calls {
			// The stack is longer than the parameters, as engines may have it.
			if err := c.s.Call(th, th.mem, append(slices.Clone(c.params), 7, 7)); err != nil {
				return 0, err
			}
		}
		return 0, nil
	}
	for _, c := range calls {
		if c.want != "" {
			call, _, _ := strings.Cut(c.want, " result")
			want = append(want, call+" begins", c.want)
		}
	}
	want = append(want, "1:1 gone 0 NONE")
	var log traceLog
	cmd := Command(&fakeModule{map[string]func(*Thread, []uint64) (uint64, error){"_start": start}})
	cmd.Trace = log.add
	if err := cmd.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i := range max(len(want), len(log.lines)) {
		if i >= len(want) || i >= len(log.lines) || want[i] != log.lines[i] {
			t.Fatalf("traced\n%q\nwant\n%q", log.lines, want)
		}
	}
}

// A call without an errno has its result, and one that is cut short has none.
func TestTraceResults(t *testing.T) {
	th := newTestThread(t)
	var log traceLog
	th.proc.trace = log.add
	i32 := []abi.ValueType{abi.ValueTypeI32}
	number := Syscall{Name: "number", Signature: wasmfile.Signature{Params: i32, Results: i32},
		raw: func(_ *Thread, stack []uint64) { stack[0]++ }}
	_ = number.Call(th, th.mem, []uint64{41})
	wait := Syscall{Name: "wait", Signature: wasmfile.Signature{Results: i32},
		do: func(t *Thread, _ []uint64) abi.Errno { t.proc.Kill(); return abi.EINTR }}
	if err := wait.Call(th, th.mem, []uint64{0}); err != ErrUnwind {
		t.Error(err)
	}
	want := []string{
		"1:1 number[41] begins",
		"1:1 number[41] result 42 errno SUCCESS false unwound false",
		"1:1 wait[] begins",
		"1:1 wait[] result 27 errno SUCCESS false unwound true",
	}
	if !slices.Equal(log.lines, want) {
		t.Errorf("traced\n%q\nwant\n%q", log.lines, want)
	}
}

// A vfork is traced once in each of the two processes, and in the parent it lasts as
// long as the child.
func TestTraceVfork(t *testing.T) {
	vfork, exit := &Syscall{Name: "proc_fork", do: procFork, rewinds: true}, syscallNamed(t, "wasix_32v1", "proc_exit")
	g := &replay{body: func(r *replayed) error {
		if _, err := r.call(vfork, 0, pidAt); err != nil {
			return err
		}
		_, err := r.call(exit, 0)
		return err
	}}
	var log []string
	var lasted time.Duration
	at := map[string]time.Time{}
	cmd := Command(g.module(nil), "vfork")
	cmd.Trace = func(e *TraceEvent) { // the processes take turns
		who := fmt.Sprint(e.PID, " gone")
		switch e.Kind {
		case TraceReturn:
			who = fmt.Sprint(e.PID, " ", e.Syscall.Name)
		case TraceCall:
			who = fmt.Sprint(e.PID, " ", e.Syscall.Name, " begins")
		case TraceSignal: // SIGCHLD, at whatever time
			return
		}
		log, at[who] = append(log, who), time.Now()
		if who == "1 proc_fork" {
			lasted = e.Duration
		}
	}
	if err := cmd.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1 proc_fork begins", "2 proc_fork begins", "2 proc_fork", "2 proc_exit begins", "2 proc_exit", "2 gone",
		"1 proc_fork", "1 proc_exit begins", "1 proc_exit", "1 gone",
	}
	if !slices.Equal(log, want) {
		t.Errorf("traced %q, want %q", log, want)
	}
	if child := at["2 proc_exit"].Sub(at["2 proc_fork"]); lasted < child {
		t.Errorf("vfork took %v, and the child %v", lasted, child)
	}
}

// Threads trace at the same time, each with parameters of its own.
func TestTraceThreads(t *testing.T) {
	main := newTestThread(t)
	other, mem := newThread(main.proc, 2), main.mem
	var mixed sync.Map
	main.proc.trace = func(e *TraceEvent) {
		if e.Params[0] != 1000*uint64(e.Thread) {
			mixed.Store(e.Thread, e.Params[0])
		}
	}
	closeFD := syscallNamed(t, "wasix_32v1", "fd_close")
	var wg sync.WaitGroup
	for _, th := range []*Thread{main, other} {
		wg.Go(func() {
			for range 1000 {
				_ = closeFD.Call(th, mem, []uint64{1000 * uint64(th.id)})
			}
		})
	}
	wg.Wait()
	mixed.Range(func(thread, param any) bool {
		t.Errorf("thread %v traced %v", thread, param)
		return true
	})
}

// Neither a call without a trace nor the making of an event allocates.
func TestTraceDoesNotAllocate(t *testing.T) {
	th := newTestThread(t)
	s := syscallNamed(t, "wasix_32v1", "clock_time_get")
	stack := make([]uint64, 3)
	n := 0
	for name, trace := range map[string]func(*TraceEvent){"off": nil, "on": func(*TraceEvent) { n++ }} {
		th.proc.trace = trace
		allocs := testing.AllocsPerRun(100, func() {
			stack[0], stack[1], stack[2] = 1, 0, 64
			if err := s.Call(th, th.mem, stack); err != nil || stack[0] != 0 {
				t.Fatal(err, stack)
			}
		})
		if allocs != 0 {
			t.Errorf("with the trace %s a call allocates %v times", name, allocs)
		}
	}
	if n == 0 {
		t.Error("nothing was traced")
	}
}

// BenchmarkCall is a system call that does nothing, without a trace and with one.
func BenchmarkCall(b *testing.B) {
	th := newTestThread(b)
	nothing := &Syscall{Name: "nothing", do: func(*Thread, []uint64) abi.Errno { return abi.ESUCCESS }}
	stack := make([]uint64, 1)
	events := 0
	for _, c := range []struct {
		name  string
		trace func(*TraceEvent)
	}{{"off", nil}, {"on", func(*TraceEvent) { events++ }}} {
		b.Run(c.name, func(b *testing.B) {
			th.proc.trace = c.trace
			b.ReportAllocs()
			for b.Loop() {
				_ = nothing.Call(th, th.mem, stack)
			}
		})
	}
	if events == 0 {
		b.Error("nothing was traced")
	}
}
