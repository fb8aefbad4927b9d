package wasixtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/vfs"
)

const (
	inet4  = abi.AddressFamilyInet4
	inet6  = abi.AddressFamilyInet6
	local  = abi.AddressFamilyUnix
	stream = abi.SockTypeStream
	dgram  = abi.SockTypeDgram
)

// sockCase is a case of socket calls, named as a sentence, that a guest of its
// own runs for each family.
type sockCase struct {
	name     string
	run      func(*sockGuest)
	families []abi.AddressFamily // nil is INET4
}

var (
	inet  = []abi.AddressFamily{inet4, inet6}
	every = []abi.AddressFamily{inet4, inet6, local}

	familyNames = map[abi.AddressFamily]string{inet4: "IPv4", inet6: "IPv6", local: "UNIX"}
)

// grounded returns a case of Run of socket cases, with one subtest per ground, socket
// case and family. None may leave a descriptor of the host's behind.
func grounded(grounds []*ground, rows []sockCase) func(*testing.T, wasix.Engine) {
	return func(t *testing.T, e wasix.Engine) {
		m := compile(t, e, withThreads(Passthrough(guestPages, socketCalls()...)))
		for _, gr := range grounds {
			t.Run(gr.name, func(t *testing.T) {
				for _, row := range rows {
					t.Run(row.name, func(t *testing.T) { row.runOn(t, gr, e, m) })
				}
			})
		}
	}
}

// runsFor returns the families that a guest runs the case for.
func (c sockCase) runsFor() []abi.AddressFamily {
	if c.families == nil {
		return inet[:1]
	}
	return c.families
}

func (c sockCase) runOn(t *testing.T, gr *ground, e wasix.Engine, m wasix.Module) {
	for _, f := range c.runsFor() {
		t.Run(familyNames[f], func(t *testing.T) {
			gr.check(t, c, f, func(t testing.TB) {
				before := descriptors(t)
				t.Cleanup(func() { checkDescriptors(t, before) })
				g := &sockGuest{t: t, engine: e, module: m, family: f}
				g.network, g.peers = gr.open(t)
				c.run(g.another(nil))
			})
		})
	}
}

// fileText is in the one file that there is in the guest's root.
const fileText = "0123456789"

// sockGuest is a guest that makes socket calls.
type sockGuest struct {
	*Guest
	t       testing.TB
	engine  wasix.Engine
	module  wasix.Module
	family  abi.AddressFamily
	network network.Network // of the ground
	peers   peers
	names   int // of UNIX sockets that were made up
}

// another starts another guest of the same case.
func (g *sockGuest) another(setup func(*wasix.Cmd)) *sockGuest {
	g.t.Helper()
	return g.anotherOf(g.module, setup)
}

