package wasix

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
)

// maxFuzzSteps bounds what the guest of one run of FuzzAsyncify does.
const maxFuzzSteps = 200

// hostile is a guest each of whose exports does what a script says, whatever it is
// called for. All threads and processes share the script.
type hostile struct {
	mu     sync.Mutex
	script callScript
	steps  int
}

var errScriptEnds = errors.New("the script is at its end")

// step takes the next byte and two parameters.
func (h *hostile) step() (what byte, a, b uint64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.steps++; len(h.script) == 0 || h.steps > maxFuzzSteps {
		return 0, 0, 0, errScriptEnds
	}
	return h.script.byte(), h.script.param(abi.ValueTypeI32), h.script.param(abi.ValueTypeI32), nil
}

// run does steps until one says to return, or to trap.
func (h *hostile) run(t *Thread, args []uint64) (uint64, error) {
	for {
		what, a, b, err := h.step()
		if err != nil {
			return 0, err
		}
		mem := t.mem
		switch what % 16 {
		case 0, 1, 2:
			return a, nil
		case 3:
			return 0, &Trap{Message: "trap"}
		case 4: // where the data should be
			t.putUint32(uint32(args0(args))+uint32(a%2*4), uint32(b))
		case 5:
			t.putUint32(uint32(a), uint32(b))
		case 6:
			t.instance.Global(stackPointer).Set(a)
		default:
			calls := []*Syscall{
				{do: procFork, rewinds: true}, {do: stackCheckpoint, rewinds: true}, {raw: stackRestore},
				{do: threadSignal}, {raw: callbackSignal}, {raw: procExit}, {do: schedYield}, {do: procID}, {do: procSignal},
			}
			c := calls[int(what%16-7)]
			stack := []uint64{a, b}
			switch {
			case what%16 == 7: // vfork: so that the steps of processes have an order
				stack = []uint64{0, b}
			case c.raw != nil && what%16 == 11: // register the handler
				copy(mem[0x100:], "handler")
				stack = []uint64{0x100, 7}
			case what%16 == 10: // raise, but nothing that stops
				stack = []uint64{0, a % uint64(abi.SignalStop)}
			case what%16 == 15: // not to stop for good
				stack = []uint64{a, uint64(abi.SignalUsr1)}
			}
			if err := c.Call(t, mem, stack); err != nil {
				return 0, err
			}
		}
	}
}

func args0(args []uint64) uint64 {
	if len(args) == 0 {
		return 1 << 14
	}
	return args[0]
}

// Whatever a program with asyncify's exports does in them, the host neither panics
// nor hangs, and nothing of the tree is left.
func FuzzAsyncify(f *testing.F) {
	f.Add([]byte("\x07\x01\x01\x00\x01\x01\x00\x01\x01\x07\x01\x01"))                 // a fork, and a second
	f.Add([]byte("\x08\x08\x08\x00\x01\x01\x00\x01\x01\x09\x08\x01"))                 // a checkpoint, and back
	f.Add([]byte("\x0b\x00\x00\x0a\x0a\x0a\x07\x01\x01\x00\x00\x00\x00\x00\x00"))     // a fork in a handler
	f.Add([]byte("\x07\x01\x01\x07\x01\x01\x07\x01\x01\x04\x01\x16\x00\x01\x01"))     // a fork in a fork
	f.Add([]byte("\x08\x08\x08\x04\x00\x16\x00\x01\x01\x04\x01\x16\x00\x01\x01\x00")) // wrong data
	f.Fuzz(func(t *testing.T, script []byte) {
		h := &hostile{script: script}
		m := &fakeModule{exports{"_start": h.run, "handler": h.run}}
		for name := range asyncifyExports {
			m.exports[name] = h.run
		}
		cmd := Command(m, "hostile")
		cmd.MaxProcesses = 8
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		err := cmd.Run(ctx)
		if ctx.Err() != nil {
			t.Fatal("it hangs: ", err)
		}
		if n := cmd.Process.threadCount; n != 0 {
			t.Errorf("%d threads are left", n)
		}
	})
}
