package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/wasmfile"
	"github.com/gowasix/gowasix/wasmer"
	"github.com/gowasix/gowasix/wazero"
)

// inspect prints what a program imports, exports and needs.
func inspect(args []string, stdout io.Writer) error {
	switch {
	case len(args) == 1 && slices.Contains([]string{"-h", "-help", "--help"}, args[0]):
		_, err := io.WriteString(stdout, inspectUsage)
		return err
	case len(args) != 1 || strings.HasPrefix(args[0], "-"):
		return usageError("name one program: gowasix inspect prog.wasm")
	}
	wasm, err := readProgram(args[0])
	if err != nil {
		return err
	}
	info, err := wasmfile.Read(wasm)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	calls, linkErr := wasix.Link(info)
	printKind(stdout, info)
	if linkErr != nil {
		return fmt.Errorf("%s: %w", args[0], linkErr)
	}
	printImports(stdout, calls)
	if kind := info.Kind(); kind == wasmfile.Command || kind == wasmfile.Reactor {
		printEngines(stdout, info)
	}
	return nil
}

// readProgram reads a program file.
func readProgram(path string) ([]byte, error) {
	wasm, err := os.ReadFile(path)
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return nil, fmt.Errorf("cannot read the program %s: %w", path, pathErr.Err)
	}
	return wasm, err
}

// kinds tells what can be done with each kind of binary.
var kinds = map[wasmfile.Kind]string{
	wasmfile.Command: "program (_start)",
	wasmfile.Reactor: "reactor (_initialize): a Go program can call it, gowasix run cannot",
	wasmfile.Library: "dynamic library: it does not run by itself; link programs statically",
	wasmfile.Object:  "object file: link it to a program",
	wasmfile.Unknown: "no program: it exports neither _start nor _initialize",
}

func printKind(w io.Writer, info *wasmfile.Info) {
	fmt.Fprintf(w, "kind:      %s\n", kinds[info.Kind()])
	if m := info.Memory; m != nil {
		fmt.Fprintf(w, "memory:    %s\n", describeMemory(m))
	}
	fmt.Fprintf(w, "features:  %s\n", orNone(info.Features.String()))
	for _, x := range []struct{ export, means string }{
		{"wasi_thread_start", "threads"},
		{"_start_thread", "threads, in the form of 2022 and 2023"},
		{"asyncify_start_unwind", "asyncify: fork, exec and setjmp can work"},
		{"__wasm_signal", "takes signals"},
	} {
		if _, ok := info.Exports[x.export]; ok {
			fmt.Fprintf(w, "exports:   %s: %s\n", x.export, x.means)
		}
	}
}

func describeMemory(m *wasmfile.MemoryInfo) string {
	where, shared := "own", ""
	if m.Imported {
		where = "imported as " + m.Module + "." + m.Name
	}
	if m.Shared {
		shared = ", shared"
	}
	return fmt.Sprintf("%s, %d to %d pages of 64 KiB%s", where, m.Min, m.Max, shared)
}

// printImports lists the imported system calls with their support.
func printImports(w io.Writer, calls []*wasix.Syscall) {
	lines := make([]string, len(calls))
	for i, c := range calls {
		lines[i] = fmt.Sprintf("  %-48s %s", c.Module+"."+c.Name, c.Support)
		if c.Note != "" {
			lines[i] += ": " + c.Note
		}
	}
	slices.Sort(lines)
	fmt.Fprintf(w, "imports:   %d system calls\n", len(calls))
	for _, l := range slices.Compact(lines) {
		fmt.Fprintln(w, l)
	}
}

// printEngines tells what each engine does with the program.
func printEngines(w io.Writer, info *wasmfile.Info) {
	shared := info.Memory != nil && info.Memory.Shared
	fmt.Fprintf(w, "wasmer:    %s\n", verdict(info.Features&wasmer.Lacking, shared, "shared memory and futex instructions"))
	fmt.Fprintf(w, "wazero:    %s\n", verdict(info.Features&wazero.Lacking, info.AtomicWait, "futex instructions"))
}

// verdict tells what an engine does with a program, given the features it lacks.
func verdict(missing wasmfile.Features, rewritten bool, what string) string {
	switch {
	case missing != 0:
		return "does not run it: lacks " + missing.String()
	case rewritten:
		return "runs it after rewriting " + what
	}
	return "runs it"
}

func orNone(s string) string {
	if s == "" {
		return "none beyond the first version of WebAssembly"
	}
	return s
}
