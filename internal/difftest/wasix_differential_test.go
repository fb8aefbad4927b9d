//go:build linux

package difftest

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/network/virtual"
	"github.com/gowasix/gowasix/wasix/vfs"
	"github.com/gowasix/gowasix/wazero"
)

// probe is a program that prints what its system calls answer.
type probe struct {
	name     string
	variants []string // suffixes of the .wasm files
	args     []string
	env      []string
	stdin    string
	network  network.Network // the host's when nil
	inMemory bool            // the guest's files are
	program  bool            // it is files/program as well
}

var (
	both   = []string{"", "-shared"}
	shared = []string{"-shared"}
)

var probes = []probe{
	{name: "sock-state", variants: both},
	{name: "poll-state", variants: both},
	{name: "epoll-state", variants: both},
	{name: "files", variants: both, args: []string{"files"}},
	{name: "files", variants: both[:1], args: []string{"files"}, inMemory: true},
	{name: "file-state", variants: both, args: []string{"files"}},
	{name: "file-state", variants: both[:1], args: []string{"files"}, inMemory: true},
	{name: "path-state", variants: both, args: []string{"files"}},
	{name: "path-state", variants: both[:1], args: []string{"files"}, inMemory: true},
	{name: "descriptor-state", variants: both, args: []string{"files"}},
	{name: "descriptor-state", variants: both[:1], args: []string{"files"}, inMemory: true},
	{name: "process", variants: both, args: []string{"args", "a b", "", "ü"}},
	{name: "process", variants: both, args: []string{"env"}, env: []string{"PROBE=a=b", "EMPTY=", "LONG=" + strings.Repeat("x", 400)}},
	{name: "process", variants: both, args: []string{"exit", "0"}},
	{name: "process", variants: both, args: []string{"exit", "7"}},
	{name: "process", variants: both, args: []string{"exit", "256"}},
	{name: "process", variants: both, args: []string{"exit", "-1"}},
	{name: "process", variants: both, args: []string{"abort"}},
	{name: "process", variants: both, args: []string{"cat"}, stdin: strings.Repeat("line\n", 20000)},
	{name: "process", variants: both, args: []string{"clocks"}},
	{name: "process", variants: both, args: []string{"random"}},
	{name: "process", variants: both, args: []string{"stdio"}, stdin: "x"},
	{name: "process", variants: both, args: []string{"recurse"}},
	{name: "signals", variants: both, args: []string{"handlers"}},
	{name: "signals", variants: both, args: []string{"interrupts"}},
	{name: "signals", variants: both, args: []string{"pipes"}},
	{name: "signals", variants: both, args: []string{"errors"}},
	{name: "signals", variants: both, args: []string{"die", "15"}},
	{name: "signals", variants: both, args: []string{"die", "14", "catch"}},
	{name: "signals", variants: both, args: []string{"exit"}},
	{name: "signals", variants: both, args: []string{"trap"}},
	{name: "signals", variants: both, args: []string{"abort"}},
	{name: "fork", variants: shared},
	{name: "proc-state", variants: shared, args: []string{"waits"}},
	{name: "proc-state", variants: shared, args: []string{"stops"}},
	{name: "proc-state", variants: shared, args: []string{"deaths"}},
	{name: "proc-state", variants: shared, args: []string{"inherits"}},
	{name: "proc-state", variants: shared, args: []string{"executes"}, program: true},
	{name: "proc-state", variants: shared, args: []string{"spawns"}, program: true},
	{name: "proc-state", variants: shared, args: []string{"signals"}},
	{name: "proc-state", variants: shared, args: []string{"threads"}},
	{name: "proc-state", variants: shared, args: []string{"jumps"}},
	{name: "vfork", variants: both, program: true},
	{name: "vfork", variants: shared, args: []string{"threads"}},
	{name: "sock-threads", variants: shared},
	{name: "threads", variants: shared},
	{name: "threads", variants: shared, args: []string{"exit"}},
	{name: "threads", variants: shared, args: []string{"trap"}},
	{name: "threads", variants: shared, args: []string{"main-exit"}},
	{name: "threads", variants: shared, args: []string{"sleep"}},
	{name: "threads", variants: shared, args: []string{"many", "300"}},
}

