package wasix

import (
	"slices"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// fileCalls returns the calls on descriptors and paths, save the one that would
// fill the disk.
func fileCalls() (calls []*Syscall) {
	for _, fam := range families() {
		if fam.name != "fd" && fam.name != "path" && fam.name != "poll" && fam.name != "tty" {
			continue
		}
		for _, r := range fam.rows {
			for _, s := range Syscalls() {
				if s.Name == r.name && s.Name != "fd_allocate" && !slices.Contains(calls, s) {
					calls = append(calls, s)
				}
			}
		}
	}
	return calls
}

// As FuzzSyscalls, with files, pipes and events open.
func FuzzFileSyscalls(f *testing.F) {
	calls := fileCalls()
	addFuzzSeeds(f, calls)
	declared := readDeclarations(f)
	declared.addSeeds(f, calls, nil)
	f.Fuzz(func(t *testing.T, script, memory []byte) {
		mount, dir := hostMount(t, false)
		mustWrite(t, dir+"/?", "data")
		mustSymlink(t, "?", dir+"/??")
		thread := newFileThread(t, mount)
		r, w := vfs.NewPipe()
		event, err := vfs.NewEvent(1, false)
		if err != nil {
			t.Fatal(err)
		}
		thread.mustInsertAt(t, 4, r)
		thread.mustInsertAt(t, 5, w)
		thread.mustInsertAt(t, 6, event)
		mem := thread.mem
		copy(mem, memory)
		s := callScript(script)
		for n := 0; len(s) > 0 && n < maxFuzzCalls; n++ {
			call, stack := s.next(calls)
			thread.waiter.Interrupt() // so that none blocks
			if err := declared.call(t, thread, mem, call, stack); err != nil {
				t.Fatal(err)
			}
			if stack[0] > uint64(abi.EPENDING) && stack[0] != uint64(abi.ENOTCAPABLE) {
				t.Fatalf("%s.%s answers %#x", call.Module, call.Name, stack[0])
			}
		}
	})
}
