package wasix

// lend makes a child process whose first thread acts in the place of t. Returns
// errProcessLimit, errThreadLimit, or ErrUnwind when the tree is ending.
func (t *Thread) lend() (*Thread, error) {
	p := t.proc
	proc := p.system.makeProcess()
	proc.image = p.image.withoutMemory()
	proc.inherit(p)
	if err := p.system.add(proc, p); err != nil {
		proc.abandon()
		return nil, err
	}
	child, err := proc.firstThread(t.id)
	if err != nil {
		p.system.disown(p, proc.pid)
		return nil, err
	}
	child.actFor(t)
	go proc.reap()
	p.mu.Lock()
	t.child = child
	p.mu.Unlock()
	if p.exiting.Load() { // since before interrupt could see the child
		proc.Kill()
	}
	return child, nil
}

// actFor gives the child what it needs to go on where t is: the image, too.
func (child *Thread) actFor(t *Thread) {
	child.stack, child.checkpoints = t.stack, t.checkpoints
	child.waiter.OwnsThread = t.waiter.OwnsThread
	child.lender.Store(t)
	child.proc.mu.Lock()
	child.instance, child.proc.image = t.instance, t.proc.image
	child.proc.mu.Unlock()
	child.startCPUClock()
	child.inheritMask(t)
}

// takeBack ends the child's first thread: t is the parent's again.
func (t *Thread) takeBack() {
	child := t.child
	t.proc.mu.Lock()
	t.child = nil
	t.proc.mu.Unlock()
	child.stopCPUClock()
	child.proc.mu.Lock()
	child.proc.image = t.proc.image.withoutMemory()
	child.proc.mu.Unlock()
	child.traceExit()
	child.proc.removeThread(child)
}

// stayBehind has the process, which has ended, be gone before t, in whose place a child
// acts: what that works on, memory and instance, stays until it has left, and is charged
// for. proc.mu is held.
func (t *Thread) stayBehind() {
	p := t.proc
	t.behind = true
	p.behind = append(p.behind, t)
	delete(p.threads, t.id)
	p.running.Done()
}

// withoutMemory returns an image that tells of im's program and has nothing to free.
func (im *image) withoutMemory() *image {
	return &image{name: im.name, args: im.args, charge: memoryCharge{budget: im.charge.budget}}
}

// lent reports whether the thread acts in the place of its parent's.
func (t *Thread) lent() bool { return t.lender.Load() != nil }

// acting returns who acts on the thread's instance.
func (t *Thread) acting() *Thread {
	if t.child != nil {
		return t.child
	}
	return t
}

// wake ends the thread's wait, and has it come to the host if it computes: in its
// parent's place it does when the parent is to.
func (t *Thread) wake() {
	t.waiter.Interrupt()
	if lender := t.lender.Load(); lender != nil {
		lender.waiter.Notice()
	}
}
