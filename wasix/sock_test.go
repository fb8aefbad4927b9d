package wasix

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// sockGuest makes system calls through the table, as a guest does, and knows
// what its memory must look like.
type sockGuest struct {
	t      *testing.T
	thread *Thread
	want   []byte
	module string
}

func newSockGuest(t *testing.T, n network.Network) *sockGuest {
	thread := newTestThread(t)
	thread.proc.network = n
	return &sockGuest{t, thread, maskedMemory(), "wasix_32v1"}
}

// another returns a guest thread of the same process, with memory of its own.
func (g *sockGuest) another() *sockGuest {
	thread := newThread(g.thread.proc, 2)
	thread.mem = maskedMemory()
	return &sockGuest{g.t, thread, maskedMemory(), g.module}
}

// put stores b in memory at ptr.
func (g *sockGuest) put(ptr uint32, b ...byte) {
	copy(g.thread.mem[ptr:], b)
	copy(g.want[ptr:], b)
}

// iovec stores n buffers of 8 bytes, from 0x1000 on, as a vector at 0x800.
func (g *sockGuest) iovec(n int) {
	for i := range n {
		b := binary.LittleEndian.AppendUint32(nil, uint32(0x1000+8*i))
		g.put(uint32(0x800+8*i), binary.LittleEndian.AppendUint32(b, 8)...)
	}
}

// addr stores an address at ptr.
func (g *sockGuest) addr(ptr uint32, a network.Addr) {
	b := make([]byte, addrSize(a.Family()))
	encodeAddr(b, &a)
	g.put(ptr, b...)
}

// calls makes a call. What is no part of an i32 is not 0.
func (g *sockGuest) calls(name string, params ...uint64) abi.Errno {
	g.t.Helper()
	all := Syscalls()
	i := slices.IndexFunc(all, func(s *Syscall) bool { return s.Module == g.module && s.Name == name })
	if i < 0 || len(all[i].Signature.Params) != len(params) {
		g.t.Fatalf("%s with %d parameters: no such import", name, len(params))
	}
	stack := slices.Clone(params)
	for i, typ := range all[i].Signature.Params {
		if typ == abi.ValueTypeI32 {
			stack[i] = params[i]&(1<<32-1) | 0xdeadbeef<<32
		}
	}
	if err := all[i].Call(g.thread, g.thread.mem, stack); err != nil {
		g.t.Fatalf("%s: %v", name, err)
	}
	return abi.Errno(stack[0])
}

// wants makes a call and fails the test unless it answers errno and stores the
// bytes given, and no others.
func (g *sockGuest) wants(errno abi.Errno, results map[uint32]string, name string, params ...uint64) {
	g.t.Helper()
	if got := g.calls(name, params...); got != errno {
		g.t.Errorf("%s%v: got %v, want %v", name, params, got.Name(), errno.Name())
	}
	for ptr, b := range results {
		copy(g.want[ptr:], b)
	}
	if !bytes.Equal(g.thread.mem, g.want) {
		for i := range g.want {
			if g.thread.mem[i] != g.want[i] {
				end := min(i+32, len(g.want))
				g.t.Errorf("%s%v: at %#x is %q, want %q", name, params, i, g.thread.mem[i:end], g.want[i:end])
				break
			}
		}
		copy(g.want, g.thread.mem)
	}
}

func le32(v uint32) string { return string(binary.LittleEndian.AppendUint32(nil, v)) }

// open opens a socket and returns its descriptor.
func (g *sockGuest) open(family abi.AddressFamily, typ abi.SockType) uint64 {
	g.t.Helper()
	fd := g.next()
	g.wants(abi.ESUCCESS, map[uint32]string{8: le32(uint32(fd))}, "sock_open", uint64(family), uint64(typ), 0, 8)
	return fd
}

// next returns the descriptor that will be opened next.
func (g *sockGuest) next() uint64 {
	for fd := uint64(0); ; fd++ {
		if _, err := g.thread.proc.fds.Rights(uint32(fd)); err != nil {
			return fd
		}
	}
}

func (g *sockGuest) close(fd uint64) {
	g.t.Helper()
	if err := g.thread.proc.fds.Close(uint32(fd)); err != nil {
		g.t.Error(err)
	}
}

// plainFile is an open thing that is not a socket.
type plainFile struct {
	descriptor.File
	queue ready.Queue
}

func (f *plainFile) Queue() *ready.Queue { return &f.queue }
func (f *plainFile) Close() error        { return nil }

func (g *sockGuest) plain() uint64 {
	fd, err := g.thread.proc.fds.Insert(descriptor.NewDescription(&plainFile{}, 0), descriptor.Rights{Base: ^abi.Rights(0)}, false, 0)
	if err != nil {
		g.t.Fatal(err)
	}
	return uint64(fd)
}

