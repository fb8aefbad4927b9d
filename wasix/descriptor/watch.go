package descriptor

import "syscall"

// Watch waits for the end of a description without using it. The zero value is
// of none.
type Watch struct {
	closed     func()
	prev, next *Watch
}

// Watch makes the loss of the last descriptor call closed, once, from whoever
// closes it, while the File is still open. Returns EBADF when the last one is gone.
func (d *Description) Watch(w *Watch, closed func()) error {
	d.watchMu.Lock()
	defer d.watchMu.Unlock()
	if d.closed.Load() {
		return syscall.EBADF
	}
	w.closed, w.next = closed, d.watches
	if d.watches != nil {
		d.watches.prev = w
	}
	d.watches = w
	return nil
}

// Unwatch ends w. A call of its function may be going on.
func (d *Description) Unwatch(w *Watch) {
	d.watchMu.Lock()
	defer d.watchMu.Unlock()
	if w.closed != nil {
		d.removeWatch(w)
	}
}

// removeWatch unlinks w. watchMu is locked.
func (d *Description) removeWatch(w *Watch) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		d.watches = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	*w = Watch{}
}

// tellWatches calls the functions of all watches, none of which is locked out.
// No more come: the description is closed.
func (d *Description) tellWatches() {
	for {
		d.watchMu.Lock()
		w := d.watches
		if w == nil {
			d.watchMu.Unlock()
			return
		}
		closed := w.closed
		d.removeWatch(w)
		d.watchMu.Unlock()
		closed()
	}
}
