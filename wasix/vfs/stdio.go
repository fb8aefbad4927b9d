package vfs

import (
	"io"
	"os"
	"syscall"

	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// copySize is how much goes between a standard stream and the host at once.
const copySize = 32 << 10

// Input returns a standard input that reads from r: nothing at all when r is
// nil; an *os.File directly, without changing its flags; anything else through a
// pipe, which the function returned fills. That function, nil when there is
// nothing to do, returns at the end of r, on an error of r, which it returns, or at
// the first byte after the guest closed the pipe. The caller keeps r open as long.
func Input(r io.Reader) (descriptor.File, func() error, error) {
	if r == nil {
		return Null(), nil, nil
	}
	if f, ok := r.(*os.File); ok {
		if file, err := hostStream(f); err != syscall.ENOTSUP {
			return file, nil, err
		}
	}
	in, out := NewPipe()
	return in, func() error { return fill(out, r) }, nil
}

// Output returns a standard output that writes to w: see [Input]. The function
// returned empties the pipe into w and returns when the guest has closed it, or
// with an error of w; from then on the guest's writes fail.
func Output(w io.Writer) (descriptor.File, func() error, error) {
	if w == nil {
		return Null(), nil, nil
	}
	if f, ok := w.(*os.File); ok {
		if file, err := hostStream(f); err != syscall.ENOTSUP {
			return file, nil, err
		}
	}
	in, out := NewPipe()
	return out, func() error { return empty(w, in) }, nil
}

// fill writes what r has to the pipe.
func fill(out descriptor.File, r io.Reader) error {
	pipe := descriptor.NewDescription(out, 0)
	defer pipe.Release()
	waiter := ready.NewWaiter()
	buf := make([]byte, copySize)
	var iov [1][]byte
	for {
		n, err := r.Read(buf)
		if n > 0 {
			iov[0] = buf[:n]
			if _, err := pipe.Writev(waiter, iov[:]); err != nil {
				return nil
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// empty writes what comes out of the pipe to w.
func empty(w io.Writer, in descriptor.File) error {
	pipe := descriptor.NewDescription(in, 0)
	defer pipe.Release()
	waiter := ready.NewWaiter()
	buf := make([]byte, copySize)
	var iov [1][]byte
	for {
		iov[0] = buf
		n, err := pipe.Readv(waiter, iov[:])
		if err != nil || n == 0 {
			return nil
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
	}
}
