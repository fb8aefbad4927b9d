package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gowasix/gowasix/wasix"
)

// statusTimeout is the exit status after --timeout, as timeout(1) has it.
const statusTimeout = 124

// run carries out "gowasix run" and returns the guest's exit status.
func run(args []string, stdin, stdout, stderr *os.File) (int, error) {
	f, err := parseRunFlags(args, stderr)
	if err != nil {
		return 0, err
	}
	wasm, err := readProgram(f.program)
	if err != nil {
		return 0, err
	}
	engine, err := f.newEngine()
	if err != nil {
		return 0, err
	}
	defer engine.Close()
	ctx, stop := f.context()
	defer stop()
	module, err := engine.Compile(ctx, wasm)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", f.program, err)
	}
	defer module.Close()
	cmd, err := f.command(module, stderr)
	if err != nil {
		return 0, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	return exitStatus(cmd.Run(ctx), stderr)
}

// command returns the guest program with all that the flags give it.
func (f *runFlags) command(module wasix.Module, stderr io.Writer) (*wasix.Cmd, error) {
	name := f.argv0
	if name == "" {
		name = filepath.Base(f.program)
	}
	cmd := wasix.Command(module, append([]string{name}, f.args...)...)
	cmd.Dir = f.cwd
	var err error
	if cmd.Env, err = f.environ(); err != nil {
		return nil, err
	}
	if cmd.Mounts, err = f.mounts(); err != nil {
		return nil, err
	}
	if cmd.Network, err = f.network(stderr); err != nil {
		return nil, err
	}
	cmd.Sockets, err = f.sockets()
	return cmd, err
}

// context returns the context that ends the guest: on INT, TERM and HUP, and
// after --timeout.
func (f *runFlags) context() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		select {
		case s := <-signals:
			cancel(signalled{s.(syscall.Signal)})
		case <-ctx.Done():
		}
		signal.Stop(signals)
	}()
	if f.timeout > 0 {
		timer := time.AfterFunc(f.timeout, func() { cancel(timedOut{f}) })
		context.AfterFunc(ctx, func() { timer.Stop() })
	}
	return ctx, func() { cancel(context.Canceled) }
}

// signalled is why a guest ends when the command gets a signal.
type signalled struct{ syscall.Signal }

func (s signalled) Error() string { return s.Signal.String() }

// timedOut is why a guest ends after --timeout.
type timedOut struct{ *runFlags }

func (t timedOut) Error() string { return fmt.Sprintf("--timeout %v is over", t.timeout) }

// exitStatus returns the command's exit status for what became of the guest.
func exitStatus(err error, stderr io.Writer) (int, error) {
	var exit *wasix.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	var sig signalled
	if errors.As(err, &sig) {
		return 128 + int(sig.Signal), nil
	}
	if exit.Trap() != nil || exit.Signal() != 0 {
		fmt.Fprintln(stderr, "gowasix:", err)
	}
	if errors.As(err, new(timedOut)) {
		return statusTimeout, nil
	}
	return exit.ExitCode(), nil
}

// parseSize reads a number of bytes with an optional suffix K, M or G.
func parseSize(s string) (uint64, error) {
	digits := strings.TrimRight(s, "KMGkmg")
	shift, ok := map[string]uint{"": 0, "K": 10, "M": 20, "G": 30}[strings.ToUpper(s[len(digits):])]
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || !ok || n == 0 || n > math.MaxUint64>>shift {
		return 0, fmt.Errorf("--memory-limit %s: write a number of bytes, such as 512M", s)
	}
	return n << shift, nil
}