// limit ends a probe that hangs; it is no measure of speed.
const limit = 2 * time.Minute

// newEngines make the engines that this build has.
var newEngines = []func() (wasix.Engine, error){
	func() (wasix.Engine, error) { return wazero.NewEngine() },
}

func engines(t *testing.T) []wasix.Engine {
	t.Helper()
	var list []wasix.Engine
	for _, newEngine := range newEngines {
		e, err := newEngine()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
		list = append(list, e)
	}
	return list
}

func TestGuestsBehaveAsOnLinux(t *testing.T) {
	native, engines := build(t), engines(t)
	for _, p := range probes {
		t.Run(p.title(), func(t *testing.T) {
			want := runNative(t, native, p)
			for _, e := range engines {
				for _, variant := range p.variants {
					t.Run(e.Name()+variant, func(t *testing.T) {
						compare(t, p.listed(), want, runGuest(t, e, p.name+variant, p))
					})
				}
			}
		})
	}
}

// A policy that allows everything, and published ports, change nothing.
func TestWrappedNetworksBehaveAsOnLinux(t *testing.T) {
	native, engines := build(t), engines(t)
	vnet := virtual.New()
	defer vnet.Close()
	for name, n := range map[string]network.Network{
		"policy":  network.WithPolicy(network.Host(), network.AllowAll()),
		"publish": network.Publish(network.Host(), nil),
		"virtual": vnet.Host("guest"),
	} {
		for _, p := range probes[:3] { // those of sockets
			if name == "virtual" && p.name == "sock-state" {
				continue // it counts what a backlog takes, at once: packets come a moment later there
			}
			t.Run(name+"/"+p.title(), func(t *testing.T) {
				p.network = n
				compare(t, p.listed(), runNative(t, native, p), runGuest(t, engines[0], p.name, p))
			})
		}
	}
}

// Every listed difference belongs to a probe, and has a reason.
func TestDifferencesAreExplained(t *testing.T) {
	for _, d := range differences {
		known := slices.ContainsFunc(probes, func(p probe) bool { return p.listed() == d.probe })
		if !known || d.reason == "" || d.linux == d.wasix {
			t.Errorf("%+v", d)
		}
	}
}

// listed names the probe with its arguments, as the differences do.
func (p probe) listed() string { return strings.Join(append([]string{p.name}, p.args...), " ") }

// title is listed with where the files are.
func (p probe) title() string {
	if p.inMemory {
		return p.listed() + " in memory"
	}
	return p.listed()
}

// nativeDir is where build puts the probes for Linux, once for all tests; "" before.
var nativeDir string

// build builds the probes for Linux and returns their directory, which TestMain removes.
func build(t *testing.T) string {
	t.Helper()
	if nativeDir != "" {
		return nativeDir
	}
	dir, err := os.MkdirTemp("", "probes")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range probes {
		if !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
	}
	cmd := exec.Command("make", "native", "OUT="+dir, "BUILD="+filepath.Join(dir, "build"), "NATIVE="+strings.Join(names, " "))
	cmd.Dir = guests.Dir()
	if out, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		t.Fatalf("building the native probes: %v\n%s", err, out)
	}
	nativeDir = dir
	return dir
}

