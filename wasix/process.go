package wasix

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// Process is a running guest program.
type Process struct {
	*system
	*image

	pid      uint32
	parent   *Process   // nil for the root and for orphans; guarded by system.mu
	children []*Process // in the order of birth; guarded by system.mu
	zombie   bool       // ended, and not waited for yet; guarded by system.mu
	stopped  abi.Signal // what stopped it, SignalNone once its parent knows; guarded by system.mu
	changed  ready.Queue

	started time.Time
	fds     *descriptor.Table
	tree    *vfs.Tree
	mounted uint32                  // the last descriptor of a mounted file system
	root    *descriptor.Description // where paths of a WASIX program begin; see acquireDir
	signals signalState

	cwdMu sync.RWMutex
	cwd   string

	mu      sync.Mutex
	threads map[uint32]*Thread
	lastTID uint32
	status  exitStatus
	ended   bool      // the status is set
	next    *image    // what exec puts in the place of the program
	cpuUsed int64     // ns, by threads that are gone
	cpuBase int64     // what the Go process had used when this one began, ns
	began   bool      // there were threads
	behind  []*Thread // that children act for, though the process has ended
	dying   sync.Once // tells the trace of the signal that no thread took

	stillborn bool // the call that made it failed: its end is no news. For the reaping goroutine

	exiting atomic.Bool    // the status is set, or exec is under way; no thread runs on
	ending  chan struct{}  // closed with that; exec makes another
	running sync.WaitGroup // threads
	stop    context.CancelFunc
	ctx     context.Context  // ends with the process; for look-ups of names
	done    chan struct{}    // closed when nothing is left
	leaving chan struct{}    // closed when the first program is gone: vfork waits for that
	calls   chan *exportCall // to the main thread of a reactor
}

// newProcess makes a process without a program, descriptors and threads, as a
// child of parent, nil for the root. Errors are those of [system.add].
func (s *system) newProcess(parent *Process) (*Process, error) {
	p := s.makeProcess()
	if err := s.add(p, parent); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// makeProcess makes a process that nobody knows of until it is added.
func (s *system) makeProcess() *Process {
	ctx, stop := context.WithCancel(context.Background())
	return &Process{
		system: s, started: time.Now(), threads: map[uint32]*Thread{}, lastTID: mainThreadID,
		stop: stop, ctx: ctx, done: make(chan struct{}), leaving: make(chan struct{}), ending: make(chan struct{}),
		calls: make(chan *exportCall), cpuBase: hostProcessTime(),
	}
}

// Pid returns the process id inside the guest's process tree; 1 for the first.
func (p *Process) Pid() int { return int(p.pid) }

// Kill ends the process as by SIGKILL. It does not wait for the end.
func (p *Process) Kill() { p.exit(exitStatus{signal: abi.SignalKill}) }

// Done returns a channel that is closed when the process has ended and all its
// threads, descriptors and child processes are gone.
func (p *Process) Done() <-chan struct{} { return p.done }

// exit ends the process with the given status; the first status wins. All
// threads are made to unwind, wherever they are, and with the root all processes:
// on a busy machine each may take a while to run once more. It does not wait for them.
func (p *Process) exit(s exitStatus) {
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return
	}
	p.status, p.ended = s, true
	p.endThreads()
	p.mu.Unlock()
	p.stop()
	for _, t := range p.liveThreads() {
		t.interrupt()
	}
	if p.pid == initPID {
		p.system.killAll()
	}
}

// endThreads makes the threads end at their next look; who calls it interrupts
// them then. p.mu is held.
func (p *Process) endThreads() {
	if !p.exiting.Swap(true) {
		close(p.ending)
	}
}

// abandon frees what a process holds that nobody knows of yet.
func (p *Process) abandon() {
	p.stop()
	p.closeFiles()
	if p.image != nil {
		p.image.close()
	}
}

// liveThreads returns the threads that there are.
func (p *Process) liveThreads() []*Thread {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Values(p.threads))
}

// start makes the main thread, in which body is what runs the program. It returns
// when the program runs, or with the reason why it could not be instantiated, or
// errThreadLimit. When abort is closed before, it kills the process.
func (p *Process) start(abort <-chan struct{}, body func(*Thread) error) error {
	t, err := p.firstThread(mainThreadID)
	switch {
	case errors.Is(err, errThreadLimit):
		return err
	case err != nil:
		return nil
	}
	started := make(chan error, 1)
	go t.run(started, body)
	go p.reap()
	select {
	case err = <-started:
	case <-abort:
		p.Kill()
		err = <-started
	}
	if err != nil {
		<-p.done
	}
	return err
}

// firstThread adds the first thread, or ends the process, with the errors of
// [Process.addThread].
func (p *Process) firstThread(tid uint32) (*Thread, error) {
	t, err := p.addThread(tid)
	if err != nil {
		p.exit(exitStatus{signal: abi.SignalKill, cause: err}) // unless it was killed before it began
		p.stillborn = errors.Is(err, errThreadLimit)
		p.reap()
	}
	return t, err
}