const outside = 1<<16 - 1 // too near the end of memory for anything but a byte

// sockCalls are the calls on a socket, with parameters that are good but for
// the descriptor: 0x100 is an address, 0x800 a vector, from 0x400 on are results.
var sockCalls = []struct {
	name     string
	right    abi.Rights
	params   []uint64
	flags    int   // the parameter with flags, 0 for none
	pointers []int // the parameters that point to guest memory
}{
	{"sock_accept", abi.RightsSockAccept, []uint64{0, 0, 0x400, 0x500}, 1, []int{2, 3}},
	{"sock_accept_v2", abi.RightsSockAccept, []uint64{0, 0, 0x400, 0x500}, 1, []int{2, 3}},
	{"sock_addr_local", abi.RightsSockAddrLocal, []uint64{0, 0x400}, 0, []int{1}},
	{"sock_addr_peer", abi.RightsSockAddrRemote, []uint64{0, 0x400}, 0, []int{1}},
	{"sock_bind", abi.RightsSockBind, []uint64{0, 0x100}, 0, []int{1}},
	{"sock_connect", abi.RightsSockConnect, []uint64{0, 0x100}, 0, []int{1}},
	{"sock_get_opt_flag", 0, []uint64{0, uint64(abi.SockOptionReuseAddr), 0x400}, 0, nil},
	{"sock_get_opt_size", 0, []uint64{0, uint64(abi.SockOptionTtl), 0x400}, 0, []int{2}},
	{"sock_get_opt_time", 0, []uint64{0, uint64(abi.SockOptionLinger), 0x400}, 0, []int{2}},
	{"sock_join_multicast_v4", 0, []uint64{0, 0x100, 0x110}, 0, []int{1, 2}},
	{"sock_join_multicast_v6", 0, []uint64{0, 0x100, 0}, 0, []int{1}},
	{"sock_leave_multicast_v4", 0, []uint64{0, 0x100, 0x110}, 0, []int{1, 2}},
	{"sock_leave_multicast_v6", 0, []uint64{0, 0x100, 0}, 0, []int{1}},
	{"sock_listen", abi.RightsSockListen, []uint64{0, 1}, 0, nil},
	{"sock_recv", abi.RightsSockRecv | abi.RightsFdRead, []uint64{0, 0x800, 1, 0, 0x400, 0x410}, 3, []int{1, 4, 5}},
	{"sock_recv_from", abi.RightsSockRecvFrom, []uint64{0, 0x800, 1, 0, 0x400, 0x410, 0x500}, 3, []int{1, 4, 5, 6}},
	{"sock_send", abi.RightsSockSend | abi.RightsFdWrite, []uint64{0, 0x800, 1, 0, 0x400}, 3, []int{1, 4}},
	{"sock_send_file", abi.RightsSockSend | abi.RightsFdWrite, []uint64{0, 1, 0, 1, 0x400}, 0, nil},
	{"sock_send_to", abi.RightsSockSendTo, []uint64{0, 0x800, 1, 0, 0x100, 0x400}, 3, []int{1, 4, 5}},
	{"sock_set_opt_flag", 0, []uint64{0, uint64(abi.SockOptionReuseAddr), 1}, 0, nil},
	{"sock_set_opt_size", 0, []uint64{0, uint64(abi.SockOptionTtl), 9}, 0, nil},
	{"sock_set_opt_time", 0, []uint64{0, uint64(abi.SockOptionLinger), 0x400}, 0, []int{2}},
	{"sock_shutdown", abi.RightsSockShutdown, []uint64{0, 3}, 1, nil},
	{"sock_status", 0, []uint64{0, 0x400}, 0, nil},
}

// TestSockOrder has calls meet several errors at once: the descriptor's comes
// first, then those of flags and pointers; and none leaves a trace.
func TestSockOrder(t *testing.T) {
	for _, c := range sockCalls {
		t.Run(c.name, func(t *testing.T) {
			g := newSockGuest(t, obligingNetwork{})
			g.iovec(1)
			g.addr(0x100, inetAddr("127.0.0.1:80"))
			file, sock := g.plain(), g.open(abi.AddressFamilyInet4, abi.SockTypeStream)
			with := func(fd uint64, change map[int]uint64) []uint64 {
				p := slices.Clone(c.params)
				p[0] = fd
				for i, v := range change {
					p[i] = v
				}
				return p
			}
			wrong := map[int]uint64{}
			for _, i := range c.pointers {
				wrong[i] = outside
			}
			if c.flags > 0 {
				wrong[c.flags] = 0x8000
			}
			g.wants(abi.EBADF, nil, c.name, with(99, wrong)...)
			g.wants(abi.EBADF, nil, c.name, with(1<<32-1, wrong)...)
			g.wants(abi.ENOTSOCK, nil, c.name, with(file, wrong)...)
			if c.flags > 0 {
				g.wants(abi.EINVAL, nil, c.name, with(sock, wrong)...)
				g.wants(abi.EINVAL, nil, c.name, with(sock, map[int]uint64{c.flags: 1 << 16})...)
			}
			for _, i := range c.pointers {
				for _, ptr := range []uint64{outside, 1 << 16, 1<<32 - 1} {
					g.wants(abi.EFAULT, nil, c.name, with(sock, map[int]uint64{i: ptr})...)
				}
			}
			if c.right == 0 {
				return
			}
			rights, _ := g.thread.proc.fds.Rights(uint32(sock))
			rights.Base &^= c.right
			if err := g.thread.proc.fds.SetRights(uint32(sock), rights); err != nil {
				t.Fatal(err)
			}
			g.wants(abi.EACCES, nil, c.name, with(sock, wrong)...)
		})
	}
}

