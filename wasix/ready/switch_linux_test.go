package ready

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestWaitSwitches has readers take bytes that come at once, during the short
// wait in the kernel, at its end, and long after: so each waits now in the kernel
// and now parked. None may sleep over a byte.
func TestWaitSwitches(t *testing.T) {
	pauses := []time.Duration{0, 20 * time.Microsecond, KernelWait / 2, 300 * time.Microsecond, KernelWait, 2 * KernelWait, 0, 0}
	const rounds = 20
	for _, own := range []bool{false, true} {
		for _, readers := range []int{1, 3} {
			t.Run(fmt.Sprintf("%d readers, own thread %v", readers, own), func(t *testing.T) {
				fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
				if err != nil {
					t.Fatal(err)
				}
				var src FD
				src.Init(fds[0])
				defer unix.Close(fds[0])
				defer src.Disarm()
				var taken atomic.Int32
				var reading sync.WaitGroup
				for i := range readers {
					reading.Go(func() {
						if err := readToEnd(&src, own, i%2 == 1, &taken); err != nil {
							t.Error(err)
						}
					})
				}
				for i := range rounds * len(pauses) {
					time.Sleep(pauses[i%len(pauses)])
					if _, err := unix.Write(fds[1], []byte{1}); err != nil {
						t.Error(err)
					}
					if i%3 == 0 {
						awaitTaken(t, &taken, int32(i+1))
					}
				}
				_ = unix.Close(fds[1])
				reading.Wait()
				if n := taken.Load(); n != rounds*int32(len(pauses)) {
					t.Errorf("%d bytes taken of %d", n, rounds*len(pauses))
				}
			})
		}
	}
}

// readToEnd takes byte after byte, waiting by Wait or by Poll.
func readToEnd(src *FD, own, polls bool, taken *atomic.Int32) error {
	w := NewWaiter()
	w.OwnsThread = own
	for {
		seq := src.Queue().Seq()
		n, err := unix.Read(src.SysFD(), make([]byte, 1))
		switch {
		case n == 1:
			taken.Add(1)
			continue
		case err == nil:
			return nil
		case err != syscall.EAGAIN:
			return err
		}
		if polls {
			_, err = w.Poll([]Subscription{{Source: src, Asked: In}}, After(patience))
		} else {
			err = w.Wait(src, In, seq, After(patience))
		}
		if err != nil {
			return fmt.Errorf("waiting: %w", err)
		}
	}
}

func awaitTaken(t *testing.T, taken *atomic.Int32, n int32) {
	t.Helper()
	for end := After(patience); taken.Load() < n; time.Sleep(10 * time.Microsecond) {
		if Now() > end {
			t.Fatalf("byte %d is not taken", n)
		}
	}
}
