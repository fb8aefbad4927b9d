package main

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// A fork, or a thread, past a limit fails in the guest, which goes on, and may make
// others when those there were are gone.
func TestTreeLimits(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		full := []string{guests.Path("tree-shared"), "full"}
		for flag, want := range map[string]string{
			"--process-limit=5": "fork: EAGAIN after 4 children\nfork: OK\n", "--thread-limit=5": "fork: EAGAIN after 4 children\nfork: OK\n",
			"--tree-memory-limit=1M": "fork: ENOMEM after ",
		} {
			r := command(t, "", with(run, append([]string{flag}, full...)...)...)
			r.want(t, 0, want, "")
			if !strings.HasSuffix(r.stdout, "\nfork: OK\n") {
				t.Errorf("%s: %q", flag, r.stdout)
			}
		}
		command(t, "", with(run, "--thread-limit", "5", guests.Path("threads-shared"), "many", "10")...).want(t, 1, "", "EAGAIN")
		command(t, "", with(run, "--thread-limit", "11", guests.Path("threads-shared"), "many", "10")...).want(t, 0, "threads.many: all\n", "")
	})
}

// A fork bomb ends like any program: by a signal, by the terminal's, or in time.
func TestForkBomb(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		bomb := with(run, "--process-limit", "20", guests.Path("tree-shared"), "bomb")
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
			if signal.Ignored(sig) { // as under nohup
				continue
			}
			s := serve(t, bomb...)
			s.expect("^fork: EAGAIN$")
			if status := s.end(sig); status != 128+int(sig) {
				t.Errorf("%v: status %d", sig, status)
			}
		}
		s := onTerminal(t, bomb...)
		s.See("fork: EAGAIN")
		s.Type("\x03")
		s.ended(130)
		r := command(t, "", with(run, append([]string{"--timeout", "200ms"}, bomb[len(run):]...)...)...)
		if r.status != 124 || !strings.HasSuffix(r.stderr, "--timeout 200ms is over\n") {
			t.Errorf("status %d, %q", r.status, r.stderr)
		}
	})
}

// untilSignal is a program that waits for a signal and exits with its number.
func untilSignal() *wasixtest.Module {
	const nameAt, iovecAt, textAt, writtenAt = 0, 16, 32, 64
	i32 := abi.ValueTypeI32
	call := func(name string, params ...abi.ValueType) wasmfile.Import {
		return wasmfile.Import{Module: "wasix_32v1", Name: name, Signature: wasmfile.Signature{Params: params, Results: []abi.ValueType{i32}}}
	}
	exit := call("proc_exit", i32)
	exit.Signature.Results = nil
	return &wasixtest.Module{
		Imports: []wasmfile.Import{
			{Module: "wasix_32v1", Name: "callback_signal", Signature: wasmfile.Signature{Params: []abi.ValueType{i32, i32}}},
			call("fd_write", i32, i32, i32, i32), call("thread_sleep", abi.ValueTypeI64), exit,
		},
		Memory: &wasmfile.MemoryInfo{Export: "memory", Min: 1},
		Functions: []wasixtest.Function{
			{Export: "_start", Body: wasixtest.Body(
				wasixtest.I32Const(nameAt), wasixtest.I32Const(7), wasixtest.Call(0),
				wasixtest.I32Const(1), wasixtest.I32Const(iovecAt), wasixtest.I32Const(1), wasixtest.I32Const(writtenAt), wasixtest.Call(1), wasixtest.Drop,
				wasixtest.I64Const(1<<60), wasixtest.Call(2), wasixtest.Drop)},
			{Export: "handler", Signature: wasmfile.Signature{Params: []abi.ValueType{i32}},
				Body: wasixtest.Body(wasixtest.LocalGet(0), wasixtest.Call(3))},
		},
		Data: []wasixtest.Data{
			{Offset: nameAt, Bytes: []byte("handler")}, {Offset: iovecAt, Bytes: []byte{textAt, 0, 0, 0, 5, 0, 0, 0}},
			{Offset: textAt, Bytes: []byte("ready")},
		},
	}
}

// The guest is told when its terminal has another size.
func TestWindowSignal(t *testing.T) {
	program := filepath.Join(t.TempDir(), "waits.wasm")
	if err := os.WriteFile(program, untilSignal().Binary(), 0o600); err != nil {
		t.Fatal(err)
	}
	eachEngine(t, func(t *testing.T, run ...string) {
		s := onTerminal(t, with(run, program)...)
		s.See("ready")
		s.Resize(50, 9)
		s.ended(int(syscall.SIGWINCH))
	})
	// The guest may run, and have asked for the size, before it is known here.
	s := &signals{}
	s.forward(abi.SignalWinch)
	s.hold()
	s.forward(abi.SignalWinch)
	s.forward(abi.SignalWinch)
	if len(s.held) != 1 {
		t.Errorf("%v is held", s.held)
	}
}
