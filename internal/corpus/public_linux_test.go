package corpus

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/internal/pty"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// publicPrograms are the programs of 2023 that run. What they print is what
// the published record of their outputs has.
var publicPrograms = []program{
	// With -c, and in command substitutions, this bash calls functions by a wrong
	// type, which WebAssembly traps.
	{"bash", runs(sameText("subshell 3\npiped two\nwaited 0\n42\n"), func(cmd *wasix.Cmd) {
		cmd.Stdin = strings.NewReader(bashScript)
	}, "bash")},
	{"catsay", runs(contains("< moo >"), nil, "catsay", "moo")},
	{"cowsay", runs(contains("< moo >", "^__^"), nil, "cowsay", "moo")},
	{"dash", runs(sameText(shellOutput), nil, "dash", "-c", shellScript)},
	{"example-condvar", runs(sameLines(condvarOutput), nil, "condvar")},
	{"example-epoll", checkEpoll},
	// Its last line, "Child(2) exited with 0", is in a buffer when it executes another
	// program; on a terminal it shows.
	{"example-execve", checkExecve},
	{"example-fork", runs(sameLines("Parent has x = 0\nChild has x = 2\nChild(2) exited with 0\n"), nil, "fork")},
	// The status is waitpid's, as the program prints it on Linux; the record of
	// 2023 has the bare exit code.
	{"example-fork-longjmp", runs(sameLines("Parent has x = 0\nChild has x = 2\nChild(2) exited with 1280\n"), nil, "fork-longjmp")},
	{"example-longjmp", runs(sameText(longjmpOutput), nil, "longjmp")},
	{"example-multi-threading", runs(sameLines(multiThreadingOutput()), nil, "multi-threading")},
	{"example-pipe", checkPipe},
	{"example-signal", checkSignal},
	{"example-spawn", checkSpawn},
	{"example-stack", runs(contains("after long jump [val=10]\nbefore long jump\nafter long jump [val=20]\n"), nil, "stack")},
	{"example-tcp-client", checkTCPClient},
	{"example-tcp-listener", checkTCPListener},
	{"example-thread-local", runs(contains("VAR1 in main after change: ThirdEnum(340282366920938463463374607431768211455)",
		"VAR1 in thread step 4: SecondEnum(4)"), nil, "thread-local")},
	{"example-vfork", runs(sameText("Parent waiting on Child(2)\nChild(2) exited with 2560\n"), nil, "vfork")},
	{"kibi", checkKibi},
	{"qjs", checkQuickJS},
	{"web-server", checkWebServer},
}

// checkPipe runs a program that forks, writes to the end of a pipe that is for
// reading, and reads from the other. The same on Linux prints the same and ends with
// 1, but for EBADF's number. Wasmer's pipes of 2023 led both ways, so that there the
// parent prints what the child has written.
func checkPipe(t *testing.T, module wasix.Module) {
	status, out := start(t, module, nil, "pipe").wait()
	want := fmt.Sprintf("this text should be printed by the child\nfailed to read from pipe - %d\n", abi.EBADF)
	if status != 1 || out != want {
		t.Errorf("exit status %d, output\n%s", status, out)
	}
}

const bashScript = `(exit 3); echo "subshell $?"
echo one two | while read x y; do echo "piped $y"; done
for i in 1 2 3; do (exit $i) & done; wait; echo "waited $?"
a=(40 2); echo $((a[0] + a[1]))
`

// shellScript forks for each of its constructs.
const shellScript = `(exit 3); echo "subshell $?"
echo one two | while read x y; do echo "piped $y"; done
a=$(echo substituted; exit 4); echo "$a $?"
for i in 1 2 3; do (exit $i) & done; wait; echo "waited $?"
f() { return 7; }; f || echo "function $?"
read line <<END
here
END
echo "$line $((6 * 7))"`

const shellOutput = `subshell 3
piped two
substituted 4
waited 0
function 7
here 42
`

const longjmpOutput = `(A1)
(B1)
(A2) r=10001
(B2) r=20001
(A3) r=10002
(B3) r=20002
(A4) r=10003
`

const condvarOutput = `condvar1 thread spawn
condvar1 thread started
condvar1 thread sleep(1sec) start
condvar loop
condvar wait
condvar1 thread sleep(1sec) end
condvar1 thread set condition
condvar1 thread notify
condvar woken
condvar parent done
condvar1 thread exit
all done
`

func multiThreadingOutput() string {
	var b strings.Builder
	for i := range 9 {
		fmt.Fprintf(&b, "thread %d started\nthread %[1]d finished\n", i+1)
	}
	return b.String() + "waiting for threads\nall done\n"
}

