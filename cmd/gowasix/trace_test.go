package main

import (
	"cmp"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
)

func TestTrace(t *testing.T) {
	want := regexp.MustCompile(`^args_sizes_get\(retptr0=0x[0-9a-f]+, retptr1=0x[0-9a-f]+\) = SUCCESS
([a-z_0-9]+\(([a-z_0-9]+=([A-Z|]+|-?\d+|0x[0-9a-f]+|"[^"]*")(, )?)*\) = [A-Z0-9]+
)+proc_exit2\(rval=7\) = \?
\+\+\+ exited with 7 \+\+\+
$`)
	eachEngine(t, func(t *testing.T, run ...string) {
		r := command(t, "", with(run, "--trace", guests.Path("process"), "exit", "7")...)
		if r.status != 7 || r.stdout != "" || !want.MatchString(r.stderr) {
			t.Errorf("status %d, stdout %q, trace\n%s", r.status, r.stdout, r.stderr)
		}
		r = command(t, "", with(run, "--trace=sock,proc", guests.Path("process"), "exit", "7")...)
		if r.status != 7 || r.stderr != "proc_exit2(rval=7) = ?\n+++ exited with 7 +++\n" {
			t.Errorf("of two families: status %d, trace\n%s", r.status, r.stderr)
		}
		command(t, "", with(run, "--trace=false", guests.Path("process"), "exit", "7")...).want(t, 7, "", "")
	})
}

// A call that fails names its errno, and the guest's own output stays whole.
func TestTraceErrno(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		r := command(t, "", with(run, "--trace=path", "--dir", t.TempDir()+":/data:ro", guests.Path("files"), "/data")...)
		r.want(t, 1, "files.create: EROFS\n", ") = ROFS\n")
		for line := range strings.Lines(r.stderr) {
			if strings.Contains(line, ") = ") && !strings.HasPrefix(line, "path_") {
				t.Errorf("the trace of paths has %s", line)
			}
		}
	})
}

func TestFlagNames(t *testing.T) {
	for v, want := range map[uint32]string{0: "0", 1: "APPEND", 5: "APPEND|NONBLOCK", 0x104: "NONBLOCK|0x100"} {
		if got := flagNames(fdflags, v); got != want {
			t.Errorf("%#x: %s, want %s", v, got, want)
		}
	}
}

// Flags that are called the same mean something else in each call.
func TestFlagsOf(t *testing.T) {
	for name, want := range map[string]string{
		"sock_accept_v2": "APPEND|DSYNC", "fd_fdflags_set": "CLOEXEC|0x2", "path_filestat_get": "SYMLINK_FOLLOW|0x2",
		"proc_join": "NON_BLOCKING|WAKE_STOPPED", "fd_event": "",
	} {
		var got string
		if names, ok := flagsOf(&wasix.Syscall{Name: name}, "flags"); ok {
			got = flagNames(names, 3)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestTraceThreads(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		r := command(t, "", with(run, "--trace", "--stats", guests.Path("threads-shared"))...)
		if r.status != 0 || !strings.Contains(r.stderr, "\n[pid 1 tid 2] ") {
			t.Errorf("status %d, trace\n%s", r.status, r.stderr)
		}
		trace, _, _ := strings.Cut(r.stderr, "% time")
		pairs(t, trace)
	})
}

// pairs checks each line of a trace, and that what is unfinished is resumed, by the
// same thread and with nothing between, unless the thread ends.
func pairs(t *testing.T, trace string) {
	t.Helper()
	line := regexp.MustCompile(`^(\[pid \d+(?: tid \d+)?\] )?(?:` +
		`[a-z_0-9-]+\(.*\)(?: = \S+)?|([a-z_0-9-]+)\(.* <unfinished \.\.\.>|<\.\.\. ([a-z_0-9-]+) resumed>.*\) = \S+|` +
		`(\+\+\+ (?:exited with \d+|killed by SIG[A-Z]+) \+\+\+))\n$`)
	unfinished := map[string]string{}
	for l := range strings.Lines(trace) {
		m := line.FindStringSubmatch(l)
		if m == nil {
			t.Fatalf("the trace has %q", l)
		}
		who := cmp.Or(m[1], "[pid 1] ")
		if open := unfinished[who]; m[4] == "" && open != m[3] {
			t.Fatalf("%q while %q is unfinished, in\n%s", l, open, trace)
		}
		unfinished[who] = m[2]
	}
	for who, open := range unfinished {
		if open != "" {
			t.Errorf("%s%s was not resumed in\n%s", who, open, trace)
		}
	}
}

// A call that waits is shown while it does.
func TestTraceShowsWaits(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		guest := exec.Command(binary, with(run, "--trace=fd", guests.Path("process"), "cat")...)
		in, err := guest.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		trace, err := guest.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := guest.Start(); err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for b := make([]byte, 512); !strings.Contains(got.String(), "fd_read(fd=0, "); {
			n, err := trace.Read(b)
			if got.Write(b[:n]); err != nil {
				t.Errorf("%v after %s", err, got.String())
				break
			}
		}
		if strings.Contains(got.String(), "\nfd_read(fd=0,") && strings.HasSuffix(got.String(), "\n") {
			t.Errorf("the read is over in\n%s", got.String())
		}
		_ = in.Close()
		rest, _ := io.ReadAll(trace)
		if err := guest.Wait(); err != nil || !strings.Contains(got.String()+string(rest), ") = SUCCESS\n+++ exited with 0 +++\n") {
			t.Errorf("%v, trace\n%s%s", err, got.String(), rest)
		}
	})
}

