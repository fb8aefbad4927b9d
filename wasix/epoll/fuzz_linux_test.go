package epoll_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/epoll"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/socket"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// FuzzLikeTheKernel carries out random sequences of operations with this package
// and with the kernel's own epoll, pipes, events and sockets: each must answer
// and report the same.
func FuzzLikeTheKernel(f *testing.F) {
	f.Add([]byte{0, 0, 0, 8, 0, 0, 1, 1, 5, 0, 9, 0, 6, 0, 9, 0})
	for seed := range byte(24) {
		ops := make([]byte, 400)
		x := uint32(seed)*2654435761 + 1
		for i := range ops {
			x ^= x << 13
			x ^= x >> 17
			x ^= x << 5
			ops[i] = byte(x >> 11)
		}
		f.Add(ops)
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		w := newWorlds(t)
		defer w.close()
		for len(ops) >= 4 && len(w.log) < 300 {
			w.step([4]byte(ops))
			ops = ops[4:]
		}
		w.wait(0)
	})
}

// worlds are a guest and the kernel. A slot is a descriptor of each.
type worlds struct {
	t      *testing.T
	table  *descriptor.Table
	waiter *ready.Waiter
	buf    epoll.Buffer
	quota  epoll.Quota
	slots  [12]slot
	log    []string
}

type slot struct {
	used   bool
	guest  uint32
	kernel int
	kind   kind
}

type kind byte

const (
	none kind = iota
	pipeEnd
	event
	unixSocket // in memory
	sysSocket  // of the kernel, on both sides
	instance   // of epoll
)

func newWorlds(t *testing.T) *worlds {
	w := &worlds{t: t, table: descriptor.NewTable(0), waiter: ready.NewWaiter()}
	w.put(0, epoll.New(&w.quota), must(t)(unix.EpollCreate1(unix.EPOLL_CLOEXEC)), instance)
	return w
}

func must(t *testing.T) func(int, error) int {
	return func(fd int, err error) int {
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
}

func (w *worlds) close() {
	w.table.CloseAll()
	for _, s := range w.slots {
		if s.used {
			_ = unix.Close(s.kernel)
		}
	}
}

// put gives f the number that the kernel's has: interest goes by the number, too.
func (w *worlds) put(i int, f descriptor.File, kernel int, k kind) {
	fd := uint32(kernel)
	if err := w.table.InsertAt(fd, descriptor.NewDescription(f, abi.FdflagsNonblock), descriptor.Rights{}); err != nil {
		w.t.Fatal(err)
	}
	w.slots[i] = slot{used: true, guest: fd, kernel: kernel, kind: k}
}

func (w *worlds) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

func (w *worlds) differ(what string, guest, kernel any) {
	w.t.Helper()
	w.t.Fatalf("%s: here %v, the kernel %v, after\n%s", what, guest, kernel, strings.Join(w.log, "\n"))
}

// same compares the results of one operation.
func (w *worlds) same(guest, kernel error) {
	w.t.Helper()
	if !errors.Is(guest, kernel) && guest != kernel {
		w.differ(w.log[len(w.log)-1], guest, kernel)
	}
}

// step carries out one operation, with two slots and a number.
func (w *worlds) step(op [4]byte) {
	i, j := int(op[1])%len(w.slots), int(op[2])%len(w.slots)
	switch op[0] % 16 {
	case 0:
		w.open(i, j, op[3])
	case 1:
		w.dup(i, j)
	case 2:
		w.shut(i)
	case 3, 4, 5, 6, 7, 8:
		w.control(i, j, op[3], op[0])
	case 9, 10:
		w.write(i, op[3])
	case 11, 12:
		w.read(i, op[3])
	default:
		w.wait(i)
	}
}

// open fills the free ones of two slots.
func (w *worlds) open(i, j int, what byte) {
	if w.slots[i].used || w.slots[j].used || i == j {
		return
	}
	w.note("open %d %d %d", i, j, what%5)
	var fds [2]int
	switch what % 5 {
	case 0:
		w.same(nil, unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC))
		r, wr := vfs.NewPipe()
		w.put(i, r, fds[0], pipeEnd)
		w.put(j, wr, fds[1], pipeEnd)
	case 1:
		e, err := vfs.NewEvent(uint64(what), what > 127)
		w.same(err, nil)
		flags := unix.EFD_NONBLOCK | unix.EFD_CLOEXEC
		if what > 127 {
			flags |= unix.EFD_SEMAPHORE
		}
		w.put(i, e, must(w.t)(unix.Eventfd(uint(what), flags)), event)
	case 2:
		fds = w.socketpair()
		a, b, err := socket.Pair(network.Unix(), abi.SockTypeStream)
		w.same(err, nil)
		w.put(i, a.File(), fds[0], unixSocket)
		w.put(j, b.File(), fds[1], unixSocket)
	case 3:
		fds = w.socketpair()
		pair := w.socketpair()
		for n, at := range []int{i, j} {
			s, err := network.FromFD(pair[n])
			w.same(err, nil)
			_ = unix.Close(pair[n])
			w.put(at, socket.New(s).File(), fds[n], sysSocket)
		}
	case 4:
		w.put(i, epoll.New(&w.quota), must(w.t)(unix.EpollCreate1(unix.EPOLL_CLOEXEC)), instance)
	}
}

func (w *worlds) socketpair() [2]int {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	w.same(err, nil)
	return fds
}

