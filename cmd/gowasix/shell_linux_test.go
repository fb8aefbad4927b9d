package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
)

// A shell of 2023 on a terminal, when GOWASIX_CORPUS names the folder that has it.
func TestShellOnTerminal(t *testing.T) {
	folder := os.Getenv("GOWASIX_CORPUS")
	if folder == "" {
		return
	}
	eachEngine(t, func(t *testing.T, run ...string) {
		var programs []string
		for _, name := range []string{"cat", "sort", "sleeps"} {
			programs = append(programs, "--program", name+"="+guests.Path("tools"))
		}
		shell := func() *session {
			s := onTerminal(t, with(run, append(programs, "--env", "PATH=/bin", "--env", "PS1=prompt> ",
				filepath.Join(folder, "dash.wasm"), "-i")...)...)
			s.See("prompt>")
			return s
		}
		s := shell()
		s.Type("{ echo b; echo a; } | sort | cat; echo status $?\r")
		s.See("a", "b", "status 0")
		s.Type("echo long; sleeps 100000; echo ended $?\r")
		s.See("long")
		s.Type("\x03") // ends the program, not the shell
		s.See("prompt>")
		s.Type("echo still $((40 + 2))\r")
		s.See("still 42")
		s.Type("\x04")
		s.ended(0)
		for sig, status := range map[syscall.Signal]int{syscall.SIGHUP: 129, syscall.SIGKILL: -1} {
			s = shell()
			if err := s.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			s.ended(status)
		}
	})
}
