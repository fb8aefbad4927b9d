package scale

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network/virtual"
)

// mesh is guests on hosts of one virtual network. Each listens, and dials others of
// them by name once it is told to begin, and sends size bytes to each, which are to
// return.
type mesh struct {
	network *virtual.Network
	cmds    []*wasix.Cmd
	outputs []*meshOutput
	begin   gate
}

// startMesh starts n guests, of which each is to dial as many others, and waits
// until all listen.
func startMesh(ctx context.Context, t *testing.T, m wasix.Module, v *virtual.Network, n, dials, size int) *mesh {
	t.Helper()
	mesh := &mesh{network: v, begin: make(gate)}
	for i := range n {
		args := []string{"mesh", strconv.Itoa(meshPort), strconv.Itoa(size), strconv.Itoa(i * dials)}
		for k := range dials {
			args = append(args, meshName((i+1+k*k)%n))
		}
		cmd, out := wasix.Command(m, args...), &meshOutput{listens: make(chan struct{})}
		cmd.Network, cmd.Stdin, cmd.Stdout, cmd.Stderr = v.Host(meshName(i)), mesh.begin, out, out
		if err := cmd.Start(ctx); err != nil {
			t.Fatal(err)
		}
		mesh.cmds, mesh.outputs = append(mesh.cmds, cmd), append(mesh.outputs, out)
	}
	for i, out := range mesh.outputs {
		select {
		case <-out.listens:
		case <-mesh.cmds[i].Process.Done():
			t.Fatalf("%s does not listen: %s", meshName(i), out)
		}
	}
	return mesh
}

// heapTolerance is how many KiB Go's heap may grow: noise of its runtime.
const heapTolerance = 1 << 10

// meshPort is what all guests listen on.
const meshPort = 7

func meshName(i int) string { return "guest" + strconv.Itoa(i) }

// half returns the hosts of every other guest.
func (m *mesh) half() (hosts []*virtual.Host) {
	for i := 0; i < len(m.cmds); i += 2 {
		hosts = append(hosts, m.network.Host(meshName(i)))
	}
	return hosts
}

func (m *mesh) setCables(c virtual.Cable) {
	for i := range m.cmds {
		m.network.Host(meshName(i)).SetCable(c)
	}
}

// wait waits until all guests have ended, and fails the test unless all of them got
// back what they sent.
func (m *mesh) wait(t *testing.T) {
	t.Helper()
	for i, cmd := range m.cmds {
		if err := end(t, cmd); err != nil || !strings.HasSuffix(m.outputs[i].String(), "done\n") {
			t.Errorf("%s: %v, %s", meshName(i), err, m.outputs[i])
		}
	}
}

// await waits until each guest has a socket of which is returns true, or has ended.
func (m *mesh) await(is func(*wasix.SocketStats) bool) {
	for _, cmd := range m.cmds {
		for s := cmd.Process.Stats(); !s.Exited && !slices.ContainsFunc(s.Descriptors, func(d wasix.DescriptorStats) bool {
			return d.Socket != nil && is(d.Socket)
		}); s = cmd.Process.Stats() {
			time.Sleep(time.Millisecond)
		}
	}
}

// isDialling reports whether a connection is being made.
func isDialling(s *wasix.SocketStats) bool { return s.State == "SYN-SENT" }

// isAnswered reports whether the peer that a guest has dialled sends bytes back.
func isAnswered(s *wasix.SocketStats) bool { return s.Peer.Port() == meshPort && s.BytesIn > 0 }

// gate is a standard input that ends when it is closed.
type gate chan struct{}

func (g gate) Read([]byte) (int, error) {
	<-g
	return 0, io.EOF
}

// meshOutput is what a guest prints; the first is that it listens.
type meshOutput struct {
	mu      sync.Mutex
	text    bytes.Buffer
	listens chan struct{}
}

func (o *meshOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text.Len() == 0 {
		close(o.listens)
	}
	return o.text.Write(p)
}

func (o *meshOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// TestMesh has many guests that each listen and each dial ten others, all at once.
// No byte is lost, and nothing is left of them.
func TestMesh(t *testing.T) {
	const dials, size = 10, 32 << 10
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		n := howMany(50, 200)
		m := compile(t, e, guests.Bytes("mesh"))
		run := func() time.Duration {
			v := virtual.New()
			defer v.Close()
			start := time.Now()
			mesh := startMesh(t.Context(), t, m, v, n, dials, size)
			close(mesh.begin)
			mesh.wait(t)
			return time.Since(start)
		}
		run() // what stays for the next one
		before := measureFreed(t)
		took := run()
		checkBack(t, before)
		after := measureFreed(t)
		t.Logf("%d guests, %d connections of %d bytes in %v: %d KiB, %d of Go's heap, %d mappings more", n, n*dials, size, took,
			after.resident-before.resident, after.heap-before.heap, after.mappings-before.mappings)
		checkResident(t, e, n, keptAtOnce, after.resident-before.resident)
		if grown := after.heap - before.heap; grown > heapTolerance {
			t.Errorf("Go's heap grew by %d KiB", grown)
		}
		if n := after.mappings - before.mappings; n > mappingTolerance {
			t.Errorf("%d memory mappings more", n)
		}
	})
}

