package virtual_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/network/virtual"
)

// soon makes TCP give up, and try again, in a time that tests can wait for.
var soon = virtual.WithRetransmission(10*time.Millisecond, 40*time.Millisecond, 5)

// forLong is soon, but gives up late.
var forLong = virtual.WithRetransmission(10*time.Millisecond, 40*time.Millisecond, 10_000)

// transfer sends size bytes and checks what arrives.
func transfer(t *testing.T, from, to net.Conn, size int) {
	t.Helper()
	data := make([]byte, size)
	r := rand.New(rand.NewPCG(uint64(size), 2))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	go func() { _, _ = from.Write(data) }()
	got := make([]byte, size)
	_ = to.SetReadDeadline(time.Now().Add(patience))
	if n, err := io.ReadFull(to, got); err != nil || sha256.Sum256(got) != sha256.Sum256(data) {
		t.Errorf("%d bytes of %d arrive, or others: %v", n, size, err)
	}
}

func TestCables(t *testing.T) {
	for name, c := range map[string]virtual.Cable{
		"latency":    {Latency: 5 * time.Millisecond},
		"bandwidth":  {Bandwidth: 20 << 20},
		"loss":       {Loss: 0.1},
		"everything": {Latency: time.Millisecond, Bandwidth: 10 << 20, Loss: 0.02},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, virtual.WithMTU(1500), virtual.WithSeed(7), soon)
			n.Host("a").SetCable(c)
			client, server := pair(t, n.Host("a"), n.Host("b"))
			start := time.Now()
			transfer(t, client, server, 500<<10)
			transfer(t, server, client, 500<<10)
			least := 2 * c.Latency
			if c.Bandwidth > 0 {
				least = time.Duration(1000<<10) * time.Second / time.Duration(c.Bandwidth)
			}
			if d := time.Since(start); d < least {
				t.Errorf("it takes %v, less than the %v that it must", d, least)
			}
		})
	}
}

// What a cable loses is lost for datagrams.
func TestLostDatagrams(t *testing.T) {
	n := newNetwork(t)
	p := must(n.Host("b").ListenPacket("udp", ":1"))(t)
	defer p.Close()
	c := must(n.Host("a").Dial("udp", "b:1"))(t)
	defer c.Close()
	n.Host("a").SetCable(virtual.Cable{Loss: 1})
	must(c.Write([]byte("lost")))(t)
	n.Host("a").SetCable(virtual.Cable{})
	must(c.Write([]byte("kept")))(t)
	b := make([]byte, 9)
	if k, _, err := p.ReadFrom(b); string(b[:k]) != "kept" || err != nil {
		t.Errorf("%q, %v", b[:k], err)
	}
}

// What is sent into a partition arrives when that ends in time.
func TestPartitionHeals(t *testing.T) {
	n := newNetwork(t, forLong)
	a, b := n.Host("a"), n.Host("b")
	client, server := pair(t, a, b)
	n.Partition([]*virtual.Host{a})
	must(client.Write([]byte("late")))(t)
	_ = server.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	if _, err := server.Read(make([]byte, 1)); !isTimeout(err) {
		t.Errorf("through a partition: %v", err)
	}
	n.Heal()
	_ = server.SetReadDeadline(time.Time{})
	got := make([]byte, 4)
	if _, err := io.ReadFull(server, got); string(got) != "late" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
}

// A connection into a partition that stays times out.
func TestPartition(t *testing.T) {
	n := newNetwork(t, soon)
	a, b := n.Host("a"), n.Host("b")
	client, _ := pair(t, a, b)
	n.Partition([]*virtual.Host{a}, []*virtual.Host{b})
	must(client.Write([]byte("x")))(t)
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("the connection ends with %v", err)
	}
}

// Connecting into a partition times out; what was connected before stays.
func TestConnectIntoPartition(t *testing.T) {
	n := newNetwork(t, virtual.WithConnectTimeout(20*time.Millisecond))
	a, b := n.Host("a"), n.Host("b")
	l := must(b.Listen("tcp", ":80"))(t)
	defer l.Close()
	client := dialPatiently(t, a, "b:80")
	server := must(l.Accept())(t)
	for server.RemoteAddr().String() != client.LocalAddr().String() { // one that timed out
		_ = server.Close()
		server = must(l.Accept())(t)
	}
	defer server.Close()
	n.Partition([]*virtual.Host{a}, []*virtual.Host{b})
	ctx, cancel := context.WithTimeout(t.Context(), patience) // before the netstack gives up by itself
	defer cancel()
	for _, network := range []string{"tcp4", "tcp6"} {
		if _, err := a.DialContext(ctx, network, "b:80"); !errors.Is(err, syscall.ETIMEDOUT) {
			t.Errorf("%s: %v", network, err)
		}
	}
	n.Heal()
	transfer(t, client, server, 1000)
	dialPatiently(t, a, "b:80")
}

