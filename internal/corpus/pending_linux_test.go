package corpus

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
)

// pending is a program that does not run yet. Once it does, it belongs among
// the others, and the test says so.
type pending struct {
	name   string
	reason string
	stdin  string
	passes *regexp.Regexp // what the program prints when it works
}

// pendingLimit is how long a program that does not work may take to show it.
const pendingLimit = 5 * time.Second

// Reasons why a program does not run.
const (
	needsFork   = "forks"
	needsSetjmp = "saves its stack (setjmp)"
	needsSpawn  = "starts another program"
)

var pendingPrograms = []pending{
	{name: "bash", reason: needsSetjmp, stdin: "echo $((6*7))\n", passes: regexp.MustCompile(`(?m)^42$`)},
	{name: "dash", reason: needsSetjmp, stdin: "echo $((6*7))\n", passes: regexp.MustCompile(`(?m)^(# )*42$`)},
	{name: "example-epoll", reason: needsFork, passes: regexp.MustCompile(`success read from efd`)},
	{name: "example-execve", reason: needsFork, passes: regexp.MustCompile(`Child\(\d+\) exited with 0`)},
	{name: "example-fork", reason: needsFork, passes: regexp.MustCompile(`Child\(\d+\) exited with`)},
	{name: "example-fork-longjmp", reason: needsSetjmp, passes: regexp.MustCompile(`Child\(\d+\) exited with 5`)},
	{name: "example-longjmp", reason: needsSetjmp, passes: regexp.MustCompile(`(?s)\(A1\).*\(B1\).*\(A2\)`)},
	{name: "example-pipe", reason: needsFork, passes: regexp.MustCompile(`printed by the parent`)},
	{name: "example-spawn", reason: needsSpawn, passes: regexp.MustCompile(`Child status 0`)},
	{name: "example-stack", reason: needsSetjmp, passes: regexp.MustCompile(`^`)},
	{name: "example-vfork", reason: needsFork, passes: regexp.MustCompile(`Child\(\d+\) exited with`)},
}

// check runs the program and reports when it works. It is to fail as guests do,
// within bounds.
func (p *pending) check(t *testing.T, module wasix.Module) {
	ctx, cancel := context.WithTimeout(t.Context(), pendingLimit)
	defer cancel()
	out := newOutput()
	cmd := wasix.Command(module, p.name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(p.stdin), out, out
	cmd.Network = network.None()
	err := cmd.Run(ctx)
	if err == nil && p.passes.MatchString(out.String()) {
		t.Errorf("it runs: move %s from pendingPrograms to publicPrograms\n%s", p.name, out)
	}
}
