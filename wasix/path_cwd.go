package wasix

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
)

// getcwd is getcwd(path, path_len): stores the current directory with a NUL at
// the end, and its length without it in *path_len, which says how much room path
// has.
//
// returns 0 except:
//   - EFAULT: path or path_len lies outside memory
//   - ERANGE: too little room, or path is null; *path_len is how much it takes
func getcwd(t *Thread, p []uint64) abi.Errno {
	length, ok := t.bytes(uint32(p[1]), 4)
	if !ok {
		return abi.EFAULT
	}
	buf, ok := t.bytes(uint32(p[0]), uint64(binary.LittleEndian.Uint32(length)))
	if !ok {
		return abi.EFAULT
	}
	cwd := t.proc.workdir()
	if uint32(p[0]) == 0 || len(buf) <= len(cwd) {
		binary.LittleEndian.PutUint32(length, uint32(len(cwd)+1))
		return abi.ERANGE
	}
	buf[copy(buf, cwd)] = 0
	binary.LittleEndian.PutUint32(length, uint32(len(cwd)))
	return abi.ESUCCESS
}

// workdir returns the current directory.
func (p *Process) workdir() string {
	p.cwdMu.RLock()
	defer p.cwdMu.RUnlock()
	return p.cwd
}

// chdir is chdir(path, path_len): changes the current directory, as chdir(2).
//
// returns 0 except:
//   - EACCES: a directory on the way cannot be searched
//   - EFAULT: path lies outside memory
//   - EINVAL: a NUL in path
//   - ELOOP: too many symbolic links
//   - ENAMETOOLONG: the path, or an element, is too long
//   - ENOENT: it does not exist
//   - ENOTDIR: it, or an element on the way, is no directory
func chdir(t *Thread, p []uint64) abi.Errno {
	name, errno := t.scratchPath(p[0], p[1])
	if errno != abi.ESUCCESS {
		return errno
	}
	t.proc.cwdMu.Lock()
	defer t.proc.cwdMu.Unlock()
	cwd, err := t.proc.tree.Chdir(t.proc.cwd, name)
	if err != nil {
		return errnoOf(err)
	}
	t.proc.cwd = cwd
	return abi.ESUCCESS
}
