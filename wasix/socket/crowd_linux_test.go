package socket_test

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/socket"
)

// One pair of sockets serves a crowd that reads and writes at both ends: each reader
// takes what one writer wrote at the other end.
func TestCrowdOnAPair(t *testing.T) {
	noLeaks(t)
	const crowd = 1000 // readers and writers at each end
	a, b, err := socket.Pair(network.Unix(), abi.SockTypeStream)
	if err != nil {
		t.Fatal(err)
	}
	var sums [2]atomic.Int64
	var threads sync.WaitGroup
	ends := [2]*descriptor.Description{descriptor.NewDescription(a, 0), descriptor.NewDescription(b, 0)}
	for i, end := range ends {
		for range crowd {
			threads.Go(func() {
				buf := make([]byte, 4)
				if n, err := end.Readv(ready.NewWaiter(), [][]byte{buf}); n != len(buf) || err != nil {
					t.Errorf("read %d, %v", n, err)
				}
				sums[i].Add(int64(binary.LittleEndian.Uint32(buf)))
			})
		}
	}
	for _, end := range ends {
		for v := range uint32(crowd) {
			threads.Go(func() {
				buf := binary.LittleEndian.AppendUint32(nil, v)
				if n, err := end.Writev(ready.NewWaiter(), [][]byte{buf}); n != len(buf) || err != nil {
					t.Errorf("wrote %d, %v", n, err)
				}
			})
		}
	}
	threads.Wait()
	for i, end := range ends {
		if got := sums[i].Load(); got != crowd*(crowd-1)/2 {
			t.Errorf("end %d read a sum of %d, want %d", i, got, crowd*(crowd-1)/2)
		}
		if err := end.Release(); err != nil {
			t.Error(err)
		}
	}
}
