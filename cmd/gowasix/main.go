// Command gowasix runs WASIX programs from a terminal and tells what they need.
//
//	gowasix run [flags] prog.wasm [args...]
//	gowasix inspect prog.wasm
//	gowasix version
//
// "gowasix run --help" lists the flags. The exit status is the guest's own; 125
// means that gowasix itself failed, before or instead of running it.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// Exit statuses of gowasix itself, as env(1) and docker run have them.
const (
	statusUsage  = 2
	statusFailed = 125
)

// minProcs is the least GOMAXPROCS, unless the environment sets it: a guest thread
// that blocks in the kernel holds a processor of the Go scheduler for a while,
// and on a machine of one or two the others would wait for that.
const minProcs = 8

func main() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(minProcs, runtime.GOMAXPROCS(0)))
	}
	os.Exit(gowasix(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// gowasix carries out a command line and returns the exit status.
func gowasix(args []string, stdin, stdout, stderr *os.File) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return statusUsage
	}
	var err error
	status := 0
	switch args[0] {
	case "run":
		status, err = run(args[1:], stdin, stdout, stderr)
	case "inspect":
		err = inspect(args[1:], stdout)
	case "version", "--version":
		_, err = fmt.Fprintln(stdout, version())
	case "help", "-h", "-help", "--help":
		_, err = io.WriteString(stdout, usage)
	default:
		err = unknownCommand(args[0])
	}
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(stderr, "gowasix:", err)
		return statusUsage
	case err != nil:
		fmt.Fprintln(stderr, "gowasix:", err)
		return statusFailed
	}
	return status
}

// errUsage is what is wrong with a command line.
var errUsage = errors.New("usage")

// usageError is an errUsage with a sentence for the user.
type usageError string

func (e usageError) Error() string   { return string(e) }
func (e usageError) Is(t error) bool { return t == errUsage }

func unknownCommand(name string) error {
	if strings.HasSuffix(name, ".wasm") {
		return usageError("write gowasix run " + name)
	}
	return usageError(fmt.Sprintf("there is no command %q; gowasix help lists them", name))
}

// version returns the module's version and the engines in this build.
func version() string {
	v := "gowasix (unknown version)"
	if info, ok := debug.ReadBuildInfo(); ok {
		v = "gowasix " + info.Main.Version
	}
	return v + ", engines: " + strings.Join(engineNames(), ", ")
}