// sameLines accepts the lines of want in any order but for the last: threads
// may overtake each other.
func sameLines(want string) func(string) bool {
	sorted := slices.Sorted(strings.Lines(want))
	last := want[strings.LastIndexByte(strings.TrimSuffix(want, "\n"), '\n')+1:]
	return func(out string) bool {
		return slices.Equal(slices.Sorted(strings.Lines(out)), sorted) && strings.HasSuffix(out, last)
	}
}

func sameText(want string) func(string) bool {
	return func(out string) bool { return out == want }
}

func contains(parts ...string) func(string) bool {
	return func(out string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(out, p) })
	}
}

// checkQuickJS runs scripts from files, with loops, numbers, strings and modules,
// by absolute paths and relative ones.
func checkQuickJS(t *testing.T, module wasix.Module) {
	dir := t.TempDir()
	const script = `let n = 0; for (let i = 0; i < 1e6; i++) n += i % 7; console.log(n, [3, 1, 2].sort().join(""), 2**10);`
	writeFile(t, filepath.Join(dir, "script.js"), []byte(script))
	const main = `import * as std from "std"; import { x } from "./lib.js";
const read = name => std.open(name, "r").readAsString();
console.log(x, read("/scripts/data"), read("data"));`
	writeFile(t, filepath.Join(dir, "main.js"), []byte(main))
	writeFile(t, filepath.Join(dir, "lib.js"), []byte(`export const x = "imported";`))
	writeFile(t, filepath.Join(dir, "data"), []byte("read"))
	in := func(cwd string) func(*wasix.Cmd) {
		return func(cmd *wasix.Cmd) {
			cmd.Mounts, cmd.Dir = []vfs.Mount{mounted(t, dir, "/scripts", true)}, cwd
		}
	}
	const printed = "2999997 123 1024"
	runs(contains(printed), in("/"), "qjs", "/scripts/script.js")(t, module)
	runs(contains(printed), in("/"), "qjs", "scripts/script.js")(t, module)
	runs(contains(printed), in("/scripts"), "qjs", "script.js")(t, module)
	runs(contains("imported read read"), in("/scripts"), "qjs", "-m", "./main.js")(t, module)
}

// checkSignal sends the program, which sends itself SIGHUP and then sleeps, more
// signals: those that wake nobody, and one that ends it, by its handler or without
// one. On a terminal it prints at once what it got.
func checkSignal(t *testing.T, module wasix.Module) {
	for end, want := range map[abi.Signal]struct {
		status int
		screen string
	}{
		abi.SignalInt:  {0, "received SIGINT"},
		abi.SignalTerm: {128 + int(abi.SignalTerm), "received SIGHUP"},
	} {
		term := pty.Open(t, 80, 24)
		g := start(t, module, func(cmd *wasix.Cmd) { cmd.Stdout = term.Slave }, "signal")
		term.See("received SIGHUP")
		for _, sig := range []abi.Signal{abi.SignalChld, abi.SignalWinch, end} {
			if err := g.process.Signal(sig); err != nil {
				t.Error(err)
			}
		}
		if status, out := g.wait(); status != want.status || strings.Contains(out, "Child") {
			t.Errorf("after %v exit status %d, output\n%s", end, status, out)
		}
		term.See(want.screen)
	}
}

// checkExecve lets the program become echo, as its child does before.
func checkExecve(t *testing.T, module wasix.Module) {
	withEcho(t, module, sameText("Main program started\nhi-from-child\nhi-from-parent\n"))
}

// checkSpawn lets the program run echo, and wait for it.
func checkSpawn(t *testing.T, module wasix.Module) {
	withEcho(t, module, func(out string) bool {
		rest, ok := strings.CutSuffix(strings.Replace(out, "hi\n", "", 1), "Child pid: 2\nChild status 0\n")
		return ok && rest == "" && strings.Contains(out, "hi\n")
	})
}

// withEcho runs a program with an echo(1) on its PATH.
func withEcho(t *testing.T, module wasix.Module, correct func(out string) bool) {
	for _, engine := range engines(t) {
		echo := compile(t, engine, guests.Path("tools"))
		defer echo.Close()
		if reflect.TypeOf(echo) != reflect.TypeOf(module) {
			continue // of the other engine
		}
		runs(correct, func(cmd *wasix.Cmd) { cmd.Programs = map[string]wasix.Module{"echo": echo} }, "program")(t, module)
		return
	}
	t.Error("no engine has such modules")
}

