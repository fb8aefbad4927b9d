package socket_test

import (
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/socket"
)

// system is the sockets interface of a system, in Linux's terms: the kernel's,
// which is the oracle, and ours, which must answer the same.
type system interface {
	socket(family, typ int) (int, error)
	bind(fd int, addr unix.Sockaddr) error
	listen(fd, backlog int) error
	accept(fd int) (int, unix.Sockaddr, error)
	connect(fd int, addr unix.Sockaddr) error
	recvfrom(fd int, iovs [][]byte, flags int) (n int, trunc bool, from unix.Sockaddr, err error)
	sendto(fd int, iovs [][]byte, flags int, to unix.Sockaddr) (int, error)
	shutdown(fd, how int) error
	getsockname(fd int) (unix.Sockaddr, error)
	getpeername(fd int) (unix.Sockaddr, error)
	setsockopt(fd, level, name, value int) error
	getsockopt(fd, level, name int) (int, error)
	setlinger(fd int, l unix.Linger) error
	setnonblock(fd int, on bool) error
	poll(fd int, events int16) (int16, error)
	kernelFD(fd int) int
	close(fd int) error
}

// kernel is Linux itself, with blocking descriptors.
type kernel struct{}

func (kernel) socket(family, typ int) (int, error) {
	return unix.Socket(family, typ|unix.SOCK_CLOEXEC, 0)
}
func (kernel) bind(fd int, addr unix.Sockaddr) error     { return unix.Bind(fd, addr) }
func (kernel) listen(fd, backlog int) error              { return unix.Listen(fd, backlog) }
func (kernel) accept(fd int) (int, unix.Sockaddr, error) { return unix.Accept4(fd, unix.SOCK_CLOEXEC) }
func (kernel) connect(fd int, addr unix.Sockaddr) error {
	if addr == nil {
		raw := [16]byte{unix.AF_UNSPEC}
		return connectRaw(fd, &raw)
	}
	return unix.Connect(fd, addr)
}

func (kernel) recvfrom(fd int, iovs [][]byte, flags int) (n int, truncated bool, from unix.Sockaddr, err error) {
	undisturbed(func() {
		var out int
		n, _, out, from, err = unix.RecvmsgBuffers(fd, iovs, nil, flags)
		n, truncated = max(n, 0), out&unix.MSG_TRUNC != 0
	})
	return n, truncated, from, err
}

func (kernel) sendto(fd int, iovs [][]byte, flags int, to unix.Sockaddr) (n int, err error) {
	undisturbed(func() {
		n, err = unix.SendmsgBuffers(fd, iovs, nil, to, flags|unix.MSG_NOSIGNAL)
		n = max(n, 0)
	})
	return n, err
}

// undisturbed makes a system call that no signal of Go's runtime cuts short.
func undisturbed(call func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var urg, before unix.Sigset_t
	urg.Val[0] = 1 << (unix.SIGURG - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &urg, &before); err != nil {
		panic(err)
	}
	defer func() {
		if err := unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil); err != nil {
			panic(err)
		}
	}()
	call()
}

func (kernel) shutdown(fd, how int) error                { return unix.Shutdown(fd, how) }
func (kernel) getsockname(fd int) (unix.Sockaddr, error) { return unix.Getsockname(fd) }
func (kernel) getpeername(fd int) (unix.Sockaddr, error) { return unix.Getpeername(fd) }
func (kernel) setsockopt(fd, level, name, v int) error   { return unix.SetsockoptInt(fd, level, name, v) }
func (kernel) getsockopt(fd, level, name int) (int, error) {
	return unix.GetsockoptInt(fd, level, name)
}
func (kernel) setnonblock(fd int, on bool) error { return unix.SetNonblock(fd, on) }
func (kernel) kernelFD(fd int) int               { return fd }
func (kernel) close(fd int) error                { return unix.Close(fd) }
func (kernel) setlinger(fd int, l unix.Linger) error {
	return unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &l)
}

func (kernel) poll(fd int, events int16) (int16, error) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		_, err := unix.Poll(fds, -1)
		if err != unix.EINTR {
			return fds[0].Revents, err
		}
	}
}

// table is our sockets, on a network, behind a descriptor table.
type table struct {
	fds           *descriptor.Table
	network, unix network.Network
}

func newTable(n network.Network) *table {
	return &table{descriptor.NewTable(0), n, network.Unix()}
}

func (t *table) use(fd int) (*socket.Socket, *descriptor.Description, error) {
	d, _, err := t.fds.Acquire(uint32(fd))
	if err != nil {
		return nil, nil, err
	}
	return socket.Of(d.File), d, nil
}

func (t *table) add(s *socket.Socket, flags abi.Fdflags) (int, error) {
	fd, err := t.fds.Insert(descriptor.NewDescription(s.File(), flags), descriptor.Rights{Base: socket.Rights}, false, 0)
	return int(fd), err
}

