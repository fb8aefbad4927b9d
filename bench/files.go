//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	wz "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"golang.org/x/sys/unix"
)

// What the guest file-bench finds in its directory, and how much it opens.
const (
	fileSize    = 16 << 20
	fileEntries = 10_000
)

// fileVariants run file-bench: with "files" and a directory, with "input" or "waits".
var fileVariants = []struct {
	name string
	args func(b *binaries, dir string) []string
}{
	{native, func(b *binaries, dir string) []string { return []string{b.native + "/file-bench", dir} }},
	{"gowasix wasmer", filesOn("wasmer")},
	{"gowasix wazero", filesOn("wazero")},
	{preview1, func(b *binaries, dir string) []string {
		return []string{b.self, "serve", "files", b.guests + "/file-bench.wasm", dir}
	}},
}

const preview1 = "wazero preview1"

func filesOn(engine string) func(*binaries, string) []string {
	return func(b *binaries, dir string) []string {
		return []string{b.gowasix, "run", "--engine", engine, "--dir", dir + ":/", b.guests + "/file-bench.wasm", dir}
	}
}

// measureFiles runs the variants in turns and writes files.md: nanoseconds of the
// native program, and for the others the median over the rounds of the native
// time to their own.
func measureFiles(b *binaries, machine, out string) error {
	if err := raiseDescriptors(2 * fileEntries); err != nil {
		return err
	}
	dir, err := fileTree()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var text strings.Builder
	fmt.Fprintf(&text, "# Calls on files, and waits\n\nMade by `make bench`, on one processor; the variants take turns. A figure is\n"+
		"the speed relative to the native program: the median over the rounds of its time\nto the variant's. "+
		"wazero preview1 is wazero's own WASI, which polls the standard\ninput and clocks, and has neither epoll nor anything else to poll.\n\n%s. %d rounds.\n", machine, *rounds)
	for _, group := range []string{"files", "input", "waits"} {
		rows, times, err := fileRounds(b, group, dir)
		if err != nil {
			return err
		}
		text.WriteString(fileTable(rows, times))
	}
	fmt.Print(text.String())
	return os.WriteFile(filepath.Join(out, "files.md"), []byte(text.String()), 0o666)
}

func raiseDescriptors(n uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = max(limit.Cur, min(n, limit.Max))
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
}

// fileTree makes a directory as file-bench wants it.
func fileTree() (string, error) {
	dir, err := os.MkdirTemp("", "gowasix-files")
	if err != nil {
		return "", err
	}
	many := filepath.Join(dir, "many")
	err = errors.Join(os.WriteFile(filepath.Join(dir, "file"), make([]byte, fileSize), 0o666), os.Mkdir(many, 0o777))
	for i := 0; i < fileEntries && err == nil; i++ {
		err = os.WriteFile(filepath.Join(many, strconv.Itoa(i)), nil, 0o666)
	}
	return dir, err
}

// fileRounds returns the rows, and the times of each by variant and round.
func fileRounds(b *binaries, group, dir string) (rows []string, times map[string]map[string][]float64, err error) {
	times = map[string]map[string][]float64{}
	for range *rounds {
		for _, v := range fileVariants {
			if v.name == preview1 && group == "waits" {
				continue
			}
			args := v.args(b, dir)
			args = append(args[:len(args)-1], group, dir)
			var output bytes.Buffer
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Stdout, cmd.Stderr = &output, os.Stderr
			if err := startPinned(cmd, serverCPU); err != nil {
				return nil, nil, err
			}
			if err := cmd.Wait(); err != nil {
				return nil, nil, fmt.Errorf("%s: %s: %w", v.name, group, err)
			}
			for line := range strings.Lines(output.String()) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), "\t")
				ns, err := strconv.ParseFloat(value, 64)
				if err != nil {
					return nil, nil, fmt.Errorf("%s: %q", v.name, line)
				}
				if times[name] == nil {
					rows, times[name] = append(rows, name), map[string][]float64{}
				}
				times[name][v.name] = append(times[name][v.name], ns)
			}
		}
	}
	return rows, times, nil
}

func fileTable(rows []string, times map[string]map[string][]float64) string {
	var b strings.Builder
	b.WriteString("\n| call | native, ns ")
	for _, v := range fileVariants[1:] {
		fmt.Fprintf(&b, "| %s ", v.name)
	}
	b.WriteString("|\n|---|--:|--:|--:|--:|\n")
	for _, row := range rows {
		base := times[row][native]
		fmt.Fprintf(&b, "| %s | %.0f ", row, quantile(base, 0.5))
		for _, v := range fileVariants[1:] {
			var ratios []float64
			for i, ns := range times[row][v.name] {
				ratios = append(ratios, base[i]/ns)
			}
			if ratios == nil {
				b.WriteString("| - ")
				continue
			}
			fmt.Fprintf(&b, "| %.2f ", quantile(ratios, 0.5))
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// serveFiles runs file-bench on wazero's own WASI, with a directory.
func serveFiles(path string, args []string) error {
	wasm, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	ctx := context.Background()
	r := wz.NewRuntime(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	compiled, err := r.CompileModule(ctx, wasm)
	if err != nil {
		return err
	}
	if err := lackWASIX(ctx, r, compiled); err != nil {
		return err
	}
	dir := args[len(args)-1]
	_, err = r.InstantiateModule(ctx, compiled, wz.NewModuleConfig().WithStdout(os.Stdout).WithStderr(os.Stderr).
		WithSysNanotime().WithSysNanosleep().WithStdin(os.Stdin).WithArgs(append([]string{"file-bench"}, args...)...).
		WithFSConfig(wz.NewFSConfig().WithDirMount(dir, "/")))
	return err
}

// lackWASIX gives a module what it imports of WASIX, which it is not to call.
func lackWASIX(ctx context.Context, r wz.Runtime, compiled wz.CompiledModule) error {
	const module = "wasix_32v1"
	host := r.NewHostModuleBuilder(module)
	for _, f := range compiled.ImportedFunctions() {
		if from, name, _ := f.Import(); from == module {
			host.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(context.Context, []uint64) {
				panic(name + " is not there")
			}), f.ParamTypes(), f.ResultTypes()).Export(name)
		}
	}
	_, err := host.Instantiate(ctx)
	return err
}