func (w *worlds) dup(i, j int) {
	if !w.slots[i].used || w.slots[j].used {
		return
	}
	w.note("dup %d to %d", i, j)
	kernel := must(w.t)(unix.FcntlInt(uintptr(w.slots[i].kernel), unix.F_DUPFD_CLOEXEC, 0))
	fd, err := w.table.Dup(w.slots[i].guest, uint32(kernel), false)
	w.same(err, nil)
	w.slots[j] = slot{used: true, guest: fd, kernel: kernel, kind: w.slots[i].kind}
}

func (w *worlds) shut(i int) {
	if !w.slots[i].used {
		return
	}
	w.note("close %d", i)
	w.same(w.table.Close(w.slots[i].guest), unix.Close(w.slots[i].kernel))
	w.slots[i] = slot{}
}

// control is epoll_ctl on what is an epoll instance and what is not.
func (w *worlds) control(i, j int, bits, op byte) {
	if !w.slots[i].used || !w.slots[j].used {
		return
	}
	op = op%3 + 1
	asked := abi.EpollType(bits)
	// The kernel reports an edge of these with each read of the peer.
	if w.slots[j].kind == unixSocket && asked&abi.EpollTypeEt != 0 {
		asked &^= abi.EpollTypeOut
	}
	w.note("control %d: op %d on %d, %#x", i, op, j, uint32(asked))
	ev := epoll.Event{Events: asked, Data: epoll.Data{byte(j), byte(len(w.log)), byte(len(w.log) >> 8)}}
	kernel := &unix.EpollEvent{Events: kernelBits(asked), Fd: int32(binary.LittleEndian.Uint32(ev.Data[:]))}
	w.same(w.guestControl(i, j, op, ev), unix.EpollCtl(w.slots[i].kernel, int(op), w.slots[j].kernel, kernel))
}

func (w *worlds) guestControl(i, j int, op byte, ev epoll.Event) error {
	e, d, fd := epoll.Of(w.use(i).File), w.use(j), w.slots[j].guest
	switch {
	case e == nil || d.File == descriptor.File(e):
		return syscall.EINVAL
	case op == unix.EPOLL_CTL_ADD:
		return e.Add(d, fd, ev)
	case op == unix.EPOLL_CTL_MOD:
		return e.Modify(d, fd, ev)
	}
	return e.Delete(d, fd)
}

// use returns the description of a slot, which stays open as long as that.
func (w *worlds) use(i int) *descriptor.Description {
	d, _, err := w.table.Acquire(w.slots[i].guest)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = d.Release()
	return d
}

// sizes are those with which pages do not show.
var sizes = [...]int{1, 8, 8, 4096}

func (w *worlds) write(i int, n byte) {
	s := &w.slots[i]
	if !s.used || s.kind == instance {
		return
	}
	buf := make([]byte, sizes[n%4])
	if s.kind == event {
		buf = binary.LittleEndian.AppendUint64(nil, uint64(n))
		if n > 250 {
			binary.LittleEndian.PutUint64(buf, 1<<64-2)
		}
	}
	w.note("write %d: %d", i, len(buf))
	got, err := w.use(i).File.Writev([][]byte{slices.Clone(buf)})
	want, kerr := unix.Write(s.kernel, buf)
	w.same(err, kerr)
	if err == nil && got != want {
		w.differ("written", got, want)
	}
}

func (w *worlds) read(i int, n byte) {
	s := &w.slots[i]
	if !s.used || s.kind == instance {
		return
	}
	size := sizes[n%4]
	if n > 200 {
		size = 1 << 20 // all of it
	}
	w.note("read %d: %d", i, size)
	got, err := w.use(i).File.Readv([][]byte{make([]byte, size)})
	want, kerr := unix.Read(s.kernel, make([]byte, size))
	w.same(err, kerr)
	if err == nil && got != want {
		w.differ("read", got, want)
	}
}

// wait compares all that there is to report.
func (w *worlds) wait(i int) {
	if w.slots[i].kind != instance {
		return
	}
	w.note("wait %d", i)
	events, err := epoll.Of(w.use(i).File).Wait(w.use(i), w.waiter, &w.buf, 100, 0)
	w.same(err, nil)
	var got, want []string
	for _, ev := range events {
		got = append(got, reported(kernelBits(ev.Events), binary.LittleEndian.Uint32(ev.Data[:])))
	}
	kernel := make([]unix.EpollEvent, 100)
	n := must(w.t)(unix.EpollWait(w.slots[i].kernel, kernel, 0))
	for _, ev := range kernel[:n] {
		want = append(want, reported(ev.Events, uint32(ev.Fd)))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.differ(w.log[len(w.log)-1], got, want)
	}
	w.note("\t%v", got)
}

func reported(bits, data uint32) string {
	return fmt.Sprintf("%d (control %d): %#x", data&0xff, data>>8, bits)
}

// kernelBits are the kernel's numbers of a guest's.
func kernelBits(bits abi.EpollType) (out uint32) {
	for n, bit := range []uint32{
		unix.EPOLLIN, unix.EPOLLOUT, unix.EPOLLRDHUP, unix.EPOLLPRI,
		unix.EPOLLERR, unix.EPOLLHUP, 1 << 31, unix.EPOLLONESHOT,
	} {
		if bits&(1<<n) != 0 {
			out |= bit
		}
	}
	return out
}
