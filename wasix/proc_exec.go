package wasix

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/gowasix/gowasix/wasix/abi"
)

const (
	// maxArgs bounds the bytes of arguments and environment together, and a fourth
	// of it their number, as Linux does for the usual size of stacks.
	maxArgs = 2 << 20
	// maxArg bounds each of them, with its NUL, as on Linux.
	maxArg = 128 << 10
)

// procExec is proc_exec(name, name_len, args, args_len): runs another program in
// place of the present one, with the same environment, as execv(3). args are the
// arguments with a newline after each. A name without a slash that is no file in
// the current directory is searched in PATH. The call does not return: on
// failure the process exits with 127 when there is no such program, else 126, as
// a shell does.
func procExec(t *Thread, p []uint64) { t.execOrExit(p, t.proc.environ, abi.ESUCCESS) }

// procExec2 is proc_exec2(name, name_len, args, args_len, envs, envs_len): as
// [procExec], with the environment given.
func procExec2(t *Thread, p []uint64) {
	envs, errno := t.lines(uint32(p[4]), uint32(p[5]))
	t.execOrExit(p, envs, errno)
}

// execOrExit is proc_exec for p, name and arguments, unless errno is a failure.
func (t *Thread) execOrExit(p []uint64, envs []string, errno abi.Errno) {
	const notFound, notExecutable = 127, 126
	name, e1 := t.path(p[0], p[1])
	args, e2 := t.lines(uint32(p[2]), uint32(p[3]))
	for _, e := range []abi.Errno{e1, e2} {
		if errno == abi.ESUCCESS {
			errno = e
		}
	}
	if errno == abi.ESUCCESS {
		errno = t.exec(execCall{name, args, envs, false, ""})
	}
	if errno == abi.ENOENT && !strings.Contains(name, "/") {
		errno = t.exec(execCall{name, args, envs, true, searchPathOf(t.proc.environ)})
	}
	switch errno {
	case abi.ESUCCESS, abi.EINTR:
	case abi.ENOENT, abi.ENOTDIR:
		t.proc.exit(exitStatus{code: notFound})
	default:
		t.proc.exit(exitStatus{code: notExecutable})
	}
}

// procExec3 is proc_exec3(name, name_len, args, args_len, envs, envs_len,
// search_path, path, path_len): runs another program in place of the present
// one, as execvpe(3): with search_path, a name without a slash is searched in
// path. args and envs have a newline after each string. Null envs are the present
// environment, null path is /usr/local/bin:/bin:/usr/bin.
//
// It does not return on success. Returns:
//   - E2BIG: arguments and environment are too long
//   - EACCES: no regular file, or not to be read
//   - EFAULT: a range lies outside memory
//   - EINVAL: a NUL in name
//   - ELOOP: too many symbolic links or interpreters
//   - ENAMETOOLONG, ENOENT, ENOTDIR: as for any path
//   - ENOEXEC: neither a program that can run here nor a script with an interpreter
//   - ENOMEM: no memory for the program
func procExec3(t *Thread, p []uint64) abi.Errno { return t.execWith(p, t.lines) }

// procExec4 is proc_exec4: as [procExec3], but args and envs are arrays of
// args_len and envs_len pointers to strings that end in NUL.
func procExec4(t *Thread, p []uint64) abi.Errno { return t.execWith(p, t.stringArray) }

func (t *Thread) execWith(p []uint64, list func(ptr, n uint32) ([]string, abi.Errno)) abi.Errno {
	c, errno := t.execCall(p[:6], p[6], p[7], p[8], list)
	if errno != abi.ESUCCESS {
		return errno
	}
	return t.exec(c)
}

// execCall is what exec and spawn are called with.
type execCall struct {
	name       string
	args, envs []string
	search     bool
	searchPath string
}

