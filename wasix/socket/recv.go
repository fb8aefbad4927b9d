package socket

import (
	"syscall"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// Recv receives into iovs, as recvmsg(2), and sets from, unless it is nil, to
// the sender of a datagram. It returns 0 at the end of a stream. It waits until
// something is there unless d is non-blocking, RiflagsDontWait is given or
// RECV_TIMEOUT passes. The flags:
//   - RiflagsPeek leaves the data in the socket
//   - RiflagsWaitall waits, on a stream, until iovs are full
//   - RiflagsDataTruncated returns the true length of a datagram; on a TCP
//     stream it discards the data instead of storing it
//
// RoflagsDataTruncated tells that iovs cut a datagram. Recv changes the elements
// of iovs and does not allocate. Besides the errors of blocked operations:
//   - EAGAIN: nothing is there
//   - ECONNREFUSED, ECONNRESET, ETIMEDOUT ...: what befell the connection
//   - ENOTCONN: a stream that is not connected
func (s *Socket) Recv(d *descriptor.Description, w *ready.Waiter, iovs [][]byte, flags abi.Riflags, from *network.Addr) (int, abi.Roflags, error) {
	block := flags&abi.RiflagsDontWait == 0 && !d.Nonblock()
	if block && s.stream() && (flags&abi.RiflagsWaitall != 0 || s.lowat.Load() > 1) {
		n, err := s.recvMost(d, w, iovs, flags, from)
		return n, 0, err
	}
	if !block {
		n, out, err := s.recvmsg(iovs, msgFlags(flags), from)
		return n, roflags(out), err
	}
	until := deadline(s.recvTimeout.Load())
	for {
		seq := s.net.Queue().Seq()
		shut := s.readShut.Load() // asked before the attempt, which then finds what came before
		n, out, err := s.recvWait(w, iovs, msgFlags(flags), from, until)
		if err != syscall.EAGAIN {
			return n, roflags(out), err
		}
		if shut {
			if from != nil {
				*from = network.Addr{}
			}
			return 0, 0, nil
		}
		if err := s.waitChange(d, w, seq, until); err != nil {
			return 0, 0, err
		}
	}
}

// recvWait makes one attempt that may wait for a moment in the kernel, where
// that is cheap: a busy connection is then served with one system call.
func (s *Socket) recvWait(w *ready.Waiter, iovs [][]byte, flags network.MsgFlags, from *network.Addr, until int64) (int, network.MsgFlags, error) {
	if _, ok := s.net.(ready.SysSource); ok && outlasts(until, ready.KernelWait) && w.EnterKernel() > 0 {
		defer w.LeaveKernel()
		flags |= network.MsgWait
	}
	return s.recvmsg(iovs, flags, from)
}

// recvMost receives until there is as much as the call must wait for: all of
// iovs with RiflagsWaitall, else RECV_LOWAT.
func (s *Socket) recvMost(d *descriptor.Description, w *ready.Waiter, iovs [][]byte, flags abi.Riflags, from *network.Addr) (int, error) {
	until, want, total := deadline(s.recvTimeout.Load()), size(iovs), 0
	if flags&abi.RiflagsWaitall == 0 {
		want = min(want, int(s.lowat.Load()))
	}
	if flags&abi.RiflagsPeek != 0 {
		return s.peekMost(d, w, iovs, flags, from, want, until)
	}
	for {
		seq := s.net.Queue().Seq()
		n, _, err := s.recvmsg(iovs, msgFlags(flags), from)
		total += n
		switch err {
		case nil:
			if n == 0 || total >= want {
				return total, nil
			}
			iovs = descriptor.Advance(iovs, n)
			continue
		case syscall.EAGAIN:
			if err = s.wait(d, w, ready.In, seq, until); err == nil {
				continue
			}
		default:
			if total > 0 {
				s.postpone(err)
			}
		}
		if total > 0 {
			return total, nil
		}
		return 0, err
	}
}

// peekMost looks at the data until there is as much as wanted. The socket may be
// readable all the while, so it waits for changes, not for readiness.
func (s *Socket) peekMost(d *descriptor.Description, w *ready.Waiter, iovs [][]byte, flags abi.Riflags, from *network.Addr, want int, until int64) (int, error) {
	for {
		seq := s.net.Queue().Seq()
		// Asked before the look, which then sees all that came before the end.
		ended := s.net.Ready(ready.RdHup)&(ready.RdHup|ready.Hup|ready.Err) != 0
		n, _, err := s.recvmsg(iovs, msgFlags(flags), from)
		if n >= want || ended || n == 0 && err != syscall.EAGAIN {
			return n, err
		}
		if err := s.waitChange(d, w, seq, until); err != nil {
			if n > 0 {
				return n, nil
			}
			return 0, err
		}
	}
}

// waitChange blocks until the network reports anything new.
func (s *Socket) waitChange(d *descriptor.Description, w *ready.Waiter, seq uint64, until int64) error {
	if d.Closed() {
		return syscall.EBADF
	}
	err := w.WaitChange(s.desc.File, ready.In, seq, until)
	switch {
	case err == syscall.ETIMEDOUT:
		return syscall.EAGAIN
	case err == nil && d.Closed():
		return syscall.EBADF
	}
	return err
}

// Readv reads without waiting, as readv(2) on a non-blocking socket; without
// any room it reads nothing.
func (s *Socket) Readv(iovs [][]byte) (int, error) {
	if size(iovs) == 0 {
		return 0, nil
	}
	n, _, err := s.recvmsg(iovs, 0, nil)
	return n, err
}

// ReadvWait is readv(2): it waits as [Socket.Recv] does.
func (s *Socket) ReadvWait(d *descriptor.Description, w *ready.Waiter, iovs [][]byte) (int, error) {
	if size(iovs) == 0 {
		return 0, nil
	}
	n, _, err := s.Recv(d, w, iovs, 0, nil)
	return n, err
}

// recvmsg makes one attempt. A postponed error comes before a datagram but
// after the rest of a stream, as on Linux. One that is postponed meanwhile is for the
// next attempt, which finds what came before it.
func (s *Socket) recvmsg(iovs [][]byte, flags network.MsgFlags, from *network.Addr) (int, network.MsgFlags, error) {
	postponed := s.postponed()
	if postponed && !s.stream() {
		if err := s.takePending(); err != nil {
			return 0, 0, err
		}
	}
	n, out, err := s.net.Recvmsg(iovs, flags, from)
	ended := err == nil && n == 0 && s.stream()
	if ended || err != nil && (postponed || err != syscall.EAGAIN) {
		if err := s.takePending(); err != nil {
			return 0, 0, err
		}
	}
	return max(n, 0), out, err
}

// outlasts reports whether the deadline until lies further ahead than d.
func outlasts(until int64, d time.Duration) bool {
	return until == ready.Never || until-ready.Now() > int64(d)
}

func msgFlags(flags abi.Riflags) (f network.MsgFlags) {
	if flags&abi.RiflagsPeek != 0 {
		f |= network.MsgPeek
	}
	if flags&abi.RiflagsDataTruncated != 0 {
		f |= network.MsgTrunc
	}
	return f
}

func roflags(f network.MsgFlags) abi.Roflags {
	if f&network.MsgTrunc != 0 {
		return abi.RoflagsDataTruncated
	}
	return 0
}

func size(iovs [][]byte) (n int) {
	for _, b := range iovs {
		n += len(b)
	}
	return n
}
