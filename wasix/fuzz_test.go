package wasix

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

// wild are parameters at the edges of what handlers check.
var wild = []uint64{
	0, 1, 2, 3, 4, 5, 8, 16, 64, 1 << 10, 1<<16 - 8, 1<<16 - 1, 1 << 16, 1 << 20, 1 << 29,
	1<<31 - 1, 1 << 31, 1<<32 - 8, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1,
}

// callScript decodes random bytes into a sequence of system calls.
type callScript []byte

func (s *callScript) byte() byte {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return b
}

// uint64 takes n bytes.
func (s *callScript) uint64(n int) (v uint64) {
	for i := range n {
		v |= uint64(s.byte()) << (8 * i)
	}
	return v
}

// param takes a parameter: an edge, a small number, a pointer, or anything. The
// upper half of an i32 has no meaning, and is not 0.
func (s *callScript) param(typ abi.ValueType) uint64 {
	var v uint64
	switch kind := s.byte(); {
	case int(kind) < len(wild):
		v = wild[kind]
	case kind < 96:
		v = uint64(kind % 16)
	case kind < 224:
		v = s.uint64(2)
	default:
		v = s.uint64(8)
	}
	if typ == abi.ValueTypeI32 {
		v |= 0xdeadbeef << 32
	}
	return v
}

// next takes a call: its row and the stack.
func (s *callScript) next(calls []*Syscall) (*Syscall, []uint64) {
	call := calls[int(s.uint64(2))%len(calls)]
	stack := make([]uint64, max(1, len(call.Signature.Params)))
	for i, typ := range call.Signature.Params {
		stack[i] = s.param(typ)
	}
	return call, stack
}

// maxFuzzCalls bounds one run of FuzzSyscalls.
const maxFuzzCalls = 64

// No sequence of calls with whatever parameters, on whatever memory, may panic,
// hang, answer with anything but an errno, or write where its declaration in C has
// no result.
func FuzzSyscalls(f *testing.F) {
	calls := Syscalls()
	addFuzzSeeds(f, calls)
	declared := readDeclarations(f)
	declared.addSeeds(f, calls, openSockets(calls))
	f.Fuzz(func(t *testing.T, script, memory []byte) {
		thread := newTestThread(t)
		thread.proc.module = &fakeModule{}
		thread.proc.network, thread.proc.unix = obligingNetwork{}, obligingNetwork{}
		mem := thread.mem
		copy(mem, memory)
		s := callScript(script)
		for n := 0; len(s) > 0 && n < maxFuzzCalls; n++ {
			call, stack := s.next(calls)
			thread.waiter.Interrupt() // so that none blocks
			err := declared.call(t, thread, mem, call, stack)
			if call.do != nil && stack[0] > uint64(abi.EPENDING) {
				t.Fatalf("%s.%s answers %#x", call.Module, call.Name, stack[0])
			}
			if err != nil {
				break
			}
		}
	})
}

// addFuzzSeeds adds calls of each row: with all parameters at each edge, and
// with parameters that may succeed, after some sockets were opened.
func addFuzzSeeds(f *testing.F, calls []*Syscall) {
	iovec := make([]byte, 64)
	binary.LittleEndian.PutUint32(iovec[4:], 1)
	sockets := openSockets(calls)
	for i, call := range calls {
		var script []byte
		for edge := range wild {
			script = binary.LittleEndian.AppendUint16(script, uint16(i))
			for range call.Signature.Params {
				script = append(script, byte(edge))
			}
		}
		f.Add(script, []byte(nil))
		script = binary.LittleEndian.AppendUint16(slices.Clone(sockets), uint16(i))
		for p := range call.Signature.Params {
			script = append(script, byte(3+p%3))
		}
		f.Add(script, iovec)
	}
}

// openSockets is a script that opens a socket of each family and type. The
// first edges of [wild] are their own numbers.
func openSockets(calls []*Syscall) (script []byte) {
	open := slices.IndexFunc(calls, func(s *Syscall) bool { return s.Name == "sock_open" })
	for family := abi.AddressFamilyInet4; family <= abi.AddressFamilyUnix; family++ {
		for typ := abi.SockTypeStream; typ <= abi.SockTypeDgram; typ++ {
			script = binary.LittleEndian.AppendUint16(script, uint16(open))
			script = append(script, byte(family), byte(typ), 0, 8)
		}
	}
	return script
}
