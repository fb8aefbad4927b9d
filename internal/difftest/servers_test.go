//go:build linux

package difftest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// serve runs a server guest and returns the address it listens on. When the test
// ends the guest is killed, and must have been running until then.
func serve(t *testing.T, e wasix.Engine, name string, mounts []vfs.Mount, args ...string) string {
	t.Helper()
	ctx := context.Background()
	mod, err := e.Compile(ctx, guests.Bytes(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mod.Close() })
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var stderr bytes.Buffer
	cmd := wasix.Command(mod, append([]string{name}, args...)...)
	cmd.Network, cmd.Mounts = network.Host(), mounts
	cmd.Stdout, cmd.Stderr = w, &stderr
	err = cmd.Start(ctx)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		var exit *wasix.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.Signal() != abi.SignalKill || stderr.Len() > 0 {
			t.Errorf("the server ended by itself: %v\n%s", err, stderr.Bytes())
		}
	})
	line, err := bufio.NewReader(r).ReadString('\n')
	port, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if _, bad := strconv.Atoi(port); !ok || bad != nil {
		t.Fatalf("the server printed %q, %v", line, err)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// onEngines runs a test for guests in both builds on all engines.
func onEngines(t *testing.T, names []string, test func(t *testing.T, e wasix.Engine, name string)) {
	for _, e := range engines(t) {
		for _, name := range names {
			t.Run(name+"/"+e.Name(), func(t *testing.T) { test(t, e, name) })
		}
	}
}

func TestEchoServers(t *testing.T) {
	names := []string{"echo-threads-shared", "echo-poll", "echo-poll-shared", "echo-epoll", "echo-epoll-shared"}
	onEngines(t, names, func(t *testing.T, e wasix.Engine, name string) {
		addr := serve(t, e, name, nil, "127.0.0.1", "0")
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { echo(t, addr, 10_000*i) })
		}
		wg.Wait()
		abandon(t, addr)
		echo(t, addr, 5<<20)
		crowd(t, addr, 300)
	})
}

func TestEchoServerWithoutThreads(t *testing.T) {
	onEngines(t, []string{"echo-threads"}, func(t *testing.T, e wasix.Engine, name string) {
		addr := serve(t, e, name, nil, "127.0.0.1", "0")
		echo(t, addr, 100_000)
		echo(t, addr, 1<<20)
	})
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// echo sends n random bytes, ends its side, and wants them back, then the end.
func echo(t *testing.T, addr string, n int) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(limit))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	go func() {
		_, _ = c.Write(data)
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, data) {
		t.Errorf("sent %d bytes, got %d back, the same: %v, %v", n, len(got), bytes.Equal(got, data), err)
	}
}

// abandon leaves connections in the ways that clients do.
func abandon(t *testing.T, addr string) {
	for i := range 20 {
		c := dial(t, addr)
		_, _ = c.Write(make([]byte, 100_000*(i%3)))
		if i%2 == 0 {
			_ = c.SetLinger(0)
		}
		_ = c.Close()
	}
}

// crowd holds n connections open at once and uses each of them twice.
func crowd(t *testing.T, addr string, n int) {
	conns := make([]net.Conn, n)
	for i := range conns {
		conns[i] = dial(t, addr)
		defer conns[i].Close()
	}
	for range 2 {
		for i, c := range conns {
			fmt.Fprintf(c, "%06d", i)
		}
		for i, c := range conns {
			var buf [6]byte
			if _, err := io.ReadFull(c, buf[:]); err != nil || string(buf[:]) != fmt.Sprintf("%06d", i) {
				t.Fatalf("connection %d got %q, %v", i, buf, err)
			}
		}
	}
}

// A guest that knows preview1 only accepts on a socket that it is given.
func TestPreview1Server(t *testing.T) {
	onEngines(t, []string{"echo-preview1"}, func(t *testing.T, e wasix.Engine, name string) {
		l, err := network.Host().Socket(abi.AddressFamilyInet4, abi.SockTypeStream, abi.SockProtoTcp)
		if err != nil {
			t.Fatal(err)
		}
		loopback := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
		if err := errors.Join(l.Bind(network.Addr{AddrPort: loopback}), l.Listen(8)); err != nil {
			t.Fatal(err)
		}
		addr, err := l.LocalAddr()
		if err != nil {
			t.Fatal(err)
		}
		mod, err := e.Compile(t.Context(), guests.Bytes(name))
		if err != nil {
			t.Fatal(err)
		}
		defer mod.Close()
		cmd := wasix.Command(mod, name)
		cmd.Sockets = []network.Socket{l}
		if err := cmd.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		echo(t, addr.AddrPort.String(), 100_000)
		echo(t, addr.AddrPort.String(), 1<<20)
		cmd.Process.Kill()
		var exit *wasix.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.Signal() != abi.SignalKill {
			t.Error(err)
		}
	})
}

