package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
	"github.com/gowasix/gowasix/wasmer"
)

// programs writes files that do not run, and returns their directory.
func programs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	start := []wasixtest.Function{{Export: "_start"}}
	for name, content := range map[string][]byte{
		"text.wasm":      []byte("#!/bin/sh\n"),
		"empty.wasm":     {},
		"component.wasm": []byte("\x00asm\x0d\x00\x01\x00"),
		"library.wasm":   (&wasixtest.Module{}).Binary(),
		"foreign.wasm": (&wasixtest.Module{
			Imports: []wasmfile.Import{{Module: "env", Name: "mystery"}}, Functions: start,
		}).Binary(),
		"unknown.wasm": (&wasixtest.Module{
			Imports: []wasmfile.Import{{Module: "wasix_32v1", Name: "sock_fly"}}, Functions: start,
		}).Binary(),
		"gc.wasm": []byte("\x00asm\x01\x00\x00\x00" + "\x01\x06\x02\x60\x00\x00\x5f\x00" + "\x03\x02\x01\x00" +
			"\x07\x0a\x01\x06_start\x00\x00" + "\x0a\x04\x01\x02\x00\x0b"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What goes wrong is told in one sentence, and nothing runs.
func TestErrors(t *testing.T) {
	t.Chdir(programs(t))
	guest := guests.Path("http")
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"fly", 2, `there is no command "fly"; gowasix help lists them`},
		{"http.wasm", 2, "write gowasix run http.wasm"},
		{"run", 2, "which program?"},
		{"run --fly x", 2, "there is no flag --fly; gowasix run --help lists the flags"},
		{"run --timeout 5 x", 2, "--timeout: write a duration with its unit"},
		{"run --dns-timeout 5 x", 2, "--dns-timeout: write a duration with its unit"},
		{"run --add-host printer " + guest, 125, "write NAME:ADDRESS"},
		{"run --dns ns.test " + guest, 125, "write an address, or an address and a port"},
		{"run --hosts /nowhere " + guest, 125, "--hosts: open /nowhere: no such file or directory"},
		{"run --net-limit sockets=0 " + guest, 125, "--net-limit sockets=0: write sockets=N, pending=N, rate=N, in=BYTES or out=BYTES"},
		{"run --net-limit in=1X " + guest, 125, "--net-limit in=1X: write sockets=N"},
		{"run --net-limit files=3 " + guest, 125, "--net-limit files=3: write sockets=N"},
		{"run --timeout", 2, "--timeout needs a value"},
		{"run --mapdir x y", 2, "write GUEST:HOST"},
		{"run --volume x y", 2, "write HOST:GUEST"},
		{"run --net ipv4:allow=*:80 y", 2, "write --net=ipv4:allow=*:80"},
		{"run --trace sock,poll y", 2, "write --trace=sock,poll with an equals sign"},
		{"run --trace=sock,fly y", 125, `--trace=sock,fly: there is no family "fly"; choose from env,clock,`},
		{"run missing.wasm", 125, "cannot read the program missing.wasm: no such file or directory"},
		{"run .", 125, "cannot read the program .: is a directory"},
		{"run text.wasm", 125, "text.wasm: not a WebAssembly binary"},
		{"run empty.wasm", 125, "empty.wasm: "},
		{"run component.wasm", 125, "a WebAssembly component, where a core module is needed"},
		{"run library.wasm", 125, "library.wasm: the module does not export _start"},
		{"run foreign.wasm", 125, "cannot link env.mystery: "},
		{"run unknown.wasm", 125, "cannot link wasix_32v1.sock_fly: "},
		{"run --engine v8 " + guest, 125, "--engine v8: choose wasmer or wazero"},
		{"run --memory-limit 1 " + guest, 125, "--memory-limit 1: memory comes in pages"},
		{"run --process-limit 0 " + guest, 125, "--process-limit 0: write a number, 1 at least"},
		{"run --thread-limit 1M " + guest, 125, "--thread-limit 1M: write a number, 1 at least"},
		{"run --env =x " + guest, 125, "--env =x: write NAME=VALUE"},
		{"run --dir missing " + guest, 125, "--dir missing: cannot open the directory: no such file or directory"},
		{"run --dir text.wasm " + guest, 125, "--dir text.wasm: not a directory, and cannot read it as a zip file: zip: not a valid zip file"},
		{"run --tmpfs tmp " + guest, 125, "--tmpfs tmp: write /PATH or /PATH:SIZE"},
		{"run --tmpfs /tmp:much " + guest, 125, "--tmpfs /tmp:much: write the size as a number of bytes"},
		{"run --dir .. " + guest, 125, "say where the guest finds it: ..:/path"},
		{"run --dir a:b:c " + guest, 125, "write HOST, HOST:GUEST or HOST:GUEST:ro"},
		{"run --net=all " + guest, 125, `--net: network rule "all"`},
		{"run -p 80 " + guest, 125, `-p: port map "80": "80" lacks a port of the guest`},
		{"run --listen 80 " + guest, 125, "--listen 80: write an address and a port"},
		{"run --listen 127.0.0.1:99999 " + guest, 125, "write an address and a port"},
		{"inspect", 2, "name one program: gowasix inspect prog.wasm"},
		{"inspect --all x", 2, "name one program"},
		{"inspect missing.wasm", 125, "cannot read the program missing.wasm"},
		{"inspect component.wasm", 125, "a WebAssembly component"},
	} {
		r := command(t, "", strings.Fields(c.args)...)
		if r.status != c.status || r.stdout != "" || !strings.HasPrefix(r.stderr, "gowasix: ") || !strings.Contains(r.stderr, c.says) {
			t.Errorf("gowasix %s: status %d, stdout %q, stderr\n%s\nwant %d and %q", c.args, r.status, r.stdout, r.stderr, c.status, c.says)
		}
		if n := strings.Count(r.stderr, "\n"); n != 1 {
			t.Errorf("gowasix %s: %d lines of errors", c.args, n)
		}
	}
}

