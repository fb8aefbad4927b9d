package scale

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	. "github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// waits are the ways in which a guest does not end by itself. Each returns what
// the program does first, and what all its threads do then.
var waits = []struct {
	name string
	make func(*testing.T, *program) (setup, body []byte)
}{
	{"computing", func(*testing.T, *program) (setup, body []byte) { return nil, Loop(Br(0)) }},
	{"calling", func(_ *testing.T, p *program) (setup, body []byte) {
		return nil, Loop(p.must("sched_yield"), Br(0))
	}},
	{"accept", func(_ *testing.T, p *program) (setup, body []byte) { return p.listen(), p.accept(firstFD) }},
	{"recv", func(t *testing.T, p *program) (setup, body []byte) {
		p.address(silentPeer(t))
		connect := Body(p.open(), I32Const(firstFD), I32Const(addressAt), p.must("sock_connect"))
		return connect, p.recv()
	}},
	{"recv of AF_UNIX", func(_ *testing.T, p *program) (setup, body []byte) {
		return Body(I32Const(int32(abi.AddressFamilyUnix)), I32Const(int32(abi.SockTypeStream)), I32Const(0),
			scratch(0), scratch(4), p.must("sock_pair")), p.recv()
	}},
	{"connect", func(t *testing.T, p *program) (setup, body []byte) {
		p.address(fullListener(t))
		return nil, Body(p.open(), scratch(0), I32Load(0), I32Const(addressAt), p.must("sock_connect"))
	}},
	{"resolve", func(_ *testing.T, p *program) (setup, body []byte) { return nil, p.resolve() }},
	{"poll of a socket", func(_ *testing.T, p *program) (setup, body []byte) { return p.listen(), p.pollRead() }},
	{"poll of a pipe", func(_ *testing.T, p *program) (setup, body []byte) { return p.pipe(), p.pollRead() }},
	{"read of a pipe", func(_ *testing.T, p *program) (setup, body []byte) {
		return p.pipe(), Body(I32Const(firstFD), p.buffer(), I32Const(1), scratch(0), p.must("fd_read"))
	}},
	{"sleep", func(_ *testing.T, p *program) (setup, body []byte) {
		return nil, Body(I64Const(int64(time.Hour)), p.must("thread_sleep"))
	}},
	{"futex_wait", func(_ *testing.T, p *program) (setup, body []byte) {
		return nil, Body(I32Const(futexAt), I32Const(0), I32Const(noneAt), scratch(0), p.must("futex_wait"))
	}},
	{"memory.atomic.wait32", func(*testing.T, *program) (setup, body []byte) {
		return nil, Body(I32Const(futexAt), I32Const(0), I64Const(-1), MemoryAtomicWait32(), If(Unreachable))
	}},
	// The main thread waits for the second, and all others for the main thread.
	// Alone, it waits for itself in a futex.
	{"thread_join", func(_ *testing.T, p *program) (setup, body []byte) {
		return nil, Body(
			LocalGet(0), I32Const(1), I32Ne, If(I32Const(1), p.must("thread_join")),
			I32Const(2), p.must("thread_join"),
			I32Const(futexAt), I32Const(0), I32Const(noneAt), scratch(0), p.must("futex_wait"))
	}},
}

func (p *program) pipe() []byte { return Body(scratch(0), scratch(4), p.must("fd_pipe")) }

// buffer pushes the address of an iovec with a buffer that nobody looks at.
func (p *program) buffer() []byte {
	const iovecAt = 512
	p.data = append(p.data, Data{Offset: iovecAt, Bytes: []byte{0, 3, 0, 0, 8, 0, 0, 0}})
	return I32Const(iovecAt)
}

// resolve looks up a name that silentResolver is asked for.
func (p *program) resolve() []byte {
	const nameAt, name = 640, "db.test"
	p.data = append(p.data, Data{Offset: nameAt, Bytes: []byte(name)})
	return Body(I32Const(nameAt), I32Const(int32(len(name))), I32Const(0), scratch(0), I32Const(1), scratch(32), p.must("resolve"))
}

// silentResolver never answers, and ends with the context, or when end is closed
// unless it is nil.
type silentResolver struct{ end chan struct{} }

func (r silentResolver) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	if r.end != nil {
		<-r.end
	} else {
		<-ctx.Done()
	}
	return nil, ctx.Err()
}

func (p *program) recv() []byte {
	return Body(I32Const(firstFD), p.buffer(), I32Const(1), I32Const(0), scratch(0), scratch(4), p.must("sock_recv"))
}

// silentPeer returns the address of a server that accepts and says nothing.
func silentPeer(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			// Reading ends when the guest does.
			_, _ = c.Read(make([]byte, 1))
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// fullListener returns the address of a listener that takes no more connections.
func fullListener(t *testing.T) netip.AddrPort {
	t.Helper()
	fds := make([]int, 3)
	for i := range fds {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		fds[i] = fd
	}
	if err := errors.Join(unix.Bind(fds[0], &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fds[0], 0)); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fds[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds[1:] {
		if err := unix.Connect(fd, name); err != nil && err != unix.EINPROGRESS {
			t.Fatal(err)
		}
	}
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*unix.SockaddrInet4).Port))
}

