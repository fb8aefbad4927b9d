package wasix

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// opener makes descriptors by system calls, until one fails.
type opener struct {
	*Thread
	made []uint32
	err  error
}

// Where an opener has its things.
const openedAt, openPathAt = 4096, 8192

func (o *opener) call(do handler, params ...uint64) {
	if o.err != nil {
		return
	}
	errno, err := call(o.Thread, do, params...)
	if err == nil && errno != abi.ESUCCESS {
		err = fmt.Errorf("%v after %d descriptors", errno, len(o.made))
	}
	o.err = err
}

// opens makes a call whose last n parameters, which it adds, are where descriptors
// are stored, and returns the last of those.
func (o *opener) opens(n int, do handler, params ...uint64) uint64 {
	for i := range n {
		params = append(params, openedAt+4*uint64(i))
	}
	o.call(do, params...)
	for i := range n {
		o.made = append(o.made, binary.LittleEndian.Uint32(o.mem[openedAt+4*i:]))
	}
	return uint64(o.made[len(o.made)-1])
}

func (o *opener) sets(fd uint64, flags abi.Fdflagsext) { o.call(fdFdflagsSet, fd, uint64(flags)) }

func (o *opener) opensFile(flags abi.Fdflagsext) uint64 {
	at, n := putText(o.Thread, openPathAt, "f")
	return o.opens(1, pathOpen2, 3, 0, at, n, 0, uint64(abi.RightsFdRead), 0, 0, uint64(flags))
}

// accepts makes a listener, a socket that connects to it, and what comes of that.
func (o *opener) accepts() {
	const unix, stream = uint64(abi.AddressFamilyUnix), uint64(abi.SockTypeStream)
	addr := append([]byte{byte(unix), 0}, append([]byte("/run/listener"), make([]byte, 95)...)...)
	copy(o.mem[openPathAt:], addr)
	l := o.opens(1, sockOpen, unix, stream, 0)
	o.call(sockBind, l, openPathAt)
	o.call(sockListen, l, 1)
	o.call(sockConnect, o.opens(1, sockOpen, unix, stream, 0), openPathAt)
	o.call(sockAcceptV2, l, 0, openedAt, openPathAt)
	o.made = append(o.made, binary.LittleEndian.Uint32(o.mem[openedAt:]))
}

const cloexec, inherited = abi.FdflagsextCloexec, abi.Fdflagsext(0)

// openers make descriptors, of which all are there after an exec, or none.
var openers = []struct {
	name  string
	open  func(*opener)
	stays bool
}{
	{"path_open", func(o *opener) {
		at, n := putText(o.Thread, openPathAt, "f")
		o.opens(1, pathOpen, 3, 0, at, n, 0, uint64(abi.RightsFdRead), 0, 0)
	}, true},
	{"path_open2", func(o *opener) { o.opensFile(inherited) }, true},
	{"path_open2 with CLOEXEC", func(o *opener) { o.opensFile(cloexec) }, false},
	{"fd_dup", func(o *opener) { o.opens(1, fdDup, 3) }, true},
	{"fd_dup of one that is closed on exec", func(o *opener) {
		fd := o.opensFile(cloexec)
		o.made = nil
		o.opens(1, fdDup, fd)
	}, true},
	{"fd_dup2", func(o *opener) { o.opens(1, fdDup2, 3, 10, 0) }, true},
	{"fd_dup2 with cloexec", func(o *opener) { o.opens(1, fdDup2, 3, 10, 1) }, false},
	{"fd_renumber of one that is closed on exec", func(o *opener) {
		fd := o.opensFile(cloexec)
		o.call(fdRenumber, fd, 20)
		o.made = []uint32{20}
	}, true},
	{"fd_renumber to one that is closed on exec", func(o *opener) {
		fd := o.opensFile(cloexec)
		o.call(fdRenumber, 3, fd)
	}, true},
	{"fd_pipe", func(o *opener) { o.opens(2, fdPipe) }, true},
	{"fd_event", func(o *opener) { o.opens(1, fdEvent, 0, 0) }, true},
	{"epoll_create", func(o *opener) { o.opens(1, epollCreate) }, true},
	{"sock_open", func(o *opener) { o.opens(1, sockOpen, uint64(abi.AddressFamilyUnix), uint64(abi.SockTypeDgram), 0) }, true},
	{"sock_pair", func(o *opener) { o.opens(2, sockPair, uint64(abi.AddressFamilyUnix), uint64(abi.SockTypeStream), 0) }, true},
	{"sock_accept_v2", (*opener).accepts, true},
}

// tellsOpen prints the descriptors that are open, from 4 on.
var tellsOpen = program(func(t *Thread) error {
	var open []uint32
	for fd := range uint32(64) {
		errno, err := call(t, fdFdflagsGet, uint64(fd), openedAt)
		if err != nil {
			return err
		}
		if errno == abi.ESUCCESS && fd > 3 {
			open = append(open, fd)
		}
	}
	putIovec(t, 512, 1024, uint32(copy(t.mem[1024:], fmt.Sprint(open))))
	_, err := call(t, fdWrite, 1, 512, 1, 520)
	return err
})

// afterExec runs a program that makes descriptors and executes another, and returns
// what it made and what the other found.
func afterExec(t *testing.T, open func(*opener)) (made, found string) {
	t.Helper()
	var out bytes.Buffer
	c := execCommand(program(func(th *Thread) error {
		th.proc.wasix = true // which the fake module does not tell
		o := &opener{Thread: th}
		open(o)
		if o.err != nil {
			return o.err
		}
		slices.Sort(o.made)
		made = fmt.Sprint(o.made)
		n, nn := putText(th, 1024, "/bin/tell")
		errno, err := call(th, procExec3, n, nn, 2048, 0, 0, 0, 0, 0, 0)
		return errors.Join(fmt.Errorf("exec: %v", errno), err)
	}), &out)
	c.Programs = map[string]Module{"tell": tellsOpen}
	c.Network = network.Host()
	c.Mounts = []vfs.Mount{{FS: vfs.FS(fstest.MapFS{"f": {}})}}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return made, out.String()
}

// Every call that makes descriptors, or says whether they are closed on exec, is
// believed by an exec.
func TestExecClosesWhatItShould(t *testing.T) {
	for _, c := range openers {
		t.Run(c.name, func(t *testing.T) {
			check := func(how string, stays bool, open func(*opener)) {
				t.Helper()
				made, found := afterExec(t, open)
				if want := map[bool]string{true: made, false: "[]"}[stays]; found != want {
					t.Errorf("%s: %s were made, and %s are left", how, made, found)
				}
			}
			each := func(flags ...abi.Fdflagsext) func(*opener) {
				return func(o *opener) {
					c.open(o)
					for _, fd := range o.made {
						for _, f := range flags {
							o.sets(uint64(fd), f)
						}
					}
				}
			}
			check("as made", c.stays, c.open)
			check("when it is set", false, each(cloexec))
			check("when it is set and cleared", true, each(cloexec, inherited))
		})
	}
}
