package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
)

// tracer returns what --trace, by p, and --stats do with each system call, or nil
// without them, and the statistics, nil without --stats.
func (f *runFlags) tracer(p *printer) (func(*wasix.TraceEvent), *statistics, error) {
	var trace func(*wasix.TraceEvent)
	if f.trace.given {
		chosen, err := parseFamilies(f.trace.value)
		if err != nil {
			return nil, nil, fmt.Errorf("--trace=%s: %w", f.trace.value, err)
		}
		p.families, trace = chosen, p.print
	}
	if !f.stats {
		return trace, nil, nil
	}
	stats := newStatistics()
	return func(e *wasix.TraceEvent) {
		stats.add(e)
		if trace != nil {
			trace(e)
		}
	}, stats, nil
}

// families returns the names of the families of system calls.
func families() []string {
	var names []string
	for _, s := range wasix.Syscalls() {
		names = append(names, s.Family)
	}
	return slices.Compact(names)
}

// parseFamilies reads a list of families, separated by commas; an empty one
// stands for all.
func parseFamilies(list string) ([]string, error) {
	all := families()
	if list == "" {
		return all, nil
	}
	chosen := strings.Split(list, ",")
	for _, name := range chosen {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("there is no family %q; choose from %s", name, strings.Join(all, ","))
		}
	}
	return chosen, nil
}

// looksLikeFamilies says whether s is a list that --trace takes.
func looksLikeFamilies(s string) bool {
	_, err := parseFamilies(s)
	return err == nil
}

// printer prints events as strace does, for --trace: a call's line begins when the
// call does, and is ended for another's sake if that takes long. It is also what
// gowasix's messages are written to while there may be events.
type printer struct {
	w        io.Writer
	families []string

	mu      sync.Mutex
	several bool // another thread than the first of all has done something
	open    call // whose line has no end yet
	line    []byte
}

// call is one that is under way; a thread's calls nest, in handlers of signals.
type call struct {
	pid     int
	thread  uint32
	syscall *wasix.Syscall // nil for no call
}

// print prints the event, if its family is chosen. Threads may call it concurrently.
func (p *printer) print(e *wasix.TraceEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.several = p.several || e.PID != 1 || e.Thread != 1
	if e.Syscall != nil && !slices.Contains(p.families, e.Syscall.Family) {
		return
	}
	p.line = p.append(p.line[:0], e)
	_, _ = p.w.Write(p.line)
}

// Write prints lines of gowasix's own, for which that of a call that is under way is
// ended as for an event's. Goroutines may call it and print concurrently.
func (p *printer) Write(lines []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = append(p.appendUnfinished(p.line[:0]), lines...)
	p.open = call{}
	_, err := p.w.Write(p.line)
	return len(lines), err
}

func (p *printer) append(b []byte, e *wasix.TraceEvent) []byte {
	this := call{e.PID, e.Thread, e.Syscall}
	goesOn := e.Kind == wasix.TraceReturn && p.open == this
	if !goesOn {
		b = p.appendUnfinished(b)
		if p.several {
			b = appendCaller(b, e)
		}
	}
	p.open = call{}
	switch e.Kind {
	case wasix.TraceCall:
		p.open = this
		return appendCall(b, e)
	case wasix.TraceReturn:
		if !goesOn {
			b = append(append(append(b, "<... "...), e.Syscall.Name...), " resumed>"...)
		}
		return appendReturn(b, e)
	case wasix.TraceSignal:
		return fmt.Appendf(b, "--- %s ---\n", signalName(e.Signal))
	case wasix.TraceExec:
		return fmt.Appendf(b, "+++ superseded by execve in pid %d +++\n", e.PID)
	}
	if e.Signal != abi.SignalNone {
		return fmt.Appendf(b, "+++ killed by %s +++\n", signalName(e.Signal))
	}
	return fmt.Appendf(b, "+++ exited with %d +++\n", e.ExitCode)
}

// signalName returns the name of a signal as strace has it.
func signalName(sig abi.Signal) string {
	const firstRealTime = 32
	if sig >= firstRealTime {
		return fmt.Sprintf("SIGRT_%d", sig-firstRealTime)
	}
	return fmt.Sprint("SIG", sig)
}