func (t *table) socket(family, typ int) (int, error) {
	families := map[int]abi.AddressFamily{
		unix.AF_INET: abi.AddressFamilyInet4, unix.AF_INET6: abi.AddressFamilyInet6, unix.AF_UNIX: abi.AddressFamilyUnix,
	}
	types := map[int]abi.SockType{
		unix.SOCK_STREAM: abi.SockTypeStream, unix.SOCK_DGRAM: abi.SockTypeDgram, unix.SOCK_SEQPACKET: abi.SockTypeSeqpacket,
	}
	n := t.network
	if family == unix.AF_UNIX {
		n = t.unix
	}
	s, err := socket.Open(n, families[family], types[typ], 0)
	if err != nil {
		return -1, err
	}
	return t.add(s, 0)
}

func (t *table) bind(fd int, addr unix.Sockaddr) error {
	s, d, err := t.use(fd)
	if err != nil {
		return err
	}
	defer d.Release()
	return s.Bind(ourAddr(addr))
}

func (t *table) listen(fd, backlog int) error {
	s, d, err := t.use(fd)
	if err != nil {
		return err
	}
	defer d.Release()
	return s.Listen(int32(backlog), 0)
}

func (t *table) accept(fd int) (int, unix.Sockaddr, error) {
	s, d, err := t.use(fd)
	if err != nil {
		return -1, nil, err
	}
	defer d.Release()
	c, addr, err := s.Accept(d, ready.NewWaiter())
	if err != nil {
		return -1, nil, err
	}
	nfd, err := t.add(c, 0)
	return nfd, theirAddr(addr), err
}

func (t *table) connect(fd int, addr unix.Sockaddr) error {
	s, d, err := t.use(fd)
	if err != nil {
		return err
	}
	defer d.Release()
	return s.Connect(d, ready.NewWaiter(), ourAddr(addr))
}

func (t *table) recvfrom(fd int, iovs [][]byte, flags int) (int, bool, unix.Sockaddr, error) {
	s, d, err := t.use(fd)
	if err != nil {
		return 0, false, nil, err
	}
	defer d.Release()
	bits := map[int]abi.Riflags{
		unix.MSG_PEEK: abi.RiflagsPeek, unix.MSG_WAITALL: abi.RiflagsWaitall,
		unix.MSG_TRUNC: abi.RiflagsDataTruncated, unix.MSG_DONTWAIT: abi.RiflagsDontWait,
	}
	var ri abi.Riflags
	for bit, f := range bits {
		if flags&bit != 0 {
			ri |= f
		}
	}
	var from network.Addr
	n, ro, err := s.Recv(d, ready.NewWaiter(), slices.Clone(iovs), ri, &from)
	return n, ro != 0, theirAddr(from), err
}

func (t *table) sendto(fd int, iovs [][]byte, flags int, to unix.Sockaddr) (int, error) {
	s, d, err := t.use(fd)
	if err != nil {
		return 0, err
	}
	defer d.Release()
	var si abi.Siflags
	if flags&unix.MSG_DONTWAIT != 0 {
		si = abi.SiflagsDontWait
	}
	var addr *network.Addr
	if to != nil {
		a := ourAddr(to)
		addr = &a
	}
	return s.Send(d, ready.NewWaiter(), slices.Clone(iovs), si, addr)
}

func (t *table) shutdown(fd, how int) error {
	s, d, err := t.use(fd)
	if err != nil {
		return err
	}
	defer d.Release()
	return s.Shutdown(abi.Sdflags(how + 1))
}

func (t *table) getsockname(fd int) (unix.Sockaddr, error) {
	s, d, err := t.use(fd)
	if err != nil {
		return nil, err
	}
	defer d.Release()
	a, err := s.LocalAddr()
	return theirAddr(a), err
}

func (t *table) getpeername(fd int) (unix.Sockaddr, error) {
	s, d, err := t.use(fd)
	if err != nil {
		return nil, err
	}
	defer d.Release()
	a, err := s.PeerAddr()
	return theirAddr(a), err
}

// options are the options that both systems have, by level and name.
var options = map[[2]int]abi.SockOption{
	{unix.SOL_SOCKET, unix.SO_REUSEADDR}:          abi.SockOptionReuseAddr,
	{unix.SOL_SOCKET, unix.SO_REUSEPORT}:          abi.SockOptionReusePort,
	{unix.SOL_SOCKET, unix.SO_KEEPALIVE}:          abi.SockOptionKeepAlive,
	{unix.SOL_SOCKET, unix.SO_BROADCAST}:          abi.SockOptionBroadcast,
	{unix.SOL_SOCKET, unix.SO_DONTROUTE}:          abi.SockOptionDontRoute,
	{unix.SOL_SOCKET, unix.SO_OOBINLINE}:          abi.SockOptionOobInline,
	{unix.SOL_SOCKET, unix.SO_ACCEPTCONN}:         abi.SockOptionListening,
	{unix.SOL_SOCKET, unix.SO_ERROR}:              abi.SockOptionLastError,
	{unix.SOL_SOCKET, unix.SO_TYPE}:               abi.SockOptionType,
	{unix.SOL_SOCKET, unix.SO_PROTOCOL}:           abi.SockOptionProto,
	{unix.SOL_SOCKET, unix.SO_RCVBUF}:             abi.SockOptionRecvBufSize,
	{unix.SOL_SOCKET, unix.SO_SNDBUF}:             abi.SockOptionSendBufSize,
	{unix.SOL_SOCKET, unix.SO_RCVLOWAT}:           abi.SockOptionRecvLowat,
	{unix.SOL_SOCKET, unix.SO_SNDLOWAT}:           abi.SockOptionSendLowat,
	{unix.IPPROTO_TCP, unix.TCP_NODELAY}:          abi.SockOptionNoDelay,
	{unix.IPPROTO_IP, unix.IP_TTL}:                abi.SockOptionTtl,
	{unix.IPPROTO_IP, unix.IP_MULTICAST_TTL}:      abi.SockOptionMulticastTtlV4,
	{unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP}:     abi.SockOptionMulticastLoopV4,
	{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY}:         abi.SockOptionOnlyV6,
	{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP}: abi.SockOptionMulticastLoopV6,
}

