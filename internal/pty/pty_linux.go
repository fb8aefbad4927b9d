package pty

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Terminal is a terminal whose user is the test.
type Terminal struct {
	// Slave is the side for programs. Its own use keeps the terminal alive.
	Slave    *os.File
	t        testing.TB
	master   *os.File
	original unix.Termios // the mode in the beginning
	read     sync.WaitGroup

	mu     sync.Mutex
	drawn  *sync.Cond
	screen *screen
}

// Open opens a terminal of the given size for as long as the test, in the mode the
// kernel gives it.
func Open(t testing.TB, cols, rows int) *Terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &Terminal{t: t, master: master, screen: newScreen(cols, rows, master)}
	term.drawn = sync.NewCond(&term.mu)
	t.Cleanup(term.close)
	var number int
	term.control(master, func(fd int) (err error) {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	})
	term.Slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term.setSize(cols, rows)
	term.original = term.Mode()
	term.read.Go(term.draw)
	return term
}

// close ends the terminal: programs that still have it read EIO.
func (t *Terminal) close() {
	_ = t.Slave.Close()
	_ = t.master.Close()
	t.read.Wait()
}

// draw puts on the screen what programs print.
func (t *Terminal) draw() {
	buf := make([]byte, 4096)
	for {
		n, err := t.master.Read(buf)
		t.mu.Lock()
		t.screen.write(buf[:n])
		t.drawn.Broadcast()
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Type types text.
func (t *Terminal) Type(text string) {
	t.t.Helper()
	if _, err := t.master.WriteString(text); err != nil {
		t.t.Fatal(err)
	}
}

// Resize changes the size of the window.
func (t *Terminal) Resize(cols, rows int) {
	t.t.Helper()
	t.mu.Lock()
	t.screen.resize(cols, rows)
	t.mu.Unlock()
	t.setSize(cols, rows)
}

func (t *Terminal) setSize(cols, rows int) {
	t.t.Helper()
	t.control(t.master, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(cols), Row: uint16(rows)})
	})
}

// Mode returns the line discipline.
func (t *Terminal) Mode() (mode unix.Termios) {
	t.t.Helper()
	t.control(t.Slave, func(fd int) error {
		got, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err == nil {
			mode = *got
		}
		return err
	})
	return mode
}

// MakeRaw sets the line discipline as stty raw -echo does. It counts as the one
// the terminal began with.
func (t *Terminal) MakeRaw() {
	t.t.Helper()
	m := t.Mode()
	m.Iflag &^= unix.BRKINT | unix.ICRNL | unix.IGNCR | unix.INLCR | unix.ISTRIP | unix.IXON
	m.Oflag &^= unix.OPOST
	m.Lflag &^= unix.ECHO | unix.ICANON | unix.IEXTEN | unix.ISIG
	m.Cc[unix.VMIN], m.Cc[unix.VTIME] = 1, 0
	t.control(t.Slave, func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, &m) })
	t.original = m
}

// IsRestored fails the test unless the line discipline is what it was.
func (t *Terminal) IsRestored() {
	t.t.Helper()
	if mode := t.Mode(); mode != t.original {
		t.t.Errorf("the terminal's mode is %+v, it was %+v", mode, t.original)
	}
}

// limit ends a test that waits in vain; it is no measure of speed.
const limit = time.Minute

// See waits until all parts are on the screen, each within a line.
func (t *Terminal) See(parts ...string) {
	t.t.Helper()
	t.wait(fmt.Sprintf("%q", parts), func(lines []string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool {
			return !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, part) })
		})
	})
}

// SeeNothing waits until the screen is empty.
func (t *Terminal) SeeNothing() {
	t.t.Helper()
	t.wait("nothing", func(lines []string) bool { return strings.Join(lines, "") == "" })
}

// wait waits until accepted likes what is on the screen.
func (t *Terminal) wait(what string, accepted func(lines []string) bool) {
	t.t.Helper()
	late := false
	timer := time.AfterFunc(limit, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		late = true
		t.drawn.Broadcast()
	})
	defer timer.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	for lines := t.screen.lines(); !accepted(lines); lines = t.screen.lines() {
		if late {
			t.t.Fatalf("waiting for %s, the screen shows\n%s", what, strings.Join(lines, "\n"))
		}
		t.drawn.Wait()
	}
}

// control calls f with the file's descriptor.
func (t *Terminal) control(file *os.File, f func(fd int) error) {
	t.t.Helper()
	raw, err := file.SyscallConn()
	if err != nil {
		t.t.Fatal(err)
	}
	var result error
	if err := raw.Control(func(fd uintptr) { result = f(int(fd)) }); err != nil || result != nil {
		t.t.Fatal(err, result)
	}
}
