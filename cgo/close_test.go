//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

package cwasmer

import (
	"errors"
	"testing"
)

// Module, memory and instances are closed in every order, and what is still open works.
func TestCloseInAnyOrder(t *testing.T) {
	m0 := compileWat(t, sharedModule)
	wasm, err := m0.Serialize()
	if err != nil {
		t.Fatal(err)
	}
	for _, order := range permutations(4) {
		m, err := Deserialize(wasm)
		if err != nil {
			t.Fatal(err)
		}
		mem, err := m.NewMemory(1, 2)
		if err != nil {
			t.Fatal(err)
		}
		host := func(_ int, b []byte, stack []uint64) error { stack[0] = uint64(b[0]) + 1; return nil }
		a, b := instantiate(t, m, host, mem), instantiate(t, m, host, mem)
		closers := []func(){m.Close, mem.Close, a.Close, b.Close}
		open := map[int]*Instance{2: a, 3: b}
		for _, i := range order {
			closers[i]()
			closers[i]()
			delete(open, i)
			for _, in := range open {
				if v, err := call(t, in, "run"); v != 1 || err != nil {
					t.Fatalf("order %v after %d: %d, %v", order, i, v, err)
				}
			}
		}
		_, grown := mem.Grow(1)
		if a.Bytes() != nil || a.Global(0) != 0 || mem.Bytes() != nil || grown {
			t.Error("something closed can be used")
		}
		if _, err := m.Instantiate(host, mem, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Instantiate after Close: %v", err)
		}
		if _, err := m.NewMemory(1, 1); !errors.Is(err, ErrClosed) {
			t.Errorf("NewMemory after Close: %v", err)
		}
	}
}

const sharedModule = `(module (import "h" "f" (func $f (result i32))) (import "env" "memory" (memory 1 2))
	(func (export "run") (result i32) (call $f))
	(func (export "many") (param i32)
		(loop (drop (call $f)) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for i := 0; i <= len(p); i++ {
			q := append(append(append([]int{}, p[:i]...), n-1), p[i:]...)
			all = append(all, q)
		}
	}
	return all
}

func TestHandleReuse(t *testing.T) {
	a := &Instance{}
	if !newHandle(a) || instanceOf(a.handle) != a {
		t.Fatal("a fresh handle does not lead to its instance")
	}
	old := a.handle
	freeHandle(a)
	b := &Instance{}
	newHandle(b)
	defer freeHandle(b)
	if uint32(b.handle) != uint32(old) || b.handle == old {
		t.Errorf("handle %#x after %#x", b.handle, old)
	}
	if instanceOf(old) != nil {
		t.Error("a stale handle leads to an instance")
	}
}
