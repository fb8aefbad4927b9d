package wasix

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/socket"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// Cmd is a guest program about to run, or running. It is shaped like
// os/exec.Cmd and, like that, is used once. A compiled module serves any number
// of commands at the same time.
type Cmd struct {
	// Module is the compiled program.
	Module Module
	// Args are the arguments; Args[0] is the program's name.
	Args []string
	// Env is the environment, as "NAME=value"; of entries with one name the last
	// counts. Nothing of the host's is added.
	Env []string
	// Dir is the current directory inside the guest, "/" when empty; a relative
	// path is taken from "/".
	Dir string

	// Stdin, Stdout and Stderr are the standard streams; nil is an empty input
	// and an output that swallows everything. An *os.File is used as it is;
	// anything else is copied by a goroutine. Wait waits for the copying of
	// output. That of input ends at the first Read that returns after the guest
	// has ended.
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// Mounts are the directories the guest finds. Without one at "/", an empty
	// root is there. /dev has the devices null, zero, full, random, urandom, tty,
	// stdin, stdout and stderr, but not for plain WASI programs. A WASIX program has the root as its first descriptor, and
	// finds the others in it. A plain WASI program has a descriptor for each, and
	// does not get out of it.
	Mounts []vfs.Mount
	// Engine compiles the files that the guest executes: .wasm files, and scripts
	// by their interpreters. Without it only Programs can be executed.
	Engine Engine
	// Programs are further programs for the guest to execute, by the names that
	// they have in its directory /bin. They must be of one engine with Module.
	Programs map[string]Module
	// Network is what sockets run on; nil allows none but those of AF_UNIX,
	// whose names live and die with the process.
	Network network.Network
	// Sockets are descriptors 3 and up of the guest, announced to it by
	// LISTEN_FDS and LISTEN_PID as systemd does. Start takes them over, also when
	// it fails; they are closed with the process. What Network's policy refuses, they
	// may do, such as send datagrams to anybody, unless [network.Adopt] puts them
	// under it.
	Sockets []network.Socket
	// SocketNames are names for the Sockets, for the guest to tell them apart by
	// LISTEN_FDNAMES; one that is missing or empty is "unknown".
	SocketNames []string

	// MaxDescriptors bounds the open descriptors of each process; 0 is descriptor.DefaultLimit.
	MaxDescriptors int
	// MaxProcesses bounds the processes, those included that have ended and were
	// not waited for; 0 is [DefaultMaxProcesses].
	MaxProcesses int
	// MaxThreads bounds the threads of all processes; 0 is [DefaultMaxThreads].
	MaxThreads int
	// MaxMemory bounds the memory of all processes together, in bytes; 0 is no
	// limit. The size of each memory counts, with what of it was never written.
	// Beyond it, memory does not grow, and no process is made: ENOMEM. Memories of
	// ended processes that are kept for the next, 128 MiB at most, do not count.
	MaxMemory uint64
	// MaxBacklog bounds the connections that wait on one listener; 0 is
	// [DefaultMaxBacklog].
	MaxBacklog int

	// Reactor makes the process run the export _initialize, if any, in place of
	// _start, and then wait for [Process.Call]. Start does not wait for it; the
	// first Call does. A trap in it ends the process.
	Reactor bool

	// Trace, when not nil, is told of each system call when it begins and when it is
	// done, and of signals and ends, on the thread of which it is told, which goes on
	// when Trace returns. As with strace, a signal that does nothing or stops the
	// process interrupts the call under way as well, which then goes on. Threads call it
	// concurrently. It must not keep the event or its parameters. No call comes after
	// Wait has returned.
	Trace func(*TraceEvent)

	// ChildFailed, when not nil, is told of each process other than the first that
	// a trap has ended or that could not begin, with its id in the tree, before its
	// parent sees the death, by SIGABRT or SIGKILL. Processes call it concurrently.
	// No call comes after Wait has returned.
	ChildFailed func(pid int, err *ExitError)

	// Process is the running process, after Start.
	Process *Process

	started   bool
	streams   streams
	stopWatch func() bool
}

// firstFD is the first descriptor after the standard streams.
const firstFD = 3

// Command returns a command that runs mod with the given arguments, of which
// the first is the program's name.
func Command(mod Module, args ...string) *Cmd {
	return &Cmd{Module: mod, Args: args}
}