func (g *sockGuest) anotherOf(m wasix.Module, setup func(*wasix.Cmd)) *sockGuest {
	g.t.Helper()
	other := *g
	other.module = m
	other.Guest = startGuest(g.t, m, func(cmd *wasix.Cmd) {
		cmd.Network = g.network
		cmd.Mounts = []vfs.Mount{{FS: vfs.FS(fstest.MapFS{"file": {Data: []byte(fileText)}})}}
		if setup != nil {
			setup(cmd)
		}
	})
	return &other
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

func descriptors(t testing.TB) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// checkDescriptors fails the test if there are more descriptors than before,
// once those that are being closed are.
func checkDescriptors(t testing.TB, before int) {
	t.Helper()
	const attempts = 200
	now := 0
	for range attempts {
		if now = descriptors(t); now <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d descriptors before, %d after", before, now)
}

// joins waits for a call of another thread: see wants.
func (g *sockGuest) joins(w *waitingCall, errno abi.Errno, writes ...Write) {
	g.t.Helper()
	if got := w.join(); got != errno {
		g.t.Fatalf("the waiting call returns %v, want %v", got, errno)
	}
	g.Wrote(writes...)
}

// open returns a new socket.
func (g *sockGuest) open(typ abi.SockType) uint64 {
	g.t.Helper()
	return g.newFD("sock_open", uint64(g.family), uint64(typ), 0, fdAt)
}

// loopback is an address of the family to bind a socket to, where the host, or
// this guest, makes it unique.
func (g *sockGuest) loopback() []byte {
	switch g.family {
	case inet4:
		return encodeInet(netip.MustParseAddrPort("127.0.0.1:0"))
	case inet6:
		return encodeInet(netip.MustParseAddrPort("[::1]:0"))
	}
	g.names++
	return encodeUnix(fmt.Sprintf("/run/%d", g.names))
}

// unbound is the address of a socket that has none.
func (g *sockGuest) unbound() []byte {
	switch g.family {
	case inet4:
		return encodeInet(netip.MustParseAddrPort("0.0.0.0:0"))
	case inet6:
		return encodeInet(netip.MustParseAddrPort("[::]:0"))
	}
	return encodeUnix("")
}

func encodeInet(a netip.AddrPort) []byte {
	family := inet4
	if a.Addr().Is6() {
		family = inet6
	}
	b := binary.LittleEndian.AppendUint16([]byte{byte(family), 0}, a.Port())
	return append(b, a.Addr().AsSlice()...)
}

func decodeInet(b []byte) netip.AddrPort {
	ip, _ := netip.AddrFromSlice(b[4:])
	return netip.AddrPortFrom(ip, binary.LittleEndian.Uint16(b[2:]))
}

func encodeUnix(path string) []byte {
	return append([]byte{byte(local), 0}, append([]byte(path), make([]byte, 108-len(path))...)...)
}

// bind binds fd to an address of its own, leaves that at addrAt and returns it.
func (g *sockGuest) bind(fd uint64) []byte {
	g.t.Helper()
	g.Put(addrAt, g.loopback()...)
	g.wants(abi.ESUCCESS, nil, "sock_bind", fd, addrAt)
	addr := g.name(fd)
	g.Put(addrAt, addr...)
	return addr
}

// name returns what sock_addr_local stores, which must be an address of the
// family and of its size.
func (g *sockGuest) name(fd uint64) []byte {
	g.t.Helper()
	if got := g.Call("sock_addr_local", fd, nameAt); got != abi.ESUCCESS {
		g.t.Fatalf("sock_addr_local(%d): %v", fd, got)
	}
	addr := bytes.Clone(g.Bytes(nameAt, uint32(len(g.unbound()))))
	if addr[0] != byte(g.family) || addr[1] != 0 {
		g.t.Fatalf("sock_addr_local(%d): % x", fd, addr)
	}
	g.Wrote(Write{nameAt, addr})
	return addr
}

// listener returns a listening socket and its address, which is at addrAt.
func (g *sockGuest) listener(backlog uint64) (fd uint64, addr []byte) {
	g.t.Helper()
	fd = g.open(stream)
	addr = g.bind(fd)
	g.wants(abi.ESUCCESS, nil, "sock_listen", fd, backlog)
	return fd, addr
}

// accept takes a connection that is there and returns it. It must come from the
// address.
func (g *sockGuest) accept(listener uint64, from []byte) uint64 {
	g.t.Helper()
	if got := g.Call("sock_accept_v2", listener, 0, fdAt, fromAt); got != abi.ESUCCESS {
		g.t.Fatalf("sock_accept_v2: %v", got)
	}
	return g.storedFD(fdAt, Write{fromAt, from})
}

// connection returns a connected socket of the guest and its peer.
func (g *sockGuest) connection() (fd uint64, p peer) {
	g.t.Helper()
	l, addr := g.listener(1)
	p = g.dial(addr)
	fd = g.accept(l, p.name())
	g.close(l)
	return fd, p
}

// datagrams returns a bound socket of the guest, and leaves its address at addrAt.
func (g *sockGuest) datagrams() (fd uint64, addr []byte) {
	g.t.Helper()
	fd = g.open(dgram)
	return fd, g.bind(fd)
}

// openFile returns the file, open for reading.
func (g *sockGuest) openFile() uint64 {
	g.t.Helper()
	g.Put(dataAt, []byte("file")...)
	return g.newFD("path_open", root, 0, dataAt, 4, 0, uint64(abi.RightsFdRead|abi.RightsFdSeek), 0, 0, fdAt)
}

func (g *sockGuest) setNonblock(fd uint64) {
	g.t.Helper()
	g.wants(abi.ESUCCESS, nil, "fd_fdstat_set_flags", fd, uint64(abi.FdflagsNonblock))
}

// sends sends data, all of it, with a call whose last arguments are args.
func (g *sockGuest) sends(fd uint64, data string) {
	g.t.Helper()
	g.Put(dataAt, []byte(data)...)
	at, n := g.iovs(uint32(len(data)))
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(uint32(len(data)))}}, "sock_send", fd, at, n, 0, lenAt)
}

// receives receives data with one call, into buffers that are larger.
func (g *sockGuest) receives(fd uint64, data string) {
	g.t.Helper()
	g.Put(dataAt, bytes.Repeat([]byte{mask}, 256)...)
	at, n := g.iovs(3, 253)
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(uint32(len(data)))}, {flagsAt, le16(0)}, {dataAt, []byte(data)}},
		"sock_recv", fd, at, n, 0, lenAt, flagsAt)
}