// What makes TCP go on, and give up, in a time that tests can wait for, and cables
// on which it takes a while.
var (
	patient   = virtual.WithRetransmission(10*time.Millisecond, 100*time.Millisecond, 10_000)
	impatient = virtual.WithRetransmission(50*time.Millisecond, 400*time.Millisecond, 8)
	slow      = virtual.Cable{Latency: time.Millisecond, Bandwidth: 4 << 20}
	lossy     = virtual.Cable{Latency: time.Millisecond, Bandwidth: 4 << 20, Loss: 0.02}
)

// TestMeshWithLoss has cables that lose packets while guests send.
func TestMeshWithLoss(t *testing.T) {
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		mesh := startOnCables(t, e, howMany(12, 50))
		close(mesh.begin)
		mesh.await(isAnswered) // who loses a SYN waits for a second
		mesh.setCables(lossy)
		mesh.wait(t)
	})
}

// TestMeshHeals splits the network while guests connect, and again while they send.
// When that is over all bytes arrive.
func TestMeshHeals(t *testing.T) {
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		mesh := startOnCables(t, e, howMany(12, 50))
		mesh.network.Partition(mesh.half())
		close(mesh.begin)
		mesh.await(isDialling)
		mesh.network.Heal()
		mesh.await(isAnswered)
		mesh.network.Partition(mesh.half())
		time.Sleep(50 * time.Millisecond) // that packets are lost, or it tests nothing
		mesh.network.Heal()
		mesh.wait(t)
	})
}

// startOnCables starts n guests on slow cables, each of which is to dial three.
func startOnCables(t *testing.T, e wasix.Engine, n int) *mesh {
	t.Helper()
	v := virtual.New(virtual.WithMTU(1500), virtual.WithSeed(3), patient)
	t.Cleanup(func() { _ = v.Close() })
	mesh := startMesh(t.Context(), t, compile(t, e, guests.Bytes("mesh")), v, n, 3, 256<<10)
	mesh.setCables(slow)
	return mesh
}

// TestMeshTimesOut splits the network between two guests that send, for good. Both
// are told.
func TestMeshTimesOut(t *testing.T) {
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		v := virtual.New(virtual.WithMTU(1500), impatient)
		defer v.Close()
		mesh := startMesh(t.Context(), t, compile(t, e, guests.Bytes("mesh")), v, 2, 1, 1<<30)
		close(mesh.begin)
		mesh.await(isAnswered)
		v.Partition(mesh.half())
		for i, cmd := range mesh.cmds {
			if err := end(t, cmd); err == nil || !strings.HasSuffix(mesh.outputs[i].String(), ": ETIMEDOUT\n") {
				t.Errorf("%s: %v, %s", meshName(i), err, mesh.outputs[i])
			}
		}
	})
}

// TestMeshDoesNotConnect has guests dial who is there and does not answer, across a
// partition, and who is not there, unplugged. They are told so, each in its way.
func TestMeshDoesNotConnect(t *testing.T) {
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		m := compile(t, e, guests.Bytes("mesh"))
		for want, cut := range map[string]func(*mesh){
			": ETIMEDOUT\n":    func(m *mesh) { m.network.Partition(m.half()) },
			": EHOSTUNREACH\n": func(m *mesh) { unplug(t, m.half()) },
		} {
			v := virtual.New(virtual.WithConnectTimeout(50 * time.Millisecond))
			mesh := startMesh(t.Context(), t, m, v, 2, 1, 1)
			cut(mesh)
			close(mesh.begin)
			for _, cmd := range mesh.cmds {
				if err := end(t, cmd); err == nil {
					t.Error("a guest ends well")
				}
			}
			if got := mesh.outputs[1].String(); !strings.HasSuffix(got, want) {
				t.Errorf("%s: %q, want %q", meshName(1), got, want)
			}
			_ = v.Close()
		}
	})
}

func unplug(t *testing.T, hosts []*virtual.Host) {
	t.Helper()
	for _, h := range hosts {
		if err := h.Interface().Unplug(); err != nil {
			t.Fatal(err)
		}
	}
}