// appendUnfinished ends the line of the call that is under way.
func (p *printer) appendUnfinished(b []byte) []byte {
	if p.open.syscall == nil {
		return b
	}
	return append(b, " <unfinished ...>\n"...)
}

// appendCaller appends who made the call, as strace -f has it: "[pid 2] ". The ids
// of threads are those of their process, so others than the first have both.
func appendCaller(b []byte, e *wasix.TraceEvent) []byte {
	if e.Thread == 1 {
		return fmt.Appendf(b, "[pid %d] ", e.PID)
	}
	return fmt.Appendf(b, "[pid %d tid %d] ", e.PID, e.Thread)
}

// appendCall appends the beginning of a line, up to what the call is to store:
//
//	sock_bind(fd=4, addr=127.0.0.1:80
func appendCall(b []byte, e *wasix.TraceEvent) []byte {
	b = append(append(b, e.Syscall.Name...), '(')
	return appendParams(b, e, 0, firstStored(e.Syscall))
}

// appendReturn appends the rest of it:
//
//	) = SUCCESS
//
// A call that did not return has the result "?".
func appendReturn(b []byte, e *wasix.TraceEvent) []byte {
	b = appendParams(b, e, firstStored(e.Syscall), len(e.Params))
	return append(appendResult(append(b, ')'), e), '\n')
}

// appendParams appends the parameters from one on and before another, each with a
// comma if there is a next.
func appendParams(b []byte, e *wasix.TraceEvent, from, to int) []byte {
	s := e.Syscall
	for i := from; i < to; i++ {
		b = append(append(b, s.ParamNames[i]...), '=')
		if named, ok := appendNamed(b, e, i); ok {
			b = named
		} else if isPointer(s, i) {
			b = fmt.Appendf(b, "%#x", uint32(e.Params[i]))
		} else {
			b = appendInteger(b, s.Signature.Params[i], e.Params[i])
		}
		if i+1 < len(e.Params) {
			b = append(b, ", "...)
		}
	}
	return b
}

func appendResult(b []byte, e *wasix.TraceEvent) []byte {
	results := e.Syscall.Signature.Results
	switch {
	case e.Unwound:
		return append(b, " = ?"...)
	case len(results) == 0:
		return b
	}
	b = append(b, " = "...)
	if errno, ok := e.Errno(); ok {
		return append(b, errno.Name()...)
	}
	return appendInteger(b, results[0], e.Result)
}

func appendInteger(b []byte, t abi.ValueType, v uint64) []byte {
	if t == abi.ValueTypeI32 {
		return strconv.AppendInt(b, int64(int32(v)), 10)
	}
	return strconv.AppendInt(b, int64(v), 10)
}

// pointerNames are the parameters that hold addresses, beyond those whose names
// say so; those that do in one call only have that before them. An i64 of such a
// name is something else.
var pointerNames = map[string]bool{
	"addr": true, "addrs": true, "args": true, "argv": true, "argv_buf": true, "buf": true,
	"cidr": true, "environ": true, "environ_buf": true, "event": true, "expires_at": true,
	"futex": true, "in": true, "multiaddr": true, "nroutes": true, "out": true,
	"preferred_until": true, "ro_addr": true, "ro_fd": true, "routes": true,
	"start_arg": true, "state": true, "timeout": true, "via_router": true,

	"getcwd.path_len":                   true,
	"port_addr_list.naddrs":             true,
	"proc_join.pid":                     true,
	"sock_join_multicast_v4.interface":  true,
	"sock_leave_multicast_v4.interface": true,
	"stack_checkpoint.snapshot":         true,
	"stack_restore.snapshot":            true,
}

// isPointer says whether parameter i is an address in the guest's memory: by
// its name, or because its length follows.
func isPointer(s *wasix.Syscall, i int) bool {
	if s.Signature.Params[i] != abi.ValueTypeI32 {
		return false
	}
	name := s.ParamNames[i]
	if i+1 < len(s.ParamNames) && s.ParamNames[i+1] == name+"_len" {
		return true
	}
	return pointerNames[name] || pointerNames[s.Name+"."+name] ||
		strings.HasPrefix(name, "ret") || strings.HasSuffix(name, "_ptr")
}
