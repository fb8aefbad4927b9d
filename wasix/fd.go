package wasix

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// open returns the description behind fd, in use until its Release. The
// descriptor must have the right in need. Returns ESUCCESS except:
//   - EBADF: fd is not open
//   - what lacking returns, when the right is missing
func (t *Thread) open(fd uint64, need abi.Rights) (*descriptor.Description, abi.Errno) {
	d, rights, err := t.proc.fds.Acquire(uint32(fd))
	if err != nil {
		return nil, abi.EBADF
	}
	if rights.Base&need != need {
		errno := lacking(d.File, need)
		_ = d.Release()
		return nil, errno
	}
	return d, abi.ESUCCESS
}

// lacking returns what Linux answers to an operation that a file's kind or
// access mode rules out; ENOTCAPABLE when only a right was dropped, which Linux
// does not know.
func lacking(f descriptor.File, need abi.Rights) abi.Errno {
	switch need {
	case abi.RightsFdRead:
		if f.Filetype() == abi.FiletypeDirectory {
			return abi.EISDIR
		}
		return abi.EBADF
	case abi.RightsFdWrite, abi.RightsFdAllocate:
		return abi.EBADF
	case abi.RightsFdFilestatSetSize:
		return abi.EINVAL
	}
	return abi.ENOTCAPABLE
}

// fdClose is fd_close(fd): closes a descriptor, as close(2). It leaves the root
// that a WASIX program was given open: programs that close all that they may have
// inherited still open files afterwards.
//
// returns 0 except:
//   - EBADF: fd is not open
//   - EIO, ENOSPC, EDQUOT: what was written before was not stored
func fdClose(t *Thread, p []uint64) abi.Errno { return errnoOf(t.proc.closeFD(uint32(p[0]))) }

// fdDup is fd_dup(fd, ro_fd): makes a second descriptor, the lowest that is
// free, as dup(2), and stores it.
//
// returns 0 except:
//   - EBADF: fd is not open
//   - EFAULT: ro_fd lies outside memory
//   - EMFILE: no descriptor is free
func fdDup(t *Thread, p []uint64) abi.Errno {
	return t.dup(p[0], 0, false, p[1])
}

// fdDup2 is fd_dup2(fd, min_result_fd, cloexec, ro_fd): as [fdDup], but the
// lowest that is at least min_result_fd, as fcntl(2) with F_DUPFD.
//
// returns 0 except what fdDup returns, and:
//   - EINVAL: min_result_fd is more than a descriptor can be; cloexec is no bool
func fdDup2(t *Thread, p []uint64) abi.Errno {
	if uint32(p[2]) > 1 {
		return abi.EINVAL
	}
	return t.dup(p[0], uint32(p[1]), uint32(p[2]) == 1, p[3])
}

func (t *Thread) dup(fd uint64, lowest uint32, cloexec bool, ret uint64) abi.Errno {
	if _, err := t.proc.fds.Rights(uint32(fd)); err != nil {
		return abi.EBADF
	}
	ro, ok := t.bytes(uint32(ret), 4)
	if !ok {
		return abi.EFAULT
	}
	to, err := t.proc.fds.Dup(uint32(fd), lowest, cloexec)
	if err != nil {
		return errnoOf(err)
	}
	binary.LittleEndian.PutUint32(ro, to)
	return abi.ESUCCESS
}

// fdRenumber is fd_renumber(fd, to): makes to the same as fd, closing what it
// was before, in one step. In WASIX fd stays open, as in dup2(2); in a program
// that imports plain WASI only, fd goes away, and to must be open.
//
// returns 0 except:
//   - EBADF: fd is not open, or to is more than a descriptor can be
//   - EBUSY: another thread is about to open to, by path_open or sock_accept
//   - ENOTSUP: to is the root that a WASIX program was given, and rights were
//     taken away from it
func fdRenumber(t *Thread, p []uint64) abi.Errno {
	keep := t.proc.wasix
	if _, err := t.proc.fds.Rights(uint32(p[0])); err != nil {
		return abi.EBADF
	}
	rights, err := t.proc.fds.Rights(uint32(p[1]))
	switch {
	case !keep && err != nil:
		return abi.EBADF
	case t.proc.isRoot(uint32(p[1])) && t.proc.isPreopen(uint32(p[1])) && rights != vfs.Rights(t.proc.root.File):
		return abi.ENOTSUP
	}
	return errnoOf(t.proc.fds.Renumber(uint32(p[0]), uint32(p[1]), keep))
}

// fdFdflagsGet is fd_fdflags_get(fd, ro_flags): stores whether the descriptor is
// closed on exec, as fcntl(2) with F_GETFD.
//
// returns 0 except:
//   - EBADF: fd is not open
//   - EFAULT: ro_flags lies outside memory
func fdFdflagsGet(t *Thread, p []uint64) abi.Errno {
	cloexec, err := t.proc.fds.Cloexec(uint32(p[0]))
	if err != nil {
		return abi.EBADF
	}
	var flags abi.Fdflagsext
	if cloexec {
		flags = abi.FdflagsextCloexec
	}
	if !t.putUint16(uint32(p[1]), uint16(flags)) {
		return abi.EFAULT
	}
	return abi.ESUCCESS
}

// fdFdflagsSet is fd_fdflags_set(fd, flags): sets whether the descriptor is
// closed on exec, as fcntl(2) with F_SETFD.
//
// returns 0 except:
//   - EBADF: fd is not open
//   - EINVAL: unknown flags
func fdFdflagsSet(t *Thread, p []uint64) abi.Errno {
	if _, err := t.proc.fds.Cloexec(uint32(p[0])); err != nil {
		return abi.EBADF
	}
	if uint32(p[1])&^uint32(abi.FdflagsextCloexec) != 0 {
		return abi.EINVAL
	}
	return errnoOf(t.proc.fds.SetCloexec(uint32(p[0]), p[1]&uint64(abi.FdflagsextCloexec) != 0))
}

// insert gives f the lowest free descriptor with all the rights that apply to it,
// or closes it.
func (t *Thread) insert(f descriptor.File, flags abi.Fdflags) (uint32, abi.Errno) {
	return t.insertWith(f, flags, vfs.Rights(f), false)
}

func (t *Thread) insertWith(f descriptor.File, flags abi.Fdflags, r descriptor.Rights, cloexec bool) (uint32, abi.Errno) {
	d := descriptor.NewDescription(f, flags)
	fd, err := t.proc.fds.Insert(d, r, cloexec, 0)
	if err != nil {
		_ = d.Release()
		return 0, errnoOf(err)
	}
	return fd, abi.ESUCCESS
}
