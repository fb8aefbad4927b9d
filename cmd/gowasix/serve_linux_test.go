package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix/wasixtest"
)

// limit ends a command that hangs; it is no measure of speed.
const limit = time.Minute

// server is the command serving, as a process of its own.
type server struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // of both outputs
	mu    sync.Mutex
	text  bytes.Buffer // all lines
}

// serve starts the command.
func serve(t *testing.T, args ...string) *server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	s := &server{t: t, cmd: exec.CommandContext(ctx, binary, args...), lines: make(chan string, 100)}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout, s.cmd.Stderr = w, w
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer r.Close()
		s.read(r)
	}()
	t.Cleanup(func() {
		cancel()
		_ = s.cmd.Wait() // unless it was waited for
		<-done
	})
	return s
}

func (s *server) read(r io.Reader) {
	defer close(s.lines)
	for in := bufio.NewScanner(r); in.Scan(); {
		s.mu.Lock()
		s.text.WriteString(in.Text() + "\n")
		s.mu.Unlock()
		s.lines <- in.Text()
	}
}

// expect reads lines up to one that matches and returns its groups.
func (s *server) expect(pattern string) []string {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	for line := range s.lines {
		if m := re.FindStringSubmatch(line); m != nil {
			return m
		}
	}
	s.t.Fatalf("%q was not printed, but\n%s", pattern, s.output())
	return nil
}

func (s *server) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// end sends a signal and returns the exit status, -1 for a death by it.
func (s *server) end(sig syscall.Signal) int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
	return s.wait()
}

func (s *server) wait() int {
	s.t.Helper()
	for range s.lines { // to the end: nothing holds the outputs open
	}
	var exit *exec.ExitError
	if err := s.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

// TestServe publishes a server, fetches a file and stops it by a signal, as
// Ctrl-C does.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	page := bytes.Repeat([]byte("<p>It runs</p>\n"), 10000)
	if err := os.WriteFile(filepath.Join(dir, "page.html"), page, 0o644); err != nil {
		t.Fatal(err)
	}
	eachEngine(t, func(t *testing.T, run ...string) {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
			if signal.Ignored(sig) && sig == syscall.SIGHUP {
				continue // the tests run under nohup, and so would the command
			}
			s := serve(t, with(run, "-p", "127.0.0.1:0:80", "--dir", dir+":/www:ro", guests.Path("http"), "80", "/www")...)
			addr := s.expect(`^gowasix: port 80 of the guest is at (127\.0\.0\.1:\d+)$`)[1]
			s.expect(`^listening on 80$`)
			if body := fetch(t, addr, "/page.html"); !bytes.Equal(body, page) {
				t.Errorf("the page has %d bytes, want %d", len(body), len(page))
			}
			open := dial(t, addr) // a connection does not keep it from ending
			if status := s.end(sig); status != 128+int(sig) {
				t.Errorf("after %v: status %d", sig, status)
			}
			if n := strings.Count(s.output(), "\n"); n != 2 {
				t.Errorf("%d lines were printed:\n%s", n, s.output())
			}
			_ = open.Close()
			if c, err := net.Dial("tcp", addr); err == nil {
				_ = c.Close()
				t.Errorf("after %v somebody still listens", sig)
			}
		}
	})
}

// With a port of the user's choice nothing is printed but by the guest.
func TestPublishChosenPort(t *testing.T) {
	port := freePort(t)
	s := serve(t, "run", "-p", port+":80", guests.Path("http"), "80")
	s.expect(`^listening on 80$`)
	fetch(t, "127.0.0.1:"+port, "/")
	s.end(syscall.SIGINT)
	if out := s.output(); out != "listening on 80\n" {
		t.Errorf("printed:\n%s", out)
	}
}

// A socket of IPv4 cannot be published at an address of IPv6, but on a network in
// memory; the user is told so.
func TestPublishOtherFamily(t *testing.T) {
	publish := []string{"run", "-p", "[::1]:0:80", guests.Path("http"), "0.0.0.0", "80"}
	command(t, "", publish...).want(t, 1, "", "gowasix: -p [::1]:0:80: the guest's socket is of IPv4, the address outside of IPv6")
	s := serve(t, append([]string{"run", "--net=virtual"}, publish[1:]...)...)
	addr := s.expect(`^gowasix: port 80 of the guest is at (\[::1\]:\d+)$`)[1]
	s.expect(`^listening on 80$`)
	fetch(t, addr, "/")
	s.end(syscall.SIGINT)
}

func TestPublishDatagrams(t *testing.T) {
	s := serve(t, "run", "-p", "0:7/udp", guests.Path("udp-echo"), "7")
	addr := s.expect(`^gowasix: port 7 of the guest is at (\S+)$`)[1]
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, c)
	s.end(syscall.SIGINT)
}

