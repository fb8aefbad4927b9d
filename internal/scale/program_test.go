package scale

import (
	"encoding/binary"
	"net/netip"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	. "github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// Where programs have their data.
const (
	countAt   = 0    // what they count
	futexAt   = 8    // a word that stays 0
	noneAt    = 16   // an option_timestamp without a value
	addressAt = 64   // the address they bind or connect to
	pollAt    = 256  // two subscriptions
	startAt   = 1024 // what describes a new thread
	scratchAt = 4096 // 64 bytes for each thread, by its id
)

// firstFD is the first descriptor that a program opens: 3 is "/".
const firstFD = 4

var (
	i32Shl = []byte{0x74}
	i32Ptr = []abi.ValueType{abi.ValueTypeI32}
)

// program is a module that has a number for each system call it makes.
type program struct {
	imports []wasmfile.Import
	data    []Data
}

// call makes a system call with the operands as its parameters.
func (p *program) call(name string) []byte {
	for i, im := range p.imports {
		if im.Name == name {
			return Call(uint32(i))
		}
	}
	p.imports = append(p.imports, importOf(name))
	return Call(uint32(len(p.imports) - 1))
}

// must makes a system call that answers an errno, and traps unless it is 0.
func (p *program) must(name string) []byte { return Body(p.call(name), If(Unreachable)) }

func importOf(name string) wasmfile.Import {
	if name == "thread-spawn" {
		return wasmfile.Import{Module: "wasi", Name: name, Signature: wasmfile.Signature{Params: i32Ptr, Results: i32Ptr}}
	}
	for _, c := range wasix.Syscalls() {
		if c.Name == name && c.Module == "wasix_32v1" {
			return wasmfile.Import{Module: c.Module, Name: name, Signature: c.Signature}
		}
	}
	panic("no system call " + name)
}

// scratch pushes the address of the thread's own 64 bytes, plus an offset.
func scratch(offset int32) []byte {
	return Body(LocalGet(0), I32Const(6), i32Shl, I32Const(scratchAt+offset), I32Add)
}

var count = Body(I32Const(countAt), I32Const(1), I32AtomicAdd(), Drop)

// binary returns the module. It runs setup, starts threads-1 threads, and runs
// body in each thread, after counting it.
func (p *program) binary(threads int, setup, body []byte) []byte {
	locals := []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI32, abi.ValueTypeI32}
	spawn := Body(I32Const(startAt), p.call("thread-spawn"), I32Const(0), I32LtS, If(Unreachable))
	spawnAll := Body(I32Const(int32(threads-1)), LocalSet(1), Loop(
		LocalGet(1), If(spawn, LocalGet(1), I32Const(1), I32Sub, LocalSet(1), Br(1))))
	work := Body(count, body)
	m := &Module{
		Imports: p.imports,
		Memory: &wasmfile.MemoryInfo{
			Imported: true, Module: "env", Name: "memory", Min: 1, Max: 2, HasMax: true, Shared: true,
		},
		Functions: []Function{
			{Export: "_start", Locals: locals, Body: Body(I32Const(1), LocalSet(0), setup, spawnAll, work)},
			{Export: "wasi_thread_start", Signature: wasmfile.Signature{Params: []abi.ValueType{abi.ValueTypeI32, abi.ValueTypeI32}},
				Locals: locals, Body: work},
		},
		Data: p.data,
	}
	return m.Binary()
}

// address gives the program an address to bind or to connect to.
func (p *program) address(a netip.AddrPort) {
	b := []byte{byte(abi.AddressFamilyInet4), 0}
	b = binary.LittleEndian.AppendUint16(b, a.Port())
	ip := a.Addr().As4()
	p.data = append(p.data, Data{Offset: addressAt, Bytes: append(b, ip[:]...)})
}

// open opens a stream socket, whose descriptor goes to the thread's scratch space.
func (p *program) open() []byte {
	return Body(I32Const(int32(abi.AddressFamilyInet4)), I32Const(int32(abi.SockTypeStream)), I32Const(0),
		scratch(0), p.must("sock_open"))
}

// listen makes firstFD a listener.
func (p *program) listen() []byte {
	const backlog = 4096
	p.address(netip.MustParseAddrPort("127.0.0.1:0"))
	return Body(p.open(),
		I32Const(firstFD), I32Const(addressAt), p.must("sock_bind"),
		I32Const(firstFD), I32Const(backlog), p.must("sock_listen"))
}

// accept waits for a connection to a listener.
func (p *program) accept(fd int32) []byte {
	return Body(I32Const(fd), I32Const(0), scratch(0), scratch(8), p.must("sock_accept_v2"))
}

// pollRead waits until firstFD is readable, for an hour at most.
func (p *program) pollRead() []byte {
	const hour = 3600 * 1e9
	subs := make([]byte, 2*abi.SizeofSubscription)
	subs[8] = byte(abi.EventtypeFdRead)
	subs[16] = firstFD
	clock := subs[abi.SizeofSubscription:]
	clock[16] = byte(abi.ClockidMonotonic)
	binary.LittleEndian.PutUint64(clock[24:], hour)
	p.data = append(p.data, Data{Offset: pollAt, Bytes: subs})
	// The events of all threads may overwrite each other: nobody reads them.
	return Body(I32Const(pollAt), I32Const(scratchAt-256), I32Const(2), scratch(0), p.must("poll_oneoff"))
}
