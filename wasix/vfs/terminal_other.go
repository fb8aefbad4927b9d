//go:build !linux

package vfs

// TerminalOf finds none: standard streams go through pipes.
func TerminalOf(...any) (Terminal, error) { return nil, nil }