func TestSockOpenChecks(t *testing.T) {
	g := newSockGuest(t, obligingNetwork{})
	const inet, unspec = uint64(abi.AddressFamilyInet4), uint64(abi.AddressFamilyUnspec)
	g.thread.proc.unix = obligingNetwork{}
	g.wants(abi.EAFNOSUPPORT, nil, "sock_open", unspec, 1, 0, 8)
	g.wants(abi.EAFNOSUPPORT, nil, "sock_open", 4, 1, 0, 8)
	g.wants(abi.EINVAL, nil, "sock_open", inet, 5, 0, 8)
	g.wants(abi.EFAULT, nil, "sock_open", inet, 1, 0, 1<<16-3)
	g.wants(abi.EPROTONOSUPPORT, nil, "sock_open", 3, 1, uint64(abi.SockProtoUdp), 8)
	g.wants(abi.ENOTSUP, nil, "sock_pair", inet, 1, 0, 8, 12)
	g.wants(abi.EFAULT, nil, "sock_pair", 3, 1, 0, 8, 1<<16-3)
	if fd := g.next(); fd != 0 {
		t.Errorf("a failed open left descriptors up to %d", fd)
	}
	g.wants(abi.ESUCCESS, map[uint32]string{8: le32(0)}, "sock_open", 3, 1, uint64(abi.SockProtoTcp), 8)
	g.wants(abi.ESUCCESS, map[uint32]string{8: le32(1)}, "sock_open", 3, 2, uint64(abi.SockProtoUdp), 8)
	// 0 is how DGRAM was written before May 2023.
	g.wants(abi.ESUCCESS, map[uint32]string{8: le32(2)}, "sock_open", inet, 0, 0, 8)
	g.wants(abi.ESUCCESS, map[uint32]string{16: le32(3), 20: le32(4)}, "sock_pair", 3, 1, uint64(abi.SockProtoTcp), 16, 20)
	for fd, want := range []abi.Filetype{abi.FiletypeSocketStream, abi.FiletypeSocketDgram, abi.FiletypeSocketDgram, abi.FiletypeSocketStream} {
		d, rights, err := g.thread.proc.fds.Acquire(uint32(fd))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.File.Filetype(); got != want {
			t.Errorf("%d is a %v, want %v", fd, got, want)
		}
		if rights != socketRights {
			t.Errorf("%d has the rights %x", fd, rights)
		}
		_ = d.Release()
	}
}

func TestSockOpenWithoutNetwork(t *testing.T) {
	g := newSockGuest(t, network.None())
	g.wants(abi.EPERM, nil, "sock_open", uint64(abi.AddressFamilyInet4), 1, 0, 8)
	g.wants(abi.EPERM, nil, "sock_open", uint64(abi.AddressFamilyUnix), 1, 0, 8)
	g.wants(abi.ENOTSUP, nil, "sock_pair", uint64(abi.AddressFamilyUnix), 1, 0, 8, 12)
	g.put(0x100, []byte("localhost")...)
	g.wants(abi.EPERM, nil, "resolve", 0x100, 9, 80, 0x400, 4, 0x300)
}

// countedNetwork counts its open sockets.
type countedNetwork struct {
	obligingNetwork
	open *int
}

type countedSocket struct {
	network.Socket
	open *int
}

func (n countedNetwork) Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (network.Socket, error) {
	s, err := n.obligingNetwork.Socket(family, typ, proto)
	*n.open++
	return &countedSocket{s, n.open}, err
}

func (n countedNetwork) Pair(typ abi.SockType) (network.Socket, network.Socket, error) {
	a, _ := n.Socket(abi.AddressFamilyUnix, typ, 0)
	b, _ := n.Socket(abi.AddressFamilyUnix, typ, 0)
	return a, b, nil
}

func (s *countedSocket) Accept() (network.Socket, network.Addr, error) {
	c, addr, err := s.Socket.Accept()
	*s.open++
	return &countedSocket{c, s.open}, addr, err
}

