// Command gowasix runs WASIX programs from a terminal and tells what they need.
//
//	gowasix run [flags] prog.wasm [args...]
//	gowasix inspect prog.wasm
//
// "gowasix run --help" lists the flags. The exit status is the guest's own; 125
// means that gowasix itself failed, before or instead of running it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// Exit statuses of gowasix itself, as env(1) and docker run have them.
const (
	statusUsage  = 2
	statusFailed = 125
)

const usage = `usage:
  gowasix run [flags] prog.wasm [args...]   run a program; gowasix run --help lists the flags
  gowasix inspect prog.wasm                 tell what a program imports, exports and needs
`

func main() {
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
		err = inspect(args[1:], stdout, stderr)
	case "help", "-h", "-help", "--help":
		_, err = io.WriteString(stdout, usage)
	default:
		fmt.Fprintf(stderr, "gowasix: unknown command %q\n%s", args[0], usage)
		return statusUsage
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return statusUsage
	case err != nil:
		fmt.Fprintln(stderr, "gowasix:", err)
		return statusFailed
	}
	return status
}

// errUsage is returned after what is wrong with the command line was printed.
var errUsage = errors.New("usage")