// TestListen hands over sockets, and tells the guest.
func TestListen(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		s := serve(t, with(run, "--listen", "127.0.0.1:0", guests.Path("echo-preview1"))...)
		addr := s.expect(`^gowasix: descriptor 3 of the guest listens on (\S+)$`)[1]
		exchange(t, dial(t, addr))
		if status := s.end(syscall.SIGINT); status != 130 {
			t.Errorf("status %d", status)
		}
		r := command(t, "", with(run, "--listen", "127.0.0.1:0", "--listen", "[::1]:0", guests.Path("process"), "env")...)
		r.want(t, 0, "env: LISTEN_FDS=2\nenv: LISTEN_PID=1\n", "gowasix: descriptor 4 of the guest listens on [::1]:")
	})
}

// TestActivation hands on the sockets that the command is started with, as
// systemd starts it, before those of its own.
func TestActivation(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	start := func(t *testing.T, args ...string) *exec.Cmd {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		t.Cleanup(cancel)
		// Only the process itself knows what LISTEN_PID must be.
		shell := []string{"-c", `LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$0" "$@"`, binary}
		cmd := exec.CommandContext(ctx, "sh", append(shell, args...)...)
		cmd.ExtraFiles = []*os.File{f}
		return cmd
	}
	eachEngine(t, func(t *testing.T, run ...string) {
		out, err := start(t, with(run, "--listen", "dns=127.0.0.1:0/udp", "--listen", "127.0.0.1:0", guests.Path("process"), "env")...).Output()
		if want := "env: LISTEN_FDNAMES=web:dns:unknown\nenv: LISTEN_FDS=3\nenv: LISTEN_PID=1\n"; err != nil || !strings.HasPrefix(string(out), want) {
			t.Errorf("%v, and the guest's environment is\n%s", err, out)
		}
		cmd := start(t, with(run, guests.Path("http"), "inherited")...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if body := fetch(t, l.Addr().String(), "/"); len(body) == 0 {
			t.Error("nothing is served")
		}
		_ = cmd.Process.Signal(syscall.SIGINT)
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
			t.Errorf("the end: %v", err)
		}
	})
	cmd := exec.Command(binary, "run", guests.Path("process"), "env")
	cmd.Env = append(os.Environ(), "LISTEN_PID=1", "LISTEN_FDS=1")
	if out, err := cmd.Output(); err != nil || strings.Contains(string(out), "LISTEN") {
		t.Errorf("sockets that are meant for another: %v\n%s", err, out)
	}
}

// A Unix socket of the host's is served, and its file goes with the command.
func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	s := serve(t, "run", "--listen", "unix:"+path, guests.Path("echo-preview1"))
	var c net.Conn
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		var err error
		if c, err = net.Dial("unix", path); err == nil {
			break
		}
		if time.Since(start) > limit {
			t.Fatal(err)
		}
	}
	exchange(t, c)
	_ = c.Close()
	s.end(syscall.SIGINT)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's file: %v", err)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	for _, flags := range [][]string{
		{"-p", l.Addr().String() + ":80"}, {"-p", u.LocalAddr().String() + ":80/udp"}, {"--listen", l.Addr().String()},
	} {
		r := command(t, "", with(append([]string{"run"}, flags...), guests.Path("http"), "80")...)
		r.want(t, 125, "", flags[0]+" "+flags[1]+": the port is in use; stop the other program or choose another port")
	}
}

// Nothing is granted without a flag, and the flag that the command names grants
// what was denied.
func TestDenialNamesTheFlag(t *testing.T) {
	port := freePort(t)
	hint := regexp.MustCompile(`(?m)^gowasix: denied: the guest may not bind 127\.0\.0\.1:\d+; grant it with (--net=\S+), or publish it with -p 8080:\d+$`)
	eachEngine(t, func(t *testing.T, run ...string) {
		guest := []string{guests.Path("http"), "127.0.0.1", port}
		for _, given := range [][]string{nil, {"--net=ipv4:allow=127.0.0.1:1/out"}} {
			r := command(t, "", with(with(run, given...), guest...)...)
			r.want(t, 1, "", "EPERM")
			m := hint.FindStringSubmatch(r.stderr)
			if m == nil {
				t.Fatalf("no hint in\n%s", r.stderr)
			}
			if len(given) > 0 && !strings.HasPrefix(m[1], given[0]+",") {
				t.Errorf("the hint %s forgets %s", m[1], given[0])
			}
			s := serve(t, with(with(run, m[1]), guest...)...)
			s.expect(`^listening on ` + port + `$`)
			if denied := s.end(syscall.SIGINT); denied != 130 || strings.Contains(s.output(), "denied") {
				t.Errorf("with %s: status %d\n%s", m[1], denied, s.output())
			}
		}
	})
}