// execCall reads the parameters of exec and spawn: name, arguments and
// environment from p, which list reads, and where to search. Errors are E2BIG,
// EFAULT and ENAMETOOLONG.
func (t *Thread) execCall(p []uint64, search, path, pathLen uint64,
	list func(ptr, n uint32) ([]string, abi.Errno)) (c execCall, errno abi.Errno) {
	if c.name, errno = t.path(p[0], p[1]); errno != abi.ESUCCESS {
		return c, errno
	}
	if c.args, errno = list(uint32(p[2]), uint32(p[3])); errno != abi.ESUCCESS {
		return c, errno
	}
	c.envs = t.proc.environ
	if uint32(p[4]) != 0 {
		if c.envs, errno = list(uint32(p[4]), uint32(p[5])); errno != abi.ESUCCESS {
			return c, errno
		}
	}
	c.search, c.searchPath = uint32(search) != 0, defaultPath
	if c.search && uint32(path) != 0 {
		b, ok := t.bytes(uint32(path), uint64(uint32(pathLen)))
		if !ok {
			return c, abi.EFAULT
		}
		c.searchPath = string(b)
	}
	tooLong := func(s string) bool { return len(s) >= maxArg }
	if stringsSize(c.args)+stringsSize(c.envs) > maxArgs || slices.ContainsFunc(c.args, tooLong) ||
		slices.ContainsFunc(c.envs, tooLong) {
		return c, abi.E2BIG
	}
	return c, abi.ESUCCESS
}

// lines returns the strings in n bytes at ptr, each of which ends in a newline.
// What follows a NUL does not count. Errors are E2BIG and EFAULT.
func (t *Thread) lines(ptr, n uint32) ([]string, abi.Errno) {
	b, ok := t.bytes(ptr, uint64(n))
	if !ok {
		return nil, abi.EFAULT
	}
	b, _, _ = bytes.Cut(b, []byte{0})
	if len(b) > maxArgs {
		return nil, abi.E2BIG
	}
	text := strings.TrimSuffix(string(b), "\n")
	if len(b) == 0 {
		return nil, abi.ESUCCESS
	}
	return strings.Split(text, "\n"), abi.ESUCCESS
}

// stringArray returns the strings that n pointers at ptr point to, each of which
// ends in NUL. Errors are E2BIG and EFAULT.
func (t *Thread) stringArray(ptr, n uint32) ([]string, abi.Errno) {
	if n > maxArgs/4 {
		return nil, abi.E2BIG
	}
	pointers, ok := t.bytes(ptr, 4*uint64(n))
	if !ok {
		return nil, abi.EFAULT
	}
	out, size := make([]string, 0, n), 0
	for ; len(pointers) > 0; pointers = pointers[4:] {
		at := binary.LittleEndian.Uint32(pointers)
		if uint64(at) >= uint64(len(t.mem)) {
			return nil, abi.EFAULT
		}
		end := bytes.IndexByte(t.mem[at:], 0)
		if end < 0 {
			return nil, abi.EFAULT
		}
		if size += end + 1; size > maxArgs {
			return nil, abi.E2BIG
		}
		out = append(out, string(t.mem[at:][:end]))
	}
	return out, abi.ESUCCESS
}

// exec replaces the program of the process. Errors are those of [procExec3].
func (t *Thread) exec(c execCall) abi.Errno {
	im, errno := t.load(t.proc, c)
	if errno != abi.ESUCCESS {
		return errno
	}
	if t.proc.exec(im) {
		t.bequeathPending()
	} else {
		im.close()
	}
	return abi.ESUCCESS
}

// load returns the image that p, the thread's process or a child that it prepares,
// is to run. When the process of the thread ends meanwhile, the thread unwinds.
func (t *Thread) load(p *Process, c execCall) (*image, abi.Errno) {
	if len(c.args) == 0 {
		c.args = []string{""} // as on Linux: programs take argv[0] for granted
	}
	found, errno := p.findProgram(c, t.proc.ending)
	if errno == abi.EINTR {
		t.waiter.Notice() // who ends the process may only be about to
	}
	if errno != abi.ESUCCESS {
		return nil, errno
	}
	old := p.image
	if t.lent() && p == t.proc {
		old = nil // the parent goes on with it
	}
	im, err := p.system.newImage(found.module, found.args, c.envs, old, 0)
	if err != nil {
		return nil, abi.ENOMEM
	}
	return im, abi.ESUCCESS
}
