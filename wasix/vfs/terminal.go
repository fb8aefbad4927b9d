package vfs

import "github.com/gowasix/gowasix/wasix/descriptor"

// Terminal is a File that is a terminal.
type Terminal interface {
	descriptor.File
	// WindowSize returns the size in characters and in pixels (0: not known).
	WindowSize() (cols, rows, width, height uint32, err error)
	// Mode and SetMode get and set the line discipline, as termios(3). Closing the
	// file brings back the mode of before the first SetMode.
	Mode() (TerminalMode, error)
	SetMode(TerminalMode) error
}

// TerminalMode is the part of struct termios that WASIX has.
type TerminalMode struct {
	Echo         bool // ECHO
	LineBuffered bool // ICANON
	IgnoreCR     bool // IGNCR
}