// reap frees what the process holds once its last thread is gone. When the
// threads ended one by one, that is success.
func (p *Process) reap() {
	p.running.Wait()
	for p.replaceImage() {
		p.running.Wait()
	}
	p.exit(exitStatus{})
	p.signals.stopTimers()
	p.closeFiles()
	for _, t := range p.behind {
		t.tellExit()
	}
	if len(p.behind) == 0 { // or else what they work on is still there
		p.image.charge.close()
	}
	p.leave()
	p.tellFailure()
	p.system.bury(p)
	for _, t := range p.behind {
		<-t.finished
	}
	p.image.charge.close()
	p.system.forget(p)
	close(p.done)
}

// tellFailure tells the host of a child's trap: nobody else learns more than a signal.
// Of a limit the parent learns by an errno, perhaps again and again.
func (p *Process) tellFailure() {
	failed := p.status
	limit := errors.Is(failed.cause, errThreadLimit) || errors.Is(failed.cause, errNoMemory)
	if p.pid != initPID && p.childFailed != nil && !limit && (failed.trap != nil || failed.cause != nil) {
		p.childFailed(p.Pid(), &ExitError{failed, p.image.name})
	}
}

// addThread registers a new thread under tid, or the next free id when tid is
// 0. Returns errThreadLimit, or ErrUnwind when the process is ending.
func (p *Process) addThread(tid uint32) (*Thread, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.exiting.Load() {
		return nil, ErrUnwind
	}
	if err := p.system.addThread(); err != nil {
		return nil, err
	}
	if tid == 0 {
		tid = p.nextTID()
	}
	t := newThread(p, tid)
	p.threads[tid] = t
	p.began = true
	p.running.Add(1)
	return t, nil
}

// nextTID returns an unused thread id; wasix-libc keeps the bits above for itself.
func (p *Process) nextTID() uint32 {
	const maxTID = 0x1fffffff
	for {
		p.lastTID++
		if p.lastTID > maxTID {
			p.lastTID = mainThreadID + 1
		}
		if _, used := p.threads[p.lastTID]; !used {
			return p.lastTID
		}
	}
}

func (p *Process) removeThread(t *Thread) {
	p.mu.Lock()
	if !t.behind {
		delete(p.threads, t.id)
		defer p.running.Done()
	}
	p.mu.Unlock()
	p.signals.mu.Lock()
	p.retarget()
	p.signals.mu.Unlock()
	p.system.removeThread()
	close(t.finished)
}

// run is the life of one guest thread, on a goroutine of its own: it makes the
// instance, tells started, runs body in it and cleans up.
func (t *Thread) run(started chan<- error, body func(*Thread) error) {
	p := t.proc
	defer p.removeThread(t)
	defer t.leaveOSThread()
	defer t.stopCPUClock()
	in, err := t.instantiate()
	if err != nil {
		started <- t.startFailure(err)
		return
	}
	defer t.closeInstance()
	defer t.traceExit()
	t.startCPUClock()
	started <- nil
	t.setBlocked(false) // sees what was sent to the process before
	if err := body(t); err != nil && !t.exited && !p.exiting.Load() {
		p.exit(trapStatus(err))
	}
	if !p.exiting.Load() {
		t.exited = false
		t.destroyLocals(in)
	}
}

// startFailure is what a failed instantiation means to whom waits for the
// thread's start. When the process came to its end meanwhile, perhaps by the
// module's start function, the failure is only a sign of that.
func (t *Thread) startFailure(err error) error {
	if t.proc.exiting.Load() {
		return nil
	}
	if t.id == mainThreadID {
		select {
		case <-t.proc.leaving: // exec has succeeded
		default:
			t.proc.stillborn = true
		}
		t.proc.exit(exitStatus{signal: abi.SignalKill, cause: err})
	}
	return err
}

// instantiate makes the thread's instance, in sight of interrupt.
func (t *Thread) instantiate() (Instance, error) {
	in, err := t.proc.module.Instantiate(t, t.proc.memory)
	if err != nil {
		return nil, err
	}
	t.proc.mu.Lock()
	t.instance = in
	exiting := t.proc.exiting.Load()
	t.proc.mu.Unlock()
	if exiting {
		in.Interrupt()
	}
	return in, nil
}

// closeInstance frees the instance; interrupt does not see it any more.
func (t *Thread) closeInstance() {
	t.proc.mu.Lock()
	in := t.instance
	t.instance = nil
	t.proc.mu.Unlock()
	_ = in.Close()
}

// interrupt makes the thread unwind, whether it waits or computes; when a child acts
// in its place, after that: a process that has ended does not wait for it, but for the
// root, with which the child ends.
func (t *Thread) interrupt() {
	t.wake()
	t.proc.mu.Lock()
	child, ended, root := t.child, t.proc.ended, t.proc.pid == initPID
	switch {
	case child == nil && t.instance != nil && !t.lent():
		t.instance.Interrupt()
	case child != nil && ended && !root && !t.behind:
		t.stayBehind()
	}
	t.proc.mu.Unlock()
	if child != nil && ended && root {
		child.proc.Kill()
	}
}

// trapStatus is the status of a process one of whose threads failed with err.
func trapStatus(err error) exitStatus {
	var trap *Trap
	if !errors.As(err, &trap) {
		trap = &Trap{Message: err.Error()}
	}
	return exitStatus{trap: trap}
}
