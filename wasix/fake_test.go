package wasix

import (
	"bytes"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/vfs"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// fakeMemory is a guest's memory without an engine.
type fakeMemory []byte

func (m fakeMemory) Bytes() []byte { return m }
func (m fakeMemory) Close() error  { return nil }

// fakeModule is a guest written in Go: its exports are functions, of which
// "handler" has the signature of a callback, and those of asyncify have theirs.
// Each instance has a global for the stack pointer, of which one page is used.
type fakeModule struct {
	exports map[string]func(t *Thread, args []uint64) (uint64, error)
}

func (m *fakeModule) Info() *wasmfile.Info {
	info := &wasmfile.Info{Exports: map[string]wasmfile.Signature{}}
	for name := range m.exports {
		info.Exports[name] = wasmfile.Signature{}
	}
	for _, name := range []string{"handler", "asyncify_start_unwind", "asyncify_start_rewind"} {
		if m.exports[name] != nil {
			info.Exports[name] = wasmfile.Signature{Params: []abi.ValueType{abi.ValueTypeI32}}
		}
	}
	info.Globals = map[string]wasmfile.GlobalType{stackPointer: {Type: abi.ValueTypeI32, Mutable: true}}
	return info
}

func (m *fakeModule) NewMemory() (Memory, error) { return fakeMemory(maskedMemory()), nil }
func (m *fakeModule) Close() error               { return nil }
func (m *fakeModule) Instantiate(t *Thread, mem Memory) (Instance, error) {
	t.mem = mem.Bytes()
	return &fakeInstance{m, t, mem, 1 << 15}, nil
}

type fakeInstance struct {
	module *fakeModule
	thread *Thread
	memory Memory
	sp     fakeGlobal
}

type fakeGlobal uint64

func (g *fakeGlobal) Get() uint64  { return uint64(*g) }
func (g *fakeGlobal) Set(v uint64) { *g = fakeGlobal(v) }

func (in *fakeInstance) Memory() Memory             { return in.memory }
func (in *fakeInstance) HasExport(name string) bool { return in.module.exports[name] != nil }
func (in *fakeInstance) Global(name string) Global {
	switch name {
	case stackPointer:
		return &in.sp
	case "__data_end":
		end := fakeGlobal(1 << 14)
		return &end
	}
	return nil
}
func (in *fakeInstance) Interrupt()   {}
func (in *fakeInstance) Close() error { return nil }
func (in *fakeInstance) Call(name string, args ...uint64) (uint64, error) {
	return in.module.exports[name](in.thread, args)
}

// maskedMemory is a page of '?', in which a stray write shows.
func maskedMemory() []byte { return bytes.Repeat([]byte{'?'}, 1<<16) }

// newTestThread returns the main thread of a process that no engine runs, with
// masked memory and no descriptors.
func newTestThread(t testing.TB) *Thread {
	t.Helper()
	tree, err := vfs.NewTree()
	if err != nil {
		t.Fatal(err)
	}
	p, err := (&Cmd{}).newSystem().newProcess(nil)
	if err != nil {
		t.Fatal(err)
	}
	p.image = imageOf(&fakeModule{})
	p.fds, p.tree, p.cwd, p.unix = descriptor.NewTable(0), tree, "/", network.None()
	t.Cleanup(func() {
		p.stop()
		p.closeFiles()
	})
	thread := newThread(p, mainThreadID)
	thread.mem = maskedMemory()
	p.threads[mainThreadID] = thread
	return thread
}
