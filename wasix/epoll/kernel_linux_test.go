package epoll_test

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/epoll"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/socket"
)

// pair returns two connected sockets of the kernel.
func (g *guest) pair() (a, b uint32) { return g.pairWith(g) }

// pairWith makes connected sockets, of which the second is another guest's.
func (g *guest) pairWith(other *guest) (a, b uint32) {
	g.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	check(g, "socketpair", err, nil)
	var guests [2]uint32
	for i, fd := range fds {
		s, err := network.FromFD(fd)
		check(g, "FromFD", err, nil)
		_ = unix.Close(fd)
		owner := []*guest{g, other}[i]
		guests[i] = owner.insert(socket.New(s).File())
	}
	return guests[0], guests[1]
}

// newKernelGuest checks that the host's descriptors are closed with the guest, as
// soon as nobody uses them any more.
func newKernelGuest(t *testing.T) *guest {
	startPoller(t)
	before := hostDescriptors(t)
	t.Cleanup(func() {
		now := hostDescriptors(t)
		for end := ready.After(patience); now != before && ready.Now() < end; now = hostDescriptors(t) {
			time.Sleep(time.Millisecond)
		}
		if now != before {
			t.Errorf("%d descriptors of the host, %d before", now, before)
		}
	})
	return newGuest(t)
}

// startPoller starts what lives as long as the Go process.
func startPoller(t *testing.T) {
	var fd ready.FD
	n, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	check(t, "eventfd", err, nil)
	fd.Init(n)
	check(t, "arm", fd.Arm(), nil)
	fd.Disarm()
	_ = unix.Close(n)
}

func hostDescriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	check(t, "readdir", err, nil)
	return len(names)
}

// Sources of both kinds are reported in one wait, and each wakes it, whether
// the thread parks or blocks in the kernel.
func TestBothKinds(t *testing.T) {
	for _, own := range []bool{false, true} {
		g := newKernelGuest(t)
		ep, event := g.epoll(), g.event(0)
		a, b := g.pair()
		g.mustAdd(ep, a, in)
		g.mustAdd(ep, event, in)
		th := g.thread()
		th.waiter.OwnsThread = own
		pauses := []time.Duration{0, 100 * time.Microsecond, 3 * time.Millisecond}
		for i := range 300 {
			fd, source := b, a
			if i%2 == 0 {
				fd, source = event, event
			}
			time.AfterFunc(pauses[i%len(pauses)], func() {
				if err := g.write(fd); err != nil {
					t.Error(err)
				}
			})
			list, err := th.wait(ep, 10, patience)
			if err != nil || len(list) != 1 || list[0] != (seen{source, in}) {
				t.Fatalf("%v, %v", list, err)
			}
			check(t, "read", g.read(source), nil)
		}
		check(t, "write", g.write(b), nil)
		check(t, "write", g.write(event), nil)
		list, err := th.wait(ep, 10, 0)
		if len(list) != 2 || err != nil {
			t.Errorf("%v, %v", list, err)
		}
		for range 2 { // neither kind comes twice in a row where there is room for one
			first, _ := th.wait(ep, 1, 0)
			second, _ := th.wait(ep, 1, 0)
			if len(first) != 1 || len(second) != 1 || first[0].fd == second[0].fd {
				t.Errorf("%v, then %v", first, second)
			}
		}
	}
}

// A socket may be watched by several descriptors, which end one by one.
func TestKernelSourceTwice(t *testing.T) {
	g := newKernelGuest(t)
	ep := g.epoll()
	a, b := g.pair()
	dup, err := g.table.Dup(a, 0, false)
	check(t, "dup", err, nil)
	g.mustAdd(ep, a, in)
	g.mustAdd(ep, dup, in)
	check(t, "add", g.add(ep, a, in), syscall.EEXIST)
	check(t, "write", g.write(b), nil)
	g.sees(ep, seen{a, in}, seen{dup, in})
	check(t, "delete", g.delete(ep, a), nil)
	g.sees(ep, seen{dup, in})
	check(t, "close", g.table.Close(dup), nil)
	g.sees(ep, seen{dup, in}) // a is still open
	check(t, "close", g.table.Close(a), nil)
	g.sees(ep)
}

// The number that the kernel gives again belongs to another socket then.
func TestKernelNumberReused(t *testing.T) {
	g := newKernelGuest(t)
	ep := g.epoll()
	for range 50 {
		a, b := g.pair()
		g.mustAdd(ep, a, in)
		check(t, "write", g.write(b), nil)
		check(t, "close", g.table.Close(a), nil)
		c, d := g.pair()
		check(t, "modify", g.modify(ep, c, in), syscall.ENOENT)
		check(t, "write", g.write(d), nil)
		g.sees(ep)
		for _, fd := range []uint32{b, c, d} {
			check(t, "close", g.table.Close(fd), nil)
		}
	}
}