// Rules grant what they say and nothing else; --net grants everything.
func TestNetworkRules(t *testing.T) {
	port := freePort(t)
	guest := []string{guests.Path("http"), "127.0.0.1", port}
	for _, c := range []struct {
		flag    string
		granted bool
	}{
		{"--net", true},
		{"--net=ipv4:allow=127.0.0.1:" + port + "/in", true},
		{"--net=ipv4:allow=127.0.0.0/8:*", true},
		{"--net=ipv4:allow=127.0.0.1:" + port + "/out", false},
		{"--net=ipv4:allow=*:*,ipv4:deny=127.0.0.1:" + port, false},
		{"--net=false", false},
	} {
		if !c.granted {
			command(t, "", with([]string{"run", c.flag}, guest...)...).want(t, 1, "", "gowasix: denied: ")
			continue
		}
		s := serve(t, with([]string{"run", c.flag}, guest...)...)
		s.expect(`^listening on ` + port + `$`)
		fetch(t, "127.0.0.1:"+port, "/")
		s.end(syscall.SIGINT)
	}
}

// A signal ends a guest that waits for its input, and one that computes.
func TestInterrupt(t *testing.T) {
	busy := filepath.Join(t.TempDir(), "busy.wasm")
	module := printWorkingDirectory()
	module.Functions[0].Body = append(module.Functions[0].Body, wasixtest.Loop(wasixtest.Br(0))...)
	if err := os.WriteFile(busy, module.Binary(), 0o600); err != nil {
		t.Fatal(err)
	}
	eachEngine(t, func(t *testing.T, run ...string) {
		for _, guest := range [][]string{{guests.Path("process"), "cat"}, {busy}} {
			if status := interrupt(t, with(run, guest...)); status != 130 {
				t.Errorf("%q: status %d", guest, status)
			}
		}
	})
}

// The guest's handlers get the command's signals.
func TestSignalsAreForwarded(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		s := serve(t, with(run, guests.Path("signals"), "serve")...)
		s.expect("^ready$")
		for _, line := range []string{"^USR1 1$", "^USR1 2$"} {
			if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
				t.Fatal(err)
			}
			s.expect(line)
		}
		if err := s.cmd.Process.Signal(syscall.SIGWINCH); err != nil { // ignored
			t.Fatal(err)
		}
		if status := s.end(syscall.SIGTERM); status != 8 {
			t.Errorf("status %d", status)
		}
		s = serve(t, with(run, guests.Path("signals"), "serve")...)
		s.expect("^ready$")
		if status := s.end(syscall.SIGUSR2); status != 128+int(syscall.SIGUSR2) || strings.Contains(s.output(), "signal") {
			t.Errorf("without handler: status %d\n%s", status, s.output())
		}
	})
}

// A second INT ends a guest that is busy with the first.
func TestSecondInterrupt(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		s := serve(t, with(run, guests.Path("signals-shared"), "stubborn")...)
		s.expect("^ready$")
		if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		s.expect("^got 2$")
		if status := s.end(syscall.SIGINT); status != 130 {
			t.Errorf("status %d", status)
		}
	})
}

// interrupt runs a guest up to its first output, sends INT and returns the status.
func interrupt(t *testing.T, args []string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(stdin, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode()
}

// A command leaves no descriptor and no goroutine, whether it runs or fails.
func TestNothingIsLeft(t *testing.T) {
	dir := t.TempDir()
	eachEngine(t, func(t *testing.T, run ...string) {
		flags := with(run, "--dir", dir+":/a", "--dir", dir+":/b:ro", "--listen", "127.0.0.1:0", "-p", "0:80", "--timeout", "1m")
		commands := [][]string{
			with(flags, guests.Path("process"), "exit", "0"),
			with(flags, guests.Path("process"), "abort"),
			with(flags, "--cwd", "/missing", guests.Path("process")),
			with(flags, "--dir", "/missing", guests.Path("process")),
			with(flags, "--listen", "nowhere", guests.Path("process")),
		}
		for _, c := range commands { // what is made once and stays
			command(t, "", c...)
		}
		descriptors, goroutines := openDescriptors(t), runtime.NumGoroutine()
		for _, c := range commands {
			in, out := tempFile(t, ""), tempFile(t, "")
			descriptors += 2
			gowasix(c, in, out, out)
		}
		for range 200 {
			if openDescriptors(t) <= descriptors && runtime.NumGoroutine() <= goroutines {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%d descriptors, want %d; %d goroutines, want %d", openDescriptors(t), descriptors, runtime.NumGoroutine(), goroutines)
	})
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, limit)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// exchange sends something to an echo server, which must come back.
func exchange(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "hello" {
		t.Errorf("%q came back, %v", got, err)
	}
}

// fetch returns a page that a server must have.
func fetch(t *testing.T, addr, path string) []byte {
	t.Helper()
	client := &http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	return body
}
