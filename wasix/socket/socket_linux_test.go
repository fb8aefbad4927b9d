package socket_test

import (
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/socket"
)

// warmUp starts what lives as long as the Go process: the one poller.
var warmUp = sync.OnceFunc(func() {
	c, err := network.Host().Socket(abi.AddressFamilyInet4, abi.SockTypeDgram, 0)
	if err != nil {
		panic(err)
	}
	if err := c.(ready.SysSource).Arm(); err != nil {
		panic(err)
	}
	if err := c.Close(); err != nil {
		panic(err)
	}
})

// end is one socket with all that a call on it takes.
type end struct {
	*socket.Socket
	d *descriptor.Description
	w *ready.Waiter
}

func newEnd(t testing.TB, s *socket.Socket) *end {
	e := &end{s, descriptor.NewDescription(s.File(), 0), ready.NewWaiter()}
	t.Cleanup(func() { _ = e.d.Release() })
	return e
}

func open(t testing.TB, typ abi.SockType) *end {
	t.Helper()
	s, err := socket.Open(network.Host(), abi.AddressFamilyInet4, typ, 0)
	if err != nil {
		t.Fatal(err)
	}
	return newEnd(t, s)
}

func bound(t testing.TB, typ abi.SockType) *end {
	t.Helper()
	e := open(t, typ)
	if err := e.Bind(ourAddr(loopback)); err != nil {
		t.Fatal(err)
	}
	return e
}

