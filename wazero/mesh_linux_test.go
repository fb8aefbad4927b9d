package wazero_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network/virtual"
	"github.com/gowasix/gowasix/wazero"
)

// TestMesh runs echo servers, 200 without the race detector, each on a host of its own of one virtual network,
// and dials ten others from each of these hosts, all at once. No byte may be lost,
// and nothing stays behind.
func TestMesh(t *testing.T) {
	const (
		dials    = 10
		memories = 8 << 22 // a guest reserves 4 GiB; Go's own memory may grow a little
	)
	m := newEchoModule(t)
	useMesh(t, m, 2, 1) // what stays for the next one
	before := used(t)
	useMesh(t, m, hosts, dials)
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		after := used(t)
		if after.goroutines <= before.goroutines && after.reserved < before.reserved+memories && after.heap < before.heap+hosts*32<<10 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%+v before, %+v after", before, after)
		}
	}
}

func newEchoModule(t *testing.T) wasix.Module {
	e, err := wazero.NewEngine(wazero.WithoutCache())
	if err != nil {
		t.Fatal(err)
	}
	m, err := e.Compile(t.Context(), guests.Bytes("echo-poll"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(m.Close(), e.Close()); err != nil {
			t.Error(err)
		}
	})
	return m
}

// usage is what a Go program has.
type usage struct {
	goroutines, reserved int // KiB of address space
	heap                 uint64
}

func used(t *testing.T) usage {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return usage{runtime.NumGoroutine(), status(t, "VmSize"), m.HeapAlloc}
}

// useMesh makes a mesh, uses it, and takes it down.
func useMesh(t *testing.T, m wasix.Module, hosts, dials int) {
	vnet := virtual.New()
	ctx, cancel := context.WithCancel(t.Context())
	commands := make([]*wasix.Cmd, hosts)
	listen := make([]chan struct{}, hosts)
	for i := range commands {
		listen[i] = make(chan struct{})
		commands[i] = wasix.Command(m, "echo-poll", "0.0.0.0", "7")
		commands[i].Network = vnet.Host(hostName(i))
		commands[i].Stdout = &firstWrite{seen: listen[i]}
		if err := commands[i].Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for i := range listen {
		<-listen[i]
	}
	var all sync.WaitGroup
	for i := range hosts {
		for k := range dials {
			to := hostName((i + 1 + k*k) % hosts)
			all.Go(func() {
				if err := echoed(ctx, vnet.Host(hostName(i)), to+":7", i*dials+k); err != nil {
					t.Errorf("%s to %s: %v", hostName(i), to, err)
				}
			})
		}
	}
	all.Wait()
	cancel()
	for i := range commands {
		if err := commands[i].Wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s ended with %v", hostName(i), err)
		}
	}
	_ = vnet.Close()
}

func hostName(i int) string { return fmt.Sprint("guest", i) }

// firstWrite tells when a guest prints, which it does when it listens.
type firstWrite struct {
	once sync.Once
	seen chan struct{}
}

func (w *firstWrite) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.seen) })
	return len(p), nil
}

// echoed sends bytes that no other connection does, and checks those that return.
func echoed(ctx context.Context, from *virtual.Host, to string, seed int) error {
	c, err := from.DialContext(ctx, "tcp", to)
	if err != nil {
		return err
	}
	defer c.Close()
	data := bytes.Repeat(fmt.Appendf(nil, "%d,", seed), 4000)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(data)
		sent <- errors.Join(err, closeWrite(c))
	}()
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Minute)) // for a test that hangs
	got, err := io.ReadAll(c)
	if err := errors.Join(err, <-sent); err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("%d bytes of %d return, or others", len(got), len(data))
	}
	return nil
}

func closeWrite(c net.Conn) error { return c.(interface{ CloseWrite() error }).CloseWrite() }
