package vfs

import "github.com/gowasix/gowasix/wasix/descriptor"

// Terminal is the terminal that the processes of a command share, as Linux's
// controlling terminal. Methods may be called concurrently.
type Terminal interface {
	// Open opens it once more, as /dev/tty does.
	Open() (descriptor.File, error)
	// WindowSize and SetWindowSize are TIOCGWINSZ and TIOCSWINSZ.
	WindowSize() (WindowSize, error)
	SetWindowSize(WindowSize) error
	// Mode and SetMode get and set the line discipline, as termios(3).
	Mode() (TerminalMode, error)
	SetMode(TerminalMode) error
	// Close brings back the mode of before the first SetMode.
	Close() error
}

// WindowSize is the size of a terminal, in characters and in pixels (0: not known).
type WindowSize struct{ Cols, Rows, Width, Height uint16 }

// TerminalMode is the part of struct termios that WASIX has.
type TerminalMode struct {
	Echo bool // ECHO
	// LineBuffered is ICANON. Programs that turn it off mean to get all keys: without
	// it, a return is no line feed (ICRNL), and Ctrl-S and Ctrl-Q arrive (IXON).
	LineBuffered bool
	IgnoreCR     bool // IGNCR
}

// IsTerminal reports whether f is a terminal.
func IsTerminal(f descriptor.File) bool {
	_, ok := f.(interface{ isTerminal() })
	return ok
}
