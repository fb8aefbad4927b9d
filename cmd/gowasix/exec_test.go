package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
)

// A guest executes .wasm files, scripts and what --program names.
func TestExec(t *testing.T) {
	bin := t.TempDir()
	for name, content := range map[string]string{
		"process.wasm": string(guests.Bytes("process-shared")),
		"script":       "#!/bin/process args\n",
		"text":         "no program",
		"self.wasm":    string(guests.Bytes("exec-shared")),
		"cut.wasm":     string(guests.Bytes("exec-shared")[:1000]),
		"self":         "#!/opt/self\n",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	eachEngine(t, func(t *testing.T, run ...string) {
		run = with(run, "--program", "process="+guests.Path("process"), "--dir", bin+":/opt:ro")
		for _, guest := range []string{"exec", "exec-shared"} {
			do := func(args ...string) result {
				return command(t, "", with(with(run, guests.Path(guest)), args...)...)
			}
			do("exec", "process", "args", "a b").want(t, 0, "argc: 3\nargv 1: \"args\"\nargv 2: \"a b\"\nend: NULL\n", "")
			do("exec", "/opt/process.wasm", "exit", "7").want(t, 7, "", "")
			do("exec", "/opt/text").want(t, 1, "exec: ENOEXEC\n", "")
			do("exec", "nothing").want(t, 1, "exec: ENOENT\n", "")
			do("exec", "/opt").want(t, 1, "exec: EACCES\n", "")
			do("exec", "/opt/self.wasm", "exec", "/opt/self.wasm", "exec", "process", "exit", "7").want(t, 7, "", "")
			do("exec", "/opt/self").want(t, 1, "exec: ELOOP\n", "")
			do("exec", "/opt/cut.wasm").want(t, 1, "exec: ENOEXEC\n", "")
			const ended = "join: OK, the child: yes, ended "
			const gone = "once more: ECHILD\n"
			do("spawn", "process", "exit", "5").want(t, 0, ended+"1 with 5\n"+gone, "")
			do("spawn", "/opt/process.wasm", "nothing").want(t, 0, "unknown mode nothing\n"+ended+"1 with 2\n"+gone, "")
			do("spawn", "process", "abort").want(t, 0, ended+"2 with 6\n"+gone, "gowasix: process 2: process: ")
			do("spawn", "/opt/script", "3").want(t, 0,
				"argc: 4\nargv 1: \"args\"\nargv 2: \"/opt/script\"\nargv 3: \"3\"\nend: NULL\n"+ended+"1 with 0\n"+gone, "")
			const streams = "streams: 1 1 0\n"
			do("pipe", "", "process", "cat").want(t, 0, streams+"piped"+ended+"1 with 0\n", "")
			do("pipe", "/opt", "./process.wasm", "nothing").want(t, 0, streams+ended+"1 with 2\n", "")
			do("pipe", "/nowhere", "process", "cat").want(t, 1, "spawn: ENOENT\n", "")
			do("spawn", "nothing").want(t, 1, "spawn: ENOENT\n", "")
		}
	})
}

func TestProgramFlag(t *testing.T) {
	process := guests.Path("process")
	for program, want := range map[string]string{
		"process": "write NAME=FILE.wasm", "a=/nowhere.wasm": "cannot read the program /nowhere.wasm", "a/b=" + process: "no name for a program",
	} {
		r := command(t, "", "run", "--engine", "wazero", "--program", program, process, "exit", "0")
		if r.status == 0 || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: status %d, %q", program, r.status, r.stderr)
		}
	}
}
