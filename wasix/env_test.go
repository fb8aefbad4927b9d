package wasix

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
)

func TestArgsAndEnviron(t *testing.T) {
	th := newTestThread(t)
	th.proc.args = []string{"prog", "", "ü"}
	th.proc.environ = []string{"A=1"}
	for _, c := range []struct {
		name       string
		sizes, get handler
		count      uint32
		text       string
	}{
		{"args", argsSizesGet, argsGet, 3, "prog\x00\x00ü\x00"},
		{"environ", environSizesGet, environGet, 1, "A=1\x00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			copy(th.mem, maskedMemory())
			if e, _ := call(th, c.sizes, 16, 20); e != abi.ESUCCESS {
				t.Fatal(e)
			}
			count, _ := th.uint32At(16)
			size, _ := th.uint32At(20)
			if count != c.count || size != uint32(len(c.text)) || th.mem[24] != '?' {
				t.Fatalf("count %d, size %d", count, size)
			}
			if e, _ := call(th, c.get, 64, 128); e != abi.ESUCCESS {
				t.Fatal(e)
			}
			if got := th.mem[128 : 128+len(c.text)+1]; string(got) != c.text+"?" {
				t.Fatalf("text %q", got)
			}
			for i := range c.count {
				ptr := binary.LittleEndian.Uint32(th.mem[64+4*i:])
				if want := 128 + uint32(nthString(c.text, int(i))); ptr != want {
					t.Errorf("pointer %d is %d, want %d", i, ptr, want)
				}
			}
			if end := 64 + 4*c.count; th.mem[end] != '?' {
				t.Error("wrote past the pointers")
			}
			last := uint64(len(th.mem))
			for _, bad := range [][2]uint64{{last - 2, 128}, {64, last - 2}, {0xffffffff, 128}} {
				if e, _ := call(th, c.get, bad[0], bad[1]); e != abi.EFAULT {
					t.Errorf("get%v: %v, want FAULT", bad, e)
				}
			}
		})
	}
}

// nthString returns where the nth NUL-terminated string in text starts.
func nthString(text string, n int) (at int) {
	for range n {
		at += bytes.IndexByte([]byte(text[at:]), 0) + 1
	}
	return at
}

func TestClocks(t *testing.T) {
	th := newTestThread(t)
	read := func(id abi.Clockid) uint64 {
		t.Helper()
		if e, _ := call(th, clockTimeGet, uint64(id), 1, 512); e != abi.ESUCCESS {
			t.Fatalf("clock %d: %v", id, e)
		}
		return binary.LittleEndian.Uint64(th.mem[512:])
	}
	before := uint64(time.Now().UnixNano())
	if now := read(abi.ClockidRealtime); now < before || now > uint64(time.Now().UnixNano()) {
		t.Errorf("realtime %d, host %d", now, before)
	}
	if a, b := read(abi.ClockidMonotonic), read(abi.ClockidMonotonic); b < a || a == 0 {
		t.Errorf("monotonic went from %d to %d", a, b)
	}
	for _, c := range []struct {
		name   string
		do     handler
		params []uint64
		want   abi.Errno
	}{
		{"unknown clock", clockTimeGet, []uint64{4, 1, 512}, abi.EINVAL},
		{"result outside memory", clockTimeGet, []uint64{0, 1, 1<<16 - 7}, abi.EFAULT},
		{"resolution", clockResGet, []uint64{1, 512}, abi.ESUCCESS},
		{"resolution of an unknown clock", clockResGet, []uint64{9, 512}, abi.EINVAL},
		{"set", clockTimeSet, []uint64{0, 0}, abi.EPERM},
		{"set an unknown clock", clockTimeSet, []uint64{9, 0}, abi.EINVAL},
	} {
		if e, _ := call(th, c.do, c.params...); e != c.want {
			t.Errorf("%s: %v, want %v", c.name, e, c.want)
		}
	}
}

func TestRandomGet(t *testing.T) {
	th := newTestThread(t)
	if e, _ := call(th, randomGet, 1000, 32); e != abi.ESUCCESS {
		t.Fatal(e)
	}
	if got := th.mem[999:1033]; got[0] != '?' || got[33] != '?' || bytes.Count(got, []byte{'?'}) > 10 {
		t.Fatalf("%q", got)
	}
	if e, _ := call(th, randomGet, 1<<16-1, 2); e != abi.EFAULT {
		t.Fatal(e)
	}
}
