package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/debug"
	"github.com/gowasix/gowasix/wasix/network"
)

// statusTimeout is the exit status after --timeout, as timeout(1) has it.
const statusTimeout = 124

// run carries out "gowasix run" and returns the guest's exit status.
func run(args []string, stdin, stdout, stderr *os.File) (int, error) {
	f, err := parseRunFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		_, err := fmt.Fprintf(stdout, runUsage, wasix.DefaultMaxProcesses, wasix.DefaultMaxThreads, engineNames()[0])
		return 0, err
	}
	if err != nil {
		return 0, err
	}
	messages := &printer{w: stderr}
	trace, stats, err := f.tracer(messages)
	if err != nil {
		return 0, err
	}
	var guests debug.Registry
	stopDebug, err := f.serveDebug(&guests, messages)
	if err != nil {
		return 0, err
	}
	defer stopDebug()
	ctx, cancel := f.context()
	defer cancel(nil)
	signals := forwardSignals(ctx, cancel)
	engine, err := f.newEngine()
	if err != nil {
		return 0, err
	}
	defer engine.Close()
	module, err := compile(ctx, engine, f.program)
	if err != nil {
		return exitStatus(err, messages)
	}
	defer module.Close()
	programs, err := f.compilePrograms(ctx, engine)
	if err != nil {
		return exitStatus(err, messages)
	}
	defer f.closeNetwork()
	cmd, err := f.command(module, messages)
	if err != nil {
		return 0, err
	}
	cmd.Engine, cmd.Programs = engine, programs
	defer closeMounts(cmd.Mounts)
	defer f.removeUnix()
	cmd.Trace = trace
	cmd.ChildFailed = func(pid int, err *wasix.ExitError) { fmt.Fprintf(messages, "gowasix: process %d: %v\n", pid, err) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	signals.hold()
	if err = cmd.Start(ctx); err == nil {
		guests.Add(cmd.Process)
		signals.to(cmd.Process)
		err = signals.result(cmd.Wait())
	}
	if stats != nil && cmd.Process != nil {
		stats.print(messages)
	}
	return exitStatus(err, messages)
}

// compile reads and compiles a program.
func compile(ctx context.Context, engine wasix.Engine, path string) (wasix.Module, error) {
	wasm, err := readProgram(path)
	if err != nil {
		return nil, err
	}
	module, err := engine.Compile(ctx, wasm)
	switch {
	case ctx.Err() != nil:
		if err == nil {
			_ = module.Close()
		}
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return module, nil
}

// compilePrograms compiles what --program names.
func (f *runFlags) compilePrograms(ctx context.Context, engine wasix.Engine) (map[string]wasix.Module, error) {
	programs := make(map[string]wasix.Module, len(f.programs))
	for _, p := range f.programs {
		name, path, ok := strings.Cut(p, "=")
		if !ok || name == "" || path == "" {
			return nil, usageError("--program " + p + ": write NAME=FILE.wasm")
		}
		module, err := compile(ctx, engine, path)
		if err != nil {
			return nil, err
		}
		programs[name] = module
	}
	return programs, nil
}

// command returns the guest program with all that the flags give it.
func (f *runFlags) command(module wasix.Module, stderr io.Writer) (cmd *wasix.Cmd, err error) {
	name := f.argv0
	if name == "" {
		name = filepath.Base(f.program)
	}
	cmd = wasix.Command(module, append([]string{name}, f.args...)...)
	cmd.Dir = f.cwd
	if cmd.Env, err = f.environ(); err != nil {
		return nil, err
	}
	if cmd.Network, err = f.network(stderr); err != nil {
		return nil, err
	}
	if err = f.limitTree(cmd); err != nil {
		return nil, err
	}
	if cmd.Mounts, err = f.mounts(); err != nil {
		return nil, err
	}
	if cmd.Sockets, cmd.SocketNames, err = f.sockets(stderr); err != nil {
		closeMounts(cmd.Mounts)
		return nil, err
	}
	for i, s := range cmd.Sockets { // which could be connected elsewhere
		cmd.Sockets[i] = network.Adopt(cmd.Network, s)
	}
	return cmd, nil
}

// context returns the context that ends the guest, after --timeout for one.
func (f *runFlags) context() (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	if f.timeout > 0 {
		timer := time.AfterFunc(f.timeout, func() { cancel(timedOut{f}) })
		context.AfterFunc(ctx, func() { timer.Stop() })
	}
	return ctx, cancel
}

// timedOut is why a guest ends after --timeout.
type timedOut struct{ *runFlags }

func (t timedOut) Error() string { return fmt.Sprintf("--timeout %v is over", t.timeout) }

// exitStatus returns the command's exit status for what became of the guest.
func exitStatus(err error, stderr io.Writer) (int, error) {
	var sig signalled
	if errors.As(err, &sig) {
		return 128 + int(sig.Signal), nil
	}
	if errors.As(err, new(timedOut)) { // perhaps before the guest began
		fmt.Fprintln(stderr, "gowasix:", err)
		return statusTimeout, nil
	}
	var exit *wasix.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	// The end of a pipeline is nothing to tell, as in a shell.
	if exit.Trap() != nil || exit.Signal() != 0 && exit.Signal() != abi.SignalPipe {
		fmt.Fprintln(stderr, "gowasix:", err)
		advise(exit.Trap(), stderr)
	}
	return exit.ExitCode(), nil
}

// advise says what may help against a trap.
func advise(trap *wasix.Trap, stderr io.Writer) {
	if trap != nil && strings.HasPrefix(trap.Message, "indirect call type mismatch") {
		fmt.Fprintln(stderr, "gowasix: the program calls a function as one of another type; with --casts that works as on native machines")
	}
}

// wasmPage is the unit of WebAssembly memories, in bytes.
const wasmPage = 64 << 10

// parseSize reads the size of a memory, the value of a flag.
func parseSize(flag, s string) (uint64, error) {
	n, err := parseBytes(s)
	if err != nil {
		return 0, fmt.Errorf("%s %s: write a number of bytes, such as 512M", flag, s)
	}
	if n < wasmPage {
		return 0, fmt.Errorf("%s %s: memory comes in pages of 64K; write one at least", flag, s)
	}
	return n, nil
}

// parseBytes reads a number of bytes with an optional suffix K, M or G.
func parseBytes(s string) (uint64, error) {
	digits := strings.TrimRight(s, "KMGkmg")
	shift, ok := map[string]uint{"": 0, "K": 10, "M": 20, "G": 30}[strings.ToUpper(s[len(digits):])]
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || !ok || n > math.MaxUint64>>shift {
		return 0, strconv.ErrRange
	}
	return n << shift, nil
}
