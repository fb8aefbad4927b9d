package difftest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// A guest under a policy, with its children, does not get to what is not granted by
// any of the ways that it knows, and is told why not.
func TestGuestsDoNotEscape(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join(guests.Dir(), "golden", "escape.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, who := range []string{"parent", "fork", "exec", "spawn"} {
		for line := range strings.Lines(string(golden)) {
			want = append(want, who+": "+strings.TrimSuffix(line, "\n"))
		}
	}
	for _, e := range engines(t) {
		t.Run(e.Name(), func(t *testing.T) {
			f := openForbidden(t)
			compareLines(t, want, f.attempts(t, e))
			f.check(t)
		})
	}
}

// forbidden are the things of the host that the guest goes for, and what it may use.
type forbidden struct {
	streams   []net.Listener   // the first by TCP, the others by Unix sockets
	datagrams []net.PacketConn // the first by UDP
	granted   net.Listener
	mount     vfs.FileSystem

	dir, outside, abstract string // where the Unix sockets are
}

func openForbidden(t *testing.T) *forbidden {
	t.Helper()
	f := &forbidden{dir: t.TempDir(), outside: t.TempDir()}
	f.abstract = "@gowasix-" + filepath.Base(filepath.Dir(f.dir))
	stream := func(network, address string) net.Listener {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	datagrams := func(network, address string) {
		c, err := net.ListenPacket(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		f.datagrams = append(f.datagrams, c)
	}
	f.granted = stream("tcp4", "127.0.0.1:0")
	f.streams = append(f.streams, stream("tcp4", "127.0.0.1:0"))
	datagrams("udp4", "127.0.0.1:0")
	for _, name := range []string{filepath.Join(f.dir, "socket"), filepath.Join(f.outside, "socket"), f.abstract} {
		f.streams = append(f.streams, stream("unix", name))
		datagrams("unixgram", name+".datagrams")
	}
	for _, more := range []string{"", ".datagrams"} {
		if err := os.Symlink(filepath.Join(f.outside, "socket")+more, filepath.Join(f.dir, "socket.link")+more); err != nil {
			t.Fatal(err)
		}
	}
	mount, err := vfs.HostDir(f.dir, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mount.(io.Closer).Close() })
	f.mount = mount
	go redirect(f.granted)
	return f
}

// redirect tells all clients to go where clouds keep credentials.
func redirect(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, "169.254.169.254")
		_ = c.Close()
	}
}

func portOf(addr net.Addr) string { return fmt.Sprint(netip.MustParseAddrPort(addr.String()).Port()) }

// attempts runs the guest and returns what it prints.
func (f *forbidden) attempts(t *testing.T, e wasix.Engine) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	m, err := e.Compile(ctx, guests.Bytes("escape-shared"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	policy, err := network.ParseRules("dns:allow=*:*,dns:deny=localhost:*,ipv4:allow=127.0.0.1:" + portOf(f.granted.Addr()) + "/out")
	if err != nil {
		t.Fatal(err)
	}
	cmd := wasix.Command(m, "/bin/escape", portOf(f.streams[0].Addr()), portOf(f.granted.Addr()), portOf(f.datagrams[0].LocalAddr()),
		"/host/socket", f.abstract[1:], filepath.Join(f.outside, "socket"))
	cmd.Programs = map[string]wasix.Module{"escape": m}
	cmd.Mounts = []vfs.Mount{{Guest: "/host", FS: f.mount}}
	cmd.Network = network.WithPolicy(network.WithNames(network.Host(), network.Names{Resolver: &rebinding{}}), policy)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(ctx); err != nil || stderr.Len() > 0 {
		t.Errorf("%v\n%s", err, &stderr)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

// check reports who has been reached, and what has been left.
func (f *forbidden) check(t *testing.T) {
	t.Helper()
	for _, l := range f.streams {
		_ = l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now())
		if c, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s was reached: %v, %v", l.Addr(), c, err)
		}
	}
	for _, c := range f.datagrams {
		_ = c.SetReadDeadline(time.Now())
		if n, _, err := c.ReadFrom(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a datagram came to %s: %d bytes, %v", c.LocalAddr(), n, err)
		}
	}
	for dir, want := range map[string]int{f.dir: 4, f.outside: 2} {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != want {
			t.Errorf("%s has %v, %v", dir, entries, err)
		}
	}
}

// rebinding is the resolver of somebody who wants to have the guest at the host's
// own services. It answers rebind.test with another address every other time.
type rebinding struct{ asked atomic.Uint32 }

func (r *rebinding) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	addr := "127.0.0.1"
	switch {
	case host == "metadata.test":
		addr = "169.254.169.254"
	case host == "rebind.test" && r.asked.Add(1)%2 == 1:
		addr = "192.0.2.1"
	}
	return []netip.Addr{netip.MustParseAddr(addr)}, nil
}
