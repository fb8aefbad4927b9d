package vfs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

func one(b []byte) [][]byte { return [][]byte{b} }

func TestPipeIsARing(t *testing.T) {
	r, w := NewPipe()
	rnd := rand.New(rand.NewPCG(1, 2))
	var sent, got bytes.Buffer
	for i := range 5000 {
		b := bytes.Repeat([]byte{byte(i)}, rnd.IntN(9000))
		n, err := w.Writev([][]byte{b[:len(b)/2], nil, b[len(b)/2:]})
		if err != nil && err != syscall.EAGAIN {
			t.Fatal(err)
		}
		if n != len(b) && len(b) <= pipeAtomic && n != 0 {
			t.Fatalf("a write of %d bytes was split", len(b))
		}
		sent.Write(b[:n])
		in := make([]byte, rnd.IntN(9000))
		n, err = r.Readv([][]byte{in[:len(in)/3], in[len(in)/3:]})
		if err != nil && err != syscall.EAGAIN {
			t.Fatal(err)
		}
		got.Write(in[:n])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for {
		in := make([]byte, 1000)
		n, err := r.Readv(one(in))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		got.Write(in[:n])
	}
	if !bytes.Equal(got.Bytes(), sent.Bytes()) {
		t.Fatal("what came out is not what went in")
	}
}

func TestPipeCapacity(t *testing.T) {
	r, w := NewPipe()
	if n, err := w.Writev(one(make([]byte, 2*pipeCapacity))); n != pipeCapacity || err != nil {
		t.Fatal(n, err)
	}
	if _, err := w.Writev(one(make([]byte, 1))); err != syscall.EAGAIN {
		t.Fatal(err)
	}
	if n, err := w.Writev(nil); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if got := w.Ready(ready.In | ready.Out); got != 0 {
		t.Fatal(got)
	}
	if _, err := r.Readv(one(make([]byte, pipeAtomic-1))); err != nil {
		t.Fatal(err)
	}
	if got := w.Ready(ready.Out); got != 0 {
		t.Fatal("ready though an atomic write does not fit")
	}
	if n, err := w.Writev(one(make([]byte, pipeAtomic))); err != syscall.EAGAIN {
		t.Fatal(n, err)
	}
	if n, err := w.Writev(one(make([]byte, pipeAtomic+1))); n != pipeAtomic-1 || err != nil {
		t.Fatal(n, err)
	}
}

func TestPipeReadiness(t *testing.T) {
	r, w := NewPipe()
	const all = ready.In | ready.Out | ready.RdHup
	check := func(f descriptor.File, want ready.Events) {
		t.Helper()
		if got := f.Ready(all); got != want {
			t.Fatalf("%b, want %b", got, want)
		}
	}
	check(r, 0)
	check(w, ready.Out)
	if _, err := w.Writev(one([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	check(r, ready.In)
	_ = w.Close()
	check(r, ready.In|ready.Hup)
	if _, err := r.Readv(one(make([]byte, 2))); err != nil {
		t.Fatal(err)
	}
	check(r, ready.Hup)

	r, w = NewPipe()
	_ = r.Close()
	check(w, ready.Out|ready.Err)
	if _, err := w.Writev(one([]byte("x"))); err != syscall.EPIPE {
		t.Fatal(err)
	}
	if _, err := w.Readv(nil); err != syscall.EBADF {
		t.Fatal(err)
	}
}

// Many writers and readers on one pipe: messages of at most PIPE_BUF bytes stay
// whole, and none is lost or comes twice.
func TestPipeConcurrently(t *testing.T) {
	const workers, messages, size = 8, 300, 64
	before := runtime.NumGoroutine()
	in, out := NewPipe()
	r, w := descriptor.NewDescription(in, 0), descriptor.NewDescription(out, 0)
	var writers, readers sync.WaitGroup
	for id := range workers {
		writers.Go(func() {
			waiter := ready.NewWaiter()
			for i := range messages {
				msg := bytes.Repeat([]byte(fmt.Sprintf("%d:%04d ", id, i)), size)
				if n, err := w.Writev(waiter, one(msg)); n != len(msg) || err != nil {
					t.Errorf("wrote %d, %v", n, err)
				}
			}
		})
	}
	var total atomic.Int64
	var mu sync.Mutex
	seen := map[string]int{}
	for range workers {
		readers.Go(func() {
			waiter := ready.NewWaiter()
			msg := make([]byte, len("0:0000 ")*size)
			for {
				n, err := r.Readv(waiter, one(msg))
				if n == 0 || err != nil {
					return
				}
				total.Add(int64(n))
				if !bytes.Equal(msg[:n], bytes.Repeat(msg[:7], n/7)) {
					t.Errorf("messages were mixed: %.40q", msg[:n])
				}
				mu.Lock()
				seen[string(msg[:7])]++
				mu.Unlock()
			}
		})
	}
	writers.Wait()
	_ = w.Release()
	readers.Wait()
	_ = r.Release()
	if total.Load() != workers*messages*size*7 {
		t.Errorf("%d bytes came through", total.Load())
	}
	if len(seen) != workers*messages {
		t.Errorf("%d different messages, want %d", len(seen), workers*messages)
	}
	checkGoroutines(t, before)
}

// checkGoroutines fails when there are more than before, after letting them end.
func checkGoroutines(t *testing.T, before int) {
	t.Helper()
	for range 5000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
}

func TestPipeWakesWriter(t *testing.T) {
	for range 50 {
		in, out := NewPipe()
		w := descriptor.NewDescription(out, 0)
		if _, err := out.Writev(one(make([]byte, pipeCapacity))); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { _ = in.Close() })
		if n, err := w.Writev(ready.NewWaiter(), one(make([]byte, 10))); n != 0 || err != syscall.EPIPE {
			t.Fatal(n, err)
		}
		wg.Wait()
		_ = w.Release()
	}
}

// The sum of what semaphores hand out is the sum of what was put in.
func TestEventConcurrently(t *testing.T) {
	for _, semaphore := range []bool{false, true} {
		const workers, rounds = 6, 500
		file, err := NewEvent(0, semaphore)
		if err != nil {
			t.Fatal(err)
		}
		d := descriptor.NewDescription(file, 0)
		var sum atomic.Uint64
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				waiter, b := ready.NewWaiter(), make([]byte, eventSize)
				binary.LittleEndian.PutUint64(b, 1)
				for range rounds {
					if _, err := d.Writev(waiter, one(b)); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				waiter, b := ready.NewWaiter(), make([]byte, eventSize)
				for sum.Load() < workers*rounds {
					switch _, err := file.Readv(one(b)); err {
					case nil:
						v := binary.LittleEndian.Uint64(b)
						if semaphore && v != 1 {
							t.Errorf("a semaphore gave %d", v)
						}
						sum.Add(v)
					case syscall.EAGAIN:
						_ = waiter.Sleep(ready.After(1000))
					default:
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if sum.Load() != workers*rounds {
			t.Fatalf("semaphore %v: %d, want %d", semaphore, sum.Load(), workers*rounds)
		}
		if got := file.Ready(ready.In | ready.Out); got != ready.Out {
			t.Fatal(got)
		}
	}
}

func TestEventWakesWriter(t *testing.T) {
	file, _ := NewEvent(maxEvent, false)
	d := descriptor.NewDescription(file, 0)
	b := make([]byte, eventSize)
	b[0] = 1
	if file.Ready(ready.Out) != 0 {
		t.Fatal("a full event is ready for more")
	}
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = file.Readv(one(make([]byte, eventSize))) })
	if n, err := d.Writev(ready.NewWaiter(), one(b)); n != eventSize || err != nil {
		t.Fatal(n, err)
	}
	wg.Wait()
}

func TestCopiedStreams(t *testing.T) {
	before := runtime.NumGoroutine()
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	in, fill, err := Input(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	out, empty, err := Output(&got)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := fill(); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if err := empty(); err != nil {
			t.Error(err)
		}
	})
	r, w, waiter := descriptor.NewDescription(in, 0), descriptor.NewDescription(out, 0), ready.NewWaiter()
	buf := make([]byte, 10_000)
	for {
		n, err := r.Readv(waiter, one(buf))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		if _, err := w.Writev(waiter, one(buf[:n])); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = r.Release(), w.Release()
	wg.Wait()
	if !bytes.Equal(got.Bytes(), data) {
		t.Fatalf("%d of %d bytes came through", got.Len(), len(data))
	}
	checkGoroutines(t, before)
}

func TestCopiedStreamsEnd(t *testing.T) {
	in, fill, _ := Input(bytes.NewReader(make([]byte, 2*pipeCapacity)))
	_ = in.Close()
	if err := fill(); err != nil {
		t.Errorf("the guest closed its input: %v", err)
	}
	_, fill, _ = Input(failing{})
	if err := fill(); err != io.ErrUnexpectedEOF {
		t.Errorf("%v", err)
	}
	out, empty, _ := Output(failing{})
	if _, err := out.Writev(one([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	if err := empty(); err != io.ErrShortWrite {
		t.Errorf("%v", err)
	}
	if _, err := out.Writev(one([]byte("x"))); err != syscall.EPIPE {
		t.Errorf("%v", err)
	}
	for _, open := range []func() (descriptor.File, func() error, error){
		func() (descriptor.File, func() error, error) { return Input(nil) },
		func() (descriptor.File, func() error, error) { return Output(nil) },
	} {
		if f, work, err := open(); f.Filetype() != abi.FiletypeCharacterDevice || work != nil || err != nil {
			t.Errorf("%v, %v", f, err)
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error)  { return 0, io.ErrUnexpectedEOF }
func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
