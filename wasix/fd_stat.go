package wasix

import (
	"encoding/binary"
	"math"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
)

const fdflagsAll = abi.FdflagsAppend | abi.FdflagsDsync | abi.FdflagsNonblock | abi.FdflagsRsync | abi.FdflagsSync

// fdFdstatGet is fd_fdstat_get(fd, ro_stat): stores the file type, the status
// flags and the rights of a descriptor.
//
// returns 0 except:
//   - EBADF: fd is not open
//   - EFAULT: ro_stat lies outside memory
func fdFdstatGet(t *Thread, p []uint64) abi.Errno {
	d, rights, err := t.proc.fds.Acquire(uint32(p[0]))
	if err != nil {
		return abi.EBADF
	}
	defer d.Release()
	if t.proc.isRoot(uint32(p[0])) && d.File.Filetype() != abi.FiletypeDirectory {
		rights.Inheriting = vfs.Rights(t.proc.root.File).Inheriting // wasix-libc opens files with these
	}
	b, ok := t.bytes(uint32(p[1]), abi.SizeofFdstat)
	if !ok {
		return abi.EFAULT
	}
	clear(b)
	b[abi.OffsetofFdstatFsFiletype] = byte(d.File.Filetype())
	binary.LittleEndian.PutUint16(b[abi.OffsetofFdstatFsFlags:], uint16(d.Flags()))
	binary.LittleEndian.PutUint64(b[abi.OffsetofFdstatFsRightsBase:], uint64(rights.Base))
	binary.LittleEndian.PutUint64(b[abi.OffsetofFdstatFsRightsInheriting:], uint64(rights.Inheriting))
	return abi.ESUCCESS
}

// fdFdstatSetFlags is fd_fdstat_set_flags(fd, flags): sets APPEND and NONBLOCK
// for all descriptors of an open file, as fcntl(2) with F_SETFL. Like that it
// leaves DSYNC, RSYNC and SYNC as they were when the file was opened.
//
// returns 0 except:
//   - EBADF: fd is not open
//   - EINVAL: unknown flags
//   - ENOTCAPABLE: the right FD_FDSTAT_SET_FLAGS was dropped
func fdFdstatSetFlags(t *Thread, p []uint64) abi.Errno {
	d, errno := t.open(p[0], abi.RightsFdFdstatSetFlags)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	if uint32(p[1])&^uint32(fdflagsAll) != 0 {
		return abi.EINVAL
	}
	const changeable = abi.FdflagsAppend | abi.FdflagsNonblock
	return errnoOf(d.SetFlags(abi.Fdflags(p[1])&changeable | d.Flags()&^changeable))
}

// fdFdstatSetRights is fd_fdstat_set_rights(fd, base, inheriting): takes rights
// away from a descriptor.
//
// returns 0 except:
//   - EBADF: fd is not open
//   - ENOTCAPABLE: fd does not have one of the rights now
func fdFdstatSetRights(t *Thread, p []uint64) abi.Errno {
	if _, err := t.proc.fds.Rights(uint32(p[0])); err != nil {
		return abi.EBADF
	}
	r := descriptor.Rights{Base: abi.Rights(p[1]), Inheriting: abi.Rights(p[2])}
	if err := t.proc.fds.SetRights(uint32(p[0]), r); err != nil {
		return abi.ENOTCAPABLE
	}
	return abi.ESUCCESS
}

// statLayout is how a module lays out the attributes of a file.
type statLayout struct {
	size   uint64
	encode func(b []byte, st descriptor.Stat)
}

var (
	statPreview1 = statLayout{abi.SizeofFilestat, encodeFilestat}
	statUnstable = statLayout{abi.SizeofSnapshot0Filestat, encodeFilestatUnstable}
)

func encodeFilestat(b []byte, st descriptor.Stat) {
	clear(b)
	b[abi.OffsetofFilestatFiletype] = byte(st.Filetype)
	binary.LittleEndian.PutUint64(b[abi.OffsetofFilestatDev:], st.Dev)
	binary.LittleEndian.PutUint64(b[abi.OffsetofFilestatIno:], st.Ino)
	binary.LittleEndian.PutUint64(b[abi.OffsetofFilestatNlink:], st.Nlink)
	binary.LittleEndian.PutUint64(b[abi.OffsetofFilestatSize:], st.Size)
	binary.LittleEndian.PutUint64(b[abi.OffsetofFilestatAtim:], st.Atim)
	binary.LittleEndian.PutUint64(b[abi.OffsetofFilestatMtim:], st.Mtim)
	binary.LittleEndian.PutUint64(b[abi.OffsetofFilestatCtim:], st.Ctim)
}

