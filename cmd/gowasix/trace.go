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

// tracer returns what --trace and --stats do with each system call, or nil
// without them, and the statistics, nil without --stats.
func (f *runFlags) tracer(stderr io.Writer) (func(*wasix.TraceEvent), *statistics, error) {
	var trace func(*wasix.TraceEvent)
	if f.trace.given {
		chosen, err := parseFamilies(f.trace.value)
		if err != nil {
			return nil, nil, fmt.Errorf("--trace=%s: %w", f.trace.value, err)
		}
		trace = (&printer{w: stderr, families: chosen}).print
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

// printer prints events, for --trace.
type printer struct {
	w        io.Writer
	families []string

	mu      sync.Mutex
	several bool // another thread than the first of all has made a call
}

// print prints the event, if its family is chosen. Threads may call it concurrently.
func (p *printer) print(e *wasix.TraceEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.PID != 1 || e.Thread != 1 {
		p.several = true
	}
	if !slices.Contains(p.families, e.Syscall.Family) {
		return
	}
	var line []byte
	if p.several {
		line = appendCaller(line, e)
	}
	_, _ = p.w.Write(appendEvent(line, e))
}

// appendCaller appends who made the call, as strace -f has it: "[pid 2] ". The ids
// of threads are those of their process, so others than the first have both.
func appendCaller(b []byte, e *wasix.TraceEvent) []byte {
	if e.Thread == 1 {
		return fmt.Appendf(b, "[pid %d] ", e.PID)
	}
	return fmt.Appendf(b, "[pid %d tid %d] ", e.PID, e.Thread)
}

// appendEvent appends a line as strace has it:
//
//	sock_bind(fd=4, addr=127.0.0.1:80) = SUCCESS
//
// A call that did not return has the result "?".
func appendEvent(b []byte, e *wasix.TraceEvent) []byte {
	s := e.Syscall
	b = append(append(b, s.Name...), '(')
	for i, v := range e.Params {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(append(b, s.ParamNames[i]...), '=')
		if named, ok := appendNamed(b, e, i); ok {
			b = named
		} else if isPointer(s, i) {
			b = fmt.Appendf(b, "%#x", uint32(v))
		} else {
			b = appendInteger(b, s.Signature.Params[i], v)
		}
	}
	return append(appendResult(append(b, ')'), e), '\n')
}

func appendResult(b []byte, e *wasix.TraceEvent) []byte {
	results := e.Syscall.Signature.Results
	if len(results) == 0 {
		return b
	}
	b = append(b, " = "...)
	if e.Unwound {
		return append(b, '?')
	}
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
