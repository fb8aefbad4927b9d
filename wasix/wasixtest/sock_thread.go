package wasixtest

import (
	"encoding/binary"
	"runtime"
	"slices"
	"time"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// threadStart is the export that a thread begins in.
const threadStart = "wasi_thread_start"

// threadCalls are the system calls that a thread of a guest can be told to
// make: those that wait.
var threadCalls = []string{
	"epoll_wait", "fd_read", "poll_oneoff", "sock_accept_v2", "sock_connect",
	"sock_recv", "sock_recv_from", "sock_send", "sock_send_file",
}

// An order tells a thread what to call. It lies where the thread's thread_start
// would, which neither the host nor this guest looks into.
const (
	orderState  = 0 // counts when the thread begins the call
	orderCall   = 4 // the index in threadCalls
	orderResult = 8
	orderArgs   = 16 // 8 bytes each
	sizeofOrder = 128

	orders = 0xf000 // where they lie, one after the other
)

// withThreads gives a module of [Passthrough] a shared memory, and threads that
// carry out orders.
func withThreads(m *Module) *Module {
	m.Memory = &wasmfile.MemoryInfo{
		Imported: true, Module: "env", Name: "memory",
		Min: m.Memory.Min, Max: m.Memory.Max, HasMax: true, Shared: true,
	}
	body := Body(LocalGet(1), I32Const(1), I32AtomicAdd(), Drop)
	for i, name := range threadCalls {
		body = append(body, Body(
			LocalGet(1), I32Load(orderCall), I32Const(int32(i)), I32Sub, I32Eqz, If(
				LocalGet(1), callFromMemory(m, name), I32Store(orderResult)))...)
	}
	m.Functions = append(m.Functions, Function{
		Export: threadStart, Signature: wasmfile.Signature{Params: i32i32}, Body: body,
	})
	return m
}

// callFromMemory calls the import of that name with the arguments of the order.
func callFromMemory(m *Module, name string) []byte {
	i := slices.IndexFunc(m.Imports, func(im wasmfile.Import) bool { return im.Name == name })
	var body []byte
	for k, typ := range m.Imports[i].Signature.Params {
		load := I32Load
		if typ == abi.ValueTypeI64 {
			load = I64Load
		}
		body = append(body, Body(LocalGet(1), load(uint32(orderArgs+8*k)))...)
	}
	return append(body, Call(uint32(i))...)
}

// runThread does in Go what the code of [withThreads] does.
func (in *directInstance) runThread(order uint32) error {
	b := in.memory[order:][:sizeofOrder]
	storeUint32(b, loadUint32(b)+1)
	name := threadCalls[binary.LittleEndian.Uint32(b[orderCall:])]
	args := make([]uint64, len(in.module.calls[name].Signature.Params))
	for i := range args {
		args[i] = binary.LittleEndian.Uint64(b[orderArgs+8*i:])
	}
	result, err := in.Call(name, args...)
	if err == nil {
		binary.LittleEndian.PutUint32(b[orderResult:], uint32(result))
	}
	return err
}

// waitingCall is a system call that another thread of the guest makes.
type waitingCall struct {
	guest *Guest
	order uint32
	tid   uint64
}

// spawn starts a thread that makes a system call, and returns when it is about
// to wait in it. No answer may depend on that: to begin the call late must come
// to the same. Until the thread is joined nobody looks at what calls write.
func (g *Guest) spawn(name string, args ...uint64) *waitingCall {
	g.t.Helper()
	index := slices.Index(threadCalls, name)
	if index < 0 {
		g.t.Fatalf("threads do not call %s", name)
	}
	order := uint32(orders)
	for string(g.Bytes(order, 4)) != "????" {
		order += sizeofOrder
	}
	b := make([]byte, orderArgs, sizeofOrder)
	b[orderCall] = byte(index)
	for _, arg := range args {
		b = binary.LittleEndian.AppendUint64(b, arg)
	}
	g.Put(order, b...)
	g.snapshot()
	g.waiting++
	const tid = orders - 4
	if got := g.quietly("thread_spawn_v2", uint64(order), tid); got != abi.ESUCCESS {
		g.t.Fatalf("thread_spawn_v2: %v", got)
	}
	w := &waitingCall{guest: g, order: order, tid: uint64(binary.LittleEndian.Uint32(g.Bytes(tid, 4)))}
	g.Put(tid, mask, mask, mask, mask)
	for loadUint32(g.Bytes(order, 4)) == 0 {
		runtime.Gosched()
	}
	copy(g.before[order:], le32(1))
	time.Sleep(2 * time.Millisecond)
	return w
}

// join waits for the end of the call and returns its errno.
func (w *waitingCall) join() abi.Errno {
	g := w.guest
	g.t.Helper()
	if got := g.quietly("thread_join", w.tid); got != abi.ESUCCESS {
		g.t.Fatalf("thread_join: %v", got)
	}
	g.waiting--
	result := g.Bytes(w.order+orderResult, 4)
	errno := abi.Errno(binary.LittleEndian.Uint32(result))
	copy(result, g.before[w.order+orderResult:])
	return errno
}

// quietly makes a system call that is none of those looked at: Wrote compares
// with what was before.
func (g *Guest) quietly(name string, args ...uint64) abi.Errno {
	g.t.Helper()
	v, err := g.Process.Call(name, args...)
	if err != nil {
		g.t.Fatalf("%s: %v", name, err)
	}
	return abi.Errno(v)
}

// socketCalls are what socket cases call. The family proc is not among them:
// see the case of the addresses of today's programs.
func socketCalls() []*wasix.Syscall {
	families := []string{"sock", "port", "fd", "path", "poll", "thread"}
	return slices.DeleteFunc(guestCalls(), func(c *wasix.Syscall) bool {
		return !slices.Contains(families, c.Family)
	})
}

func le32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
