package wasix

import (
	"errors"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// exportCall is one Process.Call on its way to the main thread.
type exportCall struct {
	export string
	args   []uint64
	result uint64
	err    error
	done   chan struct{}
}

// Call runs an export of a process started with [Cmd.Reactor], on its main
// thread, and returns the result; concurrent calls wait for each other. A trap
// ends the process.
func (p *Process) Call(export string, args ...uint64) (uint64, error) {
	c := &exportCall{export: export, args: args, done: make(chan struct{})}
	select {
	case p.calls <- c:
	case <-p.ctx.Done():
		return 0, errProcessEnded
	}
	<-c.done
	return c.result, c.err
}

var errProcessEnded = errors.New("wasix: the process has ended")

// serve carries out the calls of exports until the process ends.
func (p *Process) serve(t *Thread) error {
	if t.instance.HasExport("_initialize") {
		if _, err := t.call("_initialize"); err != nil {
			return err
		}
	}
	for {
		select {
		case c := <-p.calls:
			c.result, c.err = t.call(c.export, c.args...)
			close(c.done)
			if c.err != nil {
				return c.err
			}
		case <-p.ctx.Done():
			return nil
		}
	}
}

// runMain is the main thread's work: the program, or the calls of a reactor.
func (p *Process) runMain(reactor bool) func(*Thread) error {
	return func(t *Thread) error {
		t.findStack()
		if reactor {
			return p.serve(t)
		}
		_, err := t.call("_start")
		return p.returned(err)
	}
}

// returned ends the process after its program has returned.
func (p *Process) returned(err error) error {
	if err == nil {
		p.exit(exitStatus{})
	}
	return err
}

// errNoStart says why a module without _start is no program.
func errNoStart(info *wasmfile.Info) error {
	if _, ok := info.Exports["_initialize"]; ok {
		return errors.New("the module exports _initialize but not _start: it is a library (reactor), not a program")
	}
	return errors.New("the module does not export _start: it is not a program; was it linked with an entry point?")
}
