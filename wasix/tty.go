package wasix

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// stdio is how many standard streams there are, from descriptor 0.
const stdio = 3

// terminal returns the terminal behind one of the standard streams, and its
// description in use; nil when it is none.
func (t *Thread) terminal(fd uint32) (vfs.Terminal, *descriptor.Description) {
	d, _, err := t.proc.fds.Acquire(fd)
	if err != nil {
		return nil, nil
	}
	if term, ok := d.File.(vfs.Terminal); ok {
		return term, d
	}
	_ = d.Release()
	return nil, nil
}

// firstTerminal is terminal for the first standard stream that is one.
func (t *Thread) firstTerminal() (vfs.Terminal, *descriptor.Description) {
	for fd := range uint32(stdio) {
		if term, d := t.terminal(fd); term != nil {
			return term, d
		}
	}
	return nil, nil
}

// ttyGet is tty_get(state): stores the size and the mode of the terminal, and
// which of the standard streams are one.
//
// returns 0 except:
//   - EFAULT: state lies outside memory
//   - EIO: the terminal is gone
//   - ENOTTY: no standard stream is a terminal
func ttyGet(t *Thread, p []uint64) abi.Errno {
	b, ok := t.bytes(uint32(p[0]), abi.SizeofTty)
	if !ok {
		return abi.EFAULT
	}
	term, d := t.firstTerminal()
	if term == nil {
		return abi.ENOTTY
	}
	defer d.Release()
	cols, rows, width, height, err := term.WindowSize()
	if err != nil {
		return errnoOf(err)
	}
	mode, err := term.Mode()
	if err != nil {
		return errnoOf(err)
	}
	clear(b)
	binary.LittleEndian.PutUint32(b[abi.OffsetofTtyCols:], cols)
	binary.LittleEndian.PutUint32(b[abi.OffsetofTtyRows:], rows)
	binary.LittleEndian.PutUint32(b[abi.OffsetofTtyWidth:], width)
	binary.LittleEndian.PutUint32(b[abi.OffsetofTtyHeight:], height)
	for fd := range uint32(stdio) {
		if term, d := t.terminal(fd); term != nil {
			b[abi.OffsetofTtyStdinTty+fd] = byte(abi.BoolTrue)
			_ = d.Release()
		}
	}
	putBool(b[abi.OffsetofTtyEcho:], mode.Echo)
	putBool(b[abi.OffsetofTtyLineBuffered:], mode.LineBuffered)
	putBool(b[abi.OffsetofTtyLineFeeds:], mode.IgnoreCR)
	return abi.ESUCCESS
}

func putBool(b []byte, v bool) {
	if v {
		b[0] = byte(abi.BoolTrue)
	}
}

// ttySet is tty_set(state): sets the mode of the terminal. The mode of before
// comes back when the guest ends. The size is the terminal's own.
//
// returns 0 except:
//   - EFAULT: state lies outside memory
//   - EINVAL: echo, line_buffered or line_feeds is no bool
//   - EIO: the terminal is gone
//   - ENOTTY: no standard stream is a terminal
func ttySet(t *Thread, p []uint64) abi.Errno {
	b, ok := t.bytes(uint32(p[0]), abi.SizeofTty)
	if !ok {
		return abi.EFAULT
	}
	echo, buffered, feeds := b[abi.OffsetofTtyEcho], b[abi.OffsetofTtyLineBuffered], b[abi.OffsetofTtyLineFeeds]
	if max(echo, buffered, feeds) > byte(abi.BoolTrue) {
		return abi.EINVAL
	}
	term, d := t.firstTerminal()
	if term == nil {
		return abi.ENOTTY
	}
	defer d.Release()
	return errnoOf(term.SetMode(vfs.TerminalMode{Echo: echo != 0, LineBuffered: buffered != 0, IgnoreCR: feeds != 0}))
}
