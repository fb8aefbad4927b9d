package socket

import (
	"io"
	"math"
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// copySize is how much of a file goes through memory at once where the kernel
// cannot send it by itself: a full socket buffer's worth, roughly.
const copySize = 64 << 10

// maxSendFile is the most that Linux sends with one sendfile(2).
const maxSendFile = 0x7ffff000

var copyBuffers = sync.Pool{New: func() any { return new(copyBuffer) }}

type copyBuffer struct {
	data [copySize]byte
	iov  [1][]byte
}

// SendFile sends up to count bytes of src from offset on, as sendfile(2), and
// returns how many it sent: fewer at the end of the file. It blocks as
// [Socket.Send] does. When offset is the file offset of src, that moves on (the
// form of sendfile with a null offset, which WASIX cannot tell from the other),
// else it stays. Errors are those of Send, those of reading src, and:
//   - EINVAL: offset is negative
func (s *Socket) SendFile(d *descriptor.Description, w *ready.Waiter, src descriptor.Positioned, offset int64, count uint64) (uint64, error) {
	if offset < 0 {
		return 0, syscall.EINVAL
	}
	count = min(count, maxSendFile, uint64(math.MaxInt64-offset))
	at, seekErr := src.Seek(0, io.SeekCurrent)
	sent, err := s.sendFile(d, w, src, offset, count)
	if sent > 0 && seekErr == nil && at == offset {
		_, _ = src.Seek(offset+int64(sent), io.SeekStart)
	}
	if sent > 0 {
		return sent, nil
	}
	return 0, err
}

func (s *Socket) sendFile(d *descriptor.Description, w *ready.Waiter, src descriptor.Positioned, offset int64, count uint64) (uint64, error) {
	if sys, ok := s.net.(ready.SysSource); ok {
		if file, ok := src.(syscall.Conn); ok {
			sent, err := s.sendKernelFile(d, w, sys.SysFD(), file, offset, count)
			if sent > 0 || err != errNoKernelWay {
				return sent, err
			}
		}
	}
	return s.copyFile(d, w, src, offset, count)
}

// copyFile sends through a buffer of bounded size.
func (s *Socket) copyFile(d *descriptor.Description, w *ready.Waiter, src descriptor.Positioned, offset int64, count uint64) (sent uint64, err error) {
	buf := copyBuffers.Get().(*copyBuffer)
	defer copyBuffers.Put(buf)
	for sent < count {
		buf.iov[0] = buf.data[:min(count-sent, copySize)]
		n, err := src.Preadv(buf.iov[:], offset+int64(sent))
		if n <= 0 || err != nil {
			return sent, err
		}
		buf.iov[0] = buf.data[:n]
		m, err := s.Send(d, w, buf.iov[:], 0, nil)
		sent += uint64(m)
		if err != nil && sent > 0 {
			s.postpone(err)
		}
		if err != nil || m < n {
			return sent, err
		}
	}
	return sent, nil
}

// sendKernelFile lets the kernel send the file, waiting for room in between.
// Returns errNoKernelWay when it cannot.
func (s *Socket) sendKernelFile(d *descriptor.Description, w *ready.Waiter, fd int, src syscall.Conn, offset int64, count uint64) (sent uint64, err error) {
	raw, err := src.SyscallConn()
	if err != nil {
		return 0, errNoKernelWay
	}
	until := deadline(s.sendTimeout.Load())
	for sent < count {
		seq := s.net.Queue().Seq()
		n, err := 0, s.takePending()
		if err == nil {
			n, err = sendfile(fd, raw, offset+int64(sent), count-sent)
		}
		if n > 0 {
			sent += uint64(n)
			network.Sent(s.net, n)
		}
		if err == syscall.EAGAIN && !d.Nonblock() {
			err = s.wait(d, w, ready.Out, seq, until)
		} else if err == nil && n == 0 {
			return sent, nil
		}
		if err != nil {
			if sent > 0 {
				s.postpone(err)
			}
			return sent, err
		}
	}
	return sent, nil
}