func listener(t testing.TB, backlog int32) *end {
	t.Helper()
	e := bound(t, abi.SockTypeStream)
	if err := e.Listen(backlog, 0); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *end) name(t testing.TB) network.Addr {
	t.Helper()
	a, err := e.LocalAddr()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func connected(t testing.TB, typ abi.SockType) (client, server *end) {
	t.Helper()
	client = open(t, typ)
	if typ == abi.SockTypeDgram {
		server = bound(t, typ)
		connect(t, client, server.name(t))
		connect(t, server, client.name(t))
		return client, server
	}
	l := listener(t, 1)
	connect(t, client, l.name(t))
	s, _, err := l.Accept(l.d, l.w)
	if err != nil {
		t.Fatal(err)
	}
	return client, newEnd(t, s)
}

func connect(t testing.TB, e *end, addr network.Addr) {
	t.Helper()
	if err := e.Connect(e.d, e.w, addr); err != nil {
		t.Fatal(err)
	}
}

// stuck returns a socket whose attempt to connect to addr goes on without end.
func stuck(t testing.TB) (e *end, addr network.Addr) {
	t.Helper()
	addr = listener(t, 0).name(t)
	connect(t, open(t, abi.SockTypeStream), addr)
	return open(t, abi.SockTypeStream), addr
}

func (e *end) recv(n int, flags abi.Riflags) ([]byte, error) {
	b := make([]byte, n)
	n, _, err := e.Recv(e.d, e.w, [][]byte{b}, flags, nil)
	return b[:n], err
}

func (e *end) send(data []byte) (int, error) {
	return e.Send(e.d, e.w, [][]byte{data}, 0, nil)
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantStatus(t *testing.T, e *end, want abi.SockStatus) {
	t.Helper()
	if got := e.Status(); got != want {
		t.Errorf("status: got %v, want %v", got, want)
	}
}

const moment = uint64(10 * time.Millisecond)

// TestPeerSeesClose closes a socket that another thread reads from.
func TestPeerSeesClose(t *testing.T) {
	noLeaks(t)
	tab := newTable(network.Host())
	r := &run{system: tab, t: t, family: unix.AF_INET}
	c, s := r.pair()
	got := make(chan error)
	go func() {
		_, err := r.recv(s, 1, 0)
		got <- err
	}()
	wantErr(t, "close", r.close(s), nil)
	wantErr(t, "recv", <-got, syscall.EBADF)
	b, err := r.recv(c, 1, 0)
	if len(b) != 0 || err != nil {
		t.Errorf("the peer reads %q, %v", b, err)
	}
	tab.fds.CloseAll()
}

// TestErrorAfterPart resets a connection in the middle of a blocking send: the
// part counts, and the next call tells why it was no more.
func TestErrorAfterPart(t *testing.T) {
	noLeaks(t)
	c, s := connected(t, abi.SockTypeStream)
	reset := make(chan error)
	go func() {
		_, err := s.recv(1, 0)
		if err == nil {
			err = s.SetTime(abi.SockOptionLinger, 0, true)
		}
		if err == nil {
			err = s.d.Release()
		}
		reset <- err
	}()
	n, err := c.send(make([]byte, 64<<20))
	if n == 0 || err != nil {
		t.Errorf("send: %d, %v", n, err)
	}
	wantErr(t, "reset", <-reset, nil)
	if c.Ready(0)&ready.Err == 0 {
		t.Error("no error shows")
	}
	wantErr(t, "poll", c.PollError(), syscall.ECONNRESET)
	_, err = c.send([]byte("x"))
	wantErr(t, "send", err, syscall.ECONNRESET)
	_, err = c.send([]byte("x"))
	wantErr(t, "again", err, syscall.EPIPE)
	wantStatus(t, c, abi.SockStatusClosed)
}

// TestPollError finds that a poll takes nothing away.
func TestPollError(t *testing.T) {
	noLeaks(t)
	nobody := bound(t, abi.SockTypeStream).name(t)
	for what, report := range map[string]func(*end) error{
		"option":  func(e *end) error { return e.TakeError() },
		"connect": func(e *end) error { return e.Connect(e.d, e.w, nobody) },
		"send":    func(e *end) error { _, err := e.send([]byte("x")); return err },
		"recv":    func(e *end) error { _, err := e.recv(1, 0); return err },
	} {
		e := open(t, abi.SockTypeStream)
		wantErr(t, "set", e.d.SetFlags(abi.FdflagsNonblock), nil)
		wantErr(t, "connect", e.Connect(e.d, e.w, nobody), syscall.EINPROGRESS)
		subs := []ready.Subscription{{Source: e.d.File, Asked: ready.Out}}
		if _, err := e.w.Poll(subs, ready.Never); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, e, abi.SockStatusFailed)
		wantErr(t, "poll", e.PollError(), syscall.ECONNREFUSED)
		wantErr(t, "poll", e.PollError(), syscall.ECONNREFUSED)
		wantStatus(t, e, abi.SockStatusFailed)
		wantErr(t, what, report(e), syscall.ECONNREFUSED)
		wantErr(t, "cleared", e.PollError(), nil)
	}

	c, s := connected(t, abi.SockTypeDgram)
	if err := s.d.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.send([]byte("lost")); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "poll", c.PollError(), syscall.ECONNREFUSED)
	subs := []ready.Subscription{{Source: c.d.File, Asked: ready.In}}
	if _, err := c.w.Poll(subs, 1); err != nil || subs[0].Got&ready.Err == 0 {
		t.Errorf("the next poll says %v, %v", subs[0].Got, err)
	}
	_, err := c.recv(1, 0)
	wantErr(t, "recv", err, syscall.ECONNREFUSED)
	wantErr(t, "cleared", c.PollError(), nil)
}

func TestStatus(t *testing.T) {
	noLeaks(t)
	wantStatus(t, open(t, abi.SockTypeDgram), abi.SockStatusOpened)
	e := bound(t, abi.SockTypeStream)
	wantStatus(t, e, abi.SockStatusOpening)
	wantErr(t, "listen", e.Listen(1, 0), nil)
	wantStatus(t, e, abi.SockStatusOpened)
	wantErr(t, "shutdown", e.Shutdown(abi.SdflagsRd), nil)
	wantStatus(t, e, abi.SockStatusOpening)
	wantErr(t, "refused", e.Connect(e.d, e.w, bound(t, abi.SockTypeStream).name(t)), syscall.ECONNREFUSED)
	wantStatus(t, e, abi.SockStatusFailed)

	datagram, _ := connected(t, abi.SockTypeDgram)
	six := network.Addr{AddrPort: netip.MustParseAddrPort("[::1]:1")}
	wantErr(t, "family", datagram.Connect(datagram.d, datagram.w, six), syscall.EAFNOSUPPORT)
	wantStatus(t, datagram, abi.SockStatusOpened)

	c, s := connected(t, abi.SockTypeStream)
	wantStatus(t, c, abi.SockStatusOpened)
	wantStatus(t, s, abi.SockStatusOpened)
	wantErr(t, "shutdown", c.Shutdown(abi.SdflagsWr), nil)
	wantStatus(t, c, abi.SockStatusOpened)
	wantErr(t, "shutdown", s.Shutdown(abi.SdflagsWr|abi.SdflagsRd), nil)
	wantStatus(t, s, abi.SockStatusClosed)
}

