package vfs

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// terminalFile is an open terminal of the host.
type terminalFile struct{ *stream }

func (*terminalFile) isTerminal() {}

// terminal is a terminal of the host.
type terminal struct {
	file *os.File

	mu       sync.Mutex
	original *unix.Termios // nil until the mode is changed
}

// TerminalOf returns the first terminal among the files, opened anew, or nil when
// there is none. What is no *os.File is passed over.
func TerminalOf(files ...any) (Terminal, error) {
	for _, f := range files {
		f, ok := f.(*os.File)
		if !ok || f == nil {
			continue
		}
		fd, err := duplicate(f)
		if err != nil {
			return nil, err
		}
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
			_ = unix.Close(fd)
			continue
		}
		if again, err := reopen(fd, unix.O_RDWR); err == nil {
			_ = unix.Close(fd)
			fd = again
		}
		return &terminal{file: os.NewFile(uintptr(fd), f.Name())}, nil
	}
	return nil, nil
}

func (t *terminal) Open() (descriptor.File, error) { return openStream(t.file, false) }

func (t *terminal) WindowSize() (size WindowSize, err error) {
	err = t.control(func(fd int) error {
		ws, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err == nil {
			size = WindowSize{Cols: ws.Col, Rows: ws.Row, Width: ws.Xpixel, Height: ws.Ypixel}
		}
		return err
	})
	return size, err
}

func (t *terminal) SetWindowSize(s WindowSize) error {
	return t.control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: s.Cols, Row: s.Rows, Xpixel: s.Width, Ypixel: s.Height})
	})
}

func (t *terminal) Mode() (mode TerminalMode, err error) {
	err = t.control(func(fd int) error {
		tio, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err == nil {
			mode = TerminalMode{
				Echo:         tio.Lflag&unix.ECHO != 0,
				LineBuffered: tio.Lflag&unix.ICANON != 0,
				IgnoreCR:     tio.Iflag&unix.IGNCR != 0,
			}
		}
		return err
	})
	return mode, err
}

func (t *terminal) SetMode(m TerminalMode) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.control(func(fd int) error {
		tio, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return err
		}
		before := *tio
		original := &before
		if t.original != nil {
			original = t.original
		}
		m.apply(tio, original)
		if *tio == before {
			return nil
		}
		if err := unix.IoctlSetTermios(fd, unix.TCSETS, tio); err != nil {
			return err
		}
		t.original = original
		return nil
	})
}

// apply changes tio to the mode; original is what line buffering was with.
func (m TerminalMode) apply(tio, original *unix.Termios) {
	const onlyByLines = unix.ICRNL | unix.IXON
	buffered := tio.Lflag&unix.ICANON != 0
	setBits(&tio.Lflag, unix.ECHO, m.Echo)
	setBits(&tio.Lflag, unix.ICANON, m.LineBuffered)
	setBits(&tio.Iflag, unix.IGNCR, m.IgnoreCR)
	switch {
	case buffered && !m.LineBuffered:
		tio.Iflag &^= onlyByLines
		tio.Cc[unix.VMIN], tio.Cc[unix.VTIME] = 1, 0
	case !buffered && m.LineBuffered:
		tio.Iflag |= original.Iflag & onlyByLines
		tio.Cc[unix.VEOF], tio.Cc[unix.VEOL] = original.Cc[unix.VEOF], original.Cc[unix.VEOL]
	}
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
	defer t.mu.Unlock()
	if t.original != nil {
		_ = t.control(func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, t.original) })
	}
	return t.file.Close()
}

// control calls f with the descriptor.
func (t *terminal) control(f func(fd int) error) error {
	raw, err := t.file.SyscallConn()
	if err != nil {
		return syserror.Of(err)
	}
	var result error
	if err := raw.Control(func(fd uintptr) { result = f(int(fd)) }); err != nil {
		return syserror.Of(err)
	}
	return result
}
