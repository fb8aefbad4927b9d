package wasix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

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
	// Env is the environment, as "NAME=value". Nothing of the host's is added.
	Env []string
	// Dir is the current directory inside the guest; "/" when empty.
	Dir string

	// Stdin, Stdout and Stderr are the standard streams; nil is an empty input
	// and an output that swallows everything. An *os.File is used as it is;
	// anything else is copied by a goroutine, which Wait waits for.
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// Mounts are the directories the guest finds, in the order of their
	// descriptors. Without any, it has an empty root.
	Mounts []vfs.Mount
	// Network is what sockets run on; nil allows none but those of AF_UNIX,
	// whose names live and die with the process.
	Network network.Network
	// Sockets are descriptors 3 and up of the guest, announced to it by
	// LISTEN_FDS and LISTEN_PID as systemd does. The process closes them.
	Sockets []network.Socket

	// MaxDescriptors bounds the open descriptors; 0 is descriptor.DefaultLimit.
	MaxDescriptors int
	// MaxThreads bounds the threads; 0 is [DefaultMaxThreads].
	MaxThreads int
	// MaxBacklog bounds the connections that wait on one listener; 0 is
	// [DefaultMaxBacklog].
	MaxBacklog int

	// Reactor makes Start run the export _initialize, if any, in place of
	// _start, and leaves the process waiting for [Process.Call].
	Reactor bool

	// Process is the running process, after Start.
	Process *Process

	streams   streams
	stopWatch func() bool
	waited    bool
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

// Start starts the program and returns when it runs. When ctx is done, the
// process is killed, wherever it is; Wait then returns an *[ExitError] that
// wraps the context's error.
func (c *Cmd) Start(ctx context.Context) error {
	if c.Process != nil {
		return errors.New("wasix: command was started before")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, ok := c.Module.Info().Exports["_start"]; !ok && !c.Reactor {
		return errNoStart(c.Module.Info())
	}
	p, err := c.newProcess()
	if err != nil {
		return err
	}
	c.Process = p
	if err := p.start(c.Reactor); err != nil {
		_ = c.streams.wait()
		return fmt.Errorf("wasix: %s: %w", p.name, err)
	}
	c.stopWatch = context.AfterFunc(ctx, func() { p.exit(killed(ctx)) })
	return nil
}

// Wait waits for the end of the process, of all its threads, and of the copying
// to and from its standard streams. Returns nil when the exit code was 0, else
// an *[ExitError].
func (c *Cmd) Wait() error {
	switch {
	case c.Process == nil:
		return errors.New("wasix: command was not started")
	case c.waited:
		return errors.New("wasix: Wait was called before")
	}
	c.waited = true
	p := c.Process
	<-p.done
	c.stopWatch()
	if err := c.streams.wait(); err != nil && p.status == (exitStatus{}) {
		return err
	}
	return p.status.err(p.name)
}

// newProcess makes the process with everything it holds, ready to start.
func (c *Cmd) newProcess() (*Process, error) {
	name := "guest"
	if len(c.Args) > 0 {
		name = c.Args[0]
	}
	memory, err := c.Module.NewMemory()
	if err != nil {
		return nil, fmt.Errorf("wasix: memory for %s: %w", name, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &Process{
		name: name, module: c.Module, memory: memory, pid: initPID,
		args: c.Args, environ: c.Env, cwd: c.Dir,
		fds: descriptor.NewTable(c.MaxDescriptors), network: c.Network, unix: network.Unix(),
		threads: map[uint32]*Thread{}, lastTID: mainThreadID, maxThreads: c.MaxThreads,
		maxBacklog: c.MaxBacklog, longAddrs: hasLongAddrs(c.Module.Info()),
		stop: stop, ctx: ctx, done: make(chan struct{}), calls: make(chan *exportCall),
	}
	if p.cwd == "" {
		p.cwd = "/"
	}
	if p.network == nil {
		p.network = network.None()
	}
	if p.maxBacklog <= 0 {
		p.maxBacklog = DefaultMaxBacklog
	}
	if p.maxThreads <= 0 {
		p.maxThreads = DefaultMaxThreads
	}
	if err := c.openDescriptors(p); err != nil {
		p.fds.CloseAll()
		_ = c.streams.wait()
		if memory != nil {
			_ = memory.Close()
		}
		stop()
		return nil, err
	}
	return p, nil
}

// openDescriptors fills the table: standard streams, sockets, mounts.
func (c *Cmd) openDescriptors(p *Process) error {
	if err := c.streams.open(p.fds, c.Stdin, c.Stdout, c.Stderr); err != nil {
		return fmt.Errorf("wasix: standard streams of %s: %w", p.name, err)
	}
	for i, s := range c.Sockets {
		d := descriptor.NewDescription(socket.New(s).File(), 0)
		if err := p.fds.InsertAt(uint32(firstFD+i), d, descriptor.Rights{Base: socket.Rights}); err != nil {
			return fmt.Errorf("wasix: socket %d of %s: %w", i, p.name, errors.Join(err, d.Release()))
		}
	}
	if n := len(c.Sockets); n > 0 {
		p.environ = append(slices.Clone(p.environ), "LISTEN_FDS="+strconv.Itoa(n), "LISTEN_PID="+strconv.Itoa(p.Pid()))
	}
	return p.openMounts(c.Mounts)
}

// openMounts makes the guest's directory tree and opens its mount points, at
// the descriptors from [firstFD] or after the sockets.
func (p *Process) openMounts(mounts []vfs.Mount) error {
	tree, err := vfs.NewTree(mounts...)
	if err != nil {
		return fmt.Errorf("wasix: mounts of %s: %w", p.name, err)
	}
	p.tree = tree
	for _, guest := range tree.Preopens() {
		if err := p.preopen(guest); err != nil {
			return fmt.Errorf("wasix: mount %s of %s: %w", guest, p.name, err)
		}
	}
	if p.cwd, err = tree.Chdir("/", p.cwd); err != nil {
		return fmt.Errorf("wasix: current directory of %s: %w", p.name, err)
	}
	return nil
}

func (p *Process) preopen(guest string) error {
	fd := p.nextPreopen()
	dir, err := p.tree.Preopen(guest, fd)
	if err != nil {
		return err
	}
	return insert(p.fds, fd, dir)
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
