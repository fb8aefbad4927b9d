package socket_test

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/network/virtual"
)

var loopback = &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}

// sameOnBoth runs script on the kernel's sockets and on ours, over the kernel's
// network and over a virtual one, and compares what it logged.
func sameOnBoth(t *testing.T, script func(*run)) {
	t.Helper()
	noLeaks(t)
	truth := sameAs(t, transcript(t, kernel{}, script), transcript(t, newTable(network.Host()), script), nil)
	if testing.Verbose() {
		t.Log("\n" + strings.Join(truth, "\n"))
	}
	vnet := virtual.New()
	defer vnet.Close()
	truth = slices.DeleteFunc(truth, func(line string) bool { return strings.HasPrefix(line, "backlog") })
	sameAs(t, truth, transcript(t, newTable(vnet.Host("guest")), script), meantDifferences(t))
}

// sameAs compares two logs, line by line, but for the differences that are meant.
func sameAs(t *testing.T, truth, got []string, meant []*difference) []string {
	t.Helper()
	if len(truth) == 0 {
		t.Fatal("the script logged nothing")
	}
	for i := range max(len(truth), len(got)) {
		var a, b string
		if i < len(truth) {
			a = truth[i]
		}
		if i < len(got) {
			b = got[i]
		}
		if a != b && !isMeant(meant, a, b) {
			t.Errorf("line %d:\n  kernel %s\n  socket %s", i+1, a, b)
		}
	}
	return truth
}

// run is a script on one system.
type run struct {
	system
	t      *testing.T
	family int
	names  int // of UNIX sockets so far
	log    []string
	fds    []int
}

func transcript(t *testing.T, s system, script func(*run)) []string {
	r := &run{system: s, t: t, family: unix.AF_INET}
	script(r)
	for _, fd := range r.fds {
		_ = s.close(fd)
	}
	return r.log
}

// say logs a result: error values by name, addresses without ports.
func (r *run) say(what string, results ...any) {
	for _, v := range results {
		switch v := v.(type) {
		case syscall.Errno:
			what += " " + unix.ErrnoName(v)
		case *unix.SockaddrInet4:
			what += fmt.Sprintf(" %v:%v", netip.AddrFrom4(v.Addr), v.Port != 0)
		case *unix.SockaddrInet6:
			what += fmt.Sprintf(" [%v]:%v", netip.AddrFrom16(v.Addr), v.Port != 0)
		case *unix.SockaddrUnix:
			what += fmt.Sprintf(" unix %q", strings.TrimSuffix(v.Name, "@")) // none is "@" to package unix
		case []byte:
			what += fmt.Sprintf(" %q", v)
		default:
			what += fmt.Sprintf(" %v", v)
		}
	}
	r.log = append(r.log, what)
}

// sayBacklog logs the backlog of a listener, where the kernel has it.
func (r *run) sayBacklog(fd int) {
	r.t.Helper()
	if fd = r.kernelFD(fd); fd < 0 {
		return
	}
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	r.must(err)
	r.say("backlog", info.Sacked)
}

// must fails the test when the script cannot go on.
func (r *run) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("%T: %v", r.system, err)
	}
}

func (r *run) open(typ int) int {
	r.t.Helper()
	fd, err := r.socket(r.family, typ)
	r.must(err)
	r.fds = append(r.fds, fd)
	return fd
}

func (r *run) accepted(fd int) int {
	r.t.Helper()
	c, _, err := r.accept(fd)
	r.must(err)
	r.fds = append(r.fds, c)
	return c
}

func (r *run) name(fd int) unix.Sockaddr {
	r.t.Helper()
	a, err := r.getsockname(fd)
	r.must(err)
	return a
}

// bound returns a socket bound to a port of the loopback interface.
func (r *run) bound(typ int) (int, unix.Sockaddr) {
	r.t.Helper()
	fd := r.open(typ)
	r.must(r.bind(fd, r.free()))
	return fd, r.name(fd)
}

// free returns an address to bind to.
func (r *run) free() unix.Sockaddr {
	if r.family == unix.AF_INET {
		return loopback
	}
	r.names++
	return &unix.SockaddrUnix{Name: fmt.Sprintf("@gowasix-%d-%d", os.Getpid(), r.names)}
}

func (r *run) listener(backlog int) (int, unix.Sockaddr) {
	r.t.Helper()
	return r.listenerOf(unix.SOCK_STREAM, backlog)
}

func (r *run) listenerOf(typ, backlog int) (int, unix.Sockaddr) {
	r.t.Helper()
	fd, addr := r.bound(typ)
	r.must(r.listen(fd, backlog))
	return fd, addr
}

// pair returns the two ends of a connection.
func (r *run) pair() (client, server int) {
	r.t.Helper()
	return r.pairOf(unix.SOCK_STREAM)
}

func (r *run) pairOf(typ int) (client, server int) {
	r.t.Helper()
	l, addr := r.listenerOf(typ, 1)
	client = r.open(typ)
	r.must(r.connect(client, addr))
	return client, r.accepted(l)
}

// connecting returns a non-blocking socket whose connection stays in progress:
// the queue of the listener is full.
func (r *run) connecting() (fd, listener int, addr unix.Sockaddr) {
	r.t.Helper()
	listener, addr = r.listener(0)
	r.must(r.connect(r.open(unix.SOCK_STREAM), addr))
	fd = r.open(unix.SOCK_STREAM)
	r.must(r.setnonblock(fd, true))
	if err := r.connect(fd, addr); err != syscall.EINPROGRESS {
		r.t.Fatalf("%T: connect to a full queue: %v", r.system, err)
	}
	return fd, listener, addr
}

// nobody returns an address at which nothing listens.
func (r *run) nobody() unix.Sockaddr {
	_, addr := r.bound(unix.SOCK_STREAM)
	return addr
}

func (r *run) recv(fd, n, flags int) ([]byte, error) {
	b := make([]byte, n)
	got, _, _, err := r.recvfrom(fd, [][]byte{b}, flags)
	return b[:min(got, n)], err
}

func (r *run) send(fd int, data string, flags int) (int, error) {
	return r.sendto(fd, [][]byte{[]byte(data)}, flags, nil)
}

// arrives waits until something can be read, for a read that does not wait.
func (r *run) arrives(fd int) {
	r.t.Helper()
	_, err := r.poll(fd, unix.POLLIN)
	r.must(err)
}

// drop closes fd before the end of the script.
func (r *run) drop(fd int) {
	r.t.Helper()
	r.must(r.close(fd))
	r.fds = slices.DeleteFunc(r.fds, func(other int) bool { return other == fd })
}

// noLeaks fails the test when it leaves descriptors or goroutines behind.
func noLeaks(t *testing.T) {
	t.Helper()
	warmUp()
	fds, goroutines := openFDs(), runtime.NumGoroutine()
	t.Cleanup(func() {
		for range 200 {
			if openFDs() <= fds && runtime.NumGoroutine() <= goroutines {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Errorf("descriptors %d -> %d, goroutines %d -> %d", fds, openFDs(), goroutines, runtime.NumGoroutine())
	})
}

func openFDs() int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(names)
}
