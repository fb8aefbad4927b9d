package wasix

import (
	"encoding/binary"
	"math"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// stdio is how many standard streams there are, from descriptor 0.
const stdio = 3

// ttyGet is tty_get(state): stores the size and the mode of the terminal that the
// program was started on, and which of the standard streams are one.
//
// returns 0 except:
//   - EFAULT: state lies outside memory
//   - EIO: the terminal is gone
//   - ENOTTY: none of the standard streams that the first process got is one
func ttyGet(t *Thread, p []uint64) abi.Errno {
	b, ok := t.bytes(uint32(p[0]), abi.SizeofTty)
	if !ok {
		return abi.EFAULT
	}
	term := t.proc.terminal
	if term == nil {
		return abi.ENOTTY
	}
	size, err := term.WindowSize()
	if err != nil {
		return errnoOf(err)
	}
	mode, err := term.Mode()
	if err != nil {
		return errnoOf(err)
	}
	clear(b)
	putWindowSize(b, size)
	for fd := range uint32(stdio) {
		putBool(b[abi.OffsetofTtyStdinTty+fd:], t.isTerminal(fd))
	}
	putBool(b[abi.OffsetofTtyEcho:], mode.Echo)
	putBool(b[abi.OffsetofTtyLineBuffered:], mode.LineBuffered)
	putBool(b[abi.OffsetofTtyLineFeeds:], mode.IgnoreCR)
	t.proc.toldSize.Store(&size)
	return abi.ESUCCESS
}

// isTerminal reports whether fd is open, and a terminal.
func (t *Thread) isTerminal(fd uint32) bool {
	d, _, err := t.proc.fds.Acquire(fd)
	if err != nil {
		return false
	}
	defer d.Release()
	return vfs.IsTerminal(d.File)
}

func putWindowSize(b []byte, s vfs.WindowSize) {
	binary.LittleEndian.PutUint32(b[abi.OffsetofTtyCols:], uint32(s.Cols))
	binary.LittleEndian.PutUint32(b[abi.OffsetofTtyRows:], uint32(s.Rows))
	binary.LittleEndian.PutUint32(b[abi.OffsetofTtyWidth:], uint32(s.Width))
	binary.LittleEndian.PutUint32(b[abi.OffsetofTtyHeight:], uint32(s.Height))
}

func putBool(b []byte, v bool) {
	if v {
		b[0] = byte(abi.BoolTrue)
	}
}

// ttySet is tty_set(state): sets the mode of the terminal, and its size when the
// program changed that since tty_get. The mode of before comes back when the
// first process ends.
//
// returns 0 except:
//   - EFAULT: state lies outside memory
//   - EINVAL: echo, line_buffered or line_feeds is no bool; the size has more than 65,535
//   - EIO: the terminal is gone
//   - ENOTTY: there is no terminal, as in tty_get
func ttySet(t *Thread, p []uint64) abi.Errno {
	b, ok := t.bytes(uint32(p[0]), abi.SizeofTty)
	if !ok {
		return abi.EFAULT
	}
	term := t.proc.terminal
	if term == nil {
		return abi.ENOTTY
	}
	echo, buffered, feeds := b[abi.OffsetofTtyEcho], b[abi.OffsetofTtyLineBuffered], b[abi.OffsetofTtyLineFeeds]
	size, ok := windowSize(b)
	if !ok || max(echo, buffered, feeds) > byte(abi.BoolTrue) {
		return abi.EINVAL
	}
	// C libraries change the mode by tty_get and tty_set: that must not bring back
	// the size of before a change in between.
	if told := t.proc.toldSize.Load(); told != nil && *told != size {
		if err := term.SetWindowSize(size); err != nil {
			return errnoOf(err)
		}
		t.proc.toldSize.Store(&size)
	}
	return errnoOf(term.SetMode(vfs.TerminalMode{Echo: echo != 0, LineBuffered: buffered != 0, IgnoreCR: feeds != 0}))
}

func windowSize(b []byte) (s vfs.WindowSize, ok bool) {
	var fields [4]uint16
	for i, offset := range []int{abi.OffsetofTtyCols, abi.OffsetofTtyRows, abi.OffsetofTtyWidth, abi.OffsetofTtyHeight} {
		v := binary.LittleEndian.Uint32(b[offset:])
		if v > math.MaxUint16 {
			return s, false
		}
		fields[i] = uint16(v)
	}
	return vfs.WindowSize{Cols: fields[0], Rows: fields[1], Width: fields[2], Height: fields[3]}, true
}

// devices returns the mounts of /dev.
func (s *system) devices() []vfs.Mount {
	tty := vfs.Device(func() (descriptor.File, error) {
		if s.terminal == nil {
			return nil, syscall.ENXIO
		}
		return s.terminal.Open()
	})
	mounts := append(vfs.MemoryDevices(), vfs.StandardStreams()...)
	return append(mounts, vfs.Mount{Guest: "/dev/tty", FS: tty})
}
