//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"syscall"
	"time"

	wz "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental/sock"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"golang.org/x/sys/unix"
)

// The processors that the servers and the load generator are pinned to.
const (
	serverCPU = 0
	loadCPU   = 1
)

// variant is one way to run a server.
type variant struct {
	name string
	args func(b *binaries, program string) []string
}

// native is the variant that the others are compared with.
const native = "native C"

var echoVariants = []variant{
	{native, func(b *binaries, program string) []string { return []string{b.native + "/" + program, "0"} }},
	{"gowasix wasmer", gowasixOn("wasmer")},
	{"gowasix wazero", gowasixOn("wazero")},
	{"Go net", func(b *binaries, _ string) []string { return []string{b.self, "serve", "go"} }},
	{preview1, func(b *binaries, _ string) []string {
		return []string{b.self, "serve", "preview1", b.guests + "/echo-preview1.wasm"}
	}},
}

func gowasixOn(engine string) func(*binaries, string) []string {
	return func(b *binaries, program string) []string {
		return []string{b.gowasix, "run", "--engine", engine, "--net", b.guests + "/" + program + "-shared.wasm", "0"}
	}
}

// server is a running variant.
type server struct {
	variant
	cmd  *exec.Cmd
	addr *unix.SockaddrInet4
}

var listening = regexp.MustCompile(`listening on (?:\S*:)?(\d+)`)

// startServer starts a variant on the servers' processor and waits until it
// tells the port it listens on.
func startServer(v variant, args []string) (*server, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startPinned(cmd, serverCPU); err != nil {
		return nil, fmt.Errorf("%s: %w", v.name, err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		var port int
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			if _, err := fmt.Sscan(m[1], &port); err != nil {
				return nil, err
			}
			go io.Copy(io.Discard, output)
			return &server{v, cmd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}}, nil
		}
	}
	_ = cmd.Process.Kill()
	return nil, fmt.Errorf("%s: did not say where it listens: %v", v.name, cmd.Wait())
}

func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// cpu returns the processor time the server has used, of all its threads.
func (s *server) cpu() time.Duration {
	// CPUCLOCK_SCHED of a process, as clock_getcpuclockid(3) makes it.
	clock := int32(^s.cmd.Process.Pid)<<3 | 2
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// startPinned starts cmd on one processor.
func startPinned(cmd *exec.Cmd, cpu int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore, err := pin(cpu)
	if err != nil {
		return err
	}
	defer restore()
	return cmd.Start()
}

// pin binds the calling thread to a processor until restore is called.
func pin(cpu int) (restore func(), err error) {
	var before, set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, err
	}
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return nil, err
	}
	return func() { _ = unix.SchedSetaffinity(0, &before) }, nil
}

// serve is the side that is measured of variants that are written in Go.
func serve(name string, args []string) error {
	switch name {
	case "go":
		return serveGo()
	case "preview1":
		return servePreview1(args[0])
	case "files":
		return serveFiles(args[0], args[1:])
	}
	return fmt.Errorf("unknown server %q", name)
}

func serveGo() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("listening on", l.Addr().(*net.TCPAddr).Port)
	return serveEcho(l)
}

func serveEcho(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go echo(c)
	}
}

func echo(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

// servePreview1 runs a guest on wazero's own WASI, with its own sockets.
func servePreview1(path string) error {
	wasm, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := probe.Addr().(*net.TCPAddr).Port
	_ = probe.Close()
	ctx := sock.WithConfig(context.Background(), sock.NewConfig().WithTCPListener("127.0.0.1", port))
	r := wz.NewRuntime(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	go func() {
		time.Sleep(time.Second)
		fmt.Println("listening on", port)
	}()
	_, err = r.InstantiateWithConfig(ctx, wasm, wz.NewModuleConfig().WithStdout(os.Stderr).WithArgs("echo"))
	return err
}
