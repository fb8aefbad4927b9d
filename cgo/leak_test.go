//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

import (
	"errors"
	"os"
	"runtime"
	"testing"

	"github.com/gowasix/gowasix/cgo/mallinfo"
)

// growth returns by how many bytes the C heap grows while f runs, after it has
// run once before.
func growth(f func()) int {
	f()
	before := mallinfo.InUse()
	f()
	return mallinfo.InUse() - before
}

func TestHostCallsLeaveNothing(t *testing.T) {
	m := compileWat(t, sharedModule)
	mem, err := m.NewMemory(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	in := instantiate(t, m, func(_ int, b []byte, stack []uint64) error { stack[0] = uint64(len(b)); return nil }, mem)
	const calls = 1_000_000
	n := growth(func() {
		if _, err := call(t, in, "many", calls); err != nil {
			t.Fatal(err)
		}
	})
	if n > 1<<10 {
		t.Errorf("%d host calls leave %d bytes", calls, n)
	}
	run, _ := m.Export("many", Func)
	allocs := testing.AllocsPerRun(5, func() { _, _ = in.Call(run, 1000) })
	if allocs > 10 {
		t.Errorf("1000 host calls make %v allocations", allocs)
	}
}

// The fallback for other versions of the library leaks on this one, which shows that
// the test above would notice.
func TestLeakIsSeen(t *testing.T) {
	defer setConforming(setConforming(true))
	in := instantiate(t, compileWat(t, echo), func(int, []byte, []uint64) error { return nil }, nil)
	n := growth(func() {
		for range 1000 {
			if _, err := call(t, in, "run", 1, 2, 3, 4); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n < 1000*64 {
		t.Errorf("no leak, %d bytes: is the library another?", n)
	}
}

// guestCallLeak is what libwasmer 2.0.0 leaves behind per call into the guest.
const guestCallLeak = 160

func TestGuestCallsLeaveLittle(t *testing.T) {
	in := instantiate(t, compileWat(t, `(module (func (export "f") (param i32) (result i32) (local.get 0)))`), nil, nil)
	const calls = 10_000
	n := growth(func() {
		for range calls {
			if _, err := call(t, in, "f", 1); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Logf("%d bytes per call", n/calls)
	if n > calls*guestCallLeak {
		t.Errorf("%d calls leave %d bytes", calls, n)
	}
}

func TestTrapsLeaveNothing(t *testing.T) {
	m := compileWat(t, `(module (import "h" "f" (func $f (param i32 i32) (result i32)))
		(func (export "run") (drop (call $f (i32.const 1) (i32.const 2))))
		(func (export "unreachable") (unreachable)))`)
	exit := errors.New("exit")
	in := instantiate(t, m, func(int, []byte, []uint64) error { return exit }, nil)
	const calls = 1000
	for _, export := range []string{"run", "unreachable"} {
		n := growth(func() {
			for range calls {
				if _, err := call(t, in, export); err == nil {
					t.Fatal("no trap")
				}
			}
		})
		if n > calls*guestCallLeak {
			t.Errorf("%s: %d traps leave %d bytes", export, calls, n)
		}
	}
}

// A thousand modules, memories and instances come and go.
func TestObjectsLeaveNothing(t *testing.T) {
	code, err := compileWat(t, sharedModule).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	cycle := func() {
		m, err := Deserialize(code)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		for range 10 {
			mem, err := m.NewMemory(1, 2)
			if err != nil {
				t.Fatal(err)
			}
			in := instantiate(t, m, func(_ int, _ []byte, stack []uint64) error { stack[0] = 1; return nil }, mem)
			mem.Close()
			if _, err := call(t, in, "run"); err != nil {
				t.Fatal(err)
			}
			in.Close()
		}
	}
	tasks, files, maps := count(t, "task"), count(t, "fd"), mappings(t)
	n := growth(func() {
		for range 100 {
			cycle()
		}
	})
	t.Logf("%d bytes per module with 10 instances", n/100)
	if n > 100*10*1024 {
		t.Errorf("100 modules and 1000 instances leave %d bytes", n)
	}
	if more := count(t, "fd") - files; more > 0 {
		t.Errorf("%d descriptors are left", more)
	}
	if more := count(t, "task") - tasks; more > runtime.GOMAXPROCS(0)+2 {
		t.Errorf("%d threads are left", more)
	}
	if more := mappings(t) - maps; more > 20 {
		t.Errorf("%d mappings are left", more)
	}
}

func count(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/" + dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func mappings(t *testing.T) (lines int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range maps {
		if c == '\n' {
			lines++
		}
	}
	return lines
}

// Traps of all kinds while the garbage collector runs all the time.
func TestTrapsUnderCollection(t *testing.T) {
	m := compileWat(t, `(module (import "h" "f" (func $f)) (memory 1)
		(func (export "run") (call $f)) (func (export "bounds") (drop (i32.load (i32.const 65536)))))`)
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	for i := range 300 {
		in := instantiate(t, m, func(int, []byte, []uint64) error {
			if i%2 == 0 {
				panic(i)
			}
			return errors.New("exit")
		}, nil)
		for _, export := range []string{"run", "bounds"} {
			if _, err := call(t, in, export); err == nil {
				t.Fatal("no error")
			}
		}
		in.Close()
	}
	close(stop)
	<-stopped
}
