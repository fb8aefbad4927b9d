package wasixtest

import (
	"errors"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix"
)

// castCases are about calls through pointers to functions of another type.
var castCases = []engineCase{
	{"a function gets what there is and gives what it can", castCall(false)},
	{"threads do so, too", castCall(true)},
}

// caster returns a program that ends with the exit code that a function without
// parameters gives it, called with an argument, by the first thread or another.
func caster(byThread bool) *Module {
	call := Body(I32Const(9), I32Const(0), CallIndirect(threadSpawn), exit)
	m := program(call, nil)
	if byThread {
		m = program(Body(spawn, spin), call)
	}
	m.Functions = append(m.Functions, Function{Signature: returnsI32, Body: I32Const(40)})
	m.Table = []int{len(m.Imports) + len(m.Functions) - 1}
	return m
}

func castCall(byThread bool) func(*testing.T, wasix.Engine) {
	return func(t *testing.T, e wasix.Engine) { wantExit(t, run(t, compile(t, e, caster(byThread))), 40) }
}

func trapCast(t *testing.T, e wasix.Engine) {
	err := run(t, compile(t, e, caster(false)))
	wantTrap(t, err)
	var trap *wasix.Trap
	if errors.As(err, &trap) && !strings.HasPrefix(trap.Message, "indirect call type mismatch") {
		t.Errorf("the message is %q", trap.Message)
	}
}