func TestShutdownOfNothing(t *testing.T) {
	noLeaks(t)
	c, _ := connected(t, abi.SockTypeStream)
	wantErr(t, "neither", c.Shutdown(0), syscall.EINVAL)
	wantErr(t, "more", c.Shutdown(4|abi.SdflagsRd), syscall.EINVAL)
}

// TestBacklogLimit looks at the queue that the kernel has.
func TestBacklogLimit(t *testing.T) {
	noLeaks(t)
	for _, c := range []struct {
		backlog int32
		limit   int
		want    uint32
	}{{5, 8, 5}, {9, 8, 8}, {-1, 8, 8}, {1 << 30, 8, 8}, {0, 8, 0}, {9, 0, 9}} {
		e := bound(t, abi.SockTypeStream)
		wantErr(t, "listen", e.Listen(c.backlog, c.limit), nil)
		info, err := unix.GetsockoptTCPInfo(e.File().(ready.SysSource).SysFD(), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			t.Fatal(err)
		}
		if info.Sacked != c.want {
			t.Errorf("backlog %d of at most %d: queue %d, want %d", c.backlog, c.limit, info.Sacked, c.want)
		}
	}
}

func TestOptionClasses(t *testing.T) {
	noLeaks(t)
	e := open(t, abi.SockTypeStream)
	errOf := func(_ any, err error) error { return err }
	for _, opt := range []abi.SockOption{abi.SockOptionNoop, abi.SockOptionPromiscuous, 27, 255} {
		want := error(syscall.ENOPROTOOPT)
		wantErr(t, opt.String(), errOf(e.Flag(opt)), want)
		wantErr(t, opt.String(), e.SetFlag(opt, true), want)
	}
	wantErr(t, "size as flag", errOf(e.Flag(abi.SockOptionRecvBufSize)), syscall.EINVAL)
	wantErr(t, "flag as size", errOf(e.Size(abi.SockOptionKeepAlive)), syscall.EINVAL)
	wantErr(t, "time as size", e.SetSize(abi.SockOptionLinger, 1), syscall.EINVAL)
	_, _, err := e.Time(abi.SockOptionTtl)
	wantErr(t, "size as time", err, syscall.EINVAL)
	wantErr(t, "size as time", e.SetTime(abi.SockOptionTtl, 1, true), syscall.EINVAL)
}

func TestTimes(t *testing.T) {
	noLeaks(t)
	e := open(t, abi.SockTypeStream)
	for _, opt := range []abi.SockOption{
		abi.SockOptionRecvTimeout, abi.SockOptionSendTimeout,
		abi.SockOptionConnectTimeout, abi.SockOptionAcceptTimeout, abi.SockOptionLinger,
	} {
		for _, c := range []struct {
			d   uint64
			set bool
		}{{0, false}, {7e9, true}, {0, false}} {
			wantErr(t, opt.String(), e.SetTime(opt, c.d, c.set), nil)
			if d, set, err := e.Time(opt); d != c.d || set != c.set || err != nil {
				t.Errorf("%v: set %v, got %d, %v, %v", opt, c, d, set, err)
			}
		}
	}
	wantErr(t, "linger", e.SetTime(abi.SockOptionLinger, 0, true), nil)
	if d, set, _ := e.Time(abi.SockOptionLinger); d != 0 || !set {
		t.Errorf("linger 0: %d, %v", d, set)
	}
}

// closing records what was asked of a network's socket before its end.
type closing struct {
	network.Socket
	linger int64
}

func (c *closing) SetOption(opt abi.SockOption, v int64) error {
	if opt == abi.SockOptionLinger {
		c.linger = v
	}
	return c.Socket.SetOption(opt, v)
}

