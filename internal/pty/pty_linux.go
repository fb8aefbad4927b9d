package pty

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Terminal is a terminal whose user is the test.
type Terminal struct {
	// Slave is the side for programs. Its own use keeps the terminal alive.
	Slave  *os.File
	master *os.File
	read   sync.WaitGroup

	mu     sync.Mutex
	drawn  *sync.Cond
	screen *screen
}

// Open opens a terminal of the given size, in the mode the kernel gives it.
func Open(cols, rows int) (*Terminal, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	var number int
	err = control(master, func(fd int) (err error) {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	})
	if err != nil {
		_ = master.Close()
		return nil, err
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		_ = master.Close()
		return nil, err
	}
	t := &Terminal{Slave: slave, master: master, screen: newScreen(cols, rows, master)}
	t.drawn = sync.NewCond(&t.mu)
	t.read.Go(t.draw)
	return t, t.setSize(cols, rows)
}

// Close ends the terminal: programs that still have it read EIO.
func (t *Terminal) Close() {
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
func (t *Terminal) Type(text string) error {
	_, err := t.master.WriteString(text)
	return err
}

// Resize changes the size of the window.
func (t *Terminal) Resize(cols, rows int) error {
	t.mu.Lock()
	t.screen.resize(cols, rows)
	t.mu.Unlock()
	return t.setSize(cols, rows)
}

func (t *Terminal) setSize(cols, rows int) error {
	return control(t.master, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(cols), Row: uint16(rows)})
	})
}

// Mode returns the line discipline.
func (t *Terminal) Mode() (mode unix.Termios, err error) {
	err = control(t.Slave, func(fd int) error {
		got, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err == nil {
			mode = *got
		}
		return err
	})
	return mode, err
}

// SetMode sets the line discipline.
func (t *Terminal) SetMode(mode unix.Termios) error {
	return control(t.Slave, func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, &mode) })
}

// Raw returns the mode that stty raw -echo gives to a terminal in mode m.
func Raw(m unix.Termios) unix.Termios {
	m.Iflag &^= unix.BRKINT | unix.ICRNL | unix.IGNCR | unix.INLCR | unix.ISTRIP | unix.IXON
	m.Oflag &^= unix.OPOST
	m.Lflag &^= unix.ECHO | unix.ICANON | unix.IEXTEN | unix.ISIG
	m.Cc[unix.VMIN], m.Cc[unix.VTIME] = 1, 0
	return m
}

// Wait waits until accepted likes what is on the screen: its lines, without the
// spaces at their ends. The error, after the time limit, shows them.
func (t *Terminal) Wait(limit time.Duration, accepted func(lines []string) bool) error {
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
	for {
		lines := t.screen.lines()
		switch {
		case accepted(lines):
			return nil
		case late:
			return fmt.Errorf("the screen shows\n%s", strings.Join(lines, "\n"))
		}
		t.drawn.Wait()
	}
}

// control calls f with the file's descriptor.
func control(file *os.File, f func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := raw.Control(func(fd uintptr) { result = f(int(fd)) }); err != nil {
		return err
	}
	return result
}
