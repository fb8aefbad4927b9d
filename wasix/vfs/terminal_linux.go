package vfs

import (
	"sync"

	"golang.org/x/sys/unix"
)

// terminal is a terminal of the host.
type terminal struct {
	*stream
	mu       sync.Mutex
	original *unix.Termios // nil until the mode is changed
}

func (t *terminal) WindowSize() (cols, rows, width, height uint32, err error) {
	ws, err := unix.IoctlGetWinsize(t.fd, unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, 0, 0, err
	}
	return uint32(ws.Col), uint32(ws.Row), uint32(ws.Xpixel), uint32(ws.Ypixel), nil
}

func (t *terminal) Mode() (TerminalMode, error) {
	tio, err := unix.IoctlGetTermios(t.fd, unix.TCGETS)
	if err != nil {
		return TerminalMode{}, err
	}
	return TerminalMode{
		Echo:         tio.Lflag&unix.ECHO != 0,
		LineBuffered: tio.Lflag&unix.ICANON != 0,
		IgnoreCR:     tio.Iflag&unix.IGNCR != 0,
	}, nil
}

func (t *terminal) SetMode(m TerminalMode) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	tio, err := unix.IoctlGetTermios(t.fd, unix.TCGETS)
	if err != nil {
		return err
	}
	before := *tio
	setBits(&tio.Lflag, unix.ECHO, m.Echo)
	setBits(&tio.Lflag, unix.ICANON, m.LineBuffered)
	setBits(&tio.Iflag, unix.IGNCR, m.IgnoreCR)
	if *tio == before {
		return nil
	}
	if !m.LineBuffered {
		tio.Cc[unix.VMIN], tio.Cc[unix.VTIME] = 1, 0
	}
	if err := unix.IoctlSetTermios(t.fd, unix.TCSETS, tio); err != nil {
		return err
	}
	if t.original == nil {
		t.original = &before
	}
	return nil
}

func setBits(flags *uint32, bits uint32, on bool) {
	if on {
		*flags |= bits
	} else {
		*flags &^= bits
	}
}

func (t *terminal) Close() error {
	t.mu.Lock()
	if t.original != nil {
		_ = unix.IoctlSetTermios(t.fd, unix.TCSETS, t.original)
	}
	t.mu.Unlock()
	return t.stream.Close()
}
