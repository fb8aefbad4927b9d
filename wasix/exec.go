package wasix

import "github.com/gowasix/gowasix/wasix/abi"

// exec makes the process run another program, as soon as all its threads have
// unwound; the calling one does so too. It returns false, and leaves im to the
// caller, when the process is ending anyway.
func (p *Process) exec(im *image) bool {
	p.mu.Lock()
	if p.exiting.Load() {
		p.mu.Unlock()
		return false
	}
	p.next = im
	p.endThreads()
	p.mu.Unlock()
	for _, t := range p.liveThreads() {
		t.interrupt()
	}
	return true
}

// replaceImage puts the program that exec has left in the place of that whose
// threads are gone, and starts it. It returns false when there is none to start.
func (p *Process) replaceImage() bool {
	old, ok := p.takeNext()
	if !ok {
		return false
	}
	old.charge.close()
	defer p.system.salvage(old) // which takes a while, and the program needs none of it
	p.closeOnExec()
	p.signals.exec()
	p.leave()
	t, err := p.addThread(mainThreadID)
	if err != nil { // killed, or too many threads
		p.exit(exitStatus{signal: abi.SignalKill, cause: err})
		return false
	}
	started := make(chan error, 1)
	go t.run(started, p.runMain(false))
	<-started // the thread has told the process of a failure
	return true
}

// takeNext makes the next image the present one, and returns the old one.
func (p *Process) takeNext() (old *image, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := p.next
	p.next = nil
	switch {
	case next == nil:
		return nil, false
	case p.ended:
		next.close()
		return nil, false
	}
	old, p.image = p.image, next
	p.lastTID = mainThreadID
	p.ending = make(chan struct{})
	p.exiting.Store(false)
	return old, true
}

// leave tells that the program the process was made with is gone. Only the
// reaping goroutine calls it.
func (p *Process) leave() {
	select {
	case <-p.leaving:
	default:
		close(p.leaving)
	}
}

// exec drops what a new program does not inherit: handlers.
func (s *signalState) exec() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callback = ""
}

// bequeathPending leaves what was sent to the thread to the program that follows.
func (t *Thread) bequeathPending() {
	s := &t.proc.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending |= t.signals.pending
	t.signals.pending = 0
}