// Run starts the command and waits for its end. Errors are those of Start and Wait.
func (c *Cmd) Run(ctx context.Context) error {
	if err := c.Start(ctx); err != nil {
		return err
	}
	return c.Wait()
}

// Start starts the program and returns when it runs, or has ended already. When
// ctx is done, the process is killed, wherever it is; Wait then returns an
// *[ExitError] that wraps the context's cause. Start fails when ctx is done
// before, with its cause; when the command was started before or is not valid,
// as with a NUL in an argument; when the module is no program; and with the
// engine's error when it cannot be instantiated.
func (c *Cmd) Start(ctx context.Context) error {
	if c.started {
		return errors.New("wasix: command was started before")
	}
	c.started = true
	p, err := c.newProcess(ctx)
	if err == nil {
		c.stopWatch = context.AfterFunc(ctx, func() { p.exit(killed(ctx)) })
		err = p.start(nil, p.runMain(c.Reactor))
	}
	if err != nil {
		if c.stopWatch != nil {
			c.stopWatch()
		}
		_ = c.streams.wait()
		return fmt.Errorf("wasix: %s: %w", c.name(), err)
	}
	c.Process = p
	return nil
}

// Wait waits for the end of the process, of all its threads, and of the copying
// of its output. Returns nil when the exit code was 0 and everything was copied;
// an *[ExitError] for any other end; else the error of Stdout or Stderr. Any
// number of goroutines may wait; all get the same.
func (c *Cmd) Wait() error {
	p := c.Process
	if p == nil {
		return errors.New("wasix: command was not started")
	}
	<-p.done
	c.stopWatch()
	copied := c.streams.wait()
	if err := p.status.err(p.name); err != nil {
		return err
	}
	return copied
}

func (c *Cmd) name() string { return programName(c.Args) }

// newProcess makes the root process with everything it holds, ready to start.
func (c *Cmd) newProcess(ctx context.Context) (*Process, error) {
	p, err := c.newSystem().newProcess(nil)
	if err != nil {
		return nil, err
	}
	p.network = network.WithContext(p.ctx, p.network)
	p.fds, p.cwd = descriptor.NewTable(c.MaxDescriptors), c.Dir
	if err := c.furnish(ctx, p); err != nil {
		p.closeFiles()
		p.system.close()
		p.stop()
		return nil, err
	}
	return p, nil
}

// furnish gives the process its descriptors and its program. The sockets come
// first: whatever fails, they are closed with the table.
func (c *Cmd) furnish(ctx context.Context, p *Process) error {
	if err := c.openSockets(p.fds); err != nil {
		return err
	}
	if err := c.check(ctx); err != nil {
		return err
	}
	if err := c.streams.open(p.fds, c.Stdin, c.Stdout, c.Stderr); err != nil {
		return fmt.Errorf("standard streams: %w", err)
	}
	term, err := vfs.TerminalOf(c.Stdin, c.Stdout, c.Stderr)
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	p.terminal = term
	im, err := p.system.newImage(c.Module, c.Args, c.environ(), nil, 0)
	if err != nil {
		return err
	}
	p.image = im
	if err := p.openMounts(p.system.register(c.Programs, c.Mounts)); err != nil {
		im.close()
		return err
	}
	return nil
}

// check reports what makes the command impossible to start.
func (c *Cmd) check(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if c.Module == nil {
		return errors.New("command without a module")
	}
	for _, s := range slices.Concat(c.Args, c.Env) {
		if strings.IndexByte(s, 0) >= 0 {
			return fmt.Errorf("argument or environment variable %q holds a NUL", s)
		}
	}
	if err := checkPrograms(c.Programs); err != nil {
		return err
	}
	if len(c.SocketNames) > len(c.Sockets) {
		return fmt.Errorf("%d names for %d sockets", len(c.SocketNames), len(c.Sockets))
	}
	for _, name := range c.SocketNames {
		if strings.ContainsFunc(name, func(r rune) bool { return r == ':' || r < ' ' || r == 0x7f }) {
			return fmt.Errorf("name of a socket %q holds a colon or a control character", name)
		}
	}
	if _, ok := c.Module.Info().Exports["_start"]; !ok && !c.Reactor {
		return errNoStart(c.Module.Info())
	}
	return nil
}

