package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"sync"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/descriptor"
)

// tempRoot opens the root of a tree that is a temp file system.
func tempRoot(t testing.TB, limit int64) *Dir {
	t.Helper()
	return mountedRoot(t, Temp(limit))
}

// createFile opens a new file of a temp file system.
func createFile(t *testing.T, root *Dir, name string) *tempFile {
	t.Helper()
	f, err := root.Open(name, OpenFlags{Read: true, Write: true, Create: true, Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	return f.(*tempFile)
}

func leftIn(root *Dir) int64 { return root.place.mount.fs.(*tempFS).space.left.Load() }

func TestTempIsBounded(t *testing.T) {
	const limit = 1 << 20
	root := tempRoot(t, limit)
	f := createFile(t, root, "f")
	n, err := f.Writev(one(make([]byte, 2*limit)))
	if err != nil || n < limit-2*chunkSize || n >= limit {
		t.Fatalf("wrote %d, %v", n, err)
	}
	if _, err := f.Writev(one(make([]byte, pageSize))); err != syscall.ENOSPC {
		t.Fatal(err)
	}
	if err := f.Allocate(0, limit+1); err != syscall.ENOSPC {
		t.Fatal(err)
	}
	if err := f.Allocate(math.MaxInt64-1, 1); err != syscall.ENOSPC {
		t.Fatal(err)
	}
	if st, err := f.Stat(); err != nil || st.Size != uint64(n) {
		t.Fatalf("%d bytes, %v", st.Size, err)
	}
	made := 0
	for ; err == nil; made++ {
		err = root.Mkdir(fmt.Sprint(made))
	}
	if err != syscall.ENOSPC || made > pageSize/(inodeCost+nameCost)+1 {
		t.Fatalf("%d directories, %v", made, err)
	}
	// What takes no room works on.
	if err := root.Rename("f", root, "0/a-much-longer-name"); made > 1 && err != nil {
		t.Error(err)
	}
	if err := f.Truncate(math.MaxInt64); err != nil {
		t.Error(err)
	}
	if _, err := f.Pwritev(one([]byte("x")), math.MaxInt64); err != syscall.EINVAL {
		t.Error(err)
	}
	if err := errors.Join(f.Truncate(0), root.Mkdir("again"), f.Close()); err != nil {
		t.Error(err)
	}
}

// Holes take no room, and a file that has lost its name takes it until it is closed.
func TestTempSparseAndUnlinked(t *testing.T) {
	root := tempRoot(t, 1<<20)
	f := createFile(t, root, "f")
	const far = 1 << 40
	if n, err := f.Pwritev(one([]byte("end")), far); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	b := []byte("xxxxxxxx")
	if n, err := f.Preadv(one(b), far-4); n != 7 || err != nil || !bytes.Equal(b, []byte("\x00\x00\x00\x00endx")) {
		t.Fatalf("%d %q %v", n, b, err)
	}
	if err := root.Unlink("f"); err != nil {
		t.Fatal(err)
	}
	if st, err := f.Stat(); st.Nlink != 0 || st.Size != far+3 || err != nil {
		t.Fatalf("%+v %v", st, err)
	}
	if left := leftIn(root); left >= 1<<20 {
		t.Errorf("%d left while it is open", left)
	}
	if err := f.Close(); err != nil || leftIn(root) != 1<<20 {
		t.Errorf("%d left, %v", leftIn(root), err)
	}
}

func TestTempTruncatedReadsZeros(t *testing.T) {
	root := tempRoot(t, 1<<20)
	f := createFile(t, root, "f")
	defer f.Close()
	if n, err := f.Writev(one(bytes.Repeat([]byte{1}, 3*chunkSize))); n != 3*chunkSize || err != nil {
		t.Fatal(n, err)
	}
	if err := errors.Join(f.Truncate(chunkSize+10), f.Truncate(3*chunkSize)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 3*chunkSize)
	if n, err := f.Preadv(one(b), 0); n != len(b) || err != nil {
		t.Fatal(n, err)
	}
	want := append(bytes.Repeat([]byte{1}, chunkSize+10), make([]byte, 2*chunkSize-10)...)
	if !bytes.Equal(b, want) {
		t.Error("what was cut off came back")
	}
}

func TestTempTimes(t *testing.T) {
	root := tempRoot(t, 1<<20)
	f := createFile(t, root, "f")
	defer f.Close()
	stat := func() descriptor.Stat {
		st, err := root.Lookup("f", false)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	born := stat()
	if born.Atim == 0 || born.Mtim == 0 || born.Ctim == 0 {
		t.Fatalf("%+v", born)
	}
	if err := root.SetTimesOf("f", true, 5, TimeOmit); err != nil {
		t.Fatal(err)
	}
	if st := stat(); st.Atim != 5 || st.Mtim != born.Mtim || st.Ctim < born.Ctim {
		t.Fatalf("%+v", st)
	}
	if err := f.SetTimes(TimeOmit, 7); err != nil {
		t.Fatal(err)
	}
	if st := stat(); st.Atim != 5 || st.Mtim != 7 {
		t.Fatalf("%+v", st)
	}
	if _, err := f.Writev(one([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	if st := stat(); st.Atim != 5 || st.Mtim < born.Mtim {
		t.Fatalf("after writing %+v", st)
	}
	if _, err := f.Preadv(one(make([]byte, 1)), 0); err != nil {
		t.Fatal(err)
	}
	if st := stat(); st.Atim < born.Atim {
		t.Fatalf("after reading %+v", st)
	}
}

// Threads work in one directory and one file at once; nothing is lost.
func TestTempConcurrently(t *testing.T) {
	const workers, rounds = 4, 200
	root := tempRoot(t, 64<<20)
	log, err := root.Open("log", OpenFlags{Write: true, Create: true, Append: true})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			name, other := fmt.Sprint("f", worker), fmt.Sprint("g", worker)
			for range rounds {
				f, err := root.Open(name, OpenFlags{Read: true, Write: true, Create: true})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := f.Writev(one([]byte(name))); err != nil {
					t.Error(err)
				}
				if _, err := log.Writev(one([]byte("line\n"))); err != nil {
					t.Error(err)
				}
				if err := errors.Join(root.Rename(name, root, other), root.Link(other, false, root, name), root.Unlink(other), f.Close()); err != nil {
					t.Error(err)
				}
				if _, err := names(root); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if st, err := log.(descriptor.Stater).Stat(); err != nil || st.Size != workers*rounds*5 {
		t.Errorf("%d bytes, %v", st.Size, err)
	}
	if list, err := names(root); err != nil || len(list) != workers+3 {
		t.Errorf("%v, %v", list, err)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}