// What threads, processes and handlers do meanwhile is printed as strace -f does.
func TestPrinter(t *testing.T) {
	call := func(name string) *wasix.Syscall {
		all := wasix.Syscalls()
		return all[slices.IndexFunc(all, func(s *wasix.Syscall) bool { return s.Name == name && s.Module == "wasix_32v1" })]
	}
	accept, yield, listen := call("sock_accept_v2"), call("sched_yield"), call("sock_listen")
	var b strings.Builder
	p := &printer{w: &b, families: families()}
	for _, e := range []wasix.TraceEvent{
		{Kind: wasix.TraceCall, PID: 1, Thread: 1, Syscall: yield},
		{PID: 1, Thread: 1, Syscall: yield},
		{Kind: wasix.TraceCall, PID: 1, Thread: 1, Syscall: accept, Params: []uint64{3, 0, 64, 80}},
		{Kind: wasix.TraceSignal, PID: 1, Thread: 1, Signal: abi.SignalUsr1},
		{Kind: wasix.TraceCall, PID: 1, Thread: 1, Syscall: listen, Params: []uint64{4, 5}},
		{Kind: wasix.TraceCall, PID: 1, Thread: 2, Syscall: listen, Params: []uint64{6, 7}},
		{PID: 1, Thread: 1, Syscall: listen, Params: []uint64{4, 5}, Result: 8},
		{PID: 1, Thread: 2, Syscall: listen, Params: []uint64{6, 7}},
		{PID: 1, Thread: 1, Syscall: accept, Params: []uint64{3, 0, 64, 80}, Result: 27},
		{Kind: wasix.TraceExec, PID: 1, Thread: 2},
		{Kind: wasix.TraceCall, PID: 2, Thread: 1, Syscall: yield},
		{Kind: wasix.TraceExit, PID: 2, Thread: 1, Signal: abi.SignalTerm},
		{Kind: wasix.TraceExit, PID: 1, Thread: 1, ExitCode: 3},
	} {
		p.print(&e)
	}
	const want = `sched_yield() = SUCCESS
sock_accept_v2(fd=3, flags=0, retptr0=0x40,  <unfinished ...>
--- SIGUSR1 ---
sock_listen(fd=4, backlog=5 <unfinished ...>
[pid 1 tid 2] sock_listen(fd=6, backlog=7 <unfinished ...>
[pid 1] <... sock_listen resumed>) = BADF
[pid 1 tid 2] <... sock_listen resumed>) = SUCCESS
[pid 1] <... sock_accept_v2 resumed>retptr1=0x50) = INTR
[pid 1 tid 2] +++ superseded by execve in pid 1 +++
[pid 2] sched_yield( <unfinished ...>
[pid 2] +++ killed by SIGTERM +++
[pid 1] +++ exited with 3 +++
`
	if b.String() != want {
		t.Errorf("printed\n%s", b.String())
	}
}

