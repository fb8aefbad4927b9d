package wasix

import (
	"encoding/binary"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

// createLocal returns a new key.
func createLocal(t *testing.T, th *Thread, userData uint64) uint64 {
	t.Helper()
	th.want(t, abi.ESUCCESS, threadLocalCreate, userData, 512)
	return uint64(binary.LittleEndian.Uint32(th.mem[512:]))
}

func local(t *testing.T, th *Thread, key uint64) uint64 {
	t.Helper()
	th.want(t, abi.ESUCCESS, threadLocalGet, key, 520)
	return binary.LittleEndian.Uint64(th.mem[520:])
}

func TestThreadLocalsAreEachThreadsOwn(t *testing.T) {
	a := newTestThread(t)
	b := newThread(a.proc, 2)
	b.mem = maskedMemory()
	key := createLocal(t, a, 7)
	a.want(t, abi.ESUCCESS, threadLocalSet, key, 1<<40)
	b.want(t, abi.ESUCCESS, threadLocalSet, key, 2)
	if x, y := local(t, a, key), local(t, b, key); x != 1<<40 || y != 2 {
		t.Errorf("values %#x and %#x", x, y)
	}
	if set := a.proc.locals.take(2); len(set) != 1 || set[0] != [2]uint64{7, 2} {
		t.Errorf("the second thread had %v", set)
	}
	if x, y := local(t, a, key), local(t, b, key); x != 1<<40 || y != 0 {
		t.Errorf("values %#x and %#x after the second thread's end", x, y)
	}
}

// A destroyed key takes its values along; the next one begins with 0.
func TestThreadLocalDestroy(t *testing.T) {
	th := newTestThread(t)
	for range 3 * maxThreadLocals {
		key := createLocal(t, th, 0)
		if v := local(t, th, key); v != 0 {
			t.Fatalf("a new key has %d", v)
		}
		th.want(t, abi.ESUCCESS, threadLocalSet, key, 5)
		th.want(t, abi.ESUCCESS, threadLocalDestroy, key)
		th.want(t, abi.EINVAL, threadLocalDestroy, key)
		th.want(t, abi.EINVAL, threadLocalSet, key, 5)
		th.want(t, abi.EINVAL, threadLocalGet, key, 520)
	}
	if set := th.proc.locals.take(th.id); len(set) != 0 {
		t.Errorf("%d values are left", len(set))
	}
}

func TestThreadLocalLimits(t *testing.T) {
	th := newTestThread(t)
	th.proc.locals.last = 1<<32 - 3 // ids start again, but not with one in use
	seen := map[uint64]bool{0: true}
	for range maxThreadLocals {
		key := createLocal(t, th, 0)
		if seen[key] {
			t.Fatalf("key %d came before", key)
		}
		seen[key] = true
	}
	th.want(t, abi.EAGAIN, threadLocalCreate, 0, 512)
	th.want(t, abi.EFAULT, threadLocalCreate, 0, uint64(len(th.mem)-3))
	th.want(t, abi.EFAULT, threadLocalGet, 1, uint64(len(th.mem)-7))
}
