package wasix

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// exports are the functions of a guest written in Go.
type exports = map[string]func(*Thread, []uint64) (uint64, error)

// program is a guest that only has a _start.
func program(start func(*Thread) error) *fakeModule {
	return &fakeModule{exports{"_start": func(t *Thread, _ []uint64) (uint64, error) { return 0, start(t) }}}
}

var returns = program(func(*Thread) error { return nil })

// sleeps waits until it is killed.
var sleeps = program(func(t *Thread) error {
	_, err := call(t, threadSleep, uint64(time.Hour))
	return err
})

// prints writes text to standard output and exits with 3 when that fails.
func prints(text string) *fakeModule {
	return program(func(t *Thread) error {
		copy(t.mem[1024:], text)
		putIovec(t, 512, 1024, uint32(len(text)))
		if e, _ := call(t, fdWrite, 1, 512, 1, 520); e != abi.ESUCCESS {
			_, err := callRaw(t, procExit, 3)
			return err
		}
		return nil
	})
}

func putIovec(t *Thread, at, ptr, n uint32) {
	t.putUint32(at, ptr)
	t.putUint32(at+4, n)
}

func TestCommandIsChecked(t *testing.T) {
	done, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("closing time"))
	for _, c := range []struct {
		name   string
		change func(*Cmd)
		ctx    context.Context
		want   string
	}{
		{"no module", func(c *Cmd) { c.Module = nil }, t.Context(), "without a module"},
		{"no program", func(c *Cmd) { c.Module = &fakeModule{} }, t.Context(), "_start"},
		{"NUL in an argument", func(c *Cmd) { c.Args = []string{"a", "b\x00c"} }, t.Context(), "NUL"},
		{"NUL in the environment", func(c *Cmd) { c.Env = []string{"A=\x00"} }, t.Context(), "NUL"},
		{"more names than sockets", func(c *Cmd) { c.SocketNames = []string{"a"} }, t.Context(), "1 names for 0 sockets"},
		{"missing directory", func(c *Cmd) { c.Dir = "/nowhere" }, t.Context(), "current directory"},
		{"no room for the streams", func(c *Cmd) { c.MaxDescriptors = 2 }, t.Context(), "standard streams"},
		{"context done", func(*Cmd) {}, done, "closing time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := Command(returns, "guest")
			c.change(cmd)
			err := cmd.Start(c.ctx)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Start: %v, want one about %q", err, c.want)
			}
			if cmd.Process != nil || cmd.Wait() == nil {
				t.Error("the process exists")
			}
			if cmd.Start(t.Context()) == nil {
				t.Error("started a second time")
			}
		})
	}
}