func runNative(t *testing.T, dir string, p probe) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, p.name), p.args...)
	var out, stderr bytes.Buffer
	cmd.Dir = workDir(t)
	if p.program {
		if err := os.Symlink(cmd.Path, filepath.Join(cmd.Dir, "files/program")); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Env = append([]string{}, p.env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(p.stdin), &out, &stderr
	status := exitStatus(t, cmd.Run())
	return transcript(&out, &stderr, status)
}

func runGuest(t *testing.T, e wasix.Engine, name string, p probe) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	mod, err := e.Compile(ctx, guests.Bytes(name))
	if err != nil {
		t.Fatal(err)
	}
	defer mod.Close()
	root, err := p.files(t, name)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := root.(io.Closer); ok {
		defer c.Close()
	}
	var out, stderr bytes.Buffer
	cmd := wasix.Command(mod, append([]string{p.name}, p.args...)...)
	cmd.Env, cmd.Engine = p.env, e
	cmd.Network = p.network
	if cmd.Network == nil {
		cmd.Network = network.Host()
	}
	cmd.Mounts = []vfs.Mount{{Guest: "/", FS: root}}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(p.stdin), &out, &stderr
	status := exitStatus(t, cmd.Run(ctx))
	return transcript(&out, &stderr, status)
}

// files returns what [workDir] makes, or the same in memory. name is that of the guest.
func (p probe) files(t *testing.T, name string) (vfs.FileSystem, error) {
	if !p.inMemory {
		dir := workDir(t)
		if p.program {
			if err := os.WriteFile(filepath.Join(dir, "files/program"), guests.Bytes(name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return vfs.HostDir(dir, false)
	}
	temp := vfs.Temp(256 << 20)
	return temp, temp.(vfs.Writable).Mkdir("files")
}

// workDir makes a directory with an empty one in it, called files.
func workDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "files"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// exitStatus returns the status a process ended with, as err tells it.
func exitStatus(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	switch e := err.(type) {
	case *wasix.ExitError:
		return e.ExitCode()
	case *exec.ExitError:
		if w := e.Sys().(syscall.WaitStatus); w.Signaled() {
			return 128 + int(w.Signal())
		}
		return e.ExitCode()
	}
	t.Fatal(err)
	return 0
}

// transcript returns the lines of both outputs and the exit status.
func transcript(out, stderr *bytes.Buffer, status int) []string {
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if stderr.Len() > 0 {
		lines = append(lines, "stderr: "+strings.TrimSpace(stderr.String()))
	}
	return append(lines, "exit status: "+strconv.Itoa(status))
}

// compare reports what differs between the transcripts and is not meant to.
func compare(t *testing.T, probe string, linux, wasix []string) {
	t.Helper()
	seen := map[string]bool{}
	for i := range max(len(linux), len(wasix)) {
		if i >= len(linux) || i >= len(wasix) {
			t.Errorf("Linux printed %d lines, WASIX %d:\n%s", len(linux), len(wasix), rest(linux, wasix, i))
			break
		}
		line, _, _ := strings.Cut(linux[i], ": ")
		d, meant := meantDifference(probe, line)
		seen[line] = true
		switch {
		case meant && linux[i] == wasix[i]:
			t.Errorf("%q is listed as a difference, but does not differ", linux[i])
		case meant && (linux[i] != line+": "+d.linux || wasix[i] != line+": "+d.wasix):
			t.Errorf("not the listed difference:\nLinux %s\nWASIX %s", linux[i], wasix[i])
		case !meant && linux[i] != wasix[i]:
			t.Errorf("\nLinux %s\nWASIX %s", linux[i], wasix[i])
		}
	}
	for _, d := range differences {
		if d.probe == probe && !seen[d.line] {
			t.Errorf("%q is listed as a difference, but not printed", d.line)
		}
	}
}

func meantDifference(probe, line string) (difference, bool) {
	i := slices.IndexFunc(differences, func(d difference) bool { return d.probe == probe && d.line == line })
	if i < 0 {
		return difference{}, false
	}
	return differences[i], true
}

// rest returns the lines from i of whichever transcript is longer.
func rest(a, b []string, i int) string {
	if len(b) > len(a) {
		a = b
	}
	return strings.Join(a[i:], "\n")
}