// checkPrograms reports what is no name of a file in /bin, or no program.
func checkPrograms(programs map[string]Module) error {
	for name, module := range programs {
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			return fmt.Errorf("%q is no name for a program", name)
		}
		if module == nil {
			return fmt.Errorf("program %s without a module", name)
		}
		if _, ok := module.Info().Exports["_start"]; !ok {
			return fmt.Errorf("program %s: %w", name, errNoStart(module.Info()))
		}
	}
	return nil
}

// environ returns the environment of the guest.
func (c *Cmd) environ() []string {
	env := slices.Clone(c.Env)
	if n := len(c.Sockets); n > 0 {
		env = append(env, "LISTEN_FDS="+strconv.Itoa(n), "LISTEN_PID="+strconv.Itoa(initPID))
		if len(c.SocketNames) > 0 {
			env = append(env, "LISTEN_FDNAMES="+c.socketNames(n))
		}
	}
	return lastOfEachName(env)
}

// socketNames returns the names of n sockets as LISTEN_FDNAMES has them.
func (c *Cmd) socketNames(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = "unknown"
		if i < len(c.SocketNames) && c.SocketNames[i] != "" {
			names[i] = c.SocketNames[i]
		}
	}
	return strings.Join(names, ":")
}

// lastOfEachName drops the entries that a later one of the same name replaces.
func lastOfEachName(env []string) []string {
	last := make(map[string]int, len(env))
	for i, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		last[name] = i
	}
	kept := make([]string, 0, len(last))
	for i, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		if last[name] == i {
			kept = append(kept, entry)
		}
	}
	return kept
}

// openSockets puts the sockets at their descriptors, or closes those that have
// no place.
func (c *Cmd) openSockets(fds *descriptor.Table) (err error) {
	for i, s := range c.Sockets {
		d := socket.New(s).Description(0)
		if e := fds.InsertAt(uint32(firstFD+i), d, descriptor.Rights{Base: socket.Rights}); e != nil {
			err = errors.Join(err, fmt.Errorf("socket %d: %w", i, e), d.Release())
		}
	}
	return err
}

// openMounts makes the guest's directory tree and opens its mount points, at
// the descriptors from [firstFD] or after the sockets.
func (p *Process) openMounts(mounts []vfs.Mount) error {
	if p.wasix {
		mounts = append(p.devices(), mounts...)
	}
	tree, err := vfs.NewTree(mounts...)
	if err != nil {
		return fmt.Errorf("mounts: %w", err)
	}
	p.tree = tree
	cwd, err := tree.Chdir("/", cmp.Or(p.cwd, "/"))
	if err != nil {
		return fmt.Errorf("current directory %q: %w", p.cwd, err)
	}
	p.cwd = cwd
	for _, name := range p.preopens() {
		if err := p.preopen(name); err != nil {
			return fmt.Errorf("mount %s: %w", name, err)
		}
	}
	return nil
}

// preopens returns the names of the directories that the program is given.
func (p *Process) preopens() []string {
	if p.wasix {
		// The root leads to all others. Given more, the C library of 2023 takes
		// the wrong length off the paths below them.
		return []string{"/"}
	}
	names := p.tree.Preopens()
	if len(names) > 0 && importsFrom(p.module.Info(), "wasi_unstable") && !slices.Contains(names, ".") {
		// The C library of 2019 finds relative paths by this name only.
		names = append(names, ".")
	}
	return names
}

func (p *Process) preopen(name string) error {
	fd, from := p.nextPreopen(), "/"
	if name == "." {
		from = p.cwd
	}
	dir, err := p.tree.Preopen(from, name, fd, !p.wasix)
	if err != nil {
		return err
	}
	p.mounted = fd
	if err := insert(p.fds, fd, dir); err != nil || !p.wasix {
		return err
	}
	root, _, err := p.fds.Acquire(fd)
	if err != nil {
		return err
	}
	p.keepRoot(root)
	return root.Release()
}

// nextPreopen returns the lowest descriptor from firstFD that is free.
func (p *Process) nextPreopen() uint32 {
	fd := uint32(firstFD)
	for {
		if _, err := p.fds.Rights(fd); err != nil {
			return fd
		}
		fd++
	}
}
