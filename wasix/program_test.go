package wasix

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// slowEngine compiles nothing before it is released, whatever its context says.
type slowEngine struct {
	fakeEngine
	began, release chan struct{}
	closed         chan struct{}
}

func newSlowEngine() *slowEngine {
	return &slowEngine{began: make(chan struct{}), release: make(chan struct{}), closed: make(chan struct{})}
}

func (e *slowEngine) Compile(context.Context, []byte) (Module, error) {
	close(e.began)
	<-e.release
	return &slowModule{shows, e}, nil
}

type slowModule struct {
	*fakeModule
	engine *slowEngine
}

func (m *slowModule) Close() error {
	close(m.engine.closed)
	return nil
}

// compilesSlowly is a command whose engine is e, and that has a file to compile.
func compilesSlowly(m *fakeModule, e *slowEngine, out *bytes.Buffer) *Cmd {
	c := execCommand(m, out)
	c.Engine = e
	c.Mounts = []vfs.Mount{{FS: vfs.FS(fstest.MapFS{"slow.wasm": {Data: wasmMagic}})}}
	return c
}

// callSlow calls exec or spawn with the file that is compiled slowly.
func callSlow(th *Thread, how string) error {
	n, nn := putText(th, 1024, "/slow.wasm")
	a, an := putText(th, 2048, "slow\n")
	var err error
	switch how {
	case "proc_exec":
		_, err = callRaw(th, procExec, n, nn, a, an)
	case "proc_exec3":
		_, err = call(th, procExec3, n, nn, a, an, 0, 0, 0, 0, 0)
	case "proc_spawn":
		_, err = spawnCall(th, "/slow.wasm", nil)
	case "proc_spawn2":
		_, err = call(th, procSpawn2, n, nn, a, an, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4096)
	}
	return err
}

var slowCalls = []string{"proc_exec", "proc_exec3", "proc_spawn", "proc_spawn2"}

// Killing a tree does not wait for a compiler. What that makes is freed.
func TestKillWhileCompiling(t *testing.T) {
	for _, how := range slowCalls {
		e := newSlowEngine()
		var out bytes.Buffer
		c := compilesSlowly(program(func(th *Thread) error { return callSlow(th, how) }), e, &out)
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-e.began
		c.Process.Kill()
		select {
		case <-c.Process.Done():
		case <-time.After(time.Minute):
			t.Fatalf("%s: it waits for the compiler", how)
		}
		if err := c.Wait(); code(t, err) != 128+int(abi.SignalKill) {
			t.Errorf("%s: %v", how, err)
		}
		close(e.release)
		<-e.closed
	}
}

// A thread that waits for a compiler ends as another executes a program.
func TestExecWhileCompiling(t *testing.T) {
	for _, how := range slowCalls {
		e := newSlowEngine()
		var out bytes.Buffer
		c := compilesSlowly(&fakeModule{exports{
			"_start": func(th *Thread, _ []uint64) (uint64, error) {
				if _, err := call(th, threadSpawnV2, 256, 64); err != nil {
					return 0, err
				}
				return 0, callSlow(th, how)
			},
			"wasi_thread_start": func(th *Thread, _ []uint64) (uint64, error) {
				<-e.began
				n, nn := putText(th, 3072, "/bin/show")
				_, err := call(th, procExec3, n, nn, 2048, 0, 0, 0, 0, 0, 0)
				return 0, err
			},
		}}, e, &out)
		if err := c.Run(t.Context()); code(t, err) != 5 || !strings.HasPrefix(out.String(), `"" [""]`) { // as on Linux without arguments
			t.Errorf("%s: %v, %q", how, err, out.String())
		}
		close(e.release)
		<-e.closed
	}
}
