package wasix

import (
	"encoding/binary"
	"errors"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// maxSpawnOps bounds the file actions and the dispositions of one spawn.
const maxSpawnOps = 4096

// procSpawn2 is proc_spawn2(name, name_len, args, args_len, envs, envs_len,
// fd_ops, fd_ops_len, signal_dispositions, signal_dispositions_len, search_path,
// path, path_len, pid): runs a program in a new child process, as posix_spawn(3),
// and stores the child's id. name to envs and search_path to path_len are as for
// proc_exec3. The child has the descriptors of the caller; the fd_ops are applied
// to them in order, then those with the close-on-exec flag are closed. A later
// signal disposition overrides an earlier one.
//
// returns 0 except what proc_exec3 returns, and:
//   - EAGAIN: too many processes or threads
//   - EINVAL: an unknown file action, disposition or signal
//   - ENOTSUP: the file action FCHDIR
//   - what a file action returns
func procSpawn2(t *Thread, p []uint64) abi.Errno { return t.spawnWith(p, t.lines) }

// procSpawn3 is proc_spawn3: as [procSpawn2], but args and envs are arrays of
// pointers, as for proc_exec4.
func procSpawn3(t *Thread, p []uint64) abi.Errno { return t.spawnWith(p, t.stringArray) }

func (t *Thread) spawnWith(p []uint64, list func(ptr, n uint32) ([]string, abi.Errno)) abi.Errno {
	c, errno := t.execCall(p[:6], p[10], p[11], p[12], list)
	if errno != abi.ESUCCESS {
		return errno
	}
	ops, errno := t.spawnOps(uint32(p[6]), uint32(p[7]))
	if errno != abi.ESUCCESS {
		return errno
	}
	dispositions, ok := t.bytes(uint32(p[8]), uint64(uint32(p[9]))*abi.SizeofSignalDisposition)
	if !ok || !t.inMemory(uint32(p[13]), 4) {
		return abi.EFAULT
	}
	child, errno := t.proc.spawn(func(child *Process) abi.Errno {
		for _, op := range ops {
			if errno := child.applyOp(op); errno != abi.ESUCCESS {
				return errno
			}
		}
		if errno := child.signals.dispose(dispositions); errno != abi.ESUCCESS {
			return errno
		}
		im, errno := t.load(child, c)
		child.image = im
		return errno
	})
	if errno == abi.ESUCCESS {
		t.putUint32(uint32(p[13]), child.pid)
	}
	return errno
}

// spawn makes a child process with the descriptors of p, and has prepare give it
// a program. Returns ESUCCESS except what prepare returns, EAGAIN and ENOEXEC.
func (p *Process) spawn(prepare func(child *Process) abi.Errno) (*Process, abi.Errno) {
	child := p.system.makeProcess()
	child.inherit(p)
	errno := prepare(child)
	if errno == abi.ESUCCESS && p.system.add(child, p) != nil {
		errno = abi.EAGAIN
	}
	if errno != abi.ESUCCESS {
		child.abandon()
		return nil, errno
	}
	child.closeOnExec()
	child.signals.exec()
	err := child.start(p.ending, child.runMain(false))
	switch {
	case err == nil:
		return child, abi.ESUCCESS
	case errors.Is(err, errThreadLimit):
		errno = abi.EAGAIN
	default:
		errno = abi.ENOEXEC
	}
	p.system.disown(p, child.pid)
	return nil, errno
}

// dispose sets what the new program does about signals, from an array of
// signal_disposition. Returns ESUCCESS or EINVAL.
func (s *signalState) dispose(dispositions []byte) abi.Errno {
	for ; len(dispositions) > 0; dispositions = dispositions[abi.SizeofSignalDisposition:] {
		sig := abi.Signal(dispositions[abi.OffsetofSignalDispositionSig])
		if sig == abi.SignalNone || sig > lastSignal {
			return abi.EINVAL
		}
		switch abi.Disposition(dispositions[abi.OffsetofSignalDispositionDisp]) {
		case abi.DispositionDefault:
			s.ignored &^= setOf(sig)
		case abi.DispositionIgnore:
			s.ignored |= setOf(sig)
		default:
			return abi.EINVAL
		}
	}
	return abi.ESUCCESS
}

// spawnOp is a file action of posix_spawn.
type spawnOp struct {
	cmd    abi.ProcSpawnFdOpName
	fd     uint32
	src    uint32
	path   string
	open   vfs.OpenFlags
	status abi.Fdflags
	rights descriptor.Rights
	ext    abi.Fdflagsext
}

// spawnOps reads n structures proc_spawn_fd_op. Errors are E2BIG, EFAULT and
// ENAMETOOLONG.
func (t *Thread) spawnOps(ptr, n uint32) ([]spawnOp, abi.Errno) {
	if n > maxSpawnOps {
		return nil, abi.E2BIG
	}
	raw, ok := t.bytes(ptr, uint64(n)*abi.SizeofProcSpawnFdOp)
	if !ok {
		return nil, abi.EFAULT
	}
	ops := make([]spawnOp, 0, n)
	for ; len(raw) > 0; raw = raw[abi.SizeofProcSpawnFdOp:] {
		op, errno := t.spawnOp(raw)
		if errno != abi.ESUCCESS {
			return nil, errno
		}
		ops = append(ops, op)
	}
	return ops, abi.ESUCCESS
}

func (t *Thread) spawnOp(raw []byte) (op spawnOp, errno abi.Errno) {
	u32 := func(offset int) uint32 { return binary.LittleEndian.Uint32(raw[offset:]) }
	op.cmd = abi.ProcSpawnFdOpName(raw[abi.OffsetofProcSpawnFdOpCmd])
	op.fd, op.src = u32(abi.OffsetofProcSpawnFdOpFd), u32(abi.OffsetofProcSpawnFdOpSrcFd)
	if op.cmd != abi.ProcSpawnFdOpNameOpen && op.cmd != abi.ProcSpawnFdOpNameChdir {
		return op, abi.ESUCCESS
	}
	op.path, errno = t.path(uint64(u32(abi.OffsetofProcSpawnFdOpPath)), uint64(u32(abi.OffsetofProcSpawnFdOpPathLen)))
	op.status = abi.Fdflags(binary.LittleEndian.Uint16(raw[abi.OffsetofProcSpawnFdOpFdflags:]))
	op.ext = abi.Fdflagsext(binary.LittleEndian.Uint16(raw[abi.OffsetofProcSpawnFdOpFdflagsext:]))
	op.rights = descriptor.Rights{
		Base:       abi.Rights(binary.LittleEndian.Uint64(raw[abi.OffsetofProcSpawnFdOpFsRightsBase:])),
		Inheriting: abi.Rights(binary.LittleEndian.Uint64(raw[abi.OffsetofProcSpawnFdOpFsRightsInheriting:])),
	}
	op.open = openFlags(abi.Lookupflags(u32(abi.OffsetofProcSpawnFdOpDirflags)),
		abi.Oflags(binary.LittleEndian.Uint16(raw[abi.OffsetofProcSpawnFdOpOflags:])), op.status, op.rights.Base)
	return op, errno
}

// applyOp carries out a file action in a child that has not started. Closing what
// is not open, or a mounted directory, is no error.
func (p *Process) applyOp(op spawnOp) abi.Errno {
	switch op.cmd {
	case abi.ProcSpawnFdOpNameClose:
		_ = p.closeFD(op.fd)
		return abi.ESUCCESS
	case abi.ProcSpawnFdOpNameDup2:
		if op.fd == op.src {
			return errnoOf(p.fds.SetCloexec(op.fd, false))
		}
		return errnoOf(p.fds.Renumber(op.src, op.fd, true))
	case abi.ProcSpawnFdOpNameOpen:
		return p.openAt(op)
	case abi.ProcSpawnFdOpNameChdir:
		cwd, err := p.tree.Chdir(p.cwd, op.path)
		if err == nil {
			p.cwd = cwd
		}
		return errnoOf(err)
	case abi.ProcSpawnFdOpNameFchdir:
		return abi.ENOTSUP
	}
	return abi.EINVAL
}

// openAt opens a file at the descriptor that a file action names.
func (p *Process) openAt(op spawnOp) abi.Errno {
	file, err := p.tree.Open(p.cwd, op.path, op.open)
	if err != nil {
		return errnoOf(err)
	}
	if own, ok := file.(*vfs.Duplicate); ok {
		return errnoOf(p.fds.Renumber(own.FD, op.fd, true))
	}
	d := descriptor.NewDescription(file, op.status)
	rights := vfs.Rights(file)
	rights.Base &= op.rights.Base
	rights.Inheriting &= op.rights.Inheriting
	_ = p.fds.Close(op.fd)
	if err := p.fds.InsertAt(op.fd, d, rights); err != nil {
		_ = d.Release()
		return errnoOf(err)
	}
	if op.ext&abi.FdflagsextCloexec != 0 {
		return errnoOf(p.fds.SetCloexec(op.fd, true))
	}
	return abi.ESUCCESS
}
