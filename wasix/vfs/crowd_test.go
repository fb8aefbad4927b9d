package vfs

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// crowd is how many threads read, and how many write, at once.
const crowd = 2000

// One pipe serves a crowd: each reader takes what one writer wrote.
func TestCrowdOnAPipe(t *testing.T) {
	before := runtime.NumGoroutine()
	in, out := NewPipe()
	r, w := descriptor.NewDescription(in, 0), descriptor.NewDescription(out, 0)
	var sum atomic.Int64
	var threads sync.WaitGroup
	for range crowd {
		threads.Go(func() {
			b := make([]byte, 4)
			if n, err := r.Readv(ready.NewWaiter(), one(b)); n != len(b) || err != nil {
				t.Errorf("read %d, %v", n, err)
			}
			sum.Add(int64(binary.LittleEndian.Uint32(b)))
		})
	}
	for i := range crowd {
		threads.Go(func() {
			b := binary.LittleEndian.AppendUint32(nil, uint32(i))
			if n, err := w.Writev(ready.NewWaiter(), one(b)); n != len(b) || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
		})
	}
	threads.Wait()
	if want := int64(crowd * (crowd - 1) / 2); sum.Load() != want {
		t.Errorf("the sum is %d, not %d", sum.Load(), want)
	}
	checkGoroutines(t, before)
}

// Writers that find no room wait, write large buffers part by part, and lose
// nothing.
func TestCrowdOfLargeWrites(t *testing.T) {
	before := runtime.NumGoroutine()
	in, out := NewPipe()
	r, w := descriptor.NewDescription(in, 0), descriptor.NewDescription(out, 0)
	var writers sync.WaitGroup
	const many, each = crowd / 8, pipeAtomic + 1000
	for i := range many {
		writers.Go(func() {
			b := bytes.Repeat([]byte{byte(i)}, each)
			if n, err := w.Writev(ready.NewWaiter(), one(b)); n != each || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
		})
	}
	go func() {
		writers.Wait()
		_ = w.Release()
	}()
	var counts [256]int
	waiter, b := ready.NewWaiter(), make([]byte, 10_000)
	for {
		n, err := r.Readv(waiter, one(b))
		if n == 0 || err != nil {
			break
		}
		for _, c := range b[:n] {
			counts[c]++
		}
	}
	for i, n := range counts {
		if want := each * ((many - i + 255) / 256); n != want {
			t.Errorf("%d of the bytes are %d, want %d", n, i, want)
		}
	}
	checkGoroutines(t, before)
}

// One semaphore lets through as many as were let in.
func TestCrowdOnASemaphore(t *testing.T) {
	before := runtime.NumGoroutine()
	file, err := NewEvent(0, true)
	if err != nil {
		t.Fatal(err)
	}
	e := descriptor.NewDescription(file, 0)
	var threads sync.WaitGroup
	for range crowd {
		threads.Go(func() {
			b := make([]byte, eventSize)
			if n, err := e.Readv(ready.NewWaiter(), one(b)); n != eventSize || err != nil || b[0] != 1 {
				t.Errorf("read %d, %v, %v", n, b, err)
			}
		})
		threads.Go(func() {
			if _, err := e.Writev(ready.NewWaiter(), one([]byte{1, 7: 0})); err != nil {
				t.Error(err)
			}
		})
	}
	threads.Wait()
	if got := file.Ready(ready.In | ready.Out); got != ready.Out {
		t.Errorf("%b is left", got)
	}
	checkGoroutines(t, before)
}
