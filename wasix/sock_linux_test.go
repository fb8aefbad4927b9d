package wasix

import (
	"encoding/binary"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// newHostGuest returns a guest on the kernel's network. What it opens must be
// closed again by the end of the test.
func newHostGuest(t *testing.T) *sockGuest {
	startPoller()
	fds := kernelDescriptors(t)
	t.Cleanup(func() {
		if now := kernelDescriptors(t); now != fds {
			t.Errorf("descriptors %d -> %d", fds, now)
		}
	})
	return newSockGuest(t, network.Host())
}

// startPoller starts what lives as long as the Go process.
var startPoller = sync.OnceFunc(func() {
	s, err := network.Host().Socket(inet4, dgram, 0)
	if err != nil {
		panic(err)
	}
	if err := s.(ready.SysSource).Arm(); err != nil {
		panic(err)
	}
	_ = s.Close()
})

func kernelDescriptors(t *testing.T) int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

const (
	inet4  = abi.AddressFamilyInet4
	inet6  = abi.AddressFamilyInet6
	stream = abi.SockTypeStream
	dgram  = abi.SockTypeDgram
)

// bound returns a socket bound to a port of the loopback interface, and leaves
// its address at ptr.
func (g *sockGuest) bound(typ abi.SockType, ptr uint32) (fd uint64) {
	g.t.Helper()
	fd = g.open(inet4, typ)
	g.addr(ptr, inetAddr("127.0.0.1:0"))
	g.wants(abi.ESUCCESS, nil, "sock_bind", fd, uint64(ptr))
	g.nameOf(fd, ptr)
	return fd
}

// nameOf stores the address of fd at ptr, and returns its bytes.
func (g *sockGuest) nameOf(fd uint64, ptr uint32) string {
	g.t.Helper()
	d, _, err := g.thread.proc.fds.Acquire(uint32(fd))
	if err != nil {
		g.t.Fatal(err)
	}
	defer d.Release()
	addr, err := d.File.(interface{ LocalAddr() (network.Addr, error) }).LocalAddr()
	if err != nil {
		g.t.Fatal(err)
	}
	b := make([]byte, addrSize(addr.Family()))
	encodeAddr(b, &addr)
	g.wants(abi.ESUCCESS, map[uint32]string{ptr: string(b)}, "sock_addr_local", fd, uint64(ptr))
	return string(b)
}

// connection returns the ends of a TCP connection, and its listener.
func (g *sockGuest) connection() (client, server, listener uint64) {
	g.t.Helper()
	listener = g.bound(stream, 0x100)
	g.wants(abi.ESUCCESS, nil, "sock_listen", listener, 1)
	client = g.open(inet4, stream)
	g.wants(abi.ESUCCESS, nil, "sock_connect", client, 0x100)
	server = g.next()
	from := g.nameOf(client, 0x120)
	g.wants(abi.ESUCCESS, map[uint32]string{0x140: le32(uint32(server)), 0x150: from}, "sock_accept_v2", listener, 0, 0x140, 0x150)
	return client, server, listener
}

func (g *sockGuest) setNonblock(fd uint64) {
	g.t.Helper()
	d, _, err := g.thread.proc.fds.Acquire(uint32(fd))
	if err != nil {
		g.t.Fatal(err)
	}
	defer d.Release()
	if err := d.SetFlags(abi.FdflagsNonblock); err != nil {
		g.t.Fatal(err)
	}
}

// TestSockListenStates is the table of what sock_listen answers.
func TestSockListenStates(t *testing.T) {
	g := newHostGuest(t)
	client, server, listener := g.connection()
	taken, second := g.open(inet4, stream), g.open(inet4, stream)
	g.addr(0x200, inetAddr("127.0.0.1:0"))
	for _, fd := range []uint64{taken, second} {
		g.wants(abi.ESUCCESS, nil, "sock_set_opt_flag", fd, uint64(abi.SockOptionReuseAddr), 1)
		g.wants(abi.ESUCCESS, nil, "sock_bind", fd, 0x200)
		g.nameOf(taken, 0x200)
	}
	for _, c := range []struct {
		state   string
		fd      uint64
		backlog uint64
		want    abi.Errno
	}{
		{"not open", 99, 1, abi.EBADF},
		{"not a socket", g.plain(), 1, abi.ENOTSOCK},
		{"datagram", g.open(inet4, dgram), 1, abi.ENOTSUP},
		{"bound", g.bound(stream, 0x180), 128, abi.ESUCCESS},
		{"unbound", g.open(inet4, stream), 128, abi.ESUCCESS},
		{"IPv6", g.open(inet6, stream), 128, abi.ESUCCESS},
		{"listening", listener, 5, abi.ESUCCESS},
		{"connected", client, 1, abi.EINVAL},
		{"accepted", server, 1, abi.EINVAL},
		{"first at an address", taken, 1, abi.ESUCCESS},
		{"second at an address", second, 1, abi.EADDRINUSE},
		{"backlog 0", g.bound(stream, 0x180), 0, abi.ESUCCESS},
		{"backlog 2^31", g.bound(stream, 0x180), 1 << 31, abi.ESUCCESS},
		{"backlog -1", g.bound(stream, 0x180), 1<<32 - 1, abi.ESUCCESS},
	} {
		if got := g.calls("sock_listen", c.fd, c.backlog); got != c.want {
			t.Errorf("%s: %v, want %v", c.state, got, c.want)
		}
	}
	g.wants(abi.ESUCCESS, nil, "sock_shutdown", listener, 3)
	g.wants(abi.EINVAL, nil, "sock_accept_v2", listener, 0, 0x140, 0x150)
	g.wants(abi.ESUCCESS, nil, "sock_listen", listener, 1)
}

// TestSockMaxBacklog looks at the queue that the kernel has.
func TestSockMaxBacklog(t *testing.T) {
	g := newHostGuest(t)
	g.thread.proc.maxBacklog = 3
	fd := g.bound(stream, 0x100)
	for backlog, want := range map[uint64]uint32{2: 2, 4: 3, 1<<32 - 1: 3} {
		g.wants(abi.ESUCCESS, nil, "sock_listen", fd, backlog)
		d, _, err := g.thread.proc.fds.Acquire(uint32(fd))
		if err != nil {
			t.Fatal(err)
		}
		info, err := unix.GetsockoptTCPInfo(d.File.(ready.SysSource).SysFD(), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil || info.Sacked != want {
			t.Errorf("backlog %d: a queue of %d, %v; want %d", backlog, info.Sacked, err, want)
		}
		_ = d.Release()
	}
}

// TestSockDenied has a policy that grants nothing: sockets can be opened, but
// they get nowhere, and take no port on the way.
func TestSockDenied(t *testing.T) {
	newHostGuest(t)
	g := newSockGuest(t, network.WithPolicy(network.Host(), &network.Policy{}))
	unbound := "\x01\x00\x00\x00\x00\x00\x00\x00"
	for _, typ := range []abi.SockType{stream, dgram} {
		fd := g.open(inet4, typ)
		g.addr(0x100, inetAddr("127.0.0.1:9"))
		g.wants(abi.EPERM, nil, "sock_bind", fd, 0x100)
		g.wants(abi.EPERM, nil, "sock_connect", fd, 0x100)
		if typ == stream {
			g.wants(abi.EPERM, nil, "sock_listen", fd, 1)
			g.wants(abi.EINVAL, nil, "sock_accept_v2", fd, 0, 0x400, 0x500)
		} else {
			g.wants(abi.EPERM, nil, "sock_send_to", fd, 0, 0, 0, 0x100, 0x400)
		}
		g.wants(abi.ESUCCESS, map[uint32]string{0x200: unbound}, "sock_addr_local", fd, 0x200)
		g.wants(abi.ENOTCONN, nil, "sock_addr_peer", fd, 0x200)
		g.close(fd)
	}
}

// TestSockPortProbe is what wasix-libc does to learn how the host writes ports.
func TestSockPortProbe(t *testing.T) {
	g := newHostGuest(t)
	fd := g.open(inet4, stream)
	g.put(0x100, 1, 0, 0x23, 0x28, 0, 0, 0, 0) // htons(9000), little-endian
	g.wants(abi.ESUCCESS, nil, "sock_bind", fd, 0x100)
	g.wants(abi.ESUCCESS, map[uint32]string{0x200: "\x01\x00\x23\x28\x00\x00\x00\x00"}, "sock_addr_local", fd, 0x200)
}

func TestSockAddresses(t *testing.T) {
	g := newHostGuest(t)
	fd := g.open(inet4, stream)
	g.wants(abi.ESUCCESS, map[uint32]string{0x200: "\x01\x00\x00\x00\x00\x00\x00\x00"}, "sock_addr_local", fd, 0x200)
	g.wants(abi.ENOTCONN, nil, "sock_addr_peer", fd, 0x200)
	six := g.open(inet6, stream)
	g.wants(abi.ESUCCESS, map[uint32]string{0x200: "\x02" + strings.Repeat("\x00", 19)}, "sock_addr_local", six, 0x200)
	// No more room than the family needs is asked for.
	g.wants(abi.ESUCCESS, map[uint32]string{1<<16 - 8: "\x01\x00\x00\x00\x00\x00\x00\x00"}, "sock_addr_local", fd, 1<<16-8)
	g.wants(abi.EFAULT, nil, "sock_addr_local", six, 1<<16-19)
	g.wants(abi.EAFNOSUPPORT, nil, "sock_bind", fd, 0x200)
	g.put(0x300, 0, 0, 0, 0)
	g.wants(abi.EAFNOSUPPORT, nil, "sock_bind", fd, 0x300)
	g.wants(abi.EAFNOSUPPORT, nil, "sock_send_to", g.open(inet4, dgram), 0, 0, 0, 0x300, 0x400)

	g.thread.proc.longAddrs = hasLongAddrs(&wasmfile.Info{Functions: []wasmfile.Import{{Name: "proc_signals_get"}}})
	g.wants(abi.ESUCCESS, map[uint32]string{0x200: "\x02" + strings.Repeat("\x00", 27)}, "sock_addr_local", six, 0x200)
	g.wants(abi.EFAULT, nil, "sock_addr_local", six, 1<<16-27)

	client, server, _ := g.connection()
	name := g.nameOf(client, 0x200)
	g.wants(abi.ESUCCESS, map[uint32]string{0x240: name}, "sock_addr_peer", server, 0x240)
}

func TestSockStream(t *testing.T) {
	g := newHostGuest(t)
	client, server, _ := g.connection()
	g.iovec(2)
	g.put(0x1000, []byte("0123456789abcdef")...)
	g.wants(abi.ESUCCESS, map[uint32]string{0x400: le32(16)}, "sock_send", client, 0x800, 2, 0, 0x400)
	// ro_flags is 16 bits wide: its neighbour stays.
	peek, dontWait := uint64(abi.RiflagsPeek), uint64(abi.RiflagsDontWait)
	g.wants(abi.ESUCCESS, map[uint32]string{0x400: le32(8), 0x410: "\x00\x00", 0x1000: "01234567"}, "sock_recv", server, 0x800, 1, peek, 0x400, 0x410)
	// A stream tells no sender.
	g.wants(abi.ESUCCESS, map[uint32]string{0x400: le32(16), 0x410: "\x00\x00", 0x420: "\x00\x00"}, "sock_recv_from", server, 0x800, 2, 0, 0x400, 0x410, 0x420)
	g.wants(abi.EAGAIN, nil, "sock_recv", server, 0x800, 2, dontWait, 0x400, 0x410)
	g.wants(abi.ESUCCESS, map[uint32]string{0x440: "\x01"}, "sock_status", client, 0x440)
	g.wants(abi.ESUCCESS, nil, "sock_shutdown", client, uint64(abi.SdflagsWr))
	g.wants(abi.ESUCCESS, map[uint32]string{0x400: le32(0), 0x410: "\x00\x00"}, "sock_recv", server, 0x800, 2, 0, 0x400, 0x410)
	g.wants(abi.EPIPE, nil, "sock_send", client, 0x800, 2, 0, 0x400)
	g.wants(abi.EINVAL, nil, "sock_shutdown", client, 0)
	g.wants(abi.EINVAL, nil, "sock_shutdown", client, 4)
	g.wants(abi.EISCONN, nil, "sock_connect", client, 0x100)
}

func TestSockAcceptFlags(t *testing.T) {
	g := newHostGuest(t)
	_, _, listener := g.connection()
	g.wants(abi.ESUCCESS, nil, "sock_connect", g.open(inet4, stream), 0x100)
	g.setNonblock(listener)
	g.iovec(1)
	nonblock := uint64(abi.FdflagsNonblock)
	g.wants(abi.EFAULT, nil, "sock_accept_v2", listener, nonblock, 0x400, 1<<16-7)
	fd := g.next()
	from := g.nameOf(fd-1, 0x300)
	g.wants(abi.ESUCCESS, map[uint32]string{0x400: le32(uint32(fd)), 0x500: from}, "sock_accept", listener, nonblock, 0x400, 0x500)
	g.wants(abi.EAGAIN, nil, "sock_recv", fd, 0x800, 1, 0, 0x400, 0x410)
	g.wants(abi.EAGAIN, nil, "sock_accept_v2", listener, 0, 0x400, 0x500)

	// preview1 has no address, and the listener's NONBLOCK is not inherited.
	g.wants(abi.ESUCCESS, nil, "sock_connect", g.open(inet4, stream), 0x100)
	g.module, fd = "wasi_snapshot_preview1", g.next()
	g.wants(abi.ESUCCESS, map[uint32]string{0x400: le32(uint32(fd))}, "sock_accept", listener, 0, 0x400)
	d, _, err := g.thread.proc.fds.Acquire(uint32(fd))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Release()
	if d.Nonblock() {
		t.Error("the accepted socket is non-blocking")
	}
}

func TestSockDatagram(t *testing.T) {
	g := newHostGuest(t)
	a, b := g.bound(dgram, 0x100), g.bound(dgram, 0x120)
	from := g.nameOf(b, 0x140)
	g.iovec(2)
	g.put(0x1000, []byte("0123456789abcdef")...)
	g.wants(abi.EDESTADDRREQ, nil, "sock_send", b, 0x800, 2, 0, 0x400)
	for range 2 {
		g.wants(abi.ESUCCESS, map[uint32]string{0x400: le32(16)}, "sock_send_to", b, 0x800, 2, 0, 0x100, 0x400)
	}
	g.wants(abi.ESUCCESS, map[uint32]string{0x400: le32(0)}, "sock_send_to", b, 0, 0, 0, 0x100, 0x400)
	g.put(0x1000, []byte("????????????????")...)
	g.wants(abi.ESUCCESS, map[uint32]string{0x400: le32(16), 0x410: "\x00\x00", 0x420: from, 0x1000: "0123456789abcdef"},
		"sock_recv_from", a, 0x800, 2, 0, 0x400, 0x410, 0x420)
	g.put(0x1000, []byte("????????????????")...)
	g.wants(abi.ESUCCESS, map[uint32]string{0x400: le32(8), 0x410: "\x01\x00", 0x420: from, 0x1000: "01234567"},
		"sock_recv_from", a, 0x800, 1, 0, 0x400, 0x410, 0x420)
	g.wants(abi.ESUCCESS, map[uint32]string{0x400: le32(0), 0x410: "\x00\x00", 0x420: from},
		"sock_recv_from", a, 0x800, 2, 0, 0x400, 0x410, 0x420)
	g.wants(abi.ESUCCESS, map[uint32]string{0x440: "\x01"}, "sock_status", a, 0x440)
	g.wants(abi.ESUCCESS, nil, "sock_connect", b, 0x100)
	g.put(0x300, 0, 0)
	g.wants(abi.ESUCCESS, nil, "sock_connect", b, 0x300)
	g.wants(abi.ENOTCONN, nil, "sock_addr_peer", b, 0x300)
}

func TestSockConnectInProgress(t *testing.T) {
	g := newHostGuest(t)
	g.bound(stream, 0x100)
	fd := g.open(inet4, stream)
	g.setNonblock(fd)
	g.wants(abi.ESUCCESS, map[uint32]string{0x440: "\x00"}, "sock_status", fd, 0x440)
	g.wants(abi.EINPROGRESS, nil, "sock_connect", fd, 0x100)
	g.wants(abi.ESUCCESS, map[uint32]string{0x440: "\x03"}, "sock_status", fd, 0x440)
	lastError := uint64(abi.SockOptionLastError)
	g.wants(abi.ESUCCESS, map[uint32]string{0x441: string(rune(abi.ECONNREFUSED))}, "sock_get_opt_flag", fd, lastError, 0x441)
	g.wants(abi.ESUCCESS, map[uint32]string{0x441: "\x00"}, "sock_get_opt_flag", fd, lastError, 0x441)
}

func TestSockOptions(t *testing.T) {
	g := newHostGuest(t)
	fd := g.open(inet4, stream)
	le64 := func(v uint64) string { return string(binary.LittleEndian.AppendUint64(nil, v)) }
	flag, size, linger := uint64(abi.SockOptionKeepAlive), uint64(abi.SockOptionTtl), uint64(abi.SockOptionLinger)
	for _, v := range []uint64{1, 0} {
		g.wants(abi.ESUCCESS, nil, "sock_set_opt_flag", fd, flag, v)
		g.wants(abi.ESUCCESS, map[uint32]string{0x400: string(rune(v))}, "sock_get_opt_flag", fd, flag, 0x400)
	}
	g.wants(abi.ESUCCESS, nil, "sock_set_opt_size", fd, size, 33)
	g.wants(abi.ESUCCESS, map[uint32]string{0x408: le64(33)}, "sock_get_opt_size", fd, size, 0x408)
	g.wants(abi.EINVAL, nil, "sock_set_opt_size", fd, size, 1<<40)
	for _, opt := range []uint64{linger, uint64(abi.SockOptionRecvTimeout)} {
		g.wants(abi.ESUCCESS, map[uint32]string{0x418: "\x00", 0x420: le64(0)}, "sock_get_opt_time", fd, opt, 0x418)
		g.put(0x430, append([]byte("\x01???????"), le64(5e9)...)...)
		g.wants(abi.ESUCCESS, nil, "sock_set_opt_time", fd, opt, 0x430)
		g.wants(abi.ESUCCESS, map[uint32]string{0x418: "\x01", 0x420: le64(5e9)}, "sock_get_opt_time", fd, opt, 0x418)
		g.put(0x430, 0)
		g.wants(abi.ESUCCESS, nil, "sock_set_opt_time", fd, opt, 0x430)
		g.wants(abi.ESUCCESS, map[uint32]string{0x418: "\x00", 0x420: le64(0)}, "sock_get_opt_time", fd, opt, 0x418)
	}
	g.put(0x430, 2)
	g.wants(abi.EINVAL, nil, "sock_set_opt_time", fd, linger, 0x430)
	for _, call := range []string{"flag", "size", "time"} {
		for _, opt := range []uint64{0, 27, 255, 256, 256 + flag} {
			g.wants(abi.ENOPROTOOPT, nil, "sock_get_opt_"+call, fd, opt, 0x400)
			g.wants(abi.ENOPROTOOPT, nil, "sock_set_opt_"+call, fd, opt, 0x400)
		}
	}
	g.wants(abi.EINVAL, nil, "sock_get_opt_flag", fd, size, 0x400)
	g.wants(abi.EINVAL, nil, "sock_set_opt_size", fd, flag, 1)
	g.wants(abi.EINVAL, nil, "sock_get_opt_time", fd, flag, 0x400)

	udp := g.open(inet4, dgram)
	g.put(0x500, 239, 1, 2, 3, 127, 0, 0, 1)
	g.wants(abi.ESUCCESS, nil, "sock_join_multicast_v4", udp, 0x500, 0x504)
	g.wants(abi.EADDRINUSE, nil, "sock_join_multicast_v4", udp, 0x500, 0x504)
	g.wants(abi.ESUCCESS, nil, "sock_leave_multicast_v4", udp, 0x500, 0x504)
	g.wants(abi.EADDRNOTAVAIL, nil, "sock_leave_multicast_v4", udp, 0x500, 0x504)
	g.wants(abi.EINVAL, nil, "sock_join_multicast_v4", udp, 0x504, 0x504)
}

// offsetFile is a file of eight bytes.
type offsetFile struct {
	descriptor.Positioned
	queue ready.Queue
}

func (f *offsetFile) Filetype() abi.Filetype { return abi.FiletypeRegularFile }
func (f *offsetFile) Queue() *ready.Queue    { return &f.queue }
func (f *offsetFile) Close() error           { return nil }

func (f *offsetFile) Preadv(iovs [][]byte, offset int64) (int, error) {
	return copy(iovs[0], "01234567"[min(offset, 8):]), nil
}

func (f *offsetFile) Seek(int64, int) (int64, error) { return 0, nil }

func TestSockSendFile(t *testing.T) {
	g := newHostGuest(t)
	client, server, _ := g.connection()
	file := descriptor.NewDescription(&offsetFile{}, 0)
	in, err := g.thread.proc.fds.Insert(file, descriptor.Rights{Base: abi.RightsFdRead}, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	wants := func(errno abi.Errno, in uint64, offset, count, ro uint64, sent string) {
		t.Helper()
		var results map[uint32]string
		if errno == abi.ESUCCESS {
			results = map[uint32]string{uint32(ro): sent}
		}
		g.wants(errno, results, "sock_send_file", client, in, offset, count, ro)
	}
	wants(abi.EBADF, 99, 0, 1, 0x400, "")
	wants(abi.ESPIPE, server, 0, 1, 0x400, "")
	wants(abi.EFAULT, uint64(in), 0, 1, 1<<16-7, "")
	wants(abi.EINVAL, uint64(in), 1<<63, 1, 0x400, "")
	wants(abi.ESUCCESS, uint64(in), 2, 1<<40, 0x400, "\x06\x00\x00\x00\x00\x00\x00\x00")
	wants(abi.ESUCCESS, uint64(in), 9, 1, 0x400, "\x00\x00\x00\x00\x00\x00\x00\x00")
	g.iovec(1)
	g.wants(abi.ESUCCESS, map[uint32]string{0x500: le32(6), 0x510: "\x00\x00", 0x1000: "234567"}, "sock_recv", server, 0x800, 1, 0, 0x500, 0x510)
	if err := g.thread.proc.fds.SetRights(in, descriptor.Rights{}); err != nil {
		t.Fatal(err)
	}
	wants(abi.EBADF, uint64(in), 0, 1, 0x400, "")
}

// TestSockCloseWhileWaiting has one guest thread close what another waits for,
// and open something else: that one never sees it.
func TestSockCloseWhileWaiting(t *testing.T) {
	g := newHostGuest(t)
	_, server, listener := g.connection()
	for fd, call := range map[uint64]func(*sockGuest) abi.Errno{
		listener: func(g *sockGuest) abi.Errno { return g.calls("sock_accept_v2", listener, 0, 0x400, 0x500) },
		server: func(g *sockGuest) abi.Errno {
			g.iovec(1)
			return g.calls("sock_recv", server, 0x800, 1, 0, 0x400, 0x410)
		},
	} {
		other := g.another()
		done := make(chan abi.Errno)
		go func() { done <- call(other) }()
		time.Sleep(5 * time.Millisecond) // so that it waits by now
		g.close(fd)
		if again := g.open(inet4, dgram); again != fd {
			t.Errorf("the descriptor %d was not used again, but %d", fd, again)
		}
		if errno := <-done; errno != abi.EBADF {
			t.Errorf("the call on %d ends with %v", fd, errno)
		}
	}
}

func TestSockCallsDoNotAllocate(t *testing.T) {
	g := newHostGuest(t)
	client, server, _ := g.connection()
	a, b := g.bound(dgram, 0x200), g.bound(dgram, 0x220)
	g.iovec(2)
	all := Syscalls()
	find := func(name string) *Syscall {
		for _, s := range all {
			if s.Module == g.module && s.Name == name {
				return s
			}
		}
		return nil
	}
	stack := make([]uint64, 7)
	call := func(s *Syscall, params ...uint64) {
		copy(stack, params)
		if err := s.Call(g.thread, g.thread.mem, stack); err != nil || stack[0] != 0 {
			t.Fatalf("%s: %v, %v", s.Name, abi.Errno(stack[0]), err)
		}
	}
	send, recv, sendTo, recvFrom := find("sock_send"), find("sock_recv"), find("sock_send_to"), find("sock_recv_from")
	for name, f := range map[string]func(){
		"stream": func() {
			call(send, client, 0x800, 2, 0, 0x400)
			call(recv, server, 0x800, 2, 0, 0x400, 0x410)
		},
		"datagram": func() {
			call(sendTo, b, 0x800, 2, 0, 0x200, 0x400)
			call(recvFrom, a, 0x800, 2, 0, 0x400, 0x410, 0x420)
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
