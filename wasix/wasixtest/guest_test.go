package wasixtest_test

import (
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasixtest"
)

func TestDirectGuest(t *testing.T) {
	g := wasixtest.NewGuest(t, wasixtest.Direct(), nil)
	if got := g.Call("proc_id", 100); got != abi.ESUCCESS {
		t.Fatalf("proc_id: %v", got)
	}
	g.Wrote(wasixtest.Write{At: 100, Bytes: []byte{1, 0, 0, 0}})
	g.Put(100, 9)
	if got := g.Call("proc_id", 1<<16-3); got != abi.EFAULT {
		t.Errorf("proc_id over the end of memory: %v", got)
	}
	g.Wrote()
	if got := g.Bytes(99, 3); string(got) != "?\x09\x00" {
		t.Errorf("memory: %q", got)
	}
	if _, err := g.Raw("proc_exit", 3); err == nil {
		t.Error("the guest survives proc_exit")
	}
	<-g.Process.Done()
}

// TestGuestSeesStrayWrites checks the checker: what a call wrote, and what it
// did not, must not pass for something else.
func TestGuestSeesStrayWrites(t *testing.T) {
	for name, writes := range map[string][]wasixtest.Write{
		"none":  nil,
		"short": {{At: 100, Bytes: []byte{1, 0, 0}}},
		"long":  {{At: 100, Bytes: []byte{1, 0, 0, 0, 0}}},
		"other": {{At: 100, Bytes: []byte{1, 0, 0, 1}}},
	} {
		judged := &recorder{TB: t}
		g := wasixtest.NewGuest(judged, wasixtest.Direct(), nil)
		g.Call("proc_id", 100)
		if g.Wrote(writes...); !judged.failed {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// recorder notes an error instead of failing the test.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
