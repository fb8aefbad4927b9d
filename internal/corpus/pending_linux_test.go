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

var pendingPrograms = []pending{
	{name: "example-pipe", reason: "writes to the end of its pipe that is for reading, as Wasmer lets it", passes: regexp.MustCompile(`printed by the parent`)},
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