func TestRelativeDirIsFromTheRoot(t *testing.T) {
	cmd := Command(returns, "guest")
	cmd.Dir = "."
	if err := cmd.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := cmd.Process.cwd; got != "/" {
		t.Errorf("current directory %q", got)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestEnvironmentHasEachNameOnce(t *testing.T) {
	cmd := Command(returns, "guest")
	cmd.Env = []string{"A=1", "LISTEN_FDS=9", "B=2", "A=3", "C", "A", "AA=4"}
	got := cmd.environ()
	if want := []string{"LISTEN_FDS=9", "B=2", "C", "A", "AA=4"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	cmd.Sockets = make([]network.Socket, 2)
	got = cmd.environ()
	if want := []string{"B=2", "C", "A", "AA=4", "LISTEN_FDS=2", "LISTEN_PID=1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	cmd.SocketNames = []string{"web"}
	if got := cmd.environ(); got[len(got)-1] != "LISTEN_FDNAMES=web:unknown" {
		t.Errorf("%q", got)
	}
}

// Start owns the sockets from its call on, whatever comes of it.
func TestFailedStartClosesSockets(t *testing.T) {
	for name, change := range map[string]func(*Cmd){
		"no room":    func(c *Cmd) { c.MaxDescriptors = 4 },
		"no program": func(c *Cmd) { c.Module = &fakeModule{} },
		"bad mount":  func(c *Cmd) { c.Dir = "/nowhere" },
	} {
		a, peerA, err := network.Unix().(network.Pairer).Pair(abi.SockTypeStream)
		if err != nil {
			t.Fatal(err)
		}
		b, peerB, err := network.Unix().(network.Pairer).Pair(abi.SockTypeStream)
		if err != nil {
			t.Fatal(err)
		}
		cmd := Command(returns, "guest")
		cmd.Sockets = []network.Socket{a, b}
		change(cmd)
		if cmd.Start(t.Context()) == nil {
			t.Errorf("%s: started", name)
		}
		for i, peer := range []network.Socket{peerA, peerB} {
			if n, _, err := peer.Recvmsg([][]byte{make([]byte, 1)}, 0, nil); n != 0 || err != nil {
				t.Errorf("%s: socket %d: the peer reads %d, %v, want the end", name, i, n, err)
			}
			_ = peer.Close()
		}
	}
}

func TestManyMayWait(t *testing.T) {
	cmd := Command(sleeps, "guest")
	if err := cmd.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if cmd.Start(t.Context()) == nil {
		t.Error("started twice")
	}
	var waiting sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		waiting.Go(func() { errs[i] = cmd.Wait() })
	}
	cmd.Process.Kill()
	waiting.Wait()
	for _, err := range append(errs, cmd.Wait()) {
		if exit := (*ExitError)(nil); !errors.As(err, &exit) || exit.Signal() != abi.SignalKill {
			t.Errorf("%v, want death by SIGKILL", err)
		}
	}
}

// A process whose threads all called thread_exit has ended with success; what
// comes after does not change that.
func TestKillAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cmd := Command(program(func(th *Thread) error {
		_, err := callRaw(th, threadExit, 0)
		return err
	}), "guest")
	if err := cmd.Start(ctx); err != nil {
		t.Fatal(err)
	}
	<-cmd.Process.Done()
	cmd.Process.Kill()
	cancel()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// closable tells when the memory of a process is closed.
type closable struct {
	*fakeModule
	closed *atomic.Bool
}

func (m closable) NewMemory() (Memory, error) { return m, nil }
func (m closable) Bytes() []byte              { return nil }
func (m closable) Close() error               { m.closed.Store(true); return nil }

// A process that is killed before its first thread exists has ended like any
// other: nothing is left of it.
func TestKillBeforeTheFirstThread(t *testing.T) {
	var closed atomic.Bool
	cmd := Command(closable{returns, &closed}, "guest")
	p, err := cmd.newProcess(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	if err := p.start(nil, p.runMain(false)); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if p.status.signal != abi.SignalKill || !closed.Load() {
		t.Errorf("status %+v, memory closed: %v", p.status, closed.Load())
	}
}

// ending ends the context while the module is instantiated.
type ending struct {
	*fakeModule
	end func()
}

func (m *ending) Instantiate(t *Thread, mem Memory) (Instance, error) {
	m.end()
	if _, err := call(t, threadSleep, uint64(time.Hour)); err != nil {
		return nil, err
	}
	return m.fakeModule.Instantiate(t, mem)
}

func TestCancelWhileInstantiating(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := Command(&ending{returns, cancel}, "guest").Run(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
}

// A program may end in its start function: that is no failure to start.
func TestExitWhileInstantiating(t *testing.T) {
	m := &exiting{returns}
	cmd := Command(m, "guest")
	if err := cmd.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if exit := (*ExitError)(nil); !errors.As(cmd.Wait(), &exit) || exit.ExitCode() != 7 {
		t.Errorf("%v, want exit status 7", exit)
	}
}

type exiting struct{ *fakeModule }

func (m *exiting) Instantiate(t *Thread, _ Memory) (Instance, error) {
	_, err := callRaw(t, procExit, 7)
	return nil, err
}

// A reader that never returns keeps neither the guest nor Wait from ending.
func TestBlockedInput(t *testing.T) {
	in, feed := io.Pipe()
	defer feed.Close()
	cmd := Command(sleeps, "guest")
	cmd.Stdin = in
	if err := cmd.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	if err := cmd.Wait(); err == nil {
		t.Error("a killed guest ended well")
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestFailingOutput(t *testing.T) {
	failure := errors.New("disk full")
	cmd := Command(prints("hello"), "guest")
	cmd.Stdout = failingWriter{failure}
	if err := cmd.Run(t.Context()); !errors.Is(err, failure) {
		t.Errorf("%v, want %v", err, failure)
	}
	// The guest's own failure counts more.
	cmd = Command(program(func(th *Thread) error {
		if err := prints("hello").run(th); err != nil {
			return err
		}
		_, err := callRaw(th, procExit, 4)
		return err
	}), "guest")
	cmd.Stdout = failingWriter{failure}
	if exit := (*ExitError)(nil); !errors.As(cmd.Run(t.Context()), &exit) || exit.ExitCode() != 4 {
		t.Errorf("%v, want exit status 4", exit)
	}
}

func (m *fakeModule) run(t *Thread) error {
	_, err := m.exports["_start"](t, nil)
	return err
}

func TestOutputIsCompleteAfterWait(t *testing.T) {
	var out bytes.Buffer
	cmd := Command(prints("hello"), "guest")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(t.Context()); err != nil || out.String() != "hello" {
		t.Errorf("%q, %v", out.String(), err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd = Command(prints("direct"), "guest")
	cmd.Stdout = w
	if err := cmd.Run(t.Context()); err != nil {
		t.Error(err)
	}
	_ = w.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "direct" {
		t.Errorf("%q, %v", got, err)
	}
}
