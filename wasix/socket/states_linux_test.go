package socket_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/network/virtual"
	"github.com/gowasix/gowasix/wasix/ready"
)

// The tests here make random calls on several sockets: the same ones on the
// kernel's, on ours over the kernel's network, and on ours over a virtual one. Each
// call must return the same on all three, and leave all sockets ready for the same.
// What only Linux does is left out where the call is made, and said there.

const (
	stateSockets = 6 // open at a time
	stateCalls   = 40
)

// TestStates makes some sequences of calls, and many with GOWASIX_SCALE.
func TestStates(t *testing.T) {
	sequences := 200
	if os.Getenv("GOWASIX_SCALE") != "" {
		sequences = 20_000
	}
	noLeaks(t)
	for seed := range uint64(sequences) {
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { sameStates(t, seed) }) {
			return
		}
	}
}

func sameStates(t *testing.T, seed uint64) {
	vnet := virtual.New(virtual.WithRetransmission(10*time.Millisecond, time.Minute, 15))
	defer vnet.Close()
	s := &states{
		t:      t,
		random: rand.New(rand.NewPCG(seed, 0)),
		runs: []*stateRun{
			{name: "kernel", run: run{system: kernel{}, t: t, family: unix.AF_INET}},
			{name: "host", run: run{system: newTable(network.Host()), t: t, family: unix.AF_INET}},
			{name: "virtual", run: run{system: newTable(vnet.Host("guest")), t: t, family: unix.AF_INET}},
		},
	}
	if seed%3 == 2 {
		for _, r := range s.runs {
			r.family = unix.AF_INET6
		}
	}
	defer s.close()
	for range stateCalls {
		if !s.step() {
			t.Errorf("seed %d:\n%s", seed, strings.Join(s.log, "\n"))
			return
		}
	}
}

// states are the same sockets in all systems.
type states struct {
	t      *testing.T
	random *rand.Rand
	runs   []*stateRun
	types  []int  // of the sockets, by their numbers
	shut   []bool // sockets that shutdown was called for
	log    []string
}

// stateRun is one of the systems. fds and the sockets' numbers go together.
type stateRun struct {
	name string
	run
}

func (s *states) close() {
	for _, r := range s.runs {
		for _, fd := range r.fds {
			_ = r.system.close(fd)
		}
	}
}

// step makes a call and reports whether it was the same everywhere.
func (s *states) step() bool {
	call := s.next()
	for _, r := range s.runs {
		call(r)
	}
	got := make([]string, len(s.runs))
	for i, r := range s.runs {
		got[i] = strings.Join(r.log, "; ")
		r.log = nil
	}
	s.log = append(s.log, got[0])
	same := s.agree(got)
	return s.settle() && same
}

// agree reports whether all say the same, and notes who does not.
func (s *states) agree(got []string) bool {
	same := true
	for i, g := range got[1:] {
		if g != got[0] {
			same = false
			s.log = append(s.log, fmt.Sprintf("  but %s: %s", s.runs[i+1].name, g))
		}
	}
	return same
}

// settle waits until all sockets are ready for the same in all systems.
func (s *states) settle() bool {
	got := make([]string, len(s.runs))
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Microsecond) {
		for i, r := range s.runs {
			got[i] = r.levels()
		}
		if !slices.ContainsFunc(got, func(g string) bool { return g != got[0] }) {
			return true
		}
		if time.Now().After(end) {
			s.log = append(s.log, "ready: "+got[0])
			return s.agree(got)
		}
	}
}

// levels tells what each socket is ready for, and what can be read.
func (r *stateRun) levels() string {
	var b strings.Builder
	for i, fd := range r.fds {
		fmt.Fprintf(&b, "%d:%x,%d ", i, r.level(fd), r.available(fd))
	}
	return b.String()
}

// available returns how many bytes of a stream there are.
func (r *stateRun) available(fd int) int {
	listens, err1 := r.getsockopt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	typ, err2 := r.getsockopt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	r.must(errors.Join(err1, err2))
	if listens != 0 || typ != unix.SOCK_STREAM {
		return 0
	}
	t, ours := r.system.(*table)
	if !ours {
		n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
		r.must(err)
		return n
	}
	s, d, err := t.use(fd)
	r.must(err)
	defer d.Release()
	return s.Info().RecvQueue
}

const everyLevel = unix.POLLIN | unix.POLLOUT | unix.POLLRDHUP