func encodeFilestatUnstable(b []byte, st descriptor.Stat) {
	clear(b)
	b[abi.OffsetofSnapshot0FilestatFiletype] = byte(st.Filetype)
	binary.LittleEndian.PutUint64(b[abi.OffsetofSnapshot0FilestatDev:], st.Dev)
	binary.LittleEndian.PutUint64(b[abi.OffsetofSnapshot0FilestatIno:], st.Ino)
	binary.LittleEndian.PutUint32(b[abi.OffsetofSnapshot0FilestatNlink:], uint32(min(st.Nlink, math.MaxUint32)))
	binary.LittleEndian.PutUint64(b[abi.OffsetofSnapshot0FilestatSize:], st.Size)
	binary.LittleEndian.PutUint64(b[abi.OffsetofSnapshot0FilestatAtim:], st.Atim)
	binary.LittleEndian.PutUint64(b[abi.OffsetofSnapshot0FilestatMtim:], st.Mtim)
	binary.LittleEndian.PutUint64(b[abi.OffsetofSnapshot0FilestatCtim:], st.Ctim)
}

// fdFilestatGet returns the handler of fd_filestat_get(fd, ro_stat) for one
// layout: stores the attributes of an open file, as fstat(2).
//
// returns 0 except:
//   - EBADF: fd is not open
//   - EFAULT: ro_stat lies outside memory
//   - EIO: the device failed
//   - ENOTCAPABLE: the right FD_FILESTAT_GET was dropped
func fdFilestatGet(l *statLayout) handler {
	return func(t *Thread, p []uint64) abi.Errno {
		d, errno := t.open(p[0], abi.RightsFdFilestatGet)
		if errno != abi.ESUCCESS {
			return errno
		}
		defer d.Release()
		b, ok := t.bytes(uint32(p[1]), l.size)
		if !ok {
			return abi.EFAULT
		}
		st := descriptor.Stat{Filetype: d.File.Filetype(), Nlink: 1}
		if f, ok := d.File.(descriptor.Stater); ok {
			var err error
			if st, err = f.Stat(); err != nil {
				return errnoOf(err)
			}
		}
		l.encode(b, st)
		return abi.ESUCCESS
	}
}

// fdFilestatSetSize is fd_filestat_set_size(fd, size): makes a file shorter or,
// with zeros, longer, as ftruncate(2).
//
// returns 0 except:
//   - EBADF: fd is not open
//   - EFBIG, ENOSPC, EDQUOT: the file cannot grow
//   - EINVAL: fd is not a file, or not for writing; size is negative
//   - EIO: the device failed
func fdFilestatSetSize(t *Thread, p []uint64) abi.Errno {
	if p[1] > math.MaxInt64 {
		return abi.EINVAL // before all else, as on Linux
	}
	d, errno := t.open(p[0], abi.RightsFdFilestatSetSize)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	f, ok := d.File.(vfs.Resizer)
	if !ok {
		return abi.EINVAL
	}
	return errnoOf(f.Truncate(int64(p[1])))
}

// fdAllocate is fd_allocate(fd, offset, len): makes a file at least that long
// and reserves room for it, as posix_fallocate(3).
//
// returns 0 except:
//   - EBADF: fd is not open, or not for writing
//   - EFBIG, ENOSPC, EDQUOT: the file cannot grow
//   - EINVAL: offset is negative, or len not positive
//   - EIO: the device failed
//   - ENODEV: fd is not a file
//   - ENOTSUP: the file system cannot
//   - ESPIPE: fd is a pipe
func fdAllocate(t *Thread, p []uint64) abi.Errno {
	d, rights, err := t.proc.fds.Acquire(uint32(p[0]))
	if err != nil {
		return abi.EBADF
	}
	defer d.Release()
	f, ok := d.File.(vfs.Resizer)
	switch {
	case p[1] > math.MaxInt64 || p[2] > math.MaxInt64 || p[2] == 0:
		return abi.EINVAL
	case !ok && rights.Base&abi.RightsFdWrite != 0 && d.File.Filetype() == abi.FiletypeUnknown:
		return abi.ESPIPE
	case !ok && rights.Base&abi.RightsFdWrite != 0:
		return abi.ENODEV
	case rights.Base&abi.RightsFdAllocate == 0:
		return abi.EBADF
	case p[1]+p[2] > math.MaxInt64:
		return abi.EFBIG
	}
	return errnoOf(f.Allocate(int64(p[1]), int64(p[2])))
}

const fstflagsAll = abi.FstflagsAtim | abi.FstflagsAtimNow | abi.FstflagsMtim | abi.FstflagsMtimNow

