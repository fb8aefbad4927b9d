package corpus

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// guest is a running program.
type guest struct {
	t       *testing.T
	process *wasix.Process
	out     *output // both standard outputs
	cancel  context.CancelFunc
	done    chan struct{}
	err     error // of Wait, once done is closed
}

// start starts a program for at most the limit; configure may be nil.
func start(t *testing.T, module wasix.Module, configure func(*wasix.Cmd), args ...string) *guest {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	g := &guest{t: t, out: newOutput(), cancel: cancel, done: make(chan struct{})}
	cmd := wasix.Command(module, args...)
	cmd.Stdout, cmd.Stderr = g.out, g.out
	if configure != nil {
		configure(cmd)
	}
	if err := cmd.Start(ctx); err != nil {
		cancel()
		t.Fatal(err)
	}
	g.process = cmd.Process
	go func() {
		g.err = cmd.Wait()
		g.out.close()
		close(g.done)
	}()
	t.Cleanup(func() {
		cancel()
		<-g.done
	})
	return g
}

// wait waits for the end and returns the exit status, with all output.
func (g *guest) wait() (status int, out string) {
	<-g.done
	g.cancel()
	var exit *wasix.ExitError
	if g.err != nil && !errors.As(g.err, &exit) {
		g.t.Error(g.err)
	}
	if exit != nil {
		status = exit.ExitCode()
	}
	return status, g.out.String()
}

// expect waits until the output has a match and returns its groups.
func (g *guest) expect(pattern string) []string {
	g.t.Helper()
	m := g.out.wait(regexp.MustCompile(pattern))
	if m == nil {
		g.t.Fatalf("the program ended (%v) without printing %q; it printed\n%s", g.err, pattern, g.out)
	}
	return m
}

// stop kills a server, which must still be there.
func (g *guest) stop() {
	g.t.Helper()
	select {
	case <-g.done:
		g.t.Errorf("the server ended by itself: %v\n%s", g.err, g.out)
		return
	default:
	}
	g.cancel()
	<-g.done
	var exit *wasix.ExitError
	if !errors.As(g.err, &exit) || exit.Signal() != abi.SignalKill || !errors.Is(g.err, context.Canceled) {
		g.t.Errorf("the server ended with %v; want the context's cancellation", g.err)
	}
}

// runs returns a check of a program that ends by itself, successfully, with an
// output that correct accepts.
func runs(correct func(out string) bool, configure func(*wasix.Cmd), args ...string) func(*testing.T, wasix.Module) {
	return func(t *testing.T, module wasix.Module) {
		status, out := start(t, module, configure, args...).wait()
		if status != 0 || !correct(out) {
			t.Errorf("exit status %d, output\n%s", status, out)
		}
	}
}

// mounted returns the mount of a host directory at path, for as long as the test.
func mounted(t *testing.T, dir, path string, readOnly bool) vfs.Mount {
	t.Helper()
	d, err := vfs.HostDir(dir, readOnly)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.(io.Closer).Close() })
	return vfs.Mount{Guest: path, FS: d}
}

// output keeps what a guest writes and wakes who waits for it.
type output struct {
	mu     sync.Mutex
	grown  *sync.Cond
	buf    bytes.Buffer
	closed bool
}

func newOutput() *output {
	o := &output{}
	o.grown = sync.NewCond(&o.mu)
	return o
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.grown.Broadcast()
	return o.buf.Write(p)
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.grown.Broadcast()
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// wait returns the first match once there is one, nil at the end of output.
func (o *output) wait(re *regexp.Regexp) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		if m := re.FindStringSubmatch(o.buf.String()); m != nil || o.closed {
			return m
		}
		o.grown.Wait()
	}
}

// things counts what a program could leave behind in this process.
type things struct{ goroutines, descriptors int }

func openThings(t *testing.T) things {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		link, err := os.Readlink("/proc/self/fd/" + e.Name())
		// Go's own poller stays, and so do waiters kept for use again.
		if err == nil && !strings.HasPrefix(link, "anon_inode:") && !strings.HasSuffix(link, "/fd") {
			n++
		}
	}
	return things{countGoroutines(), n}
}

// countGoroutines counts all but the one that waits for all descriptors, which
// the first wait starts for good.
func countGoroutines() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte("\n\ngoroutine ")) - bytes.Count(stacks, []byte("ready.(*poller).run("))
}

// compare reports what is more than before, after time for the last to go.
func (before things) compare(t *testing.T) {
	t.Helper()
	var now things
	for range 200 {
		now = openThings(t)
		if now.goroutines <= before.goroutines && now.descriptors <= before.descriptors {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("left behind: before %+v, now %+v", before, now)
}