func (r *stateRun) level(fd int) int16 {
	t, ours := r.system.(*table)
	if !ours {
		fds := []unix.PollFd{{Fd: int32(fd), Events: everyLevel}}
		_, err := unix.Poll(fds, 0)
		r.must(err)
		return fds[0].Revents
	}
	s, d, err := t.use(fd)
	r.must(err)
	defer d.Release()
	var got int16
	for bit, e := range pollBits {
		if s.Ready(ready.In|ready.Out|ready.RdHup)&e != 0 {
			got |= bit
		}
	}
	return got
}

// next returns the next call. It works with the numbers of sockets only.
func (s *states) next() func(*stateRun) {
	if len(s.types) == 0 || len(s.types) < stateSockets && s.random.IntN(5) == 0 {
		return s.open()
	}
	n, other := s.random.IntN(len(s.types)), s.random.IntN(len(s.types))
	if s.types[other] != s.types[n] || s.shut[other] { // the port may be another program's
		other = n
	}
	calls := []func(n, other int) func(*stateRun){
		s.bind, s.listen, s.listen, s.accept, s.accept, s.connect, s.connect, s.connect, s.send, s.send, s.send, s.sendTo,
		s.recv, s.recv, s.recv, s.shutdown, s.name, s.peer, s.option, s.error, s.drop,
	}
	return calls[s.random.IntN(len(calls))](n, other)
}

func (s *states) open() func(*stateRun) {
	typ := []int{unix.SOCK_STREAM, unix.SOCK_STREAM, unix.SOCK_DGRAM}[s.random.IntN(3)]
	s.add(typ)
	return func(r *stateRun) {
		fd := r.open(typ)
		r.must(r.setnonblock(fd, true))
		r.say(fmt.Sprint("open ", len(r.fds)-1, " ", typ))
	}
}

func (s *states) add(typ int) {
	s.types, s.shut = append(s.types, typ), append(s.shut, false)
}

func (r *stateRun) anyPort() unix.Sockaddr {
	if r.family == unix.AF_INET6 {
		return &unix.SockaddrInet6{Addr: [16]byte{15: 1}}
	}
	return loopback
}

// bind binds to a free port, or to that of another socket.
func (s *states) bind(n, other int) func(*stateRun) {
	free := s.random.IntN(4) > 0 || other == n
	return func(r *stateRun) {
		to := r.anyPort()
		if !free {
			to = r.at(r.fds[other])
		}
		r.say(fmt.Sprint("bind ", n, " as ", other, " or free ", free), r.bind(r.fds[n], to))
	}
}

// listen leaves out what Linux alone has: what a listener accepts that was shut
// before it listened is shut, too.
func (s *states) listen(n, _ int) func(*stateRun) {
	if s.shut[n] {
		return s.recv(n, n)
	}
	return func(r *stateRun) { r.say(fmt.Sprint("listen ", n), r.system.listen(r.fds[n], 64)) }
}

// accept may add a socket.
func (s *states) accept(n, _ int) func(*stateRun) {
	if len(s.types) >= stateSockets {
		return s.recv(n, n)
	}
	typ := s.types[n]
	added := false
	return func(r *stateRun) {
		fd, from, err := r.system.accept(r.fds[n])
		r.say(fmt.Sprint("accept ", n), from, err)
		if err != nil {
			return
		}
		r.must(r.setnonblock(fd, true))
		r.fds = append(r.fds, fd)
		if !added {
			added = true
			s.add(typ)
		}
	}
}

// connect connects to where another socket is bound, or to none. It leaves out what
// Linux alone has: a datagram socket whose peer has port 0 hears all ports, and one
// without its peer loses the port that it had not asked for; a connection with itself
// heeds what was shut before.
func (s *states) connect(n, other int) func(*stateRun) {
	if s.shut[n] {
		return s.peer(n, n)
	}
	dissolve := s.random.IntN(8) == 0
	datagram := s.types[n] == unix.SOCK_DGRAM
	return func(r *stateRun) {
		var to unix.Sockaddr
		if !dissolve {
			to = r.at(r.fds[other])
		}
		if datagram && (to == nil || port(to) == 0) {
			r.say("no peer")
			return
		}
		r.say(fmt.Sprint("connect ", n, " to ", other, " dissolve ", dissolve), r.system.connect(r.fds[n], to))
	}
}

func port(a unix.Sockaddr) int {
	if six, ok := a.(*unix.SockaddrInet6); ok {
		return six.Port
	}
	return a.(*unix.SockaddrInet4).Port
}

func (s *states) data() string {
	return strings.Repeat(string(rune('a'+s.random.IntN(26))), s.random.IntN(9))
}

