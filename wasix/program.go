package wasix

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
)

const (
	// defaultPath is where programs are searched when the guest has no PATH.
	defaultPath = "/usr/local/bin:/bin:/usr/bin"
	// maxProgram bounds the files that are read as programs.
	maxProgram = 256 << 20
	// maxInterpreters is how many scripts may stand in a row, as on Linux.
	maxInterpreters = 5
	// maxScriptLine is how much of a script's first line counts, as on Linux.
	maxScriptLine = 256
	// maxPrograms bounds the different files that one tree can execute: their
	// code is kept.
	maxPrograms = 1024
)

// programs are the programs that the processes of one command can execute.
// Compiled files are kept by their content.
type programs struct {
	engine Engine // nil: only those that are registered
	byDev  map[uint64]Module

	ctx    context.Context // ends with the tree, and compiling with it
	cancel context.CancelFunc

	mu     sync.Mutex
	hashes map[fileID][sha256.Size]byte
	loaded map[[sha256.Size]byte]*compilation
}

// compilation is what becomes of a file's content.
type compilation struct {
	done     chan struct{} // closed at its end; guards the others
	module   Module        // nil when it cannot run, or the tree has ended
	panicked any           // what the engine panicked with
}

// fileID tells a file and its state, as far as attributes do.
type fileID struct {
	dev, ino, size, mtim, ctim uint64
}

// register returns the mounts with the programs before them, as files in /bin.
func (s *system) register(named map[string]Module, mounts []vfs.Mount) []vfs.Mount {
	bin := make([]vfs.Mount, 0, len(named)+len(mounts))
	for name, module := range named {
		file := vfs.Marker()
		st, _ := file.Lstat(".")
		s.programs.byDev[st.Dev] = module
		bin = append(bin, vfs.Mount{Guest: path.Join("/bin", name), FS: file})
	}
	return append(bin, mounts...)
}

// close frees the modules that were compiled here. One that is being compiled is
// freed as soon as that ends: no engine can be made to stop at once.
func (ps *programs) close() {
	ps.cancel()
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, c := range ps.loaded {
		if c.module != nil {
			_ = c.module.Close()
		}
	}
	clear(ps.loaded)
	clear(ps.hashes)
}

// executable is what execve has found: a module and the arguments it gets, which
// for a script are those of the interpreter.
type executable struct {
	module Module
	args   []string
}

// findProgram finds the program that is called, as execvp(3): with search, a name
// without a slash is looked for in the directories of searchPath. Returns
// ESUCCESS except:
//   - EACCES: no regular file, or not to be read
//   - EINVAL: a NUL in name
//   - ELOOP: too many interpreters or symbolic links
//   - ENAMETOOLONG, ENOENT, ENOTDIR: as for any path
//   - ENOEXEC: neither a program that can run nor a script with an interpreter
//   - EINTR: abort was closed while the program was compiled
//   - ENOMEM: too many different programs
func (p *Process) findProgram(c execCall, abort <-chan struct{}) (executable, abi.Errno) {
	if !c.search || c.name == "" || strings.Contains(c.name, "/") {
		return p.loadProgram(c.name, c.args, abort, 0)
	}
	errno := abi.ENOENT
	for _, dir := range strings.Split(c.searchPath, ":") {
		found, e := p.loadProgram(path.Join(dir, c.name), c.args, abort, 0)
		switch e {
		case abi.ENOENT, abi.ENOTDIR: // the last one counts
			if errno != abi.EACCES {
				errno = e
			}
		case abi.EACCES:
			errno = e
		default:
			return found, e
		}
	}
	return executable{}, errno
}

// loadProgram loads the program in a file, or the interpreter of a script.
func (p *Process) loadProgram(name string, args []string, abort <-chan struct{}, depth int) (executable, abi.Errno) {
	st, err := p.tree.Stat(p.workdir(), name)
	if err != nil {
		return executable{}, errnoOf(err)
	}
	if st.Filetype != abi.FiletypeRegularFile {
		return executable{}, abi.EACCES
	}
	if m := p.programs.byDev[st.Dev]; m != nil {
		return executable{m, args}, abi.ESUCCESS
	}
	if m := p.programs.known(st); m != nil {
		return executable{m, args}, abi.ESUCCESS
	}
	content, errno := p.readProgram(name, st)
	if errno != abi.ESUCCESS {
		return executable{}, errno
	}
	if interpreter, option, ok := shebang(content); ok {
		if depth == maxInterpreters {
			return executable{}, abi.ELOOP
		}
		return p.loadProgram(interpreter, scriptArgs(interpreter, option, name, args), abort, depth+1)
	}
	m, errno := p.programs.compile(abort, st, content)
	return executable{m, args}, errno
}