// checkTCPListener connects to the program, which greets nobody and prints a
// line for every connection.
func checkTCPListener(t *testing.T, module wasix.Module) {
	const port, connections = 7878, 3
	p := publish(port, abi.SockProtoTcp)
	g := start(t, module, func(cmd *wasix.Cmd) { cmd.Network = p }, "tcp-listener")
	g.expect(`Listening on 127\.0\.0\.1:7878\n`)
	for range connections {
		c := dial(t, outside(t, p, port, abi.SockProtoTcp))
		_ = c.Close()
	}
	g.expect(fmt.Sprintf(`(?s)(Connection established!.*){%d}`, connections))
	g.stop()
}

// nameServer is where the TCP client connects to.
var nameServer = netip.MustParseAddrPort("8.8.8.8:53")

// checkTCPClient lets the program connect to a server that it takes for another.
func checkTCPClient(t *testing.T, module wasix.Module) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := redirect{grant(t, l.Addr().String()), nameServer, l.Addr().(*net.TCPAddr).AddrPort()}
	g := start(t, module, func(cmd *wasix.Cmd) { cmd.Network = n }, "tcp-client")
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); err != nil || len(got) != 0 {
		t.Errorf("the client sent %q, %v", got, err)
	}
	if status, out := g.wait(); status != 0 || out != "Successfully connected to server in port 53\nFinished.\n" {
		t.Errorf("exit status %d, output\n%s", status, out)
	}
}

// grant returns the host's network with nothing but one address to connect to.
func grant(t *testing.T, addr string) network.Network {
	t.Helper()
	policy, err := network.ParseRules("ipv4:allow=" + addr + "/out")
	if err != nil {
		t.Fatal(err)
	}
	return network.WithPolicy(network.Host(), policy)
}

// redirect is a network in which connections to one address go to another.
type redirect struct {
	network.Network
	from, to netip.AddrPort
}

func (r redirect) Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (network.Socket, error) {
	s, err := r.Network.Socket(family, typ, proto)
	if err != nil {
		return nil, err
	}
	return redirectedSocket{s.(kernelSocket), r}, nil
}

// kernelSocket is what the host's network opens; a wrapper keeps both halves.
type kernelSocket interface {
	network.Socket
	SysFD() int
	Arm() error
}

type redirectedSocket struct {
	kernelSocket
	redirect redirect
}

func (s redirectedSocket) Connect(addr network.Addr) error {
	if addr.AddrPort == s.redirect.from {
		addr.AddrPort = s.redirect.to
	}
	return s.kernelSocket.Connect(addr)
}

// checkWebServer serves a site, and a directory that it is told relative to the
// current one.
func checkWebServer(t *testing.T, module wasix.Module) {
	site := newSite(t)
	root := mounted(t, filepath.Dir(site.dir), "/", true)
	serve := func(cwd, dir string) (g *guest, addr string) {
		p := publish(80, abi.SockProtoTcp)
		g = start(t, module, func(cmd *wasix.Cmd) {
			cmd.Network, cmd.Mounts, cmd.Dir = p, []vfs.Mount{root}, cwd
		}, "web-server", "--root", dir, "--log-level", "info", "--host", "0.0.0.0", "--port", "80")
		g.expect(`listening on http://`)
		return g, outside(t, p, 80, abi.SockProtoTcp)
	}
	public := "/" + filepath.Base(site.dir)
	g, addr := serve("/", public)
	site.check(t, addr, true)
	site.checkCurl(t, addr)
	g.stop()
	for cwd, dir := range map[string]string{public: "./", "/": filepath.Base(site.dir)} {
		g, addr := serve(cwd, dir)
		client := newClient()
		site.checkFile(t, client, addr, "index.html")
		client.CloseIdleConnections()
		g.stop()
	}
}

// listening returns a socket to hand to a guest.
func listening(t *testing.T) (s network.Socket, addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if cerr := raw.Control(func(fd uintptr) { s, err = network.FromFD(int(fd)) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	return s, l.Addr().String()
}

// checkCurl asks a second client, where there is one.
func (s *site) checkCurl(t *testing.T, addr string) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Log("there is no curl here")
		return
	}
	for name, want := range s.files {
		got, err := exec.CommandContext(t.Context(), curl, "-sS", "--noproxy", "*", "--max-time", "30", "http://"+addr+"/"+name).Output()
		if err != nil || string(got) != string(want) {
			t.Errorf("curl %s: %d bytes of %d, %v", name, len(got), len(want), err)
		}
	}
}

func writeFile(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
