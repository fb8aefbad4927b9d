package wasix

import (
	"errors"
	"io"
	"reflect"
	"sync"

	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// streams are the standard streams of a command, and the goroutines that copy
// to those that the guest does not write to directly.
type streams struct {
	copying sync.WaitGroup // outputs
	mu      sync.Mutex
	errs    []error
}

// open makes descriptors 0, 1 and 2. Where stdout and stderr are the same
// writer, at most one goroutine at a time writes to it.
func (s *streams) open(fds *descriptor.Table, stdin io.Reader, stdout, stderr io.Writer) error {
	file, fill, err := vfs.Input(stdin)
	if err != nil {
		return err
	}
	if fill != nil {
		go func() { _ = fill() }() // ends with the reader, or the guest's end of the pipe
	}
	if err := insert(fds, 0, file); err != nil {
		return err
	}
	if err := s.openOutput(fds, 1, stdout); err != nil {
		return err
	}
	if stderr != nil && same(stdout, stderr) {
		_, err := fds.Dup(1, 2, false)
		return err
	}
	return s.openOutput(fds, 2, stderr)
}

func (s *streams) openOutput(fds *descriptor.Table, fd uint32, w io.Writer) error {
	file, empty, err := vfs.Output(w)
	if err != nil {
		return err
	}
	if empty != nil {
		s.copying.Go(func() {
			if err := empty(); err != nil {
				s.mu.Lock()
				s.errs = append(s.errs, err)
				s.mu.Unlock()
			}
		})
	}
	return insert(fds, fd, file)
}

// insert puts an open file at fd with all rights that apply to it.
func insert(fds *descriptor.Table, fd uint32, file descriptor.File) error {
	d := descriptor.NewDescription(file, vfs.StatusFlags(file))
	if err := fds.InsertAt(fd, d, vfs.Rights(file)); err != nil {
		_ = d.Release()
		return err
	}
	return nil
}

// wait waits until all output is copied and returns what went wrong.
func (s *streams) wait() error {
	s.copying.Wait()
	return errors.Join(s.errs...)
}

// same reports whether both are the same writer.
func same(a, b io.Writer) bool {
	t := reflect.TypeOf(a)
	return t != nil && t.Comparable() && a == b
}