// readProgram reads a file. What is no program it reads no further than a
// script's first line.
func (p *Process) readProgram(name string, st descriptor.Stat) ([]byte, abi.Errno) {
	if st.Size > maxProgram {
		return nil, abi.ENOEXEC
	}
	f, err := p.tree.Open(p.workdir(), name, vfs.OpenFlags{Read: true, Follow: true})
	if err != nil {
		return nil, errnoOf(err)
	}
	defer f.Close()
	content := make([]byte, max(st.Size, maxScriptLine))
	n := 0
	for n < len(content) {
		m, err := f.Readv([][]byte{content[n:]})
		n += m
		if err != nil && err != io.EOF {
			return nil, errnoOf(err)
		}
		if m == 0 || n >= len(wasmMagic) && !bytes.HasPrefix(content, wasmMagic) && n >= maxScriptLine {
			break
		}
	}
	return content[:n], abi.ESUCCESS
}

var wasmMagic = []byte("\x00asm")

// shebang returns the interpreter of a script and its option, "" for none. A line
// that is cut off within the interpreter's name names none.
func shebang(content []byte) (interpreter, option string, ok bool) {
	cut := len(content) >= maxScriptLine
	line, ok := bytes.CutPrefix(content[:min(len(content), maxScriptLine-1)], []byte("#!"))
	if !ok {
		return "", "", false
	}
	line, _, ended := bytes.Cut(line, []byte("\n"))
	text := strings.Trim(string(line), " \t")
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return text[:i], strings.Trim(text[i:], " \t"), true
	}
	return text, "", text != "" && (ended || !cut)
}

// scriptArgs returns the arguments of an interpreter, as execve(2).
func scriptArgs(interpreter, option, script string, args []string) []string {
	out := []string{interpreter}
	if option != "" {
		out = append(out, option)
	}
	return append(append(out, script), args[min(1, len(args)):]...)
}

// known returns the module of a file that was compiled before, nil if it was not
// or may have changed.
func (ps *programs) known(st descriptor.Stat) Module {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	hash, ok := ps.hashes[idOf(st)]
	if !ok {
		return nil
	}
	return ps.loaded[hash].module
}

func idOf(st descriptor.Stat) fileID {
	return fileID{st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim}
}

// compile returns the module of a binary, and waits for that until abort is closed.
// Returns ESUCCESS except EINTR then, ENOEXEC, and ENOMEM after [maxPrograms].
func (ps *programs) compile(abort <-chan struct{}, st descriptor.Stat, wasm []byte) (Module, abi.Errno) {
	if !bytes.HasPrefix(wasm, wasmMagic) || ps.engine == nil {
		return nil, abi.ENOEXEC
	}
	hash := sha256.Sum256(wasm)
	c := ps.compilation(hash, wasm)
	if c == nil {
		return nil, abi.ENOMEM
	}
	select {
	case <-c.done:
	case <-abort:
		return nil, abi.EINTR
	}
	if c.panicked != nil {
		panic(c.panicked)
	}
	if c.module == nil {
		return nil, abi.ENOEXEC
	}
	if settled(st) {
		ps.mu.Lock()
		ps.hashes[idOf(st)] = hash
		ps.mu.Unlock()
	}
	return c.module, abi.ESUCCESS
}

// compilation returns that of a binary of the given hash, which it begins when
// nobody has. It returns nil after [maxPrograms].
func (ps *programs) compilation(hash [sha256.Size]byte, wasm []byte) *compilation {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	c := ps.loaded[hash]
	if c == nil && len(ps.loaded) < maxPrograms {
		c = &compilation{done: make(chan struct{})}
		ps.loaded[hash] = c
		go ps.build(c, hash, wasm)
	}
	return c
}

// build compiles a program, on a goroutine that nobody needs to wait for. What
// cannot run is not kept.
func (ps *programs) build(c *compilation, hash [sha256.Size]byte, wasm []byte) {
	defer func() {
		c.panicked = recover()
		close(c.done)
	}()
	m, err := ps.engine.Compile(ps.ctx, wasm)
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if err == nil {
		if _, runs := m.Info().Exports["_start"]; runs && ps.ctx.Err() == nil {
			c.module = m
			return
		}
		_ = m.Close()
	}
	delete(ps.loaded, hash)
}

// settled reports whether a file has been left alone for so long that another
// change would show in its times.
func settled(st descriptor.Stat) bool {
	const tick = uint64(2e9) // the coarsest that file systems keep
	now := uint64(time.Now().UnixNano())
	return st.Ino != 0 && st.Mtim != 0 && max(st.Mtim, st.Ctim)+tick < now
}

// searchPathOf returns the PATH of an environment, or the default.
func searchPathOf(environ []string) string {
	i := slices.IndexFunc(environ, func(e string) bool { return strings.HasPrefix(e, "PATH=") })
	if i < 0 {
		return defaultPath
	}
	return environ[i][len("PATH="):]
}