// dialPatiently dials until that does not time out: the machine may be busy.
func dialPatiently(t *testing.T, from *virtual.Host, to string) net.Conn {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		c, err := from.Dial("tcp", to)
		if errors.Is(err, syscall.ETIMEDOUT) && time.Now().Before(end) {
			continue
		}
		must(c, err)(t)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
}

// Many hosts, each of which listens and dials others, lose no byte, and leave no
// memory behind.
func TestMesh(t *testing.T) {
	noLeaks(t)
	run := func(hosts int) {
		n := virtual.New()
		defer n.Close()
		mesh(t, n, hosts)
	}
	run(hosts / 4)
	goroutines(hosts * 50)
	const perHost = 4 << 10 // a host that is there takes ten times that and more
	before := heap()
	run(hosts)
	if after := heap(); after > before+hosts*perHost {
		t.Errorf("%d hosts leave %d bytes", hosts, after-before)
	}
}

// goroutines has n of them at once: the runtime keeps a little of each for the next.
func goroutines(n int) {
	var all, end sync.WaitGroup
	end.Add(1)
	for range n {
		all.Go(end.Wait)
	}
	end.Done()
	all.Wait()
}

// mesh has each of many hosts listen and dial ten others.
func mesh(t *testing.T, n *virtual.Network, hosts int) {
	const dials = 10
	var serving, dialling sync.WaitGroup
	listeners := make([]net.Listener, hosts)
	name := func(i int) string { return fmt.Sprint("host", i%hosts) }
	for i := range hosts {
		l := must(n.Host(name(i)).Listen("tcp", ":7"))(t)
		listeners[i] = l
		serving.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				serving.Go(func() {
					_, _ = io.Copy(c, struct{ io.Reader }{c})
					_ = c.Close()
				})
			}
		})
	}
	for i := range hosts {
		for k := 1; k <= dials; k++ {
			dialling.Go(func() {
				if err := echo(n.Host(name(i)), name(i+k*k), i*dials+k); err != nil {
					t.Errorf("%s to %s: %v", name(i), name(i+k*k), err)
				}
			})
		}
	}
	dialling.Wait()
	for _, l := range listeners {
		_ = l.Close()
	}
	serving.Wait()
}

// echo has a host return what it gets, which no other connection sends.
func echo(from *virtual.Host, to string, seed int) error {
	c, err := from.Dial("tcp", to+":7")
	if err != nil {
		return err
	}
	defer c.Close()
	data := bytes.Repeat(fmt.Appendf(nil, "%d,", seed), 2000)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(data)
		sent <- errors.Join(err, c.(interface{ CloseWrite() error }).CloseWrite())
	}()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	got, err := io.ReadAll(c)
	if err := errors.Join(err, <-sent); err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("%d bytes of %d return, or others", len(got), len(data))
	}
	return nil
}

// heap returns how many bytes are in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A network gives its memory back when it is closed, with connections in every
// state.
func TestCloseFreesMemory(t *testing.T) {
	use := func() {
		n := virtual.New()
		l := must(n.Listen("tcp", ":80"))(t)
		c := must(n.Host("b").Dial("tcp", "gateway:80"))(t)
		s := must(l.Accept())(t)
		_, _ = c.Write(make([]byte, 1<<20))
		dialled := must(n.Host("a").Dial("tcp", "gateway:80"))(t)
		_, _ = dialled.Close(), l.Close()
		_ = n.Close()
		_, _ = c.Close(), s.Close()
		if _, err := n.Host("a").Dial("tcp", "127.0.0.1:1"); !errors.Is(err, syscall.ENETDOWN) {
			t.Errorf("a closed network is dialled: %v", err)
		}
	}
	use()
	before := heap()
	const rounds = 30
	for range rounds {
		use()
	}
	if after := heap(); after > before && (after-before)/rounds > 64<<10 {
		t.Errorf("each network leaves %d bytes", (after-before)/rounds)
	}
}