func TestHelp(t *testing.T) {
	if r := command(t, ""); r.status != 2 || !strings.HasPrefix(r.stderr, "usage:") {
		t.Errorf("without arguments: %+v", r)
	}
	for _, args := range []string{"help", "--help", "run --help", "run -h", "inspect --help"} {
		command(t, "", strings.Fields(args)...).want(t, 0, "usage:", "")
	}
	command(t, "", "version").want(t, 0, engineNames()[0], "")
}

// The help describes the flags there are, and the README names no others.
func TestHelpListsAllFlags(t *testing.T) {
	(&runFlags{}).flagSet().VisitAll(func(f *flag.Flag) {
		if !strings.Contains(runUsage, "\n  --"+f.Name) && !strings.Contains(runUsage, "\n  -"+f.Name+" ") {
			t.Errorf("the help lacks --%s", f.Name)
		}
	})
	for _, word := range strings.Fields(runUsage) {
		name := strings.TrimLeft(strings.TrimRight(word, ",.;"), "-")
		name, _, _ = strings.Cut(name, "=")
		name, _, _ = strings.Cut(name, "[")
		if strings.HasPrefix(word, "--") && (&runFlags{}).flagSet().Lookup(name) == nil {
			t.Errorf("the help has --%s, which is no flag", name)
		}
	}
}

// A build without wasmer says why it has none, and what to do.
func TestWasmerAbsent(t *testing.T) {
	r := command(t, "", "run", "--engine", "wasmer", guests.Path("process"), "exit", "0")
	if wasmer.Available {
		r.want(t, 0, "", "")
		return
	}
	r.want(t, 125, "", "wazero")
	if !strings.Contains(r.stderr, "cgo") && !strings.Contains(r.stderr, "Linux") {
		t.Errorf("no reason in %q", r.stderr)
	}
}
