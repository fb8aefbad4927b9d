package wazero_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
	"github.com/gowasix/gowasix/wazero"
)

// vforkByException is a program that makes a child as wasix-libc's vfork does where
// setjmp is made of exceptions: the child fails to execute a program and exits with
// 7 in a function further down, throws since that returns, and its parent goes on
// where it caught that.
func vforkByException() *wasixtest.Module {
	const exit, forkEnv, join, exec, child = 0, 1, 2, 3, 5 // numbers of functions
	const pidAt, optionAt, statusAt = 64, 128, 160
	i32 := func(n int) []abi.ValueType { // the types of n parameters
		types := make([]abi.ValueType, n)
		for i := range types {
			types[i] = abi.ValueTypeI32
		}
		return types
	}
	call := func(f uint32, args ...int32) (body []byte) {
		for _, arg := range args {
			body = append(body, wasixtest.I32Const(arg)...)
		}
		return append(body, wasixtest.Call(f)...)
	}
	unless := func(errno abi.Errno, body []byte) []byte {
		return wasixtest.Body(body, wasixtest.I32Const(int32(errno)), wasixtest.I32Ne, wasixtest.If(wasixtest.Unreachable))
	}
	return &wasixtest.Module{
		Imports: []wasmfile.Import{
			{Module: "wasix_32v1", Name: "proc_exit2", Signature: wasmfile.Signature{Params: i32(1)}},
			{Module: "wasix_32v1", Name: "proc_fork_env", Signature: wasmfile.Signature{Params: i32(1), Results: i32(1)}},
			{Module: "wasix_32v1", Name: "proc_join", Signature: wasmfile.Signature{Params: i32(3), Results: i32(1)}},
			{Module: "wasix_32v1", Name: "proc_exec3", Signature: wasmfile.Signature{Params: i32(9), Results: i32(1)}},
		},
		Memory:    &wasmfile.MemoryInfo{Export: "memory", Min: 1},
		Exception: true,
		Functions: []wasixtest.Function{
			{Export: "_start", Body: wasixtest.Body(
				unless(abi.ESUCCESS, call(forkEnv, pidAt)),
				wasixtest.Try(wasixtest.Call(child), wasixtest.Unreachable),
				unless(abi.ESUCCESS, call(join, optionAt, 0, statusAt)),
				wasixtest.I32Const(statusAt), wasixtest.I32Load(2), wasixtest.Call(exit), wasixtest.Unreachable)},
			{Body: wasixtest.Body(
				unless(abi.ENOENT, call(exec, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
				call(exit, 7), wasixtest.Throw)},
		},
	}
}

func TestVforkByException(t *testing.T) {
	e, err := wazero.NewEngine(wazero.WithoutCache())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	m, err := e.Compile(context.Background(), vforkByException().Binary())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	exit := (*wasix.ExitError)(nil)
	if err := wasix.Command(m, "guest").Run(t.Context()); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("%v, want exit status 7", err)
	}
}