// A thread that waits on an Epoll without any source of the kernel's gets to
// know one that is added, directly and through an outer Epoll.
func TestKernelSourceComesLater(t *testing.T) {
	g := newKernelGuest(t)
	for range 20 {
		ep, outer, event := g.epoll(), g.epoll(), g.event(0)
		a, b := g.pair()
		g.mustAdd(ep, event, in)
		g.mustAdd(outer, ep, in)
		done := make(chan seen, 2)
		for _, fd := range []uint32{ep, outer} {
			go func() {
				list, err := g.thread().wait(fd, 10, patience)
				if err != nil || len(list) != 1 {
					t.Error(list, err)
					list = make([]seen, 1)
				}
				done <- list[0]
			}()
			g.awaitWaiter(fd)
		}
		g.mustAdd(ep, a, in)
		check(t, "write", g.write(b), nil)
		first, second := <-done, <-done
		if first.fd != a {
			first, second = second, first
		}
		if first != (seen{a, in}) || second != (seen{ep, in}) {
			t.Errorf("%v and %v", first, second)
		}
		check(t, "poll", g.with(outer, func(d *descriptor.Description) error {
			subs := []ready.Subscription{{Source: d.File, Asked: ready.In | ready.Out}}
			n, err := g.waiter.Poll(subs, ready.After(patience))
			if n != 1 || subs[0].Got != ready.In {
				t.Errorf("poll: %d, %v", n, subs)
			}
			return err
		}), nil)
		check(t, "read", g.read(a), nil)
		g.sees(ep)
		g.sees(outer)
		for _, fd := range []uint32{ep, outer, event, a, b} {
			check(t, "close", g.table.Close(fd), nil)
		}
	}
}

// Threads of all kinds echo bytes that others send, by one Epoll, while sockets
// come and go.
func TestEchoByEpoll(t *testing.T) {
	for name, asked := range map[string]abi.EpollType{"level": in, "edge": in | edge, "oneshot": in | oneshot} {
		t.Run(name, func(t *testing.T) {
			g := newKernelGuest(t)
			ep, stop := g.epoll(), g.event(0)
			g.mustAdd(ep, stop, in)
			var servers, clients sync.WaitGroup
			for i := range 3 {
				servers.Go(func() {
					th := g.thread()
					if th.waiter.OwnsThread = i == 0; i == 0 {
						runtime.LockOSThread()
					}
					th.echo(ep, stop, asked)
				})
			}
			for range 4 {
				clients.Go(func() { g.thread().converse(ep, asked) })
			}
			clients.Wait()
			check(t, "write", g.write(stop), nil)
			servers.Wait()
		})
	}
}

// echo serves until there is something to read from stop.
func (g *guest) echo(ep, stop uint32, asked abi.EpollType) {
	for {
		list, err := g.wait(ep, 2, patience)
		if err != nil || len(list) == 0 {
			g.Error(list, err)
			return
		}
		for _, s := range list {
			if s.fd == stop {
				return
			}
			for g.read(s.fd) == nil && g.write(s.fd) == nil {
				continue
			}
			if asked&oneshot != 0 {
				_ = g.modify(ep, s.fd, asked)
			}
		}
	}
}

// converse opens sockets and has bytes come back through them. Its own ends are
// another guest's: a server may have been told of a socket that is closed
// meanwhile, and would take what comes to the next of that number.
func (g *guest) converse(ep uint32, asked abi.EpollType) {
	client := newGuest(g.TB)
	for range 20 {
		a, b := g.pairWith(client)
		g.mustAdd(ep, a, asked)
		for range 20 {
			if err := client.write(b); err != nil {
				g.Error(err)
				return
			}
			if err := client.with(b, func(d *descriptor.Description) error {
				subs := []ready.Subscription{{Source: d.File, Asked: ready.In}}
				_, err := client.waiter.Poll(subs, ready.After(patience))
				return err
			}); err != nil {
				g.Error("no echo: ", err)
				return
			}
			if err := client.read(b); err != nil {
				g.Error(err)
				return
			}
		}
		// b first: a, still watched, hangs up.
		if client.table.Close(b) != nil || g.table.Close(a) != nil {
			g.Error("close")
		}
	}
}

func TestKernelWaitDoesNotAllocate(t *testing.T) {
	g := newKernelGuest(t)
	ep := g.epoll()
	a, b := g.pair()
	d, _, err := g.table.Acquire(ep)
	check(t, "acquire", err, nil)
	defer d.Release()
	s, _, err := g.table.Acquire(a)
	check(t, "acquire", err, nil)
	defer s.Release()
	e := epoll.Of(d.File)
	g.mustAdd(ep, a, in)
	g.mustAdd(ep, g.event(0), in)
	check(t, "write", g.write(b), nil)
	if n := testing.AllocsPerRun(100, func() {
		events, err := e.Wait(d, g.waiter, &g.buf, 10, ready.Never)
		if len(events) != 1 || err != nil {
			t.Fatal(events, err)
		}
		check(t, "modify", e.Modify(s, a, epoll.Event{Events: in}), nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	check(t, "read", g.read(a), nil)
	for _, own := range []bool{false, true} {
		g.waiter.OwnsThread = own
		if n := testing.AllocsPerRun(100, func() { _, _ = e.Wait(d, g.waiter, &g.buf, 10, ready.After(1_500_000)) }); n != 0 {
			t.Errorf("%v allocations of a wait in vain", n)
		}
	}
}
