package wasix

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// openDir returns the directory behind fd, see [Thread.acquireDir], and its
// description in use: the caller releases it. Returns ESUCCESS except:
//   - EBADF: fd is not open
//   - ENOTDIR: fd is not a directory
//   - ENOTCAPABLE: the right in need was dropped
func (t *Thread) openDir(fd uint64, need abi.Rights) (*vfs.Dir, *descriptor.Description, abi.Errno) {
	dir, d, _, errno := t.openDirWith(fd, need)
	return dir, d, errno
}

// openDirWith is openDir, and returns the descriptor's rights as well: another look at
// fd may find another directory.
func (t *Thread) openDirWith(fd uint64, need abi.Rights) (*vfs.Dir, *descriptor.Description, descriptor.Rights, abi.Errno) {
	d, rights, err := t.acquireDir(uint32(fd))
	if err != nil {
		return nil, nil, rights, abi.EBADF
	}
	dir, ok := d.File.(*vfs.Dir)
	switch {
	case !ok:
		_ = d.Release()
		return nil, nil, rights, abi.ENOTDIR
	case rights.Base&need != need:
		_ = d.Release()
		return nil, nil, rights, abi.ENOTCAPABLE
	}
	return dir, d, rights, abi.ESUCCESS
}

// preopen returns the directory of a mounted file system and its description in
// use, or EBADF for all other descriptors: there wasix-libc ends its search.
func (t *Thread) preopen(fd uint64) (*vfs.Dir, *descriptor.Description, abi.Errno) {
	if t.proc.isRoot(uint32(fd)) {
		t.proc.root.Acquire()
		return t.proc.root.File.(*vfs.Dir), t.proc.root, abi.ESUCCESS
	}
	dir, d, errno := t.openDir(fd, 0)
	if errno != abi.ESUCCESS {
		return nil, nil, abi.EBADF
	}
	if dir.Preopen() == 0 || dir.Preopen() != uint32(fd) {
		_ = d.Release()
		return nil, nil, abi.EBADF
	}
	return dir, d, abi.ESUCCESS
}

// notPreopen is a tag of prestat that guests do not know, and pass over.
const notPreopen = 0xff

// fdPrestatGet is fd_prestat_get(fd, ro_prestat): stores the length of the path
// where the file system behind fd is mounted. For descriptors before the last
// such one it says that they are something else, as the search goes on past
// sockets that the guest was started with.
//
// returns 0 except:
//   - EBADF: no mounted file system has fd, or a higher descriptor
//   - EFAULT: ro_prestat lies outside memory
func fdPrestatGet(t *Thread, p []uint64) abi.Errno {
	tag, length := byte(notPreopen), 0
	dir, d, errno := t.preopen(p[0])
	switch {
	case errno == abi.ESUCCESS:
		defer d.Release()
		tag, length = byte(abi.PreopentypeDir), len(dir.PreopenName())
	case uint32(p[0]) < stdio || uint32(p[0]) >= t.proc.mounted:
		return abi.EBADF
	}
	b, ok := t.bytes(uint32(p[1]), abi.SizeofPrestat)
	if !ok {
		return abi.EFAULT
	}
	clear(b)
	b[abi.OffsetofPrestatTag] = tag
	binary.LittleEndian.PutUint32(b[abi.OffsetofPrestatU:], uint32(length))
	return abi.ESUCCESS
}

// fdPrestatDirName is fd_prestat_dir_name(fd, path, path_len): stores the path
// where the file system behind fd is mounted, without a NUL.
//
// returns 0 except:
//   - EBADF: fd is not the descriptor of a mounted file system
//   - EFAULT: path lies outside memory
//   - ENAMETOOLONG: the path is longer than path_len
func fdPrestatDirName(t *Thread, p []uint64) abi.Errno {
	dir, d, errno := t.preopen(p[0])
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	b, ok := t.bytes(uint32(p[1]), uint64(uint32(p[2])))
	if !ok {
		return abi.EFAULT
	}
	if len(b) < len(dir.PreopenName()) {
		return abi.ENAMETOOLONG
	}
	copy(b, dir.PreopenName())
	return abi.ESUCCESS
}

// fdReaddir is fd_readdir(fd, buf, buf_len, cookie, ro_used): stores entries of a
// directory, from the one that cookie stands for, and how many bytes they take.
// The last entry may be cut off; fewer bytes than buf_len mean that the end is reached.
//
// returns 0 except:
//   - EBADF: fd is not open
//   - EFAULT: buf or ro_used lies outside memory
//   - EIO: the device failed
//   - ENOENT: the directory was removed
//   - ENOTCAPABLE: the right FD_READDIR was dropped
//   - ENOTDIR: fd is not a directory
func fdReaddir(t *Thread, p []uint64) abi.Errno {
	dir, d, errno := t.openDir(p[0], abi.RightsFdReaddir)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	buf, ok1 := t.bytes(uint32(p[1]), uint64(uint32(p[2])))
	ro, ok2 := t.bytes(uint32(p[4]), 4)
	if !ok1 || !ok2 {
		return abi.EFAULT
	}
	used := 0
	err := dir.ReadDir(p[3], func(e *vfs.Entry, next uint64) bool {
		used += putDirent(buf[used:], e, next)
		return used < len(buf)
	})
	if err != nil {
		return errnoOf(err)
	}
	binary.LittleEndian.PutUint32(ro, uint32(used))
	return abi.ESUCCESS
}

// putDirent stores as much of an entry as fits into b and returns how much that is.
func putDirent(b []byte, e *vfs.Entry, next uint64) int {
	var header [abi.SizeofDirent]byte
	binary.LittleEndian.PutUint64(header[abi.OffsetofDirentDNext:], next)
	binary.LittleEndian.PutUint64(header[abi.OffsetofDirentDIno:], e.Ino)
	binary.LittleEndian.PutUint32(header[abi.OffsetofDirentDNamlen:], uint32(len(e.Name)))
	header[abi.OffsetofDirentDType] = byte(e.Filetype)
	n := copy(b, header[:])
	return n + copy(b[n:], e.Name)
}