// TestCloseDoesNotLinger: a guest cannot make its own end wait.
func TestCloseDoesNotLinger(t *testing.T) {
	noLeaks(t)
	for _, c := range []struct {
		d     uint64
		after int64
	}{{1 << 62, -1}, {0, 0}} {
		inner, err := network.Host().Socket(abi.AddressFamilyInet4, abi.SockTypeStream, 0)
		if err != nil {
			t.Fatal(err)
		}
		recorded := &closing{Socket: inner}
		s := socket.New(recorded)
		wantErr(t, "set", s.SetTime(abi.SockOptionLinger, c.d, true), nil)
		wantErr(t, "close", s.Close(), nil)
		if recorded.linger != c.after {
			t.Errorf("linger %d is %d at the end, want %d", c.d, recorded.linger, c.after)
		}
	}
}

func TestMulticast(t *testing.T) {
	noLeaks(t)
	e := open(t, abi.SockTypeDgram)
	group, lo := netip.MustParseAddr("239.1.2.3"), netip.MustParseAddr("127.0.0.1")
	wantErr(t, "not a member", e.LeaveGroup(group, lo, 0), syscall.EADDRNOTAVAIL)
	wantErr(t, "join", e.JoinGroup(group, lo, 0), nil)
	wantErr(t, "twice", e.JoinGroup(group, lo, 0), syscall.EADDRINUSE)
	wantErr(t, "leave", e.LeaveGroup(group, lo, 0), nil)
	wantErr(t, "no group", e.JoinGroup(lo, lo, 0), syscall.EINVAL)
}

func TestAvailable(t *testing.T) {
	noLeaks(t)
	c, s := connected(t, abi.SockTypeDgram)
	if n := s.Available(); n != 0 {
		t.Errorf("nothing came, %d bytes are there", n)
	}
	if _, err := c.send([]byte("12345")); err != nil {
		t.Fatal(err)
	}
	if n := s.Available(); n != 5 {
		t.Errorf("5 bytes came, %d are there", n)
	}
}

// TestNew wraps sockets that the table did not open.
func TestNew(t *testing.T) {
	noLeaks(t)
	l, c := listener(t, 1), (*end)(nil)
	c, _ = connected(t, abi.SockTypeStream)
	for _, e := range []*end{l, c} {
		n, err := network.FromFD(e.File().(ready.SysSource).SysFD())
		if err != nil {
			t.Fatal(err)
		}
		wantStatus(t, newEnd(t, socket.New(n)), abi.SockStatusOpened)
	}
	if s := socket.Of(c.File()); s != c.Socket {
		t.Error("Of does not undo File")
	}
	if s := socket.Of(nil); s != nil {
		t.Error("nothing is a socket")
	}
}

func TestPairNeedsPairer(t *testing.T) {
	_, _, err := socket.Pair(network.Host(), abi.SockTypeStream)
	wantErr(t, "pair", err, syscall.EOPNOTSUPP)
}

// TestReadWrite uses sockets as fd_read and fd_write do.
func TestReadWrite(t *testing.T) {
	noLeaks(t)
	for _, typ := range []abi.SockType{abi.SockTypeStream, abi.SockTypeDgram} {
		c, s := connected(t, typ)
		if n, err := c.d.Writev(c.w, [][]byte{[]byte("ab"), []byte("cd")}); n != 4 || err != nil {
			t.Errorf("write: %d, %v", n, err)
		}
		x, y := make([]byte, 3), make([]byte, 3)
		if n, err := s.d.Readv(s.w, [][]byte{{}}); n != 0 || err != nil {
			t.Errorf("read of nothing: %d, %v", n, err)
		}
		if n, err := s.d.Readv(s.w, [][]byte{x, y}); n != 4 || err != nil || string(x)+string(y[:1]) != "abcd" {
			t.Errorf("read: %d, %v, %q %q", n, err, x, y)
		}
	}
	_, timed := connected(t, abi.SockTypeStream)
	wantErr(t, "set", timed.SetTime(abi.SockOptionRecvTimeout, moment, true), nil)
	_, err := timed.d.Readv(timed.w, [][]byte{make([]byte, 1)})
	wantErr(t, "read in time", err, syscall.EAGAIN)

	c, s := connected(t, abi.SockTypeDgram)
	if _, err := c.d.Writev(c.w, [][]byte{{}}); err != nil {
		t.Fatal(err)
	}
	if n, err := s.d.Readv(s.w, [][]byte{make([]byte, 9)}); n != 0 || err != nil {
		t.Errorf("an empty datagram: %d, %v", n, err)
	}
}
