package descriptor

import (
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// Description is an open file description: a File, the status flags that all
// its descriptors share, and a count of its users. The File is closed when the
// last user leaves; operations in progress are users.
type Description struct {
	File   File
	flags  atomic.Uint32
	slots  atomic.Int32 // descriptors
	users  atomic.Int32 // descriptors and operations in progress
	closed atomic.Bool

	watchMu sync.Mutex
	watches *Watch
}

// NewDescription returns a description with the given status flags and no
// descriptor yet: give it to [Table.Insert], or drop it with Release.
func NewDescription(f File, flags abi.Fdflags) *Description {
	var d *Description
	if f, ok := f.(Roomy); ok && f.Room().File == nil {
		d = f.Room()
	} else {
		d = new(Description)
	}
	d.Init(f, flags)
	return d
}

// Init is NewDescription in memory of the File itself. It must come before any
// other use, and once.
func (d *Description) Init(f File, flags abi.Fdflags) {
	d.File = f
	d.flags.Store(uint32(flags))
	d.users.Store(1)
}

// Flags returns the status flags.
func (d *Description) Flags() abi.Fdflags { return abi.Fdflags(d.flags.Load()) }

// SetFlags replaces the status flags.
func (d *Description) SetFlags(flags abi.Fdflags) error {
	if f, ok := d.File.(FlagSetter); ok {
		if err := f.SetFlags(flags); err != nil {
			return err
		}
	}
	d.flags.Store(uint32(flags))
	return nil
}

// Nonblock reports whether operations answer EAGAIN instead of waiting.
func (d *Description) Nonblock() bool {
	return d.flags.Load()&uint32(abi.FdflagsNonblock) != 0
}

// Closed reports whether the last descriptor is gone.
func (d *Description) Closed() bool { return d.closed.Load() }

// Release ends one use. The last one closes the File and returns its error.
func (d *Description) Release() error {
	if d.users.Add(-1) == 0 {
		return d.File.Close()
	}
	return nil
}

// Acquire begins a use, unless the File is already being closed. Release ends it.
func (d *Description) Acquire() bool {
	for {
		n := d.users.Load()
		if n == 0 {
			return false
		}
		if d.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Hold counts as a descriptor that is in no table, until Drop.
func (d *Description) Hold() {
	d.users.Add(1)
	d.slots.Add(1)
}

// Drop undoes Hold.
func (d *Description) Drop() error { return d.dropSlot() }

// dropSlot takes one descriptor away; with the last one, waiters give up.
func (d *Description) dropSlot() error {
	if d.slots.Add(-1) == 0 {
		d.closed.Store(true)
		d.File.Queue().Notify(ready.Closed)
		d.tellWatches()
	}
	return d.Release()
}

// Wait blocks until an operation that answered EAGAIN is worth another attempt;
// seq is d.File.Queue().Seq() from before that attempt. Returns nil except:
//   - EBADF: the last descriptor was closed meanwhile
//   - EINTR: the waiter was interrupted
//   - ETIMEDOUT: the deadline has passed
func (d *Description) Wait(w *ready.Waiter, asked ready.Events, seq uint64, deadline int64) error {
	if d.closed.Load() {
		return syscall.EBADF
	}
	if err := w.Wait(d.File, asked, seq, deadline); err != nil {
		return err
	}
	if d.closed.Load() {
		return syscall.EBADF
	}
	return nil
}

// Readv reads into iovs, waiting for data unless the description is
// non-blocking. Errors are those of [File.Readv] and of Wait.
func (d *Description) Readv(w *ready.Waiter, iovs [][]byte) (int, error) {
	if f, ok := d.File.(Waiting); ok {
		return f.ReadvWait(d, w, iovs)
	}
	for {
		seq := d.File.Queue().Seq()
		n, err := d.File.Readv(iovs)
		if err != syscall.EAGAIN || d.Nonblock() {
			return n, err
		}
		if err := d.Wait(w, ready.In, seq, ready.Never); err != nil {
			return 0, err
		}
	}
}

// Writev writes iovs, waiting for room unless the description is non-blocking.
// A blocking write ends only when everything is written, an error occurs, or
// it is interrupted; then the part already written counts.
func (d *Description) Writev(w *ready.Waiter, iovs [][]byte) (int, error) {
	if f, ok := d.File.(Waiting); ok {
		return f.WritevWait(d, w, iovs)
	}
	written := 0
	for {
		seq := d.File.Queue().Seq()
		n, err := d.File.Writev(iovs)
		written += max(n, 0)
		if err == nil && !d.Nonblock() {
			if iovs = Advance(iovs, n); len(iovs) > 0 && n > 0 {
				continue
			}
			return written, nil
		}
		if err == syscall.EAGAIN && !d.Nonblock() {
			err = d.Wait(w, ready.Out, seq, ready.Never)
			if err == nil {
				continue
			}
		}
		if written > 0 {
			return written, nil
		}
		return 0, err
	}
}

// Advance drops the first n bytes of iovs and returns what is left, without
// empty buffers. It changes the elements of iovs.
func Advance(iovs [][]byte, n int) [][]byte {
	for len(iovs) > 0 && n >= len(iovs[0]) {
		n -= len(iovs[0])
		iovs = iovs[1:]
	}
	if len(iovs) > 0 {
		iovs[0] = iovs[0][n:]
	}
	return iovs
}
