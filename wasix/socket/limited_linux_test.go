package socket_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/network/virtual"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/socket"
)

// boundOn returns a socket of n that is bound to a port of the loopback interface.
func boundOn(t *testing.T, n network.Network, typ abi.SockType) *end {
	t.Helper()
	s, err := socket.Open(n, abi.AddressFamilyInet4, typ, 0)
	if err != nil {
		t.Fatal(err)
	}
	e := newEnd(t, s)
	if err := e.Bind(network.Addr{AddrPort: netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		t.Fatal(err)
	}
	return e
}

// streamOn returns both ends of a TCP connection of n.
func streamOn(t *testing.T, n network.Network) (client, server *end) {
	t.Helper()
	l := boundOn(t, n, abi.SockTypeStream)
	wantErr(t, "listen", l.Listen(1, 0), nil)
	client = boundOn(t, n, abi.SockTypeStream)
	connect(t, client, l.name(t))
	s, _, err := l.Accept(l.d, l.w)
	if err != nil {
		t.Fatal(err)
	}
	return client, newEnd(t, s)
}

// openFile is one that can be sent by the kernel, and read.
type openFile struct {
	kernelFile
	data *memFile
}

func (f openFile) Preadv(iovs [][]byte, offset int64) (int, error) {
	return f.data.Preadv(iovs, offset)
}

func newOpenFile(t *testing.T, data []byte) openFile {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return openFile{kernelFile{File: f}, &memFile{data: data}}
}

func loopbackOnly(t *testing.T) *network.Policy {
	t.Helper()
	p, err := network.ParseRules("ipv4:allow=127.0.0.1:*")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The bytes of a file count as any others do, whoever reads it.
func TestSendFileCounts(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<12)
	f := newOpenFile(t, data)
	vnet := virtual.New()
	defer vnet.Close()
	many := network.Quota{BytesIn: 1 << 40, BytesOut: 1 << 40}
	for name, n := range map[string]*network.Limited{
		"kernel":            network.WithQuota(network.Host(), network.Quota{}),
		"bounded":           network.WithQuota(network.Host(), many),
		"policy":            network.WithQuota(network.WithPolicy(network.Host(), loopbackOnly(t)), network.Quota{}),
		"virtual":           network.WithQuota(vnet.Host("guest"), network.Quota{}),
		"virtual, bounded":  network.WithQuota(vnet.Host("guest"), many),
		"of several guests": network.WithQuota(network.WithQuota(network.Host(), many), network.Quota{}),
	} {
		for kind, src := range map[string]descriptor.Positioned{"file": f, "memory": f.data} {
			before := n.Usage()
			c, s := streamOn(t, n)
			got := make(chan []byte)
			go func() {
				b, err := s.recv(len(data), abi.RiflagsWaitall)
				if err != nil {
					t.Error(err)
				}
				got <- b
			}()
			if sent, err := c.SendFile(c.d, c.w, src, 0, 1<<40); sent != uint64(len(data)) || err != nil {
				t.Errorf("%s, %s: sent %d, %v", name, kind, sent, err)
				_ = c.Shutdown(abi.SdflagsWr)
			}
			if b := <-got; !bytes.Equal(b, data) {
				t.Errorf("%s, %s: %d other bytes arrived", name, kind, len(b))
			}
			u := n.Usage()
			if in, out := u.BytesIn-before.BytesIn, u.BytesOut-before.BytesOut; in != uint64(len(data)) || out != in {
				t.Errorf("%s, %s: counted %d and %d bytes, want %d", name, kind, in, out, len(data))
			}
		}
	}
}

// A file takes no more bytes at once than may be sent in a second.
func TestSendFileWithinQuota(t *testing.T) {
	f := newOpenFile(t, make([]byte, 1<<16))
	vnet := virtual.New()
	defer vnet.Close()
	for name, inner := range map[string]network.Network{"kernel": network.Host(), "virtual": vnet.Host("guest")} {
		for kind, src := range map[string]descriptor.Positioned{"file": f, "memory": f.data} {
			n := network.WithQuota(inner, network.Quota{BytesOut: 100})
			c, _ := streamOn(t, n)
			wantErr(t, "set", c.d.SetFlags(abi.FdflagsNonblock), nil)
			sent, err := c.SendFile(c.d, c.w, src, 0, 1<<16)
			if sent == 0 || sent > 100 || err != nil {
				t.Errorf("%s, %s: sent %d, %v", name, kind, sent, err)
			}
			if u := n.Usage(); u.BytesOut != sent {
				t.Errorf("%s, %s: counted %d of %d bytes", name, kind, u.BytesOut, sent)
			}
		}
	}
}

// A file waits for its turn as other transfers do. Time is that of a bubble.
func TestSendFileWaitsForQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 5000
		n := network.WithQuota(network.Unix(), network.Quota{BytesOut: 1000})
		a, b, err := socket.Pair(n, abi.SockTypeStream)
		if err != nil {
			t.Fatal(err)
		}
		c, s := newEnd(t, a), newEnd(t, b)
		start := time.Now()
		go func() {
			sent, err := c.SendFile(c.d, c.w, &memFile{data: make([]byte, size)}, 0, 1<<40)
			if sent != size || err != nil {
				t.Errorf("sent %d, %v", sent, err)
			}
			_ = c.Shutdown(abi.SdflagsWr)
		}()
		got, err := s.recv(size+1, abi.RiflagsWaitall)
		if took := time.Since(start); len(got) != size || err != nil || took < 4*time.Second || took > 4*time.Second+50*time.Millisecond {
			t.Errorf("%d bytes in %v, %v; want %d in 4 s", len(got), took, err, size)
		}
	})
}

// What can be read (FIONREAD) is told through a policy and a quota; what a policy
// does not let in is not told of.
func TestAvailableThroughLayers(t *testing.T) {
	vnet := virtual.New()
	defer vnet.Close()
	for name, inner := range map[string]network.Network{"kernel": network.Host(), "virtual": vnet.Host("guest")} {
		n := network.WithQuota(network.WithPolicy(inner, loopbackOnly(t)), network.Quota{BytesIn: 1 << 40})
		c, s := streamOn(t, n)
		u := boundOn(t, n, abi.SockTypeDgram)
		to := u.name(t)
		if _, err := c.send([]byte("12345")); err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{3, 1000} {
			if _, err := boundOn(t, inner, abi.SockTypeDgram).Send(u.d, u.w, [][]byte{make([]byte, size)}, 0, &to); err != nil {
				t.Fatal(err)
			}
		}
		for what, c := range map[string]struct {
			e    *end
			want int
		}{"stream": {s, 5}, "datagram": {u, 3}} {
			if got := arrived(t, c.e); got != c.want {
				t.Errorf("%s: %d bytes of the %s can be read, want %d", name, got, what, c.want)
			}
		}
		if got, err := s.recv(9, 0); string(got) != "12345" || err != nil {
			t.Errorf("%s: received %q, %v", name, got, err)
		}
	}
}

// arrived waits until something can be read, and returns how much.
func arrived(t *testing.T, e *end) int {
	t.Helper()
	if _, err := e.w.Poll([]ready.Subscription{{Source: e.File().(ready.Source), Asked: ready.In}}, ready.After(uint64(time.Minute))); err != nil {
		t.Fatal(err)
	}
	return e.Available()
}