// times decodes the times to set: see [vfs.TimeSetter]. Returns EINVAL for
// unknown or contradictory flags, and times past the year 2262.
func times(atim, mtim, flags uint64) (a, m int64, errno abi.Errno) {
	if uint32(flags)&^uint32(fstflagsAll) != 0 {
		return 0, 0, abi.EINVAL
	}
	f := abi.Fstflags(flags)
	a, ok1 := timeToSet(atim, f&abi.FstflagsAtim != 0, f&abi.FstflagsAtimNow != 0)
	m, ok2 := timeToSet(mtim, f&abi.FstflagsMtim != 0, f&abi.FstflagsMtimNow != 0)
	if !ok1 || !ok2 {
		return 0, 0, abi.EINVAL
	}
	return a, m, abi.ESUCCESS
}

func timeToSet(t uint64, given, now bool) (int64, bool) {
	switch {
	case given && now, given && t > math.MaxInt64:
		return 0, false
	case given:
		return int64(t), true
	case now:
		return vfs.TimeNow, true
	}
	return vfs.TimeOmit, true
}

// fdFilestatSetTimes is fd_filestat_set_times(fd, atim, mtim, fst_flags): sets
// the times of an open file, as futimens(3).
//
// returns 0 except:
//   - EACCES, EPERM: the host does not allow it
//   - EBADF: fd is not open
//   - EINVAL: unknown or contradictory fst_flags
//   - ENOTCAPABLE: the right FD_FILESTAT_SET_TIMES was dropped
//   - EROFS: the file system is read-only
func fdFilestatSetTimes(t *Thread, p []uint64) abi.Errno {
	d, rights, err := t.proc.fds.Acquire(uint32(p[0]))
	if err != nil {
		return abi.EBADF
	}
	defer d.Release()
	f, ok := d.File.(vfs.TimeSetter)
	if ok && rights.Base&abi.RightsFdFilestatSetTimes == 0 {
		return abi.ENOTCAPABLE
	}
	atim, mtim, errno := times(p[1], p[2], p[3])
	if errno != abi.ESUCCESS || !ok {
		return errno // pipes have times, but nobody asks for them
	}
	return errnoOf(f.SetTimes(atim, mtim))
}

// fdSync is fd_sync(fd): waits until a file is stored, as fsync(2).
//
// returns 0 except:
//   - EBADF: fd is not open
//   - EINVAL: fd is not a file
//   - EIO, ENOSPC, EDQUOT: it could not be stored
//   - ENOTCAPABLE: the right FD_SYNC was dropped
func fdSync(t *Thread, p []uint64) abi.Errno {
	return t.sync(p[0], abi.RightsFdSync, false)
}

// fdDatasync is fd_datasync(fd): as [fdSync], but without the attributes that
// reading does not need, as fdatasync(2). The right FD_SYNC does as well.
func fdDatasync(t *Thread, p []uint64) abi.Errno {
	return t.sync(p[0], abi.RightsFdDatasync|abi.RightsFdSync, true)
}

func (t *Thread) sync(fd uint64, either abi.Rights, dataOnly bool) abi.Errno {
	d, rights, err := t.proc.fds.Acquire(uint32(fd))
	if err != nil {
		return abi.EBADF
	}
	defer d.Release()
	f, ok := d.File.(vfs.Syncer)
	switch {
	case !ok:
		return abi.EINVAL
	case rights.Base&either == 0:
		return abi.ENOTCAPABLE
	}
	return errnoOf(f.Sync(dataOnly))
}

// fdAdvise is fd_advise(fd, offset, len, advice): tells how a file will be
// read, as posix_fadvise(2).
//
// returns 0 except:
//   - EBADF: fd is not open
//   - EINVAL: advice is unknown; offset or len is negative
//   - ENOTCAPABLE: the right FD_ADVISE was dropped
//   - ESPIPE: fd is a pipe
func fdAdvise(t *Thread, p []uint64) abi.Errno {
	d, rights, err := t.proc.fds.Acquire(uint32(p[0]))
	if err != nil {
		return abi.EBADF
	}
	defer d.Release()
	switch all := vfs.Rights(d.File).Base; {
	case all&abi.RightsFdAdvise == 0 && d.File.Filetype() == abi.FiletypeUnknown:
		return abi.ESPIPE
	case all&^rights.Base&abi.RightsFdAdvise != 0:
		return abi.ENOTCAPABLE
	case uint32(p[3]) > uint32(abi.AdviceNoreuse), p[1] > math.MaxInt64, p[2] > math.MaxInt64:
		return abi.EINVAL
	}
	if f, ok := d.File.(vfs.Adviser); ok {
		return errnoOf(f.Advise(int64(p[1]), int64(p[2]), abi.Advice(p[3])))
	}
	return abi.ESUCCESS
}
