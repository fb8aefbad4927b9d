package wasix

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// childStream is a standard stream that the child of proc_spawn gets: nothing when
// it inherits the caller's.
type childStream struct {
	fd     uint32 // in the child
	file   descriptor.File
	handle uint32 // in the caller, of the pipe's other end
	piped  bool
}

// procSpawn is proc_spawn(name, name_len, chroot, args, args_len, preopen,
// preopen_len, stdin, stdout, stderr, working_dir, working_dir_len, handles): runs a
// program in a new child process and stores its id and the caller's ends of the
// pipes. args are as for proc_exec, the environment is the caller's, in whose PATH
// a name without a slash is searched. Each standard stream is the caller's with INHERIT, /dev/null with NULL, and a pipe with
// PIPED; the child inherits no other end of the pipes. An empty working_dir is
// the caller's.
//
// returns 0 except:
//   - E2BIG, EACCES, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOEXEC, ENOMEM, ENOTDIR:
//     as proc_exec3; EINVAL also for an unknown mode of a stream
//   - EAGAIN: too many processes or threads
//   - EFAULT: a range lies outside memory
//   - EMFILE: no descriptors are free for the pipes
//   - ENOTSUP: chroot, a preopen or the mode LOG
func procSpawn(t *Thread, p []uint64) abi.Errno {
	c, errno := t.execCall([]uint64{p[0], p[1], p[3], p[4], 0, 0}, 1, 0, 0, t.lines)
	if errno != abi.ESUCCESS {
		return errno
	}
	c.searchPath = searchPathOf(t.proc.environ)
	dir, errno := t.path(p[10], p[11])
	if errno != abi.ESUCCESS {
		return errno
	}
	if !t.inMemory(uint32(p[12]), abi.SizeofProcessHandles) {
		return abi.EFAULT
	}
	if uint32(p[2]) != 0 || uint32(p[6]) != 0 {
		return abi.ENOTSUP
	}
	streams, errno := t.childStreams(p[7:10])
	if errno != abi.ESUCCESS {
		return errno
	}
	child, errno := t.proc.spawn(func(child *Process) abi.Errno { return t.prepareStreams(child, c, dir, streams) })
	if errno != abi.ESUCCESS {
		t.closeStreams(streams)
		return errno
	}
	out, _ := t.bytes(uint32(p[12]), abi.SizeofProcessHandles)
	putProcessHandles(out, child.pid, streams)
	return abi.ESUCCESS
}

// childStreams makes the streams that three stdio_modes stand for. The caller's
// ends of pipes are closed on exec: the child does not get them. Errors are EINVAL,
// EMFILE and ENOTSUP.
func (t *Thread) childStreams(modes []uint64) ([]childStream, abi.Errno) {
	for _, mode := range modes {
		switch abi.StdioMode(mode) {
		case abi.StdioModePiped, abi.StdioModeInherit, abi.StdioModeNull:
		case abi.StdioModeLog:
			return nil, abi.ENOTSUP
		default:
			return nil, abi.EINVAL
		}
	}
	streams := make([]childStream, len(modes))
	for fd, mode := range modes {
		s := &streams[fd]
		s.fd = uint32(fd)
		switch abi.StdioMode(mode) {
		case abi.StdioModeNull:
			s.file = vfs.Null()
		case abi.StdioModePiped:
			if errno := t.pipeTo(s); errno != abi.ESUCCESS {
				t.closeStreams(streams)
				return nil, errno
			}
		}
	}
	return streams, abi.ESUCCESS
}

// pipeTo makes the stream a pipe, whose other end the caller gets. Returns
// ESUCCESS or EMFILE.
func (t *Thread) pipeTo(s *childStream) (errno abi.Errno) {
	r, w := vfs.NewPipe()
	own := descriptor.File(r)
	s.file = w
	if s.fd == 0 {
		own, s.file = w, r
	}
	s.handle, errno = t.insertWith(own, 0, vfs.Rights(own), true)
	s.piped = errno == abi.ESUCCESS
	return errno
}

// closeStreams closes what no child has got.
func (t *Thread) closeStreams(streams []childStream) {
	for _, s := range streams {
		if s.file != nil {
			_ = s.file.Close()
		}
		if s.piped {
			_ = t.proc.fds.Close(s.handle)
		}
	}
}

// prepareStreams gives the child p its program, directory and streams. When it fails
// the streams are still the caller's.
func (t *Thread) prepareStreams(p *Process, c execCall, dir string, streams []childStream) (errno abi.Errno) {
	if dir != "" {
		cwd, err := p.tree.Chdir(p.cwd, dir)
		if err != nil {
			return errnoOf(err)
		}
		p.cwd = cwd
	}
	if p.image, errno = t.load(p, c); errno != abi.ESUCCESS {
		return errno
	}
	for i, s := range streams {
		if s.file == nil {
			continue
		}
		_ = p.fds.Replace(s.fd, descriptor.NewDescription(s.file, 0), vfs.Rights(s.file)) // an error is about the old one
		streams[i].file = nil
	}
	return abi.ESUCCESS
}

// putProcessHandles stores a process_handles.
func putProcessHandles(out []byte, pid uint32, streams []childStream) {
	clear(out)
	binary.LittleEndian.PutUint32(out[abi.OffsetofProcessHandlesPid:], pid)
	offsets := [...]int{abi.OffsetofProcessHandlesStdin, abi.OffsetofProcessHandlesStdout, abi.OffsetofProcessHandlesStderr}
	for i, s := range streams {
		if option := out[offsets[i]:]; s.piped {
			option[abi.OffsetofOptionFdTag] = 1
			binary.LittleEndian.PutUint32(option[abi.OffsetofOptionFdU:], s.handle)
		}
	}
}