// A message does not land in the line of a call.
func TestPrinterOfMessages(t *testing.T) {
	all := wasix.Syscalls()
	listen := all[slices.IndexFunc(all, func(s *wasix.Syscall) bool { return s.Name == "sock_listen" })]
	var b strings.Builder
	p := &printer{w: &b, families: families()}
	say := func(message string) {
		if n, err := io.WriteString(p, message); n != len(message) || err != nil {
			t.Errorf("%q: %d, %v", message, n, err)
		}
	}
	say("gowasix: first\n")
	p.print(&wasix.TraceEvent{Kind: wasix.TraceCall, PID: 1, Thread: 1, Syscall: listen, Params: []uint64{4, 5}})
	say("gowasix: meanwhile\n")
	say("gowasix: and again\n")
	p.print(&wasix.TraceEvent{PID: 1, Thread: 1, Syscall: listen, Params: []uint64{4, 5}})
	say("gowasix: last\n")
	const want = `gowasix: first
sock_listen(fd=4, backlog=5 <unfinished ...>
gowasix: meanwhile
gowasix: and again
<... sock_listen resumed>) = SUCCESS
gowasix: last
`
	if b.String() != want {
		t.Errorf("printed\n%s", b.String())
	}
}

// Nor does one of a child's end, or of the statistics.
func TestTraceBesideMessages(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		r := command(t, "", with(run, "--trace", "--stats", "--program", "process="+guests.Path("process"), guests.Path("exec"), "spawn", "process", "abort")...)
		if r.status != 0 || strings.Count(r.stderr, "\ngowasix: process 2: process: ") != 1 || strings.Count(r.stderr, "gowasix: ") != 1 ||
			strings.Count(r.stderr, "\n% time") != 1 {
			t.Errorf("status %d, trace\n%s", r.status, r.stderr)
		}
	})
}

// Who made a call is told from the first call on that another process makes.
func TestTraceProcesses(t *testing.T) {
	want := regexp.MustCompile(`(?s)^args_sizes_get.*
proc_spawn2\(name="process", name_len=7, args="process\\nexit\\n5.*", args_len=\d+, .*
\[pid 2\] args_sizes_get\(.*
\[pid 2\] proc_exit2\(rval=5.*\) = \?
.*\[pid 2\] \+\+\+ exited with 5 \+\+\+
.*\[pid 1\] (?:<... proc_join resumed>|proc_join\(.*)\) = SUCCESS
`)
	eachEngine(t, func(t *testing.T, run ...string) {
		r := command(t, "", with(run, "--trace", "--program", "process="+guests.Path("process"), guests.Path("exec"), "spawn", "process", "exit", "5")...)
		if r.status != 0 || !want.MatchString(r.stderr) {
			t.Errorf("status %d, trace\n%s", r.status, r.stderr)
		}
		_, after, _ := strings.Cut(r.stderr, "\n[pid 2] ")
		_, after, _ = strings.Cut(after, "\n")
		for line := range strings.Lines(after) {
			if !strings.HasPrefix(line, "[pid ") {
				t.Errorf("after a call of the child the trace has %s", line)
			}
		}
	})
}

// A fork is one call of the parent's and one of the child's, though the guest makes
// the parent's twice, to save its stack and to go back down it.
func TestTraceFork(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		r := command(t, "", with(run, "--trace=proc", guests.Path("processes-shared"), "fork", "2")...)
		calls := map[string]int{}
		for line := range strings.Lines(r.stderr) {
			if caller, _, ok := strings.Cut(line, "proc_fork(copy_memory=1, "); ok {
				calls[caller]++
			}
		}
		if r.status != 0 || calls[""]+calls["[pid 1] "] != 2 || calls["[pid 2] "] != 1 || calls["[pid 3] "] != 1 {
			t.Errorf("status %d, trace\n%s", r.status, r.stderr)
		}
	})
}