func isFlag(opt abi.SockOption) bool {
	switch opt {
	case abi.SockOptionRecvBufSize, abi.SockOptionSendBufSize, abi.SockOptionRecvLowat, abi.SockOptionSendLowat,
		abi.SockOptionTtl, abi.SockOptionMulticastTtlV4, abi.SockOptionType, abi.SockOptionProto:
		return false
	}
	return true
}

func (t *table) setsockopt(fd, level, name, v int) error {
	s, d, err := t.use(fd)
	if err != nil {
		return err
	}
	defer d.Release()
	opt := options[[2]int{level, name}]
	if isFlag(opt) {
		return s.SetFlag(opt, v != 0)
	}
	return s.SetSize(opt, uint64(v))
}

func (t *table) getsockopt(fd, level, name int) (int, error) {
	s, d, err := t.use(fd)
	if err != nil {
		return 0, err
	}
	defer d.Release()
	opt := options[[2]int{level, name}]
	if opt == abi.SockOptionLastError {
		errno, _ := s.TakeError().(syscall.Errno)
		return int(errno), nil
	}
	if isFlag(opt) {
		on, err := s.Flag(opt)
		if on {
			return 1, err
		}
		return 0, err
	}
	v, err := s.Size(opt)
	if opt == abi.SockOptionType && err == nil {
		v = map[uint64]uint64{uint64(abi.SockTypeStream): unix.SOCK_STREAM, uint64(abi.SockTypeDgram): unix.SOCK_DGRAM}[v]
	}
	return int(v), err
}

func (t *table) setlinger(fd int, l unix.Linger) error {
	s, d, err := t.use(fd)
	if err != nil {
		return err
	}
	defer d.Release()
	return s.SetTime(abi.SockOptionLinger, uint64(l.Linger)*1e9, l.Onoff != 0)
}

func (t *table) setnonblock(fd int, on bool) error {
	_, d, err := t.use(fd)
	if err != nil {
		return err
	}
	defer d.Release()
	if on {
		return d.SetFlags(abi.FdflagsNonblock)
	}
	return d.SetFlags(0)
}

var pollBits = map[int16]ready.Events{
	unix.POLLIN: ready.In, unix.POLLOUT: ready.Out, unix.POLLRDHUP: ready.RdHup,
	unix.POLLERR: ready.Err, unix.POLLHUP: ready.Hup,
}

func (t *table) poll(fd int, events int16) (int16, error) {
	_, d, err := t.use(fd)
	if err != nil {
		return unix.POLLNVAL, nil
	}
	defer d.Release()
	sub := ready.Subscription{Source: d.File}
	for bit, e := range pollBits {
		if events&bit != 0 {
			sub.Asked |= e
		}
	}
	subs := []ready.Subscription{sub}
	if _, err := ready.NewWaiter().Poll(subs, ready.Never); err != nil {
		return 0, err
	}
	var got int16
	for bit, e := range pollBits {
		if subs[0].Got&e != 0 {
			got |= bit
		}
	}
	return got, nil
}

func (t *table) kernelFD(fd int) int {
	_, d, err := t.use(fd)
	if err != nil {
		return -1
	}
	defer d.Release()
	if sys, ok := d.File.(ready.SysSource); ok {
		return sys.SysFD()
	}
	return -1
}

func (t *table) close(fd int) error { return t.fds.Close(uint32(fd)) }

func ourAddr(sa unix.Sockaddr) network.Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return network.Addr{AddrPort: netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))}
	case *unix.SockaddrInet6:
		return network.Addr{AddrPort: netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))}
	case *unix.SockaddrUnix:
		path := sa.Name
		if strings.HasPrefix(path, "@") {
			path = "\x00" + path[1:]
		}
		return network.Addr{Path: path, Unix: true}
	}
	return network.Addr{}
}

func theirAddr(a network.Addr) unix.Sockaddr {
	switch a.Family() {
	case abi.AddressFamilyInet4:
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	case abi.AddressFamilyInet6:
		return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	case abi.AddressFamilyUnix:
		return &unix.SockaddrUnix{Name: strings.Replace(a.Path, "\x00", "@", 1)}
	}
	return nil
}