func TestDatagramServer(t *testing.T) {
	onEngines(t, []string{"udp-echo", "udp-echo-shared"}, func(t *testing.T, e wasix.Engine, name string) {
		c, err := net.Dial("udp", serve(t, e, name, nil, "127.0.0.1", "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(limit))
		buf := make([]byte, 70_000)
		for _, n := range []int{1, 0, 1500, 65507, 3} {
			if _, err := c.Write(buf[:n]); err != nil {
				t.Fatal(err)
			}
			if got, err := c.Read(buf); err != nil || got != n {
				t.Errorf("sent a datagram of %d bytes, got %d, %v", n, got, err)
			}
		}
	})
}

func TestHTTPServer(t *testing.T) {
	onEngines(t, []string{"http", "http-shared"}, func(t *testing.T, e wasix.Engine, name string) {
		root := t.TempDir()
		file := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
		if err := os.WriteFile(root+"/file.txt", file, 0o600); err != nil {
			t.Fatal(err)
		}
		dir, err := vfs.HostDir(root, true)
		if err != nil {
			t.Fatal(err)
		}
		defer dir.(io.Closer).Close()
		page := "http://" + serve(t, e, name, nil, "127.0.0.1", "0")
		files := "http://" + serve(t, e, name, []vfs.Mount{{Guest: "/www", FS: dir}}, "127.0.0.1", "0", "/www")
		wantPage(t, page+"/", http.StatusOK, "<h1>Hello from WebAssembly</h1>")
		wantPage(t, page+"/none", http.StatusNotFound, "404 Not Found")
		wantPage(t, files+"/file.txt", http.StatusOK, string(file))
		wantPage(t, files+"/%2e%2e/file.txt", http.StatusNotFound, "404")
		body := bytes.Repeat([]byte("echo"), 100_000)
		resp, err := http.Post(page+"/echo", "text/plain", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, resp); !bytes.Equal(got, body) {
			t.Errorf("posted %d bytes, got %d", len(body), len(got))
		}
		http.DefaultClient.CloseIdleConnections()
	})
}

func wantPage(t *testing.T, url string, status int, content string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, resp); resp.StatusCode != status || !strings.Contains(string(got), content) {
		t.Errorf("GET %s: %s\n%.300s", url, resp.Status, got)
	}
}

func readAll(t *testing.T, resp *http.Response) []byte {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return b
}

// What clients send that is wrong gets its status, and the server goes on.
func TestHTTPServerRefuses(t *testing.T) {
	const host = "Host: x\r\n"
	onEngines(t, []string{"http"}, func(t *testing.T, e wasix.Engine, name string) {
		addr := serve(t, e, name, nil, "127.0.0.1", "0")
		stalled := dial(t, addr)
		defer stalled.Close()
		_, _ = io.WriteString(stalled, "GET / HT")
		for _, c := range []struct {
			request string
			want    []int
		}{
			{"GET / HTTP/1.1\r\n" + host + "\r\n", []int{200}},
			{strings.Repeat("GET / HTTP/1.1\r\n"+host+"\r\n", 3), []int{200, 200, 200}},
			{"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", []int{200}},
			{"HEAD / HTTP/1.1\r\n" + host + "\r\nHEAD /x HTTP/1.1\r\n" + host + "\r\n", []int{200, 404}},
			{"GET / HTTP/1.1\r\n\r\n", []int{400}},
			{"GET / HTTP/1.1\n" + host + "\n", []int{400}},
			{"GET / HTTP/1.1\r\n" + host + "A b: c\r\n\r\n", []int{400}},
			{"GET / HTTP/1.1\r\n" + host + host + "\r\n", []int{400}},
			{"\x16\x03\x01\x00\r\n\r\n", []int{400}},
			{"POST /echo HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", []int{400}},
			{"POST /echo HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", []int{400}},
			{"POST /echo HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n", []int{413}},
			{"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{501}},
			{"POST / HTTP/1.1\r\n" + host + "\r\n", []int{405}},
			{"BREW / HTTP/1.1\r\n" + host + "\r\n", []int{501}},
			{"GET / HTTP/2.0\r\n" + host + "\r\n", []int{505}},
			{"GET / HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", 9000) + "\r\n\r\n", []int{431}},
		} {
			if got := statuses(t, addr, c.request); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%.60q is answered with %v, not %v", c.request, got, c.want)
			}
		}
	})
}

// statuses sends raw bytes and returns the status of each answer.
func statuses(t *testing.T, addr, request string) (list []int) {
	t.Helper()
	c := dial(t, addr)
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(all), "HTTP/1.1 ")[1:] {
		code, _, _ := strings.Cut(part, " ")
		n, _ := strconv.Atoi(code)
		list = append(list, n)
	}
	return list
}

// The Go guest listens and connects through package wasixnet.
func TestGoServer(t *testing.T) {
	onEngines(t, []string{"go-http"}, func(t *testing.T, e wasix.Engine, name string) {
		addr := serve(t, e, name, nil, "127.0.0.1:0")
		defer http.DefaultClient.CloseIdleConnections()
		wantPage(t, "http://"+addr+"/hello", http.StatusOK, "Hello from a Go program")
		wantPage(t, "http://"+addr+"/addr", http.StatusOK, addr+" from 127.0.0.1:")
		wantPage(t, "http://"+addr+"/fetch?url=http://"+addr+"/hello", http.StatusOK, "Hello from a Go program")
		wantPage(t, "http://"+addr+"/fetch?url=http://127.0.0.1:1/", http.StatusBadGateway, "Connection refused")
	})
}
