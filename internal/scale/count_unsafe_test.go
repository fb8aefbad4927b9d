package scale

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/gowasix/gowasix/wasix"
)

// watched is a module that tells the memory of the last process made of it.
type watched struct {
	wasix.Module
	memory wasix.Memory
}

func (m *watched) NewMemory() (wasix.Memory, error) {
	memory, err := m.Module.NewMemory()
	m.memory = memory
	return memory, err
}

// counted returns what the process has counted. Its threads may be counting.
func (m *watched) counted() uint32 {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&m.memory.Bytes()[countAt])))
}

// await returns when the process has counted to n, or has ended.
func (m *watched) await(n uint32, p *wasix.Process) {
	for m.counted() < n {
		select {
		case <-p.Done():
			return
		default:
			runtime.Gosched()
		}
	}
}