// A signal without a handler is told of before the death by it, but for SIGKILL, which
// nobody takes.
func TestTraceDefaultActions(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		for sig, told := range map[string]string{
			"15": "[pid 2] --- SIGTERM ---\n[pid 2] +++ killed by SIGTERM +++\n",
			"40": "[pid 2] --- SIGRT_8 ---\n[pid 2] +++ killed by SIGRT_8 +++\n",
			"9":  " = ?\n[pid 2] +++ killed by SIGKILL +++\n",
		} {
			r := command(t, "", with(run, "--trace=signal", "--program", "kills="+guests.Path("tools"), guests.Path("exec"), "spawn", "kills", sig)...)
			if r.status != 0 || strings.Count(r.stderr, told) != 1 || strings.Count(r.stderr, "[pid 2] --- SIG") != strings.Count(told, "--- SIG") {
				t.Errorf("signal %s: status %d, trace\n%s", sig, r.status, r.stderr)
			}
		}
	})
}

func TestAppendCaller(t *testing.T) {
	for want, e := range map[string]wasix.TraceEvent{"[pid 4] ": {PID: 4, Thread: 1}, "[pid 1 tid 3] ": {PID: 1, Thread: 3}} {
		if got := string(appendCaller(nil, &e)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestStatistics(t *testing.T) {
	row := regexp.MustCompile(`(?m)^ *([\d.]+) +(\d+\.\d{6}) +\d+ +(\d+) +(\d+ )?([a-z_0-9]+)$`)
	eachEngine(t, func(t *testing.T, run ...string) {
		r := command(t, "some text", with(run, "--stats", guests.Path("process"), "cat")...)
		r.want(t, 0, "some text", "% time     seconds  usecs/call     calls    errors syscall\n")
		calls := map[string]string{}
		last := ""
		for _, m := range row.FindAllStringSubmatch(r.stderr, -1) {
			if m[5] != "total" && last != "" && m[2] > last {
				t.Errorf("%s took longer than the call before", m[5])
			}
			last, calls[m[5]] = m[2], m[3]
		}
		if calls["fd_read"] != "2" || calls["fd_write"] != "1" || calls["total"] == "" {
			t.Errorf("calls %v in\n%s", calls, r.stderr)
		}
		command(t, "", with(run, "--stats", guests.Path("process"), "exit", "7")...).want(t, 7, "", " proc_exit2\n")
		if r := command(t, "", with(run, "--stats", "--cwd", "/missing", guests.Path("process"))...); strings.Contains(r.stderr, "syscall\n") {
			t.Errorf("a guest that did not start has statistics:\n%s", r.stderr)
		}
	})
}

func TestStatisticsTable(t *testing.T) {
	call := func(name string) *wasix.Syscall {
		all := wasix.Syscalls()
		return all[slices.IndexFunc(all, func(s *wasix.Syscall) bool { return s.Name == name })]
	}
	s := newStatistics()
	for _, e := range []wasix.TraceEvent{
		{Syscall: call("fd_read"), Duration: time.Millisecond},
		{Syscall: call("sock_send"), Duration: 2 * time.Millisecond},
		{Syscall: call("sock_send"), Duration: 4 * time.Millisecond, Result: 6},
		{Syscall: call("proc_exit"), Duration: time.Millisecond, Unwound: true},
	} {
		s.add(&e)
	}
	const want = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 75.00    0.006000        3000         2         1 sock_send
 12.50    0.001000        1000         1           fd_read
 12.50    0.001000        1000         1           proc_exit
------ ----------- ----------- --------- --------- ----------------
100.00    0.008000        2000         4         1 total
`
	var b strings.Builder
	if s.print(&b); b.String() != want {
		t.Errorf("the table is\n%s", b.String())
	}
	b.Reset()
	if newStatistics().print(&b); !strings.HasSuffix(b.String(), "  0.00    0.000000           0         0           total\n") {
		t.Errorf("the empty table is\n%s", b.String())
	}
}

func TestAppendCall(t *testing.T) {
	for _, c := range []struct {
		name string
		e    wasix.TraceEvent
		want string
	}{
		{"wasix_32v1.sock_listen", wasix.TraceEvent{Params: []uint64{4, 128}}, "sock_listen(fd=4, backlog=128) = SUCCESS"},
		{"wasix_32v1.sock_listen", wasix.TraceEvent{Params: []uint64{1<<40 | 0xffffffff, 0}, Result: 8}, "sock_listen(fd=-1, backlog=0) = BADF"},
		{"wasix_32v1.sock_listen", wasix.TraceEvent{Params: []uint64{4, 1}, Result: 9999}, "sock_listen(fd=4, backlog=1) = errno(9999)"},
		{"wasix_32v1.sock_listen", wasix.TraceEvent{Params: []uint64{4, 1}, Unwound: true}, "sock_listen(fd=4, backlog=1) = ?"},
		{"wasix_32v1.clock_time_get", wasix.TraceEvent{Params: []uint64{1, 0, 64}}, "clock_time_get(id=MONOTONIC, precision=0, retptr0=0x40) = SUCCESS"},
		{"wasix_32v1.epoll_ctl", wasix.TraceEvent{Params: []uint64{4, 3, 5, 64}}, "epoll_ctl(epfd=4, op=MOD, fd=5, event=0x40) = SUCCESS"},
		{"wasix_32v1.epoll_ctl", wasix.TraceEvent{Params: []uint64{4, 9, 5, 64}, Result: 28}, "epoll_ctl(epfd=4, op=9, fd=5, event=0x40) = INVAL"},
		{"wasix_32v1.proc_raise", wasix.TraceEvent{Params: []uint64{15}}, "proc_raise(sig=TERM) = SUCCESS"},
		{"wasix_32v1.sched_yield", wasix.TraceEvent{}, "sched_yield() = SUCCESS"},
		{"wasix_32v1.proc_exit", wasix.TraceEvent{Params: []uint64{0}, Unwound: true}, "proc_exit(rval=0) = ?"},
		{"wasi.thread-spawn", wasix.TraceEvent{Params: []uint64{4096}, Result: 2}, "thread-spawn(start_arg=0x1000) = 2"},
		{"wasi.thread-spawn", wasix.TraceEvent{Params: []uint64{1<<40 | 0xfffffff0}, Result: 0xffffffff}, "thread-spawn(start_arg=0xfffffff0) = -1"},
		{"wasi_snapshot_preview1.fd_readdir", wasix.TraceEvent{Params: []uint64{3, 64, 80, 1 << 63, 96}},
			"fd_readdir(fd=3, buf=0x40, buf_len=80, cookie=-9223372036854775808, retptr0=0x60) = SUCCESS"},
	} {
		all := wasix.Syscalls()
		c.e.Syscall = all[slices.IndexFunc(all, func(s *wasix.Syscall) bool { return s.Module+"."+s.Name == c.name })]
		if got := string(appendReturn(appendCall(nil, &c.e), &c.e)); got != c.want+"\n" {
			t.Errorf("%s is traced as %q, want %q", c.name, got, c.want)
		}
	}
}

// Pointers, and nothing else, are printed as such, going by the C declarations.
func TestPointers(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(guests.Dir(), "..", "abi", "functions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var functions []struct {
		Module, Name string
		Params       []struct {
			Name, Type string
			CType      string `json:"c_type"`
			Ptr        bool
		}
	}
	if err := json.Unmarshal(text, &functions); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, s := range wasix.Syscalls() {
		for _, f := range functions {
			if s.Support == wasix.Unsupported || s.Module != f.Module || s.Name != f.Name || len(s.ParamNames) != len(f.Params) {
				continue
			}
			for i, p := range f.Params {
				declared := p.Type == "i32" && strings.Contains(p.CType, "*")
				if got := isPointer(s, i); got && !p.Ptr || !got && declared {
					t.Errorf("%s.%s: %s %s is a pointer: %v", s.Module, s.Name, p.CType, p.Name, got)
				}
				compared++
			}
		}
	}
	if compared < 300 {
		t.Errorf("%d parameters were compared", compared)
	}
}
