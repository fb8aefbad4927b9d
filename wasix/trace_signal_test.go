package wasix

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

// sleepOn waits until a signal ends the process.
func sleepOn(g *signalled) error {
	errno, err := g.call("thread_sleep", ^uint64(0))
	if err == nil {
		g.t.Errorf("the sleep has ended: %v", errno)
	}
	return err
}

// tracedGuest is a guest without callback, and what sends it signals meanwhile.
type tracedGuest struct {
	main    func(*signalled) error
	threads int            // that send waits for to sleep
	send    func(*sending) // nil for nothing
}

type sending struct {
	*Process
	told <-chan abi.Signal // what the trace tells of
}

// trace returns the trace of the guest.
func (tg tracedGuest) trace(t *testing.T) []string {
	t.Helper()
	var log traceLog
	cmd := Command(&fakeModule{map[string]func(*Thread, []uint64) (uint64, error){
		"_start":            func(th *Thread, _ []uint64) (uint64, error) { return 0, tg.main(&signalled{t: t, thread: th}) },
		"wasi_thread_start": func(th *Thread, _ []uint64) (uint64, error) { return 0, sleepOn(&signalled{t: t, thread: th}) },
	}})
	sleep, told := make(chan struct{}, 8), make(chan abi.Signal, 8)
	cmd.Trace = func(e *TraceEvent) {
		log.add(e)
		switch {
		case e.Kind == TraceSignal:
			told <- e.Signal
		case e.Kind == TraceCall && e.Syscall.Name == "thread_sleep":
			sleep <- struct{}{}
		}
	}
	if err := cmd.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range tg.threads {
		<-sleep
	}
	if tg.send != nil {
		tg.send(&sending{cmd.Process, told})
	}
	_ = cmd.Wait()
	return log.lines
}

// inTurn returns what sends signals, each once the one before is traced.
func inTurn(signals ...abi.Signal) func(*sending) {
	return func(s *sending) {
		for i, sig := range signals {
			if i > 0 {
				<-s.told
			}
			s.SignalGroup(sig)
		}
	}
}

// A signal whose default action its sender carries out is traced as if the process took
// it; one that ends it, as by strace, after the call that is under way.
func TestTraceOfDefaultActions(t *testing.T) {
	sleep := fmt.Sprintf("1:1 thread_sleep[%d] ", ^uint64(0))
	ends := sleep + "result 27 errno SUCCESS false unwound true"
	killed := func(by string) []string { return []string{ends, "1:1 signal " + by, "1:1 gone 0 " + by} }
	for name, c := range map[string]struct {
		guest tracedGuest
		want  []string
	}{
		"sent":         {tracedGuest{sleepOn, 1, inTurn(abi.SignalTerm)}, killed("TERM")},
		"ignored":      {tracedGuest{sleepOn, 1, inTurn(abi.SignalWinch, abi.SignalChld, abi.SignalHup)}, slices.Concat([]string{"1:1 signal WINCH", "1:1 signal CHLD"}, killed("HUP"))},
		"stopped":      {tracedGuest{sleepOn, 1, inTurn(abi.SignalStop, abi.SignalCont, abi.SignalInt)}, slices.Concat([]string{"1:1 signal STOP", "1:1 signal CONT"}, killed("INT"))},
		"stopped, too": {tracedGuest{sleepOn, 1, inTurn(abi.SignalTstp, abi.SignalCont, abi.SignalInt)}, slices.Concat([]string{"1:1 signal TSTP", "1:1 signal CONT"}, killed("INT"))},
		"twice":        {tracedGuest{sleepOn, 1, func(s *sending) { _, _ = s.Signal(abi.SignalTerm), s.Signal(abi.SignalHup) }}, killed("TERM")},
		"killed":       {tracedGuest{sleepOn, 1, inTurn(abi.SignalKill)}, []string{ends, "1:1 gone 0 KILL"}},
		"taken later": {tracedGuest{sleepOn, 1, func(s *sending) {
			s.SignalGroup(abi.SignalStop)
			<-s.told
			_, _ = s.Signal(abi.SignalTerm), s.Signal(abi.SignalCont)
		}}, []string{"1:1 signal STOP", "1:1 signal CONT", "1:1 signal TERM", ends, "1:1 gone 0 TERM"}},
	} {
		c.want = slices.Insert(c.want, 0, sleep+"begins")
		if got := c.guest.trace(t); !slices.Equal(got, c.want) {
			t.Errorf("%s: traced\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// So is one that the process sends itself, or aborts with.
func TestTraceOfSignalsToOneself(t *testing.T) {
	raise := func(g *signalled) error { return errors.Join(g.raise(abi.SignalWinch), g.raise(abi.SignalTerm)) }
	abort := func(g *signalled) error { // as wasix-libc
		g.thread.setBlocked(true)
		g.thread.proc.post(g.thread, abi.SignalAbrt, nil)
		_, err := g.call("proc_exit2", 127)
		return err
	}
	for _, c := range []struct {
		main func(*signalled) error
		want []string
	}{
		{raise, []string{
			"1:1 thread_signal[0 28] begins", "1:1 signal WINCH", "1:1 thread_signal[0 28] result 0 errno SUCCESS true unwound false",
			"1:1 thread_signal[0 15] begins", "1:1 thread_signal[0 15] result 0 errno SUCCESS false unwound true", "1:1 signal TERM", "1:1 gone 0 TERM",
		}},
		{abort, []string{
			"1:1 proc_exit2[127] begins", "1:1 proc_exit2[127] result 0 errno SUCCESS false unwound true", "1:1 signal ABRT", "1:1 gone 0 ABRT",
		}},
	} {
		if got := (tracedGuest{main: c.main}).trace(t); !slices.Equal(got, c.want) {
			t.Errorf("traced %q, want %q", got, c.want)
		}
	}
}

// Of several threads one tells of the signal that ends all, before any of them is gone;
// one that is ignored is the main thread's, or that thread's which was sent it.
func TestTraceOfDefaultActionsOfThreads(t *testing.T) {
	const threads = 4
	main := func(g *signalled) error {
		for range threads {
			if errno, err := call(g.thread, threadSpawnV2, 64, 128); errno != abi.ESUCCESS || err != nil {
				return errors.Join(errno, err)
			}
		}
		return sleepOn(g)
	}
	lines := tracedGuest{main, threads + 1, func(s *sending) {
		s.SignalGroup(abi.SignalWinch)
		<-s.told
		s.post(s.threadOf(&Thread{}, 3), abi.SignalUrg, nil)
		<-s.told
		s.SignalGroup(abi.SignalTerm)
	}}.trace(t)
	told := slices.DeleteFunc(lines, func(line string) bool {
		return !strings.Contains(line, " gone ") && !strings.Contains(line, " signal ")
	})
	if len(told) != threads+4 || told[0] != "1:1 signal WINCH" || told[1] != "1:3 signal URG" || !strings.HasSuffix(told[2], " signal TERM") ||
		slices.ContainsFunc(told[3:], func(line string) bool { return !strings.HasSuffix(line, " gone 0 TERM") }) {
		t.Errorf("traced %q", told)
	}
}
