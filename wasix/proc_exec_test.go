package wasix

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// putText stores s and returns its address and length, for a call.
func putText(t *Thread, at uint32, s string) (ptr, n uint64) {
	copy(t.mem[at:], s)
	return uint64(at), uint64(len(s))
}

// execs calls proc_exec3 without a search and exits with the errno.
func execs(name, args string) *fakeModule {
	return program(func(t *Thread) error {
		n, nn := putText(t, 1024, name)
		a, an := putText(t, 2048, args)
		errno, err := call(t, procExec3, n, nn, a, an, 0, 0, 0, 0, 0)
		if err != nil {
			return err
		}
		_, err = callRaw(t, procExit, uint64(errno))
		return err
	})
}

// shows prints its arguments and its environment, and exits with 5.
var shows = program(func(t *Thread) error {
	text := fmt.Sprintf("%q %q %q\n", t.proc.name, t.proc.args, t.proc.environ)
	putIovec(t, 512, 1024, uint32(copy(t.mem[1024:], text)))
	if _, err := call(t, fdWrite, 1, 512, 1, 520); err != nil {
		return err
	}
	_, err := callRaw(t, procExit, 5)
	return err
})

// fakeEngine "compiles" binaries by their text after the magic number.
type fakeEngine struct {
	modules  map[string]*fakeModule
	compiled int
}

func (e *fakeEngine) Name() string { return "fake" }
func (e *fakeEngine) Close() error { return nil }
func (e *fakeEngine) Compile(_ context.Context, wasm []byte) (Module, error) {
	e.compiled++
	if m := e.modules[strings.TrimPrefix(string(wasm), string(wasmMagic))]; m != nil {
		return m, nil
	}
	return nil, errors.New("no such program")
}

