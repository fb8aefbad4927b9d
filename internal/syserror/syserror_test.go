package syserror

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want error
	}{
		{nil, nil},
		{syscall.EXDEV, syscall.EXDEV},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.ELOOP}, syscall.ELOOP},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, syscall.ECONNRESET},
		{fmt.Errorf("zip: %w", fs.ErrNotExist), syscall.ENOENT},
		{os.ErrDeadlineExceeded, syscall.ETIMEDOUT},
		{net.ErrClosed, syscall.EPIPE},
		{os.ErrClosed, syscall.EBADF},
		{errors.New("of its own"), syscall.EIO},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%v is %v, want %v", c.err, got, c.want)
		}
	}
}

func TestOfDoesNotAllocate(t *testing.T) {
	var err error = syscall.ENOENT
	if n := testing.AllocsPerRun(100, func() { _ = Of(err) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
