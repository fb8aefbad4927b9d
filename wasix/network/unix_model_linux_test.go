package network

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// The kernel's AF_UNIX is the model: the same operations in the same order must
// give the same results. The names are abstract ones, which go with the socket.

// unixEnd is a socket of either side.
type unixEnd interface {
	bind(name string) error
	listen(backlog int) error
	accept() (unixEnd, string, error)
	connect(name string) error
	dissolve() error
	send(data []byte) (int, error)
	sendTo(data []byte, name string) (int, error)
	recv(size int, peek bool) (data string, from string, cut bool, err error)
	shutdown(how abi.Sdflags) error
	names() (local, peer string, err error)
	soError() error
	poll() string
	close()
}

type unixSides interface {
	open(typ abi.SockType) unixEnd
	pair(typ abi.SockType) (unixEnd, unixEnd)
}

// kernelSide is Linux.
type kernelSide struct {
	t      testing.TB
	prefix string
}

type kernelEnd struct {
	side *kernelSide
	fd   int
}

func (k *kernelSide) open(typ abi.SockType) unixEnd {
	fd := must[int](k.t)(unix.Socket(unix.AF_UNIX, kernelUnixType(typ)|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0))
	return &kernelEnd{k, fd}
}

func (k *kernelSide) pair(typ abi.SockType) (unixEnd, unixEnd) {
	fds, err := unix.Socketpair(unix.AF_UNIX, kernelUnixType(typ)|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	check(k.t, "socketpair", err, nil)
	return &kernelEnd{k, fds[0]}, &kernelEnd{k, fds[1]}
}

func kernelUnixType(typ abi.SockType) int {
	if typ == abi.SockTypeSeqpacket {
		return unix.SOCK_SEQPACKET
	}
	return kernelType(typ)
}

func (k *kernelSide) sockaddr(name string) unix.Sockaddr {
	return &unix.SockaddrUnix{Name: "@" + k.prefix + name}
}

func (k *kernelSide) name(sa unix.Sockaddr) string {
	if u, ok := sa.(*unix.SockaddrUnix); ok && u.Name != "@" { // which is the unnamed one
		return strings.TrimPrefix(u.Name, "@"+k.prefix)
	}
	return ""
}

func (e *kernelEnd) bind(name string) error    { return unix.Bind(e.fd, e.side.sockaddr(name)) }
func (e *kernelEnd) listen(backlog int) error  { return unix.Listen(e.fd, backlog) }
func (e *kernelEnd) connect(name string) error { return unix.Connect(e.fd, e.side.sockaddr(name)) }
func (e *kernelEnd) dissolve() error           { return connect(e.fd, &sockaddr{len: 16}) }
func (e *kernelEnd) close()                    { _ = unix.Close(e.fd) }

func (e *kernelEnd) accept() (unixEnd, string, error) {
	fd, sa, err := unix.Accept4(e.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return nil, "", err
	}
	return &kernelEnd{e.side, fd}, e.side.name(sa), nil
}

func (e *kernelEnd) send(data []byte) (int, error) {
	return unix.SendmsgN(e.fd, data, nil, nil, unix.MSG_NOSIGNAL)
}

func (e *kernelEnd) sendTo(data []byte, name string) (int, error) {
	return unix.SendmsgN(e.fd, data, nil, e.side.sockaddr(name), unix.MSG_NOSIGNAL)
}

func (e *kernelEnd) recv(size int, peek bool) (string, string, bool, error) {
	b, flags := make([]byte, size), 0
	if peek {
		flags = unix.MSG_PEEK
	}
	n, _, out, sa, err := unix.Recvmsg(e.fd, b, nil, flags)
	return string(b[:max(n, 0)]), e.side.name(sa), out&unix.MSG_TRUNC != 0, err
}

func (e *kernelEnd) shutdown(how abi.Sdflags) error { return unix.Shutdown(e.fd, int(how)-1) }

func (e *kernelEnd) names() (string, string, error) {
	local, _ := unix.Getsockname(e.fd)
	peer, err := unix.Getpeername(e.fd)
	return e.side.name(local), e.side.name(peer), err
}

func (e *kernelEnd) soError() error { return newHostSocket(e.fd, 0, 0, 0).TakeError() }

func (e *kernelEnd) poll() string {
	return levels(newHostSocket(e.fd, 0, 0, 0).Ready(ready.In | ready.Out | ready.RdHup))
}

func levels(ev ready.Events) string {
	var s []string
	for i, name := range []string{"In", "Out", "RdHup", "Err", "Hup"} {
		if ev&(1<<i) != 0 {
			s = append(s, name)
		}
	}
	return strings.Join(s, "|")
}

// ourSide is package network.
type ourSide struct {
	t testing.TB
	n Network
}

type ourEnd struct {
	side *ourSide
	s    Socket
}

func (o *ourSide) open(typ abi.SockType) unixEnd {
	return &ourEnd{o, must[Socket](o.t)(o.n.Socket(abi.AddressFamilyUnix, typ, 0))}
}

func (o *ourSide) pair(typ abi.SockType) (unixEnd, unixEnd) {
	a, b, err := o.n.(Pairer).Pair(typ)
	check(o.t, "pair", err, nil)
	return &ourEnd{o, a}, &ourEnd{o, b}
}

func abstract(name string) Addr { return Addr{Unix: true, Path: "\x00" + name} }

func nameOf(a Addr) string { return strings.TrimPrefix(a.Path, "\x00") }

func (e *ourEnd) bind(name string) error         { return e.s.Bind(abstract(name)) }
func (e *ourEnd) listen(backlog int) error       { return e.s.Listen(backlog) }
func (e *ourEnd) connect(name string) error      { return e.s.Connect(abstract(name)) }
func (e *ourEnd) dissolve() error                { return e.s.Connect(Addr{}) }
func (e *ourEnd) shutdown(how abi.Sdflags) error { return e.s.Shutdown(how) }
func (e *ourEnd) soError() error                 { return e.s.TakeError() }
func (e *ourEnd) close()                         { _ = e.s.Close() }
func (e *ourEnd) poll() string                   { return levels(e.s.Ready(ready.In | ready.Out | ready.RdHup)) }

func (e *ourEnd) accept() (unixEnd, string, error) {
	s, from, err := e.s.Accept()
	if err != nil {
		return nil, "", err
	}
	return &ourEnd{e.side, s}, nameOf(from), nil
}

func (e *ourEnd) send(data []byte) (int, error) { return e.s.Sendmsg([][]byte{data}, nil) }

func (e *ourEnd) sendTo(data []byte, name string) (int, error) {
	to := abstract(name)
	return e.s.Sendmsg([][]byte{data}, &to)
}

func (e *ourEnd) recv(size int, peek bool) (string, string, bool, error) {
	var flags MsgFlags
	if peek {
		flags = MsgPeek
	}
	b, from := make([]byte, size), Addr{}
	half := size / 2 // over two buffers, to test those
	n, out, err := e.s.Recvmsg([][]byte{b[:half], b[half:]}, flags, &from)
	if err != nil {
		return "", "", false, err
	}
	return string(b[:n]), nameOf(from), out&MsgTrunc != 0, err
}

func (e *ourEnd) names() (string, string, error) {
	local, _ := e.s.LocalAddr()
	peer, err := e.s.PeerAddr()
	return nameOf(local), nameOf(peer), err
}

const modelSlots = 5

// unixStep does the step that r gives and describes what came of it.
func unixStep(r *rand.Rand, typ abi.SockType, side unixSides, ends []unixEnd) string {
	i, j := r.IntN(modelSlots), r.IntN(modelSlots)
	name := string(rune('a' + r.IntN(3)))
	size, op, peek := r.IntN(5), r.IntN(26), r.IntN(3) == 0
	data := []byte("abcde")[:size]
	if typ == abi.SockTypeSeqpacket && size == 0 {
		data = data[:1] // whether an unread empty one counts depends on the kernel's age
	}
	e := ends[i]
	if e == nil {
		if i != j && ends[j] == nil && op < 12 {
			ends[i], ends[j] = side.pair(typ)
			return fmt.Sprintf("%d, %d = pair()", i, j)
		}
		ends[i] = side.open(typ)
		return fmt.Sprintf("%d = open()", i)
	}
	switch op {
	case 0, 1:
		return fmt.Sprintf("%d.bind(%s): %v", i, name, e.bind(name))
	case 2, 3:
		return fmt.Sprintf("%d.listen(%d): %v", i, size, e.listen(size))
	case 4, 5, 6:
		c, from, err := e.accept()
		if err == nil {
			if ends[j] != nil {
				ends[j].close()
			}
			ends[j] = c
		}
		return fmt.Sprintf("%d = %d.accept(): from %q, %v", j, i, from, err)
	case 7, 8, 9, 10:
		return fmt.Sprintf("%d.connect(%s): %v", i, name, e.connect(name))
	case 11, 12, 13, 14:
		n, err := e.send(data)
		return fmt.Sprintf("%d.send(%q): %d, %v", i, data, n, err)
	case 15:
		n, err := e.sendTo(data, name)
		return fmt.Sprintf("%d.sendTo(%q, %s): %d, %v", i, data, name, n, err)
	case 16, 17, 18, 19:
		got, from, cut, err := e.recv(size, peek)
		return fmt.Sprintf("%d.recv(%d, peek %v): %q from %q, cut %v, %v", i, size, peek, got, from, cut, err)
	case 20:
		how := abi.Sdflags(1 + r.IntN(3))
		return fmt.Sprintf("%d.shutdown(%d): %v", i, how, e.shutdown(how))
	case 21:
		return fmt.Sprintf("%d.soError(): %v", i, e.soError())
	case 22:
		local, peer, err := e.names()
		return fmt.Sprintf("%d.names(): %q, %q, %v", i, local, peer, err)
	case 23:
		return fmt.Sprintf("%d.dissolve(): %v", i, e.dissolve())
	default:
		e.close()
		ends[i] = nil
		return fmt.Sprintf("%d.close()", i)
	}
}

// intended reports differences that are meant: what a non-blocking socket on
// Linux answers with EAGAIN though a blocking one is at the end.
func intended(native, ours string) bool {
	op, result, _ := strings.Cut(native, ": ")
	again := strings.HasSuffix(result, unix.EAGAIN.Error())
	return again && (strings.Contains(op, "recv") && strings.HasSuffix(ours, `: "" from "", cut false, <nil>`) ||
		strings.Contains(op, "accept") && strings.HasSuffix(ours, unix.EINVAL.Error()))
}

func TestUnixIsLikeLinux(t *testing.T) {
	for _, typ := range []abi.SockType{stream, dgram, abi.SockTypeSeqpacket} {
		t.Run(typ.String(), func(t *testing.T) {
			for seed := range uint64(300) {
				if !sameAsLinux(t, typ, seed) {
					return
				}
			}
		})
	}
}

func sameAsLinux(t *testing.T, typ abi.SockType, seed uint64) bool {
	sides := [2]unixSides{
		&kernelSide{t, fmt.Sprintf("gowasix-%d-%v-%d-", os.Getpid(), typ, seed)},
		&ourSide{t, Unix()},
	}
	var ends [2][]unixEnd
	var random [2]*rand.Rand
	for k := range sides {
		ends[k], random[k] = make([]unixEnd, modelSlots), rand.New(rand.NewPCG(seed, uint64(typ)))
	}
	defer func() {
		for _, e := range append(ends[0], ends[1]...) {
			if e != nil {
				e.close()
			}
		}
	}()
	var story []string
	for range 60 {
		native := unixStep(random[0], typ, sides[0], ends[0])
		ours := unixStep(random[1], typ, sides[1], ends[1])
		story = append(story, native)
		if native != ours && !intended(native, ours) {
			t.Errorf("seed %d: Linux says %s\n     we say %s\nafter\n%s", seed, native, ours, strings.Join(story, "\n"))
			return false
		}
		for i := range ends[0] {
			if ends[0][i] == nil {
				continue
			}
			if a, b := ends[0][i].poll(), ends[1][i].poll(); a != b {
				t.Errorf("seed %d: Linux polls %d as %s, we as %s, after\n%s", seed, i, a, b, strings.Join(story, "\n"))
				return false
			}
		}
	}
	return true
}