func (s *countedSocket) Close() error {
	*s.open--
	return s.Socket.Close()
}

// TestSockTableFull opens sockets where no descriptor is free: none is leaked,
// and none is taken from a listener's queue.
func TestSockTableFull(t *testing.T) {
	open := 0
	g := newSockGuest(t, countedNetwork{open: &open})
	g.thread.proc.unix = g.thread.proc.network
	g.thread.proc.fds = descriptor.NewTable(2)
	const inet = uint64(abi.AddressFamilyInet4)
	sock := g.open(abi.AddressFamilyInet4, abi.SockTypeStream)
	g.wants(abi.EMFILE, nil, "sock_pair", 3, 1, 0, 8, 12)
	g.open(abi.AddressFamilyInet4, abi.SockTypeStream)
	g.wants(abi.EMFILE, nil, "sock_open", inet, 1, 0, 8)
	g.wants(abi.EMFILE, nil, "sock_pair", 3, 1, 0, 8, 12)
	g.wants(abi.EMFILE, nil, "sock_accept_v2", sock, 0, 0x400, 0x500)
	if open != 2 {
		t.Errorf("%d sockets are open, want 2", open)
	}
	g.thread.proc.fds.CloseAll()
	if open != 0 {
		t.Errorf("%d sockets are left open", open)
	}
}

func TestSockMessageLimits(t *testing.T) {
	g := newSockGuest(t, obligingNetwork{})
	sock := g.open(abi.AddressFamilyInet4, abi.SockTypeDgram)
	g.wants(abi.EMSGSIZE, nil, "sock_send", sock, 0, maxIovecs+1, 0, 0x400)
	g.wants(abi.EMSGSIZE, nil, "sock_recv", sock, 0, 1<<29, 0, 0x400, 0x410)

	// Buffers may overlap, so their sizes add up to more than there is.
	g.thread.mem = make([]byte, 4<<20)
	for i := range maxIovecs {
		binary.LittleEndian.PutUint32(g.thread.mem[8*i+4:], 4<<20)
	}
	iovs, errno := g.thread.message(0, maxIovecs)
	total := 0
	for _, b := range iovs {
		total += len(b)
	}
	if total != maxTransfer || errno != abi.ESUCCESS {
		t.Errorf("4 GiB became %d bytes, %v", total, errno)
	}
	g.thread.mem = maskedMemory()
}

func TestResolve(t *testing.T) {
	g := newSockGuest(t, obligingNetwork{})
	g.put(0x100, []byte("localhost")...)
	six := "\x02\x00" + strings.Repeat("\x00", 15) + "\x01"
	four := "\x01\x00\x7f\x00\x00\x01" + strings.Repeat("\x00", 12)
	g.wants(abi.ESUCCESS, map[uint32]string{0x400: six + four, 0x300: le32(2)}, "resolve", 0x100, 9, 80, 0x400, 48, 0x300)
	g.wants(abi.ESUCCESS, map[uint32]string{0x500: six, 0x300: le32(1)}, "resolve", 0x100, 9, 80, 0x500, 1, 0x300)
	g.wants(abi.ESUCCESS, map[uint32]string{0x300: le32(0)}, "resolve", 0x100, 9, 80, 0x600, 0, 0x300)
	g.wants(abi.EFAULT, nil, "resolve", 1<<16-8, 9, 80, 0x400, 4, 0x300)
	g.wants(abi.EFAULT, nil, "resolve", 0x100, 9, 80, 0x400, 1<<32-1, 0x300)
	g.wants(abi.EFAULT, nil, "resolve", 0x100, 9, 80, 0x400, 4, 1<<16-3)
	g.wants(abi.ENAMETOOLONG, nil, "resolve", 0x1000, maxHostName+1, 80, 0x400, 4, 0x300)
}

// silentNetwork never answers, but notices when nobody waits any more.
type silentNetwork struct {
	network.Network
	asked, ended chan struct{}
}

func (n silentNetwork) Resolve(ctx context.Context, _ string) ([]netip.Addr, error) {
	close(n.asked)
	<-ctx.Done()
	close(n.ended)
	return nil, syscall.ECANCELED
}

func TestResolveInterrupted(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	n := silentNetwork{asked: make(chan struct{}), ended: make(chan struct{})}
	g := newSockGuest(t, n)
	g.put(0x100, []byte("localhost")...)
	go func() {
		<-n.asked
		g.thread.waiter.Interrupt()
	}()
	g.wants(abi.EINTR, nil, "resolve", 0x100, 9, 80, 0x400, 4, 0x300)
	<-n.ended
	for i := 0; runtime.NumGoroutine() > goroutines; i++ {
		if i == 200 {
			t.Fatalf("goroutines %d -> %d", goroutines, runtime.NumGoroutine())
		}
		time.Sleep(5 * time.Millisecond)
	}
}
