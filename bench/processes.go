//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasmer"
	"github.com/gowasix/gowasix/wazero"
)

// processRounds is how often each variant runs, in turns.
const processRounds = 3

// processWorkloads are ways of the guest "processes", with the count of a round.
var processWorkloads = []struct {
	title string
	count int
	args  []string // fork, and so on; what follows the count
}{
	{"fork, exit and wait", 50, []string{"fork"}},
	{"the same with 16 MiB in use, which are copied", 10, []string{"fork", "16"}},
	{"fork, exec and wait", 50, []string{"exec", "/bin/true"}},
	{"vfork, exec and wait", 50, []string{"vfork", "/bin/true"}},
	{"posix_spawn and wait", 50, []string{"spawn", "/bin/true"}},
	{"a byte through a pipe to a child and back", 2000, []string{"pipe"}},
	{"setjmp and longjmp", 2000, []string{"jump"}},
}

// shellScripts are what dash runs: a thousand commands in three ways.
var shellScripts = []struct{ title, text string }{
	{"dash: 1,000 programs", "i=0; while [ $i -lt 1000 ]; do status 0; i=$((i + 1)); done"},
	{"dash: 1,000 subshells", "i=0; while [ $i -lt 1000 ]; do (exit 0); i=$((i + 1)); done"},
	{"dash: 1,000 built-in commands", "i=0; while [ $i -lt 1000 ]; do eval 'x=$i; : $x'; i=$((i + 1)); done"},
}

// runner runs a workload and returns the time of one operation.
type runner struct {
	name string
	run  func(way string, count int, args []string) (time.Duration, error)
	dash func(script string) error // nil without
}

func (r runner) String() string { return r.name }

// measureProcesses writes processes.md: what processes cost on each engine, as
// ratios to Linux. With GOWASIX_CORPUS, dash.wasm in that folder is among it.
func measureProcesses(b *binaries, dir, machine string) error {
	runners := []runner{nativeRunner(b)}
	engines := []func() (wasix.Engine, error){
		func() (wasix.Engine, error) { return wasmer.NewEngine() },
		func() (wasix.Engine, error) { return wazero.NewEngine() },
	}
	for _, newEngine := range engines {
		engine, err := newEngine()
		if err != nil {
			return err
		}
		defer engine.Close()
		r, err := guestRunner(engine)
		if err != nil {
			return err
		}
		runners = append(runners, r)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "# Processes\n\nMade by `go run ./bench -only processes`. The variants take turns; a figure is the\n"+
		"median of %d rounds, a ratio the median of own to native in the same round.\n\n%s.\n\n", processRounds, machine)
	fmt.Fprintf(&text, "| | native µs | %s | %s |\n|---|--:|--:|--:|\n", runners[1].name, runners[2].name)
	for _, w := range processWorkloads {
		err := compare(&text, w.title, runners, processRounds, func(r runner) (time.Duration, error) {
			return r.run(w.args[0], w.count, w.args[1:])
		})
		if err != nil {
			return err
		}
	}
	for _, s := range shellScripts {
		if runners[1].dash == nil {
			break
		}
		err := compare(&text, s.title, runners, processRounds, func(r runner) (time.Duration, error) {
			begin := time.Now()
			err := r.dash(s.text)
			return time.Since(begin), err
		})
		if err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "processes.md"), []byte(text.String()), 0o666)
}

// compare lets variants take turns and adds a row: the time of the first, and of the
// others that with its ratio to the first's in the same round.
func compare[V fmt.Stringer](text *strings.Builder, title string, variants []V, rounds int, one func(V) (time.Duration, error)) error {
	times, ratios := make([][]float64, len(variants)), make([][]float64, len(variants))
	for range rounds {
		first := 0.0
		for i, v := range variants {
			took, err := one(v)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", v, title, err)
			}
			micros := took.Seconds() * 1e6
			if i == 0 {
				first = micros
			}
			times[i], ratios[i] = append(times[i], micros), append(ratios[i], micros/first)
		}
	}
	fmt.Fprintf(text, "| %s | %.2f |", title, median(times[0]))
	for i := 1; i < len(variants); i++ {
		fmt.Fprintf(text, " %.2f µs, %.2f |", median(times[i]), median(ratios[i]))
	}
	fmt.Fprintln(text)
	return nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// perOperation returns the time that the program "processes" told, per operation.
func perOperation(stderr string, count int) (time.Duration, error) {
	var ns int64
	if _, err := fmt.Sscanf(stderr, "%d ns", &ns); err != nil {
		return 0, fmt.Errorf("it says %q", stderr)
	}
	return time.Duration(ns / int64(count)), nil
}

func nativeRunner(b *binaries) runner {
	run := func(way string, count int, args []string) (time.Duration, error) {
		cmd := exec.Command(filepath.Join(b.native, "processes"), append([]string{way, fmt.Sprint(count)}, args...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			return 0, err
		}
		return perOperation(stderr.String(), count)
	}
	dash := func(script string) error {
		status := filepath.Join(b.native, "status")
		if err := os.Symlink("tools", status); err != nil && !os.IsExist(err) {
			return err
		}
		cmd := exec.Command("dash", "-c", script)
		cmd.Env = []string{"PATH=" + b.native}
		return cmd.Run()
	}
	return runner{"native", run, dash}
}

func guestRunner(engine wasix.Engine) (runner, error) {
	modules := map[string]wasix.Module{}
	for name, file := range map[string]string{
		"processes": "testdata/guests/processes-shared.wasm", "tools": "testdata/guests/tools-shared.wasm",
		"dash": filepath.Join(os.Getenv("GOWASIX_CORPUS"), "dash.wasm"),
	} {
		wasm, err := os.ReadFile(file)
		if err != nil && name == "dash" {
			continue
		} else if err != nil {
			return runner{}, err
		}
		if modules[name], err = engine.Compile(context.Background(), wasm); err != nil {
			return runner{}, err
		}
	}
	start := func(module wasix.Module, args ...string) (string, error) {
		var stderr bytes.Buffer
		cmd := wasix.Command(module, args...)
		cmd.Stderr, cmd.Env = &stderr, []string{"PATH=/bin"}
		cmd.Programs = map[string]wasix.Module{"true": modules["tools"], "status": modules["tools"]}
		err := cmd.Run(context.Background())
		return stderr.String(), err
	}
	r := runner{name: engine.Name()}
	r.run = func(way string, count int, args []string) (time.Duration, error) {
		stderr, err := start(modules["processes"], append([]string{"processes", way, fmt.Sprint(count)}, args...)...)
		if err != nil {
			return 0, err
		}
		return perOperation(stderr, count)
	}
	if dash := modules["dash"]; dash != nil {
		r.dash = func(script string) error {
			_, err := start(dash, "dash", "-c", script)
			return err
		}
	}
	return r, nil
}
