package vfs

import (
	"encoding/binary"
	"math"
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// eventSize is the size of the counter that is read from and written to an event.
const eventSize = 8

// maxEvent is the highest value of the counter.
const maxEvent = math.MaxUint64 - 1

// event is a counter to wait for.
type event struct {
	semaphore bool
	queue     ready.Queue
	mu        sync.Mutex
	count     uint64
}

// NewEvent returns a counter in memory, as eventfd(2). Reading takes its value
// and sets it to 0, or takes 1 from it when it is a semaphore. Returns EINVAL for
// the highest uint64.
func NewEvent(initial uint64, semaphore bool) (descriptor.File, error) {
	if initial > maxEvent {
		return nil, syscall.EINVAL
	}
	return &event{semaphore: semaphore, count: initial}, nil
}

func (e *event) Filetype() abi.Filetype { return abi.FiletypeUnknown }
func (e *event) Queue() *ready.Queue    { return &e.queue }
func (e *event) Close() error           { return nil }

func (e *event) Ready(asked ready.Events) (got ready.Events) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.count > 0 {
		got |= asked & ready.In
	}
	if e.count < maxEvent {
		got |= asked & ready.Out
	}
	return got
}

// Readv takes the value, in eight bytes. Returns EINVAL for less room than that.
func (e *event) Readv(iovs [][]byte) (int, error) {
	if totalLength(iovs) < eventSize {
		return 0, syscall.EINVAL
	}
	v := e.take()
	if v == 0 {
		return 0, syscall.EAGAIN
	}
	e.queue.Notify(ready.Out)
	var raw [eventSize]byte
	binary.LittleEndian.PutUint64(raw[:], v)
	n := 0
	for _, b := range iovs {
		n += copy(b, raw[n:])
	}
	return n, nil
}

func (e *event) take() (v uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if v = e.count; e.semaphore {
		v = min(v, 1)
	}
	e.count -= v
	return v
}

// Writev adds the first eight bytes to the value. Returns EINVAL for fewer, and
// for the highest uint64.
func (e *event) Writev(iovs [][]byte) (int, error) {
	if totalLength(iovs) < eventSize {
		return 0, syscall.EINVAL
	}
	var raw [eventSize]byte
	n := 0
	for _, b := range iovs {
		n += copy(raw[n:], b)
	}
	v := binary.LittleEndian.Uint64(raw[:])
	if v > maxEvent {
		return 0, syscall.EINVAL
	}
	if !e.add(v) {
		return 0, syscall.EAGAIN
	}
	e.queue.Notify(ready.In)
	return eventSize, nil
}

func (e *event) add(v uint64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if v > maxEvent-e.count {
		return false
	}
	e.count += v
	return true
}