// send leaves out datagrams that have nowhere to go, which bind a port on Linux alone.
func (s *states) send(n, _ int) func(*stateRun) {
	data := s.data()
	datagram := s.types[n] == unix.SOCK_DGRAM
	return func(r *stateRun) {
		if _, err := r.getpeername(r.fds[n]); err != nil && datagram {
			r.say(fmt.Sprint("no peer ", n), err)
			return
		}
		k, err := r.send(r.fds[n], data, 0)
		r.say(fmt.Sprintf("send %d %q", n, data), k, err)
	}
}

func (s *states) sendTo(n, other int) func(*stateRun) {
	data := s.data()
	return func(r *stateRun) {
		k, err := r.sendto(r.fds[n], [][]byte{[]byte(data)}, 0, r.run.name(r.fds[other]))
		r.say(fmt.Sprintf("send %d %q to %d", n, data, other), k, err)
	}
}

func (s *states) recv(n, _ int) func(*stateRun) {
	size, flags := s.random.IntN(12), []int{0, 0, 0, unix.MSG_PEEK, unix.MSG_TRUNC, unix.MSG_WAITALL}[s.random.IntN(6)]
	return func(r *stateRun) {
		b := make([]byte, size)
		k, cut, from, err := r.recvfrom(r.fds[n], [][]byte{b}, flags)
		r.say(fmt.Sprint("recv ", n, " size ", size, " flags ", flags), k, cut, from, err, b)
	}
}

func (s *states) shutdown(n, _ int) func(*stateRun) {
	how := s.random.IntN(3)
	s.shut[n] = true
	return func(r *stateRun) { r.say(fmt.Sprint("shutdown ", n, " ", how), r.system.shutdown(r.fds[n], how)) }
}

func (s *states) name(n, _ int) func(*stateRun) {
	return func(r *stateRun) { r.say(fmt.Sprint("name ", n), r.at(r.fds[n])) }
}

// at returns where a socket can be reached. It leaves out what Linux alone has: a
// stream tells a port that it had, and has no more.
func (r *stateRun) at(fd int) unix.Sockaddr {
	a := r.run.name(fd)
	listens, err1 := r.getsockopt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	typ, err2 := r.getsockopt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	r.must(errors.Join(err1, err2))
	if _, err := r.getpeername(fd); err != nil && listens == 0 && typ == unix.SOCK_STREAM {
		return r.anyPort()
	}
	return a
}

func (s *states) peer(n, _ int) func(*stateRun) {
	return func(r *stateRun) {
		a, err := r.getpeername(r.fds[n])
		r.say(fmt.Sprint("peer ", n), a, err)
	}
}

// option sets an option and gets it.
func (s *states) option(n, _ int) func(*stateRun) {
	o := [][2]int{
		{unix.SOL_SOCKET, unix.SO_REUSEADDR}, {unix.SOL_SOCKET, unix.SO_REUSEPORT}, {unix.SOL_SOCKET, unix.SO_KEEPALIVE},
		{unix.SOL_SOCKET, unix.SO_BROADCAST}, {unix.SOL_SOCKET, unix.SO_ACCEPTCONN}, {unix.SOL_SOCKET, unix.SO_TYPE},
		{unix.IPPROTO_TCP, unix.TCP_NODELAY},
	}[s.random.IntN(7)]
	v := s.random.IntN(2)
	return func(r *stateRun) {
		err := r.setsockopt(r.fds[n], o[0], o[1], v)
		got, err2 := r.getsockopt(r.fds[n], o[0], o[1])
		r.say(fmt.Sprint("option ", n, " ", o, " ", v), err, got, err2)
	}
}

func (s *states) error(n, _ int) func(*stateRun) {
	return func(r *stateRun) {
		v, err := r.getsockopt(r.fds[n], unix.SOL_SOCKET, unix.SO_ERROR)
		r.say(fmt.Sprint("error ", n), unix.ErrnoName(unix.Errno(v)), err)
	}
}

// drop closes a socket, by a reset or not.
func (s *states) drop(n, _ int) func(*stateRun) {
	if s.random.IntN(2) == 0 {
		return s.send(n, n)
	}
	reset := s.random.IntN(3) == 0
	s.types, s.shut = slices.Delete(s.types, n, n+1), slices.Delete(s.shut, n, n+1)
	return func(r *stateRun) {
		fd := r.fds[n]
		if reset {
			r.must(r.setlinger(fd, unix.Linger{Onoff: 1}))
		}
		r.fds = slices.Delete(r.fds, n, n+1)
		r.say(fmt.Sprint("close ", n, " reset ", reset), r.system.close(fd))
	}
}
