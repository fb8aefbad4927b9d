package scale

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
	. "github.com/gowasix/gowasix/wasix/wasixtest"
)

// clientVariable makes the test binary the client of a server under test: its
// value is the server's address and the number of connections.
const clientVariable = "GOWASIX_SCALE_CLIENT"

func TestMain(m *testing.M) {
	if order := os.Getenv(clientVariable); order != "" {
		if err := runClient(order); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	if err := startPoller(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// startPoller starts what lives as long as the Go process, so that it does not
// count as left over.
func startPoller() error {
	s, err := network.Host().Socket(abi.AddressFamilyInet4, abi.SockTypeDgram, 0)
	if err != nil {
		return err
	}
	return errors.Join(s.(ready.SysSource).Arm(), s.Close())
}

// runClient opens connections and says "connected". For each line it then reads
// it sends a byte on some of them, and says "echoed" when they came back. It ends
// with its input.
func runClient(order string) error {
	var server string
	var n int
	if _, err := fmt.Sscan(order, &server, &n); err != nil {
		return err
	}
	addr, err := netip.ParseAddrPort(server)
	if err != nil {
		return err
	}
	fds := make([]int, n)
	for i := range fds {
		if fds[i], err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		if err := unix.Connect(fds[i], &unix.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(addr.Port())}); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
	}
	fmt.Println("connected")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		for i := 0; i < n; i += n/20 + 1 {
			if err := echo(fds[i]); err != nil {
				return fmt.Errorf("connection %d: %w", i, err)
			}
		}
		fmt.Println("echoed")
	}
	return nil
}

func echo(fd int) error {
	b := []byte{'x'}
	if _, err := unix.Write(fd, b); err != nil {
		return err
	}
	if n, err := unix.Read(fd, b); n != 1 || err != nil {
		return fmt.Errorf("read %d: %w", n, err)
	}
	return nil
}

// client is a process that holds connections.
type client struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startClient(t *testing.T, server netip.AddrPort, n int) *client {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", clientVariable, server, n))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &client{cmd, in, bufio.NewReader(out)}
}

// expect reads the line that the client is to say next.
func (c *client) expect(t *testing.T, want string) {
	t.Helper()
	if got, err := c.out.ReadString('\n'); err != nil || got != want+"\n" {
		t.Fatalf("the client says %q, %v; want %q", got, err, want)
	}
}

func (c *client) end(t *testing.T) {
	t.Helper()
	_ = c.in.Close()
	if err := c.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// connections returns how many connections to hold: ten thousand, or as many
// as the limit of descriptors allows.
func connections(t *testing.T) int {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	n := int(min(limit.Max, 10_500)) - 500
	if n < 500 {
		t.Fatalf("%d descriptors are too few", limit.Max)
	}
	return n
}

// checkIdle fails the test unless the process uses almost no processor time, in
// the first second or, when guests were on their way to their waits, a later one.
func checkIdle(t *testing.T) {
	t.Helper()
	const bound = 100 * time.Millisecond
	const attempts = 3
	var used time.Duration
	for range attempts {
		start := cpuTime(t)
		time.Sleep(time.Second)
		used = cpuTime(t) - start
		t.Logf("%v of processor time in an idle second", used)
		if used < bound {
			return
		}
	}
	t.Errorf("idle guests use %v of a second", used)
}

// TestIdleConnections has a guest accept ten thousand connections, one call
// each, and wait for more.
func TestIdleConnections(t *testing.T) {
	n := connections(t)
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		p := &program{}
		const given = 3 // the descriptor of the listener
		// It counts itself first, and then each connection.
		m := compile(t, e, p.binary(1, nil, Loop(p.accept(given), count, Br(0))))
		before := measureFreed(t)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		w := &watched{Module: m}
		l, addr := listener(t)
		cmd := wasix.Command(w, "guest")
		cmd.Sockets = []network.Socket{l}
		if err := cmd.Start(ctx); err != nil {
			t.Fatal(err)
		}
		c := startClient(t, addr, n)
		c.expect(t, "connected")
		w.await(uint32(n)+1, cmd.Process)
		during := measureFreed(t)
		t.Logf("%d connections: %d bytes each, %d OS threads more", n,
			(during.resident-before.resident)<<10/n, during.threads-before.threads)
		checkIdle(t)
		cancel()
		_ = end(t, cmd)
		c.end(t)
		checkBack(t, before)
	})
}

// TestPolledConnections has a server poll its ten thousand connections: idle, it
// costs nothing; awake, it serves them.
func TestPolledConnections(t *testing.T) { serveAll(t, "echo-poll") }

// TestEpollConnections has a server watch them with epoll.
func TestEpollConnections(t *testing.T) { serveAll(t, "echo-epoll") }

func serveAll(t *testing.T, server string) {
	n := connections(t)
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		m := compile(t, e, guests.Bytes(server))
		before := measureFreed(t)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		out, stdout := io.Pipe()
		cmd := wasix.Command(m, server, "127.0.0.1", "0")
		cmd.Network, cmd.Stdout = network.Host(), stdout
		if err := cmd.Start(ctx); err != nil {
			t.Fatal(err)
		}
		c := startClient(t, announced(t, out), n)
		c.expect(t, "connected")
		for range 3 {
			_, _ = io.WriteString(c.in, "echo\n")
			c.expect(t, "echoed")
		}
		during := measureFreed(t)
		t.Logf("%d connections: %d bytes each", n, (during.resident-before.resident)<<10/n)
		checkIdle(t)
		cancel()
		_ = end(t, cmd)
		_ = stdout.Close()
		c.end(t)
		checkBack(t, before)
	})
}

// listener returns a listening socket, and its address.
func listener(t *testing.T) (network.Socket, netip.AddrPort) {
	t.Helper()
	s, err := network.Host().Socket(abi.AddressFamilyInet4, abi.SockTypeStream, 0)
	if err != nil {
		t.Fatal(err)
	}
	any := network.Addr{AddrPort: netip.MustParseAddrPort("127.0.0.1:0")}
	if err := errors.Join(s.Bind(any), s.Listen(-1)); err != nil {
		t.Fatal(err)
	}
	addr, err := s.LocalAddr()
	if err != nil {
		t.Fatal(err)
	}
	return s, addr.AddrPort
}

// announced returns the address that a server prints, and swallows the rest.
func announced(t *testing.T, out io.Reader) netip.AddrPort {
	t.Helper()
	var port uint16
	if _, err := fmt.Fscanf(out, "listening on %d\n", &port); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
}
