package wasixtest

import (
	"bytes"
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
)

// Where the cases of system calls have their things in memory.
const (
	addrAt  = 0x100 // the address that is passed
	nameAt  = 0x200 // an address that is stored
	fdAt    = 0x300
	lenAt   = 0x308
	flagsAt = 0x310
	fromAt  = 0x320
	valueAt = 0x400
	iovsAt  = 0x800 // of 8 bytes each, one after the other from dataAt on
	dataAt  = 0x1000
	subsAt  = 0x3000
	eventAt = 0x4000
	peerAt  = 0xe000 // what a peer inside the guest needs
	outside = guestPages*pageSize - 1

	notOpen = 99
	root    = 3 // a directory
)

// wants makes a system call that is to return an errno, and to leave these
// bytes in memory and touch nothing else.
func (g *Guest) wants(errno abi.Errno, writes []Write, name string, args ...uint64) {
	g.t.Helper()
	if got := g.Call(name, args...); got != errno {
		g.t.Fatalf("%s%d: %v, want %v", name, args, got, errno)
	}
	g.Wrote(writes...)
}

// newFD makes a call that is to store a descriptor at its last argument, and
// nothing else, and returns that.
func (g *Guest) newFD(name string, args ...uint64) uint64 {
	g.t.Helper()
	at := uint32(args[len(args)-1])
	if got := g.Call(name, args...); got != abi.ESUCCESS {
		g.t.Fatalf("%s%d: %v", name, args, got)
	}
	return g.storedFD(at)
}

// storedFD returns the descriptor that the last call has stored there.
func (g *Guest) storedFD(at uint32, also ...Write) uint64 {
	g.t.Helper()
	b := bytes.Clone(g.Bytes(at, 4))
	g.Wrote(append(also, Write{at, b})...)
	fd := binary.LittleEndian.Uint32(b)
	if fd > notOpen {
		g.t.Fatalf("%d is not the lowest free descriptor", fd)
	}
	return uint64(fd)
}

func (g *Guest) close(fd uint64) {
	g.t.Helper()
	g.wants(abi.ESUCCESS, nil, "fd_close", fd)
}

// iovs lays out buffers of the given lengths and returns where and how many.
func (g *Guest) iovs(lengths ...uint32) (at, n uint64) {
	data := uint32(dataAt)
	for i, length := range lengths {
		g.Put(iovsAt+uint32(8*i), cat(le32(data), le32(length))...)
		data += length
	}
	return iovsAt, uint64(len(lengths))
}

func le16(v uint16) []byte { return binary.LittleEndian.AppendUint16(nil, v) }
func le64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }
