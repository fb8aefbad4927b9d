package wasix

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// fdPipe is fd_pipe(ro_fd1, ro_fd2), formerly pipe: makes a pipe, as pipe(2), and
// stores the descriptors to read from and to write to.
//
// returns 0 except:
//   - EFAULT: a result lies outside memory
//   - EMFILE: no two descriptors are free
func fdPipe(t *Thread, p []uint64) abi.Errno {
	ro1, ok1 := t.bytes(uint32(p[0]), 4)
	ro2, ok2 := t.bytes(uint32(p[1]), 4)
	if !ok1 || !ok2 {
		return abi.EFAULT
	}
	r, w := vfs.NewPipe()
	rfd, errno := t.insert(r, 0)
	if errno != abi.ESUCCESS {
		_ = w.Close()
		return errno
	}
	wfd, errno := t.insert(w, 0)
	if errno != abi.ESUCCESS {
		_ = t.proc.fds.Close(rfd)
		return errno
	}
	binary.LittleEndian.PutUint32(ro1, rfd)
	binary.LittleEndian.PutUint32(ro2, wfd)
	return abi.ESUCCESS
}

// eventNonblock is EFD_NONBLOCK, which wasix-libc passes on with the flags.
const eventNonblock = abi.Eventfdflags(abi.FdflagsNonblock)

// fdEvent is fd_event(initial_val, flags, ro_fd): makes an event counter, as
// eventfd(2), and stores its descriptor.
//
// returns 0 except:
//   - EFAULT: ro_fd lies outside memory
//   - EINVAL: unknown flags; initial_val is the highest uint64
//   - EMFILE: no descriptor is free
func fdEvent(t *Thread, p []uint64) abi.Errno {
	if uint32(p[1])&^uint32(abi.EventfdflagsSemaphore|eventNonblock) != 0 {
		return abi.EINVAL
	}
	ro, ok := t.bytes(uint32(p[2]), 4)
	if !ok {
		return abi.EFAULT
	}
	flags := abi.Eventfdflags(p[1])
	event, err := vfs.NewEvent(p[0], flags&abi.EventfdflagsSemaphore != 0)
	if err != nil {
		return errnoOf(err)
	}
	fd, errno := t.insert(event, abi.Fdflags(flags&eventNonblock))
	if errno != abi.ESUCCESS {
		return errno
	}
	binary.LittleEndian.PutUint32(ro, fd)
	return abi.ESUCCESS
}