// files is a root with programs, scripts and what is neither.
func files() vfs.Mount {
	root := fstest.MapFS{}
	for name, content := range map[string]string{
		"opt/show.wasm":   "\x00asmshow",
		"opt/lib.wasm":    "\x00asmlib",
		"opt/bad.wasm":    "\x00asmbad",
		"opt/text":        "echo hello\n",
		"opt/empty":       "",
		"opt/script":      "#! /opt/show.wasm  -x  y\nrest",
		"opt/byname":      "#!/bin/show",
		"opt/loop":        "#!/opt/loop\n",
		"opt/lost":        "#!/nowhere\n",
		"opt/interpreter": "#!\n",
	} {
		root[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return vfs.Mount{FS: vfs.FS(root)}
}

func execCommand(m *fakeModule, out *bytes.Buffer) *Cmd {
	c := Command(m, "first", "arg")
	c.Engine = &fakeEngine{modules: map[string]*fakeModule{"show": shows, "lib": {}}}
	c.Programs = map[string]Module{"show": shows}
	c.Mounts, c.Env, c.Stdout = []vfs.Mount{files()}, []string{"A=1"}, out
	return c
}

// code returns the exit code of a command.
func code(t *testing.T, err error) int {
	t.Helper()
	var exit *ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("%v", err)
	}
	return exit.ExitCode()
}

func TestProcExec(t *testing.T) {
	for _, c := range []struct{ name, args, out string }{
		{"/opt/show.wasm", "show\n\nü x\n", `"show" ["show" "" "ü x"] ["A=1"]`},
		{"opt/../opt/show.wasm", "show\nend", `"show" ["show" "end"] ["A=1"]`},
		{"/bin/show", "x\n", `"x" ["x"] ["A=1"]`},
		{"/opt/script", "a\nb\n", `"/opt/show.wasm" ["/opt/show.wasm" "-x  y" "/opt/script" "b"] ["A=1"]`},
		{"/opt/byname", "", `"/bin/show" ["/bin/show" "/opt/byname"] ["A=1"]`},
	} {
		var out bytes.Buffer
		err := execCommand(execs(c.name, c.args), &out).Run(t.Context())
		if got := strings.TrimSuffix(out.String(), "\n"); code(t, err) != 5 || got != c.out {
			t.Errorf("%s: %v, %s", c.name, err, got)
		}
	}
}

func TestProcExecFails(t *testing.T) {
	for name, want := range map[string]abi.Errno{
		"/opt/nothing": abi.ENOENT, "/opt/text/x": abi.ENOTDIR, "/opt": abi.EACCES, "/opt/text": abi.ENOEXEC,
		"/opt/empty": abi.ENOEXEC, "/opt/bad.wasm": abi.ENOEXEC, "/opt/lib.wasm": abi.ENOEXEC, "/opt/loop": abi.ELOOP,
		"/opt/lost": abi.ENOENT, "/opt/interpreter": abi.ENOEXEC, "": abi.ENOENT, "/opt\x00": abi.EINVAL,
	} {
		var out bytes.Buffer
		err := execCommand(execs(name, "x\n"), &out).Run(t.Context())
		if got := abi.Errno(code(t, err)); got != want || out.Len() > 0 {
			t.Errorf("%q: %v, %q", name, got, out.String())
		}
	}
}

// A program is compiled once, however often it is executed.
func TestProgramsAreCached(t *testing.T) {
	var out bytes.Buffer
	again := program(func(t *Thread) error {
		n, nn := putText(t, 1024, "/opt/again.wasm")
		a, an := putText(t, 2048, strings.Repeat("x\n", len(t.proc.args)+1))
		if len(t.proc.args) > 5 {
			n, nn = putText(t, 1024, "/opt/show.wasm")
		}
		_, err := call(t, procExec3, n, nn, a, an, 0, 0, 0, 0, 0)
		return err
	})
	c := execCommand(again, &out)
	engine := &fakeEngine{modules: map[string]*fakeModule{"show": shows, "again": again}}
	c.Engine = engine
	c.Mounts = append(c.Mounts, vfs.Mount{Guest: "/opt", FS: vfs.FS(fstest.MapFS{
		"again.wasm": {Data: []byte("\x00asmagain")}, "show.wasm": {Data: []byte("\x00asmshow")},
	})})
	if err := c.Run(t.Context()); code(t, err) != 5 || engine.compiled != 2 {
		t.Errorf("%v, compiled %d times", err, engine.compiled)
	}
}

// proc_exec does not return: the exit status tells what went wrong, and a name
// without a slash is searched.
func TestProcExec2022(t *testing.T) {
	for name, want := range map[string]int{"show": 5, "/opt/show.wasm": 5, "nothing": 127, "/opt/text": 126} {
		var out bytes.Buffer
		err := execCommand(program(func(th *Thread) error {
			n, nn := putText(th, 1024, name)
			a, an := putText(th, 2048, "x\n")
			_, err := callRaw(th, procExec, n, nn, a, an)
			return err
		}), &out).Run(t.Context())
		if got := code(t, err); got != want {
			t.Errorf("%s: %d", name, got)
		}
	}
}

// A PATH is searched in order; what cannot be executed is passed over.
func TestProcExecSearches(t *testing.T) {
	for path, want := range map[string]int{
		"/nowhere:/opt/text:/bin": 5, "/opt": int(abi.ENOENT), "": int(abi.ENOENT), "\x00null": 5,
	} {
		var out bytes.Buffer
		err := execCommand(program(func(th *Thread) error {
			n, nn := putText(th, 1024, "show")
			a, an := putText(th, 2048, "x\n")
			p, pn := putText(th, 3072, path)
			if path == "\x00null" {
				p = 0
			}
			errno, err := call(th, procExec3, n, nn, a, an, 0, 0, 1, p, pn)
			if err == nil {
				_, err = callRaw(th, procExit, uint64(errno))
			}
			return err
		}), &out).Run(t.Context())
		if got := code(t, err); got != want {
			t.Errorf("%q: %d", path, got)
		}
	}
}

// exec ends the other threads, closes what is to be closed, and keeps the rest.
func TestProcExecReplaces(t *testing.T) {
	var out bytes.Buffer
	looks := program(func(th *Thread) error {
		if n := len(th.proc.liveThreads()); n != 1 {
			t.Errorf("%d threads", n)
		}
		if open := th.proc.fds.Open(); !slices.Equal(open, []uint32{0, 1, 2, 3, 5}) {
			t.Errorf("descriptors %v", open)
		}
		if th.proc.signals.callback != "" || th.proc.pid != initPID {
			t.Error("the callback is still there, or the id is not")
		}
		return nil
	})
	c := execCommand(&fakeModule{exports{
		"_start": func(th *Thread, _ []uint64) (uint64, error) {
			for fd := range uint64(2) {
				if errno, _ := call(th, fdDup2, 1, 4+fd, 1-fd, 64); errno != abi.ESUCCESS {
					t.Errorf("dup2: %v", errno)
				}
			}
			th.proc.signals.callback = "handler"
			if _, err := call(th, threadSpawnV2, 256, 64); err != nil {
				return 0, err
			}
			n, nn := putText(th, 1024, "/bin/looks")
			_, err := call(th, procExec3, n, nn, 2048, 0, 0, 0, 0, 0, 0)
			return 0, err
		},
		"wasi_thread_start": func(th *Thread, _ []uint64) (uint64, error) {
			_, err := call(th, threadSleep, 1<<60)
			return 0, err
		},
	}}, &out)
	c.Programs["looks"] = looks
	var log traceLog
	c.Trace = log.add
	if err := c.Run(t.Context()); err != nil {
		t.Error(err)
	}
	ends := slices.DeleteFunc(log.lines, func(line string) bool { return !strings.Contains(line, " gone ") })
	if want := []string{"1:2 gone by exec", "1:1 gone 0 NONE"}; !slices.Equal(ends, want) {
		t.Errorf("traced the ends %q, want %q", ends, want)
	}
}

// What is pending for the process, or for the thread that executes, is so in the
// program that follows, where it does what it does without a handler.
func TestProcExecKeepsPendingSignals(t *testing.T) {
	for name, send := range map[string]func(*Thread){
		"process": func(th *Thread) { th.proc.post(nil, abi.SignalUsr1, nil) },
		"thread":  func(th *Thread) { th.proc.post(th, abi.SignalUsr1, nil) },
	} {
		var out bytes.Buffer
		executes := program(func(th *Thread) error {
			th.proc.signals.callback = "handler"
			th.setBlocked(true)
			send(th)
			n, nn := putText(th, 1024, "/bin/sleeps")
			_, err := call(th, procExec3, n, nn, 2048, 0, 0, 0, 0, 0, 0)
			return err
		})
		c := execCommand(executes, &out)
		c.Programs["sleeps"] = sleeps
		if err := c.Run(t.Context()); deathSignal(err) != abi.SignalUsr1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// putArray stores strings that end in NUL behind an array of pointers to them, and
// returns its address and length, for a call.
func putArray(t *Thread, at uint32, list ...string) (ptr, n uint64) {
	text := at + 4*uint32(len(list))
	for i, s := range list {
		binary.LittleEndian.PutUint32(t.mem[at+4*uint32(i):], text)
		text += uint32(copy(t.mem[text:], s+"\x00"))
	}
	return uint64(at), uint64(len(list))
}

// proc_exec4 and proc_spawn3 take arrays of strings, which newlines may be in.
func TestArgumentsInArrays(t *testing.T) {
	const want = `"show" ["show" "" "two\nlines"] ["B=2\n3" "C="]` + "\n"
	array := func(th *Thread) []uint64 {
		n, nn := putText(th, 1024, "show")
		a, an := putArray(th, 2048, "show", "", "two\nlines")
		e, en := putArray(th, 3072, "B=2\n3", "C=")
		return []uint64{n, nn, a, an, e, en}
	}
	search := func(th *Thread) []uint64 {
		at, n := putText(th, 1536, "/nowhere:/bin")
		return []uint64{1, at, n}
	}
	for name, start := range map[string]func(*Thread) error{
		"proc_exec4": func(th *Thread) error {
			errno, err := call(th, procExec4, append(array(th), search(th)...)...)
			if err == nil {
				t.Errorf("it returns %v", errno)
			}
			return err
		},
		"proc_spawn3": func(th *Thread) error {
			p := append(array(th), 0, 0, 0, 0)
			errno, err := call(th, procSpawn3, append(append(p, search(th)...), 4096)...)
			if pid, _ := th.uint32At(4096); errno != abi.ESUCCESS || pid != initPID+1 {
				t.Errorf("%v, process %d", errno, pid)
			}
			if _, status, errno := callJoin(th, 0, 0, 0); errno != abi.ESUCCESS || status[abi.OffsetofJoinStatusU] != 5 {
				t.Errorf("%v, status %v", errno, status)
			}
			return err
		},
	} {
		var out bytes.Buffer
		if err := execCommand(program(start), &out).Run(t.Context()); name == "proc_exec4" && code(t, err) != 5 || out.String() != want {
			t.Errorf("%s: %v, %s", name, err, out.String())
		}
	}
}

func TestStringArray(t *testing.T) {
	th := newTestThread(t)
	copy(th.mem[1024:], "one\x00\x00three\x00")
	for i, at := range []uint32{1024, 1028, 1029} {
		binary.LittleEndian.PutUint32(th.mem[512+4*i:], at)
	}
	if got, errno := th.stringArray(512, 3); !slices.Equal(got, []string{"one", "", "three"}) || errno != 0 {
		t.Errorf("%q, %v", got, errno)
	}
	for _, c := range []struct {
		at, ptr, n uint32
		want       abi.Errno
	}{{512, 512, 1 << 20, abi.E2BIG}, {512, 1<<16 - 4, 2, abi.EFAULT}, {1 << 16, 512, 1, abi.EFAULT}, {2048, 512, 1, abi.EFAULT}} {
		binary.LittleEndian.PutUint32(th.mem[512:], c.at)
		if _, errno := th.stringArray(c.ptr, c.n); errno != c.want {
			t.Errorf("%+v: %v", c, errno)
		}
	}
}
