package main

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

func TestExitStatus(t *testing.T) {
	process := guests.Path("process")
	eachEngine(t, func(t *testing.T, run ...string) {
		for _, c := range []struct {
			args   []string
			status int
			stderr string
		}{
			{[]string{process, "exit", "0"}, 0, ""},
			{[]string{process, "exit", "7"}, 7, ""},
			{[]string{process, "exit", "300"}, 300 & 0xff, ""},
			{[]string{process, "abort"}, 134, "gowasix: process.wasm: "},
			{[]string{process, "nothing"}, 2, "unknown mode nothing\n"},
			{[]string{"--timeout", "50ms", "-p", "0:80", guests.Path("http"), "80"}, 124, "--timeout 50ms is over"},
		} {
			r := command(t, "", with(run, c.args...)...)
			if r.stdout = ""; c.status != r.status || c.stderr == "" && r.stderr != "" || !strings.Contains(r.stderr, c.stderr) {
				t.Errorf("%q: status %d, stderr %q", c.args, r.status, r.stderr)
			}
		}
	})
}

func TestStandardStreams(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		text := strings.Repeat("to and fro\n", 10000)
		r := command(t, text, with(run, guests.Path("process"), "cat")...)
		if r.status != 0 || r.stdout != text || r.stderr != "" {
			t.Errorf("status %d, %d bytes of %d, stderr %q", r.status, len(r.stdout), len(text), r.stderr)
		}
	})
}

func TestArguments(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		command(t, "", with(run, guests.Path("process"), "args", "--net", "a b", "")...).
			want(t, 0, "argc: 5\nargv 1: \"args\"\nargv 2: \"--net\"\nargv 3: \"a b\"\nargv 4: \"\"\n", "")
		command(t, "", with(run, guests.Path("http"))...).want(t, 2, "", "usage: http.wasm ")
		command(t, "", with(run, "--argv0", "server", guests.Path("http"))...).want(t, 2, "", "usage: server ")
	})
}

func TestEnvironment(t *testing.T) {
	t.Setenv("GOWASIX_TEST_VARIABLE", "host")
	process := guests.Path("process")
	eachEngine(t, func(t *testing.T, run ...string) {
		command(t, "", with(run, process, "env")...).want(t, 0, "PROBE: not set", "")
		if r := command(t, "", with(run, process, "env")...); strings.Contains(r.stdout, "env: ") {
			t.Errorf("without flags the guest has an environment:\n%s", r.stdout)
		}
		command(t, "", with(run, "--env", "PROBE=a=b", "--env", "EMPTY=", process, "env")...).
			want(t, 0, "env: EMPTY=\nenv: PROBE=a=b\nPROBE: a=b\n", "")
		command(t, "", with(run, "--forward-host-env", "--env", "PROBE=1", process, "env")...).
			want(t, 0, "env: GOWASIX_TEST_VARIABLE=host\n", "")
	})
}

func TestDirectories(t *testing.T) {
	files := guests.Path("files")
	eachEngine(t, func(t *testing.T, run ...string) {
		dir := t.TempDir()
		command(t, "", with(run, "--dir", dir+":/data:ro", files, "/data")...).want(t, 1, "files.create: EROFS\n", "b.txt: EROFS")
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
			t.Errorf("in a read-only directory there are %v, %v", entries, err)
		}
		for _, mount := range [][]string{
			{"--dir", dir + ":/data"}, {"--dir", dir + ":/data:rw"}, {"--volume", dir + ":/data"}, {"--mapdir", "/data:" + dir},
		} {
			dir := filepath.Join(dir, "empty")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			mount[1] = strings.Replace(mount[1], filepath.Dir(dir), dir, 1)
			r := command(t, "", with(with(run, mount...), files, "/data")...)
			r.want(t, 0, "files.create: OK\nfiles.write: 12\n", "")
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		command(t, "", with(run, "--dir", dir, files, dir)...).want(t, 0, "files.create: OK\n", "")
		command(t, "", with(run, "--tmpfs", "/tmp", files, "/tmp")...).want(t, 0, "files.create: OK\n", "")
		command(t, "", with(run, "--tmpfs", "/tmp:100", files, "/tmp")...).want(t, 1, "files.create: ENOSPC\n", "b.txt: ENOSPC")
	})
}

// A zip file is a directory that nobody can write to.
func TestZipFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "site.zip")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	archive := zip.NewWriter(f)
	if _, err := archive.Create("sub/page"); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	eachEngine(t, func(t *testing.T, run ...string) {
		command(t, "", with(run, "--dir", name+":/www", guests.Path("files"), "/www")...).want(t, 1, "files.create: EROFS\n", "b.txt: EROFS")
		command(t, "", with(run, "--dir", name+":/www", "--cwd", "/www/sub", guests.Path("process"), "args")...).want(t, 0, "argc: 2\n", "")
	})
}

