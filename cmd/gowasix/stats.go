package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
)

// statistics sums up the system calls of a guest, for --stats.
type statistics struct {
	mu    sync.Mutex
	calls map[string]*callStatistics
}

// callStatistics sums up the calls of one name.
type callStatistics struct {
	name          string
	calls, errors int
	time          time.Duration
}

func newStatistics() *statistics {
	return &statistics{calls: make(map[string]*callStatistics)}
}

// add counts a call, once it is done. Threads may call it concurrently.
func (s *statistics) add(e *wasix.TraceEvent) {
	if e.Kind != wasix.TraceReturn {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.calls[e.Syscall.Name]
	if c == nil {
		c = &callStatistics{name: e.Syscall.Name}
		s.calls[c.name] = c
	}
	c.calls++
	c.time += e.Duration
	if errno, ok := e.Errno(); ok && errno != abi.ESUCCESS {
		c.errors++
	}
}

// sorted returns the calls, those that took longest first.
func (s *statistics) sorted() []*callStatistics {
	s.mu.Lock()
	defer s.mu.Unlock()
	var calls []*callStatistics
	for _, c := range s.calls {
		calls = append(calls, c)
	}
	slices.SortFunc(calls, func(a, b *callStatistics) int {
		return cmp.Or(cmp.Compare(b.time, a.time), cmp.Compare(a.name, b.name))
	})
	return calls
}

// print prints a table as strace -c has it. The time is that from call to
// return, summed up over all threads.
func (s *statistics) print(w io.Writer) {
	calls := s.sorted()
	total := &callStatistics{name: "total"}
	for _, c := range calls {
		total.calls += c.calls
		total.errors += c.errors
		total.time += c.time
	}
	const rule = "------ ----------- ----------- --------- --------- ----------------\n"
	var b strings.Builder
	b.WriteString("% time     seconds  usecs/call     calls    errors syscall\n" + rule)
	for _, c := range calls {
		c.printRow(&b, total.time)
	}
	b.WriteString(rule)
	total.printRow(&b, total.time)
	_, _ = io.WriteString(w, b.String())
}

// printRow prints the row of a call that has its share in the time of all.
func (c *callStatistics) printRow(w io.Writer, all time.Duration) {
	errors := ""
	if c.errors > 0 {
		errors = fmt.Sprint(c.errors)
	}
	share := 100 * float64(c.time) / float64(max(all, 1))
	perCall := c.time.Microseconds() / int64(max(c.calls, 1))
	fmt.Fprintf(w, "%6.2f %11.6f %11d %9d %9s %s\n", share, c.time.Seconds(), perCall, c.calls, errors, c.name)
}
