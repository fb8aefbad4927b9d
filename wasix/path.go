package wasix

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// maxPath is Linux's PATH_MAX.
const maxPath = 4096

// path returns a copy of the path of n bytes at ptr. Returns ESUCCESS except:
//   - EFAULT: it lies outside memory
//   - ENAMETOOLONG: it has 4096 bytes or more
func (t *Thread) path(ptr, n uint64) (string, abi.Errno) {
	b, errno := t.pathBytes(ptr, n)
	return string(b), errno
}

// pathBytes is path in guest memory, where other threads may change it.
func (t *Thread) pathBytes(ptr, n uint64) ([]byte, abi.Errno) {
	b, ok := t.bytes(uint32(ptr), uint64(uint32(n)))
	switch {
	case !ok:
		return nil, abi.EFAULT
	case len(b) >= maxPath:
		return nil, abi.ENAMETOOLONG
	}
	return b, abi.ESUCCESS
}

// nameScratch has the copies of the paths that a call works with: two at the most.
type nameScratch struct {
	bufs [2][]byte
	turn int
}

// copy returns a copy of dir with name behind it, which is good until the next
// copy but one.
func (s *nameScratch) copy(dir string, name []byte) string {
	s.turn ^= 1
	buf := &s.bufs[s.turn]
	*buf = append((*buf)[:0], dir...)
	if dir != "" {
		*buf = append(*buf, '/')
	}
	*buf = append(*buf, name...)
	return view(*buf)
}

// scratchPath is path for the duration of a call, see [nameScratch].
func (t *Thread) scratchPath(ptr, n uint64) (string, abi.Errno) {
	b, errno := t.pathBytes(ptr, n)
	return t.names.copy("", b), errno
}

// pathFrom is scratchPath for a path that is relative to dir or, see
// [Thread.relative], to the current directory.
func (t *Thread) pathFrom(dir *vfs.Dir, ptr, n uint64) (string, abi.Errno) {
	b, errno := t.pathBytes(ptr, n)
	if len(b) > 0 && dir.Preopen() != 0 && t.relative(b) {
		if cwd := t.proc.workdir(); cwd != "/" {
			return t.names.copy(cwd, b), errno
		}
	}
	return t.names.copy("", b), errno
}

// relative reports whether a WASIX program means a path below its root, which is
// descriptor 3, to be one from the current directory. Its C library hands over
// absolute paths with the slash in front: one without comes from a library that
// leaves the current directory to the host, as those until the end of 2024 do.
func (t *Thread) relative(name []byte) bool { return t.proc.wasix && name[0] != '/' }

const (
	oflagsAll   = abi.OflagsCreat | abi.OflagsDirectory | abi.OflagsExcl | abi.OflagsTrunc
	syncFdflags = abi.FdflagsDsync | abi.FdflagsRsync | abi.FdflagsSync
)

// pathOpen is path_open(fd, dirflags, path, path_len, oflags, fs_rights_base,
// fs_rights_inheriting, fdflags, ro_fd): opens a file, as openat(2), and stores
// its descriptor. The right FD_WRITE opens for writing, FD_READ for reading; the
// descriptor gets those of the rights that apply to the file. Files are made with
// the permissions 0666, less the host's umask.
//
// returns 0 except:
//   - EACCES, EPERM: the host does not allow it
//   - EPERM: the path leads out of fd, in a plain WASI program
//   - EBADF: fd is not open
//   - EEXIST: CREAT and EXCL, and it exists
//   - EFAULT: path or ro_fd lies outside memory
//   - EINVAL: unknown flags; CREAT with DIRECTORY; a NUL in path
//   - EISDIR: a directory, and CREAT, TRUNC or the right FD_WRITE; CREAT, and a
//     slash at the end
//   - ELOOP: too many symbolic links, or one at the end without SYMLINK_FOLLOW
//   - EMFILE: no descriptor is free
//   - ENAMETOOLONG: the path, or an element, is too long
//   - ENOENT: it does not exist
//   - ENOSPC, EDQUOT: no room for a new file
//   - ENOTCAPABLE: fd lacks the right to open, make or truncate files, or does
//     not pass on the right to read or write
//   - ENOTDIR: fd, or an element on the way, is no directory; DIRECTORY, and it is none
//   - ENXIO: a socket, or a pipe to write to that nobody reads
//   - EROFS: the file system is read-only
func pathOpen(t *Thread, p []uint64) abi.Errno { return t.openPath(p, 0, p[8]) }

// pathOpen2 is path_open2: as [pathOpen], with another parameter fdflagsext
// before ro_fd, which says whether the descriptor is closed on exec.
func pathOpen2(t *Thread, p []uint64) abi.Errno { return t.openPath(p, p[8], p[9]) }