// TestCancel cancels the context of guests that wait, or compute, in one thread
// and in many, and looks that nothing is left of them. It prints how long it took
// from the cancellation until everything had ended.
func TestCancel(t *testing.T) {
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		for _, threads := range []int{1, 50} {
			for _, w := range waits {
				if threads == 1 && w.name == "thread_join" {
					continue // takes two
				}
				t.Run(fmt.Sprintf("%s, %d threads", w.name, threads), func(t *testing.T) {
					p := &program{}
					setup, body := w.make(t, p)
					m := compile(t, e, p.binary(threads, setup, body))
					cancelOnce(t, m, threads, 0) // starts what lives as long as the Go process
					before := measure(t)
					var took []time.Duration
					for i := range rounds(threads) {
						took = append(took, cancelOnce(t, m, threads, time.Duration(i)*time.Millisecond))
					}
					checkBack(t, before)
					slices.Sort(took)
					t.Logf("median %v, longest %v", took[len(took)/2], took[len(took)-1])
				})
			}
		}
	})
}

// rounds is how often a guest with so many threads is cancelled.
func rounds(threads int) int {
	if threads == 1 {
		return 10
	}
	return 3
}

// cancelOnce starts a guest, cancels its context when all threads are about to
// wait, or some time later, and returns how long it took to end.
func cancelOnce(t *testing.T, m wasix.Module, threads int, later time.Duration) time.Duration {
	t.Helper()
	return cancelWith(t, m, network.Host(network.WithResolver(silentResolver{})), threads, later)
}

// cancelWith is cancelOnce on a network.
func cancelWith(t *testing.T, m wasix.Module, n network.Network, threads int, later time.Duration) time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w := &watched{Module: m}
	cmd := wasix.Command(w, "guest")
	cmd.Network = n
	if err := cmd.Start(ctx); err != nil {
		t.Fatal(err)
	}
	w.await(uint32(threads), cmd.Process)
	time.Sleep(later)
	start := time.Now()
	cancel()
	err := end(t, cmd)
	took := time.Since(start)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want the context's error", err)
	}
	return took
}

// TestCancelDeafResolver cancels guests whose names are looked up by what does not
// heed the context. They end at once, and of it is left what it is in itself.
func TestCancelDeafResolver(t *testing.T) {
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		p := &program{}
		m := compile(t, e, p.binary(4, nil, p.resolve()))
		cancelOnce(t, m, 4, 0)
		before := measure(t)
		deaf := silentResolver{end: make(chan struct{})}
		for _, n := range []network.Network{
			network.Host(network.WithResolver(deaf)),
			network.WithNames(network.None(), network.Names{Resolver: deaf, Search: []string{"lan"}}),
		} {
			cancelWith(t, m, n, 4, time.Millisecond)
		}
		close(deaf.end)
		checkBack(t, before)
	})
}

// TestCancelStartFunction cancels a module that never comes to an end of its
// start function.
func TestCancelStartFunction(t *testing.T) {
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		for name, body := range map[string][]byte{
			"computing": Loop(Br(0)),
			"waiting":   Body(I32Const(futexAt), I32Const(0), I64Const(-1), MemoryAtomicWait32(), Drop),
		} {
			t.Run(name, func(t *testing.T) {
				m := compile(t, e, (&Module{
					Memory: &wasmfile.MemoryInfo{
						Imported: true, Module: "env", Name: "memory", Min: 1, Max: 2, HasMax: true, Shared: true,
					},
					Functions: []Function{{Export: "_start"}, {Export: "begin", Body: body}},
					Start:     "begin",
				}).Binary())
				before := measure(t)
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
				defer cancel()
				if err := wasix.Command(m, "guest").Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v, want the context's error", err)
				}
				checkBack(t, before)
			})
		}
	})
}

// TestCancelWhileStarting cancels the context at any time from the compilation
// on. Whatever comes of it, nothing is left.
func TestCancelWhileStarting(t *testing.T) {
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		p := &program{}
		setup := p.listen()
		wasm := p.binary(4, setup, p.accept(firstFD))
		before := measure(t)
		for i := range 40 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*100*time.Microsecond)
			startAndEnd(t, ctx, e, wasm)
			cancel()
		}
		checkBack(t, before)
	})
}

func startAndEnd(t *testing.T, ctx context.Context, e wasix.Engine, wasm []byte) {
	t.Helper()
	m, err := e.Compile(ctx, wasm)
	if err != nil {
		if ctx.Err() == nil {
			t.Fatal(err)
		}
		return
	}
	defer m.Close()
	cmd := wasix.Command(m, "guest")
	cmd.Network = network.Host()
	if err := cmd.Start(ctx); err != nil {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		return
	}
	if err := end(t, cmd); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v, want the context's error", err)
	}
}
