package difftest

import (
	"encoding/binary"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/internal/pty"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasixtest"
)

// terminalGuest is a guest whose standard streams are a terminal of the kernel's.
type terminalGuest struct {
	*wasixtest.Guest
	*pty.Terminal
	t *testing.T
}

// Where a terminal guest has its things.
const (
	ttyAt    = 0x100
	subsAt   = 0x200
	eventsAt = 0x300
	countAt  = 0x400
	iovAt    = 0x500
	textAt   = 0x600
)

func (g *terminalGuest) must(call string, args ...uint64) {
	g.t.Helper()
	if errno := g.Call(call, args...); errno != abi.ESUCCESS {
		g.t.Fatalf("%s%d: %v", call, args, errno)
	}
}

func (g *terminalGuest) number(at uint32) uint32 { return binary.LittleEndian.Uint32(g.Bytes(at, 4)) }

// has checks what tty_get tells.
func (g *terminalGuest) has(cols, rows uint32, echo, lines byte) {
	g.t.Helper()
	g.must("tty_get", ttyAt)
	b := g.Bytes(ttyAt, abi.SizeofTty)
	if c, r := g.number(ttyAt), g.number(ttyAt+abi.OffsetofTtyRows); c != cols || r != rows {
		g.t.Errorf("%dx%d, want %dx%d", c, r, cols, rows)
	}
	if b[abi.OffsetofTtyEcho] != echo || b[abi.OffsetofTtyLineBuffered] != lines ||
		b[abi.OffsetofTtyStdinTty] != 1 || b[abi.OffsetofTtyStdoutTty] != 1 || b[abi.OffsetofTtyStderrTty] != 1 {
		g.t.Errorf("tty_get: % x, want echo %d, lines %d", b, echo, lines)
	}
}

// sets changes the mode by tty_get and tty_set, and checks that of the kernel.
func (g *terminalGuest) sets(echo, lines byte) {
	g.t.Helper()
	g.must("tty_get", ttyAt)
	g.Put(ttyAt+abi.OffsetofTtyEcho, echo, lines)
	g.must("tty_set", ttyAt)
	mode := g.Mode().Lflag
	if (mode&unix.ECHO != 0) != (echo == 1) || (mode&unix.ICANON != 0) != (lines == 1) {
		g.t.Errorf("the kernel's mode is %#x", mode)
	}
}

// polls waits for a descriptor, and returns the event: its type, and how many bytes.
func (g *terminalGuest) polls(fd uint32, tag abi.Eventtype, timeout time.Duration) (got abi.Eventtype, n uint64) {
	g.t.Helper()
	const clock, sub = subsAt, subsAt + abi.SizeofSubscription
	g.Put(clock, make([]byte, 2*abi.SizeofSubscription)...)
	g.Put(clock+abi.OffsetofSubscriptionU, byte(abi.EventtypeClock))
	g.Put(clock+16, binary.LittleEndian.AppendUint32(nil, uint32(abi.ClockidMonotonic))...)
	g.Put(clock+16+abi.OffsetofSubscriptionClockTimeout, binary.LittleEndian.AppendUint64(nil, uint64(timeout))...)
	g.Put(sub+abi.OffsetofSubscriptionU, byte(tag))
	g.Put(sub+16, binary.LittleEndian.AppendUint32(nil, fd)...)
	g.must("poll_oneoff", clock, eventsAt, 2, countAt)
	if n := g.number(countAt); n != 1 {
		g.t.Fatalf("%d events", n)
	}
	event := g.Bytes(eventsAt, abi.SizeofEvent)
	return abi.Eventtype(event[abi.OffsetofEventType]), binary.LittleEndian.Uint64(event[abi.OffsetofEventFdReadwrite:])
}

// isReadable waits until n bytes can be read, and reads them.
func (g *terminalGuest) isReadable(text string) {
	g.t.Helper()
	if got, n := g.polls(0, abi.EventtypeFdRead, limit); got != abi.EventtypeFdRead || n != uint64(len(text)) {
		g.t.Errorf("event %v with %d bytes, want %d", got, n, len(text))
	}
	g.reads(text)
}

func (g *terminalGuest) reads(text string) {
	g.t.Helper()
	g.Put(iovAt, textAt&0xff, textAt>>8, 0, 0, 100, 0, 0, 0)
	g.must("fd_read", 0, iovAt, 1, countAt)
	if got := string(g.Bytes(textAt, g.number(countAt))); got != text {
		g.t.Errorf("read %q, want %q", got, text)
	}
}

func (g *terminalGuest) isNotReadable() {
	g.t.Helper()
	if got, _ := g.polls(0, abi.EventtypeFdRead, time.Millisecond); got != abi.EventtypeClock {
		g.t.Errorf("event %v", got)
	}
}

func (g *terminalGuest) rows() {
	g.has(60, 12, 1, 1)
	g.isNotReadable()
	if got, _ := g.polls(1, abi.EventtypeFdWrite, limit); got != abi.EventtypeFdWrite {
		g.t.Errorf("writable: event %v", got)
	}
	g.Type("ab")
	g.isNotReadable() // a line is not complete
	g.Type("c\n")
	g.isReadable("abc\n")
	g.See("abc")
	g.Type("\x04") // the end of the file, once
	if got, _ := g.polls(0, abi.EventtypeFdRead, limit); got != abi.EventtypeFdRead {
		g.t.Errorf("the end: event %v", got)
	}
	g.reads("")
	g.isNotReadable()

	g.sets(0, 0)
	g.has(60, 12, 0, 0)
	g.Type("x")
	g.isReadable("x")
	g.Resize(100, 30)
	g.has(100, 30, 0, 0)
	g.Put(ttyAt, 90)
	g.must("tty_set", ttyAt)
	g.has(90, 30, 0, 0)
	g.sets(0, 1)
	g.Type("y")
	g.isNotReadable()
}

// Terminals are those of the kernel, and left as they were found.
func TestTerminals(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e.Name(), func(t *testing.T) {
			term := pty.Open(t, 60, 12)
			t.Run("calls", func(t *testing.T) {
				guest := wasixtest.NewGuest(t, e, func(cmd *wasix.Cmd) {
					cmd.Stdin, cmd.Stdout, cmd.Stderr = term.Slave, term.Slave, term.Slave
				})
				(&terminalGuest{guest, term, t}).rows()
			})
			term.IsRestored()
		})
	}
}
