package descriptor

import (
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// fakeFile is a File that knows whether it is used after Close.
type fakeFile struct {
	queue  ready.Queue
	level  atomic.Int32 // bytes to read
	room   atomic.Int32 // bytes that can be written
	err    error        // of Close
	closed atomic.Int32
	open   *atomic.Int64 // how many files of a test are open
}

func (f *fakeFile) Queue() *ready.Queue             { return &f.queue }
func (f *fakeFile) Ready(ready.Events) ready.Events { return 0 }
func (f *fakeFile) Filetype() abi.Filetype          { return abi.FiletypeUnknown }

func (f *fakeFile) Readv(iovs [][]byte) (int, error) {
	if f.closed.Load() != 0 {
		panic("read after close")
	}
	if f.level.Load() == 0 {
		return 0, syscall.EAGAIN
	}
	f.level.Add(-1)
	return 1, nil
}

// Writev takes one byte at a time.
func (f *fakeFile) Writev(iovs [][]byte) (int, error) {
	if f.closed.Load() != 0 {
		panic("write after close")
	}
	if f.room.Load() == 0 {
		return 0, syscall.EAGAIN
	}
	f.room.Add(-1)
	return 1, nil
}

func (f *fakeFile) Close() error {
	if f.closed.Add(1) != 1 {
		panic("closed twice")
	}
	if f.open != nil {
		f.open.Add(-1)
	}
	return f.err
}

// mustInsert inserts a new fakeFile and returns it and its descriptor.
func mustInsert(t *testing.T, table *Table) (*fakeFile, uint32) {
	t.Helper()
	f := &fakeFile{}
	fd, err := table.Insert(NewDescription(f, 0), Rights{}, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f, fd
}
