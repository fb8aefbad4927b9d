package wasix

import (
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// onPath calls f with the directory behind fd, which must have the right in
// need, and the path of n bytes at ptr.
func (t *Thread) onPath(fd uint64, need abi.Rights, ptr, n uint64, f func(dir *vfs.Dir, name string) error) abi.Errno {
	dir, d, errno := t.openDir(fd, need)
	if errno != abi.ESUCCESS {
		return errno
	}
	defer d.Release()
	name, errno := t.pathFrom(dir, ptr, n)
	if errno != abi.ESUCCESS {
		return errno
	}
	return errnoOf(f(dir, name))
}

// pathCreateDirectory is path_create_directory(fd, path, path_len): makes a
// directory, as mkdirat(2), with the permissions 0777 less the host's umask.
//
// returns 0 except:
//   - EACCES, EPERM: the host does not allow it
//   - EBADF: fd is not open
//   - EEXIST: there is something
//   - EFAULT: path lies outside memory
//   - EINVAL: a NUL in path
//   - ELOOP: too many symbolic links
//   - EMLINK, ENOSPC, EDQUOT: no room for it
//   - ENAMETOOLONG: the path, or an element, is too long
//   - ENOENT: a directory on the way does not exist
//   - ENOTCAPABLE: the right PATH_CREATE_DIRECTORY was dropped
//   - ENOTDIR: fd, or an element on the way, is no directory
//   - EROFS: the file system is read-only
func pathCreateDirectory(t *Thread, p []uint64) abi.Errno {
	return t.onPath(p[0], abi.RightsPathCreateDirectory, p[1], p[2], (*vfs.Dir).Mkdir)
}

// pathUnlinkFile is path_unlink_file(fd, path, path_len): removes a file, as
// unlinkat(2).
//
// returns 0 except what path_create_directory returns, and:
//   - EISDIR: a directory
//   - ENOENT: it does not exist
//   - ENOTCAPABLE: the right PATH_UNLINK_FILE was dropped
func pathUnlinkFile(t *Thread, p []uint64) abi.Errno {
	return t.onPath(p[0], abi.RightsPathUnlinkFile, p[1], p[2], (*vfs.Dir).Unlink)
}

// pathRemoveDirectory is path_remove_directory(fd, path, path_len): removes an
// empty directory, as rmdir(2).
//
// returns 0 except what path_create_directory returns, and:
//   - EBUSY: a file system is mounted on it or below
//   - EINVAL: the path ends in "."
//   - ENOENT: it does not exist
//   - ENOTCAPABLE: the right PATH_REMOVE_DIRECTORY was dropped
//   - ENOTDIR: not a directory
//   - ENOTEMPTY: not empty
func pathRemoveDirectory(t *Thread, p []uint64) abi.Errno {
	return t.onPath(p[0], abi.RightsPathRemoveDirectory, p[1], p[2], (*vfs.Dir).Rmdir)
}

// pathSymlink is path_symlink(old_path, old_path_len, fd, new_path,
// new_path_len): makes a symbolic link that points to old_path, as symlinkat(2).
//
// returns 0 except what path_create_directory returns, and:
//   - ENOENT: old_path is empty
//   - ENOTCAPABLE: the right PATH_SYMLINK was dropped
func pathSymlink(t *Thread, p []uint64) abi.Errno {
	return t.onPath(p[2], abi.RightsPathSymlink, p[3], p[4], func(dir *vfs.Dir, name string) error {
		target, errno := t.scratchPath(p[0], p[1])
		if errno != abi.ESUCCESS {
			return errno
		}
		return dir.Symlink(target, name)
	})
}

// pathLink is path_link(old_fd, old_flags, old_path, old_path_len, new_fd,
// new_path, new_path_len): gives a file another name, as linkat(2).
//
// returns 0 except what path_create_directory returns, and:
//   - EINVAL: unknown old_flags
//   - ENOENT: old_path does not exist
//   - ENOTCAPABLE: the right PATH_LINK_SOURCE or PATH_LINK_TARGET was dropped
//   - EPERM: a directory
//   - EXDEV: not in one file system
func pathLink(t *Thread, p []uint64) abi.Errno {
	return t.onPath(p[0], abi.RightsPathLinkSource, p[2], p[3], func(from *vfs.Dir, old string) error {
		if uint32(p[1])&^uint32(abi.LookupflagsSymlinkFollow) != 0 {
			return abi.EINVAL
		}
		return asError(t.onPath(p[4], abi.RightsPathLinkTarget, p[5], p[6], func(to *vfs.Dir, name string) error {
			return from.Link(old, abi.Lookupflags(p[1])&abi.LookupflagsSymlinkFollow != 0, to, name)
		}))
	})
}

// pathRename is path_rename(fd, old_path, old_path_len, new_fd, new_path,
// new_path_len): moves a file or directory, as renameat(2).
//
// returns 0 except what path_create_directory returns, and:
//   - EBUSY: a path ends in "." or ".."; a file system is mounted on it or below
//   - EINVAL: a directory into itself
//   - EISDIR: a file onto a directory
//   - ENOENT: old_path does not exist
//   - ENOTCAPABLE: the right PATH_RENAME_SOURCE or PATH_RENAME_TARGET was dropped
//   - ENOTDIR: a directory onto a file
//   - ENOTEMPTY: the directory to be replaced is not empty
//   - EXDEV: not in one file system
func pathRename(t *Thread, p []uint64) abi.Errno {
	return t.onPath(p[0], abi.RightsPathRenameSource, p[1], p[2], func(from *vfs.Dir, old string) error {
		return asError(t.onPath(p[3], abi.RightsPathRenameTarget, p[4], p[5], func(to *vfs.Dir, name string) error {
			return from.Rename(old, to, name)
		}))
	})
}

// asError makes an error of an errno, which is none when it is 0.
func asError(errno abi.Errno) error {
	if errno == abi.ESUCCESS {
		return nil
	}
	return errno
}

// pathFilestatSetTimes is path_filestat_set_times(fd, flags, path, path_len,
// atim, mtim, fst_flags): sets the times of a file, as utimensat(2).
//
// returns 0 except:
//   - EINVAL: unknown flags; unknown or contradictory fst_flags
//   - ENOENT: it does not exist
//   - ENOTCAPABLE: the right PATH_FILESTAT_SET_TIMES was dropped
//   - EROFS: the file system is read-only
//   - what path_filestat_get returns
func pathFilestatSetTimes(t *Thread, p []uint64) abi.Errno {
	return t.onPath(p[0], abi.RightsPathFilestatSetTimes, p[2], p[3], func(dir *vfs.Dir, name string) error {
		atim, mtim, errno := times(p[4], p[5], p[6])
		if errno != abi.ESUCCESS || uint32(p[1])&^uint32(abi.LookupflagsSymlinkFollow) != 0 {
			return abi.EINVAL
		}
		return dir.SetTimesOf(name, abi.Lookupflags(p[1])&abi.LookupflagsSymlinkFollow != 0, atim, mtim)
	})
}