func (t *Thread) openPath(p []uint64, ext, ret uint64) abi.Errno {
	oflags, fdflags, cloexec := abi.Oflags(p[4]), abi.Fdflags(p[7]), uint32(ext) != 0
	dir, d, passed, errno := t.openDirWith(p[0], neededToOpen(oflags))
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	if uint32(p[1])&^uint32(abi.LookupflagsSymlinkFollow)|uint32(p[4])&^uint32(oflagsAll)|
		uint32(p[7])&^uint32(fdflagsAll)|uint32(ext)&^uint32(abi.FdflagsextCloexec) != 0 {
		return abi.EINVAL
	}
	name, errno := t.pathFrom(dir, p[2], p[3])
	if errno != abi.ESUCCESS {
		return errno
	}
	ro, ok := t.bytes(uint32(ret), 4)
	if !ok {
		return abi.EFAULT
	}
	base := abi.Rights(p[5])
	const modes = abi.RightsFdRead | abi.RightsFdWrite
	if base&modes&^passed.Inheriting != 0 {
		return abi.ENOTCAPABLE
	}
	fd, err := t.proc.fds.Reserve()
	if err != nil {
		return errnoOf(err) // before a file is made
	}
	file, err := dir.Open(name, openFlags(abi.Lookupflags(p[1]), oflags, fdflags, base))
	own, again := file.(*vfs.Duplicate)
	if err != nil || again {
		t.proc.fds.Unreserve(fd)
	}
	switch {
	case err != nil:
		return errnoOf(err)
	case again:
		return t.dup(uint64(own.FD), 0, cloexec, ret)
	}
	rights := vfs.Rights(file)
	rights.Base &= base & passed.Inheriting
	rights.Inheriting &= abi.Rights(p[6]) & passed.Inheriting
	t.proc.fds.Fill(fd, descriptor.NewDescription(file, fdflags), rights, cloexec)
	binary.LittleEndian.PutUint32(ro, fd)
	return abi.ESUCCESS
}

// neededToOpen returns the rights that a directory must have for path_open.
func neededToOpen(o abi.Oflags) abi.Rights {
	need := abi.RightsPathOpen
	if o&abi.OflagsCreat != 0 {
		need |= abi.RightsPathCreateFile
	}
	if o&abi.OflagsTrunc != 0 {
		need |= abi.RightsPathFilestatSetSize
	}
	return need
}

// openFlags translates the flags of path_open.
func openFlags(l abi.Lookupflags, o abi.Oflags, f abi.Fdflags, base abi.Rights) vfs.OpenFlags {
	return vfs.OpenFlags{
		Read:      base&abi.RightsFdRead != 0,
		Write:     base&abi.RightsFdWrite != 0,
		Create:    o&abi.OflagsCreat != 0,
		Exclusive: o&abi.OflagsExcl != 0,
		Truncate:  o&abi.OflagsTrunc != 0,
		Append:    f&abi.FdflagsAppend != 0,
		Sync:      f&syncFdflags != 0,
		Directory: o&abi.OflagsDirectory != 0,
		Follow:    l&abi.LookupflagsSymlinkFollow != 0,
	}
}

// pathFilestatGet returns the handler of path_filestat_get(fd, flags, path,
// path_len, ro_stat) for one layout: stores the attributes of a file, as fstatat(2).
//
// returns 0 except:
//   - EACCES: a directory on the way cannot be searched
//   - EBADF: fd is not open
//   - EFAULT: path or ro_stat lies outside memory
//   - EINVAL: unknown flags; a NUL in path
//   - ELOOP: too many symbolic links
//   - ENAMETOOLONG: the path, or an element, is too long
//   - ENOENT: it does not exist
//   - ENOTCAPABLE: the right PATH_FILESTAT_GET was dropped
//   - ENOTDIR: fd, or an element on the way, is no directory
func pathFilestatGet(l *statLayout) handler {
	return func(t *Thread, p []uint64) abi.Errno {
		dir, d, errno := t.openDir(p[0], abi.RightsPathFilestatGet)
		if errno != abi.ESUCCESS {
			return errno
		}
		defer d.Release()
		if uint32(p[1])&^uint32(abi.LookupflagsSymlinkFollow) != 0 {
			return abi.EINVAL
		}
		name, errno := t.pathFrom(dir, p[2], p[3])
		if errno != abi.ESUCCESS {
			return errno
		}
		b, ok := t.bytes(uint32(p[4]), l.size)
		if !ok {
			return abi.EFAULT
		}
		st, err := dir.Lookup(name, abi.Lookupflags(p[1])&abi.LookupflagsSymlinkFollow != 0)
		if err != nil {
			return errnoOf(err)
		}
		l.encode(b, st)
		return abi.ESUCCESS
	}
}

// pathReadlink is path_readlink(fd, path, path_len, buf, buf_len, ro_used):
// stores where a symbolic link points, cut to buf_len bytes and without a NUL,
// as readlinkat(2), and how many bytes that is.
//
// returns 0 except what path_filestat_get returns, and:
//   - EINVAL: not a symbolic link; buf_len is 0
//   - ENOTCAPABLE: the right PATH_READLINK was dropped
func pathReadlink(t *Thread, p []uint64) abi.Errno {
	dir, d, errno := t.openDir(p[0], abi.RightsPathReadlink)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	name, errno := t.pathFrom(dir, p[1], p[2])
	if errno != abi.ESUCCESS {
		return errno
	}
	buf, ok1 := t.bytes(uint32(p[3]), uint64(uint32(p[4])))
	ro, ok2 := t.bytes(uint32(p[5]), 4)
	switch {
	case !ok1 || !ok2:
		return abi.EFAULT
	case len(buf) == 0:
		return abi.EINVAL
	}
	n, err := dir.Readlink(name, buf)
	if err != nil {
		return errnoOf(err)
	}
	binary.LittleEndian.PutUint32(ro, uint32(n))
	return abi.ESUCCESS
}