func TestCurrentDirectory(t *testing.T) {
	program := filepath.Join(t.TempDir(), "pwd.wasm")
	if err := os.WriteFile(program, printWorkingDirectory().Binary(), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	eachEngine(t, func(t *testing.T, run ...string) {
		command(t, "", with(run, program)...).want(t, 0, "/", "")
		command(t, "", with(run, "--dir", dir+":/data", "--cwd", "/data/sub", program)...).want(t, 0, "/data/sub", "")
		command(t, "", with(run, "--cwd", "/missing", program)...).want(t, 125, "", `current directory "/missing": no such file or directory`)
	})
}

// printWorkingDirectory is a program that prints its current directory.
func printWorkingDirectory() *wasixtest.Module {
	const lenAt, iovAt, pathAt, room = 0, 8, 64, 1024
	i32 := abi.ValueTypeI32
	function := func(name string, params int) wasmfile.Import {
		s := wasmfile.Signature{Results: []abi.ValueType{i32}}
		for range params {
			s.Params = append(s.Params, i32)
		}
		return wasmfile.Import{Module: "wasix_32v1", Name: name, Signature: s}
	}
	const drop = 0x1a
	body := wasixtest.Body(
		wasixtest.I32Const(lenAt), wasixtest.I32Const(room), wasixtest.I32Store(0),
		wasixtest.I32Const(pathAt), wasixtest.I32Const(lenAt), wasixtest.Call(0), []byte{drop},
		wasixtest.I32Const(iovAt), wasixtest.I32Const(pathAt), wasixtest.I32Store(0),
		wasixtest.I32Const(iovAt+4), wasixtest.I32Const(lenAt), wasixtest.I32Load(0), wasixtest.I32Store(0),
		wasixtest.I32Const(1), wasixtest.I32Const(iovAt), wasixtest.I32Const(1), wasixtest.I32Const(lenAt),
		wasixtest.Call(1), []byte{drop},
	)
	return &wasixtest.Module{
		Imports:   []wasmfile.Import{function("getcwd", 2), function("fd_write", 4)},
		Memory:    &wasmfile.MemoryInfo{Export: "memory", Min: 1},
		Functions: []wasixtest.Function{{Export: "_start", Body: body}},
	}
}

// A call of a function of another type is a trap, and advice, or done as asked.
func TestCasts(t *testing.T) {
	program := filepath.Join(t.TempDir(), "cast.wasm")
	m := &wasixtest.Module{
		Functions: []wasixtest.Function{
			{Export: "_start", Body: wasixtest.Body(wasixtest.I32Const(0), wasixtest.CallIndirect(0))},
			{Signature: wasmfile.Signature{Params: []abi.ValueType{abi.ValueTypeI32}}},
		},
		Table: []int{1},
	}
	if err := os.WriteFile(program, m.Binary(), 0o600); err != nil {
		t.Fatal(err)
	}
	eachEngine(t, func(t *testing.T, run ...string) {
		command(t, "", with(run, program)...).want(t, 134, "", "with --casts that works")
		command(t, "", with(run, "--casts", program)...).want(t, 0, "", "")
	})
}

func TestMemoryLimit(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		command(t, "", with(run, "--memory-limit", "16M", guests.Path("process"), "exit", "3")...).want(t, 3, "", "")
		r := command(t, "", with(run, "--memory-limit", "64K", guests.Path("process"), "exit", "3")...)
		r.want(t, 125, "", "limit")
	})
	eachEngine(t, func(t *testing.T, run ...string) {
		fork := []string{guests.Path("processes-shared"), "fork", "1"}
		command(t, "", with(run, append([]string{"--tree-memory-limit", "64M"}, fork...)...)...).want(t, 0, "fork: 1 done\n", " ns\n")
		r := command(t, "", with(run, append([]string{"--tree-memory-limit", "64K"}, fork...)...)...)
		r.want(t, 125, "", "too much memory in the tree")
		r = command(t, "", with(run, append([]string{"--tree-memory-limit", "1"}, fork...)...)...)
		r.want(t, 125, "", "--tree-memory-limit 1: memory comes in pages")
	})
	for text, want := range map[string]uint64{"65536": 1 << 16, "64K": 1 << 16, "1m": 1 << 20, "4G": 1 << 32} {
		if got, err := parseSize("--memory-limit", text); err != nil || got != want {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "K", "5X", "-1", "1.5G", "65535", "99999999999999999999", "18446744073709551615K", "1KK"} {
		if got, err := parseSize("--memory-limit", text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}

// A guest that wants more sockets than it may have is told so.
func TestNetLimit(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		r := command(t, "", with(run, "--net", "--net-limit", "pending=100,sockets=1", "--timeout", "1m", guests.Path("sock-state"), "accept")...)
		if !strings.Contains(r.stdout, "ENOBUFS") {
			t.Errorf("status %d, stdout\n%s\nstderr\n%s", r.status, r.stdout, r.stderr)
		}
	})
}

// The time may be over before the guest begins.
func TestTimeoutBeforeStart(t *testing.T) {
	guest := guests.Path("process")
	eachEngine(t, func(t *testing.T, run ...string) {
		command(t, "", with(run, "--timeout", "1ns", guest, "exit", "0")...).want(t, statusTimeout, "", "--timeout 1ns is over")
	})
}
