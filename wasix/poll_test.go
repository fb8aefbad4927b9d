package wasix

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/socket"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// Where the tests of poll_oneoff put things in guest memory.
const (
	pollIn    = 0x2000
	pollOut   = 0x8000
	pollCount = 0x100
)

// The handlers, by what a module lays out and means.
var (
	pollLayouts = map[string]*pollLayout{"preview1": &pollPreview1, "wasix": &pollWasix, "unstable": &pollUnstable}
	poll        = pollOneoff(&pollPreview1)
)

// subscribed is a subscription as a guest has it.
type subscribed struct {
	userdata uint64
	typ      abi.Eventtype
	fd       uint32
	clock    abi.Clockid
	timeout  uint64
	flags    abi.Subclockflags
}

// happened is an event as a guest gets it.
type happened struct {
	userdata uint64
	errno    abi.Errno
	typ      abi.Eventtype
	nbytes   uint64
	flags    abi.Eventrwflags
}

func readOf(userdata uint64, fd uint32) subscribed {
	return subscribed{userdata: userdata, typ: abi.EventtypeFdRead, fd: fd}
}

func writeOf(userdata uint64, fd uint32) subscribed {
	return subscribed{userdata: userdata, typ: abi.EventtypeFdWrite, fd: fd}
}

func after(userdata uint64, d time.Duration) subscribed {
	return subscribed{userdata: userdata, clock: abi.ClockidMonotonic, timeout: uint64(d)}
}

// store writes the subscription to b, where only its own fields change.
func (s subscribed) store(l *pollLayout, b []byte) {
	binary.LittleEndian.PutUint64(b, s.userdata)
	b[8] = byte(s.typ)
	if s.typ != abi.EventtypeClock {
		binary.LittleEndian.PutUint32(b[16:], s.fd)
		return
	}
	binary.LittleEndian.PutUint32(b[l.clockID:], uint32(s.clock))
	binary.LittleEndian.PutUint64(b[l.timeout:], s.timeout)
	binary.LittleEndian.PutUint16(b[l.flag:], uint16(s.flags))
}

// subscribeAll masks the memory and stores the subscriptions.
func subscribeAll(th *Thread, l *pollLayout, subs []subscribed) {
	for i := range th.mem {
		th.mem[i] = mask
	}
	for i, s := range subs {
		s.store(l, th.mem[pollIn+i*int(l.size):])
	}
}

// pollFor polls once and returns the events. It checks that nothing but them
// and their number was written.
func pollFor(t *testing.T, th *Thread, l *pollLayout, subs ...subscribed) []happened {
	t.Helper()
	subscribeAll(th, l, subs)
	want := bytes.Clone(th.mem)
	if e := pollOneoff(l)(th, []uint64{pollIn, pollOut, uint64(len(subs)), pollCount}); e != abi.ESUCCESS {
		t.Fatalf("poll_oneoff: %v", e)
	}
	n := binary.LittleEndian.Uint32(th.mem[pollCount:])
	if n > uint32(len(subs)) {
		t.Fatalf("%d events of %d subscriptions", n, len(subs))
	}
	events := make([]happened, n)
	for i := range events {
		b := th.mem[pollOut+i*abi.SizeofEvent:]
		events[i] = happened{
			userdata: binary.LittleEndian.Uint64(b), errno: abi.Errno(binary.LittleEndian.Uint16(b[8:])),
			typ: abi.Eventtype(b[10]), nbytes: binary.LittleEndian.Uint64(b[16:]),
			flags: abi.Eventrwflags(binary.LittleEndian.Uint16(b[24:])),
		}
	}
	copy(want[pollCount:], th.mem[pollCount:][:4])
	copy(want[pollOut:], th.mem[pollOut:][:n*abi.SizeofEvent])
	if !bytes.Equal(th.mem, want) {
		t.Fatal("poll_oneoff wrote elsewhere")
	}
	return events
}

func wantEvents(t *testing.T, got []happened, want ...happened) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("events\n\t%+v, want\n\t%+v", got, want)
	}
}

// insertFile gives f the lowest free descriptor.
func insertFile(t testing.TB, th *Thread, f descriptor.File, rights abi.Rights) uint32 {
	t.Helper()
	fd, err := th.proc.fds.Insert(descriptor.NewDescription(f, 0), descriptor.Rights{Base: rights}, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// newPipe returns the descriptors of a pipe in memory.
func newPipe(t testing.TB, th *Thread) (r, w uint32) {
	t.Helper()
	in, out := vfs.NewPipe()
	return insertFile(t, th, in, ^abi.Rights(0)), insertFile(t, th, out, ^abi.Rights(0))
}

func writeTo(t testing.TB, th *Thread, fd uint32, text string) {
	t.Helper()
	d, _, err := th.proc.fds.Acquire(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Release()
	if n, err := d.Writev(ready.NewWaiter(), [][]byte{[]byte(text)}); n != len(text) || err != nil {
		t.Fatal(n, err)
	}
}

func TestPollLayouts(t *testing.T) {
	for name, l := range pollLayouts {
		t.Run(name, func(t *testing.T) {
			th := newTestThread(t)
			r, w := newPipe(t, th)
			writeTo(t, th, w, "a")
			wantEvents(t, pollFor(t, th, l,
				after(1<<63|1, time.Hour), readOf(1<<63|2, r), writeOf(1<<63|3, w),
				subscribed{userdata: 1<<63 | 4, clock: abi.ClockidRealtime, timeout: 5, flags: abi.SubclockflagsAbstime}),
				happened{userdata: 1<<63 | 2, typ: abi.EventtypeFdRead, nbytes: 1},
				happened{userdata: 1<<63 | 3, typ: abi.EventtypeFdWrite},
				happened{userdata: 1<<63 | 4})
		})
	}
}

// What is wrong with one subscription is its event; the others stay what they are.
func TestPollBadSubscriptions(t *testing.T) {
	th := newTestThread(t)
	r, w := newPipe(t, th)
	mute := insertFile(t, th, vfs.Null(), ^abi.RightsPollFdReadwrite)
	wantEvents(t, pollFor(t, th, &pollPreview1,
		readOf(1, 99), writeOf(2, 1<<31), readOf(3, r), writeOf(4, w), readOf(5, mute),
		subscribed{userdata: 6, typ: 3},
		subscribed{userdata: 7, typ: 255},
		subscribed{userdata: 8, clock: abi.ClockidThreadCputimeId, timeout: 1},
		subscribed{userdata: 9, clock: 4, timeout: 1},
		subscribed{userdata: 12, clock: abi.ClockidProcessCputimeId, timeout: 1},
		subscribed{userdata: 10, clock: abi.ClockidMonotonic, flags: 2},
		after(11, time.Hour)),
		happened{userdata: 1, typ: abi.EventtypeFdRead, errno: abi.EBADF},
		happened{userdata: 2, typ: abi.EventtypeFdWrite, errno: abi.EBADF},
		happened{userdata: 4, typ: abi.EventtypeFdWrite},
		happened{userdata: 5, typ: abi.EventtypeFdRead, errno: abi.ENOTCAPABLE},
		happened{userdata: 6, typ: 3, errno: abi.EINVAL},
		happened{userdata: 7, typ: 255, errno: abi.EINVAL},
		happened{userdata: 8, errno: abi.EINVAL},
		happened{userdata: 9, errno: abi.EINVAL},
		happened{userdata: 12, errno: abi.ENOTSUP},
		happened{userdata: 10, errno: abi.EINVAL})
}

func TestPollChecksPointersFirst(t *testing.T) {
	th := newTestThread(t)
	r, w := newPipe(t, th)
	writeTo(t, th, w, "x")
	subs := []subscribed{readOf(1, r), readOf(2, 99)}
	end, most := uint64(len(th.mem)), maxSubscriptions(descriptor.DefaultLimit)
	for _, c := range []struct {
		in, out, n, ret uint64
		want            abi.Errno
	}{
		{pollIn, pollOut, 0, pollCount, abi.EINVAL},
		{pollIn, pollOut, most + 1, pollCount, abi.EINVAL},
		{pollIn, pollOut, 1 << 31, pollCount, abi.EINVAL},
		{pollIn, pollOut, 0xffffffff, pollCount, abi.EINVAL},
		{pollIn, pollOut, most, pollCount, abi.EFAULT},
		{end - 2*48 + 1, pollOut, 2, pollCount, abi.EFAULT},
		{0xfffffff0, pollOut, 2, pollCount, abi.EFAULT},
		{pollIn, end - 2*32 + 1, 2, pollCount, abi.EFAULT},
		{pollIn, 0xffffffff, 2, pollCount, abi.EFAULT},
		{pollIn, pollOut, 2, end - 3, abi.EFAULT},
		{pollIn, pollOut, 2, 0xffffffff, abi.EFAULT},
	} {
		subscribeAll(th, &pollPreview1, subs)
		before := bytes.Clone(th.mem)
		if e := poll(th, []uint64{c.in, c.out, c.n, c.ret}); e != c.want {
			t.Errorf("poll_oneoff(%#x, %#x, %d, %#x): %v, want %v", c.in, c.out, c.n, c.ret, e, c.want)
		}
		if !bytes.Equal(th.mem, before) {
			t.Errorf("poll_oneoff(%#x, %#x, %d, %#x) wrote", c.in, c.out, c.n, c.ret)
		}
	}
}

// Subscriptions and events may be at one place, and at the very end of memory.
func TestPollInPlace(t *testing.T) {
	th := newTestThread(t)
	at := uint64(len(th.mem) - 2*48)
	for i := range uint32(2) {
		readOf(uint64(i+1), 90+i).store(&pollPreview1, th.mem[at+uint64(i)*48:])
	}
	th.want(t, abi.ESUCCESS, poll, at, at, 2, pollCount)
	if n := binary.LittleEndian.Uint32(th.mem[pollCount:]); n != 2 {
		t.Fatalf("%d events", n)
	}
	for i := range uint64(2) {
		if got := binary.LittleEndian.Uint64(th.mem[at+i*32:]); got != i+1 {
			t.Errorf("event %d is that of %d", i, got)
		}
	}
}

func TestPollClocks(t *testing.T) {
	const absolute = abi.SubclockflagsAbstime
	th := newTestThread(t)
	monotonic, _ := th.clockNow(abi.ClockidMonotonic)
	realtime, _ := th.clockNow(abi.ClockidRealtime)
	hour := uint64(time.Hour)
	at := func(userdata uint64, id abi.Clockid, when uint64) subscribed {
		return subscribed{userdata: userdata, clock: id, timeout: when, flags: absolute}
	}
	// All that are past count, at once.
	wantEvents(t, pollFor(t, th, &pollPreview1,
		at(1, abi.ClockidMonotonic, 0), at(2, abi.ClockidRealtime, 0),
		at(3, abi.ClockidMonotonic, monotonic), at(4, abi.ClockidRealtime, realtime-hour),
		at(5, abi.ClockidMonotonic, monotonic+hour), at(6, abi.ClockidRealtime, realtime+hour),
		at(7, abi.ClockidRealtime, 1<<64-1), after(8, time.Hour), after(9, -1)),
		happened{userdata: 1}, happened{userdata: 2}, happened{userdata: 3}, happened{userdata: 4})
	// The first of those ahead ends the wait, and not before its time.
	const wait = 2 * time.Millisecond
	for _, early := range []func() subscribed{
		func() subscribed { return after(2, wait) },
		func() subscribed { return at(2, abi.ClockidMonotonic, uint64(ready.Now()+int64(wait))) },
		func() subscribed { return at(2, abi.ClockidRealtime, uint64(time.Now().Add(wait).UnixNano())) },
		func() subscribed { return subscribed{userdata: 2, clock: abi.ClockidRealtime, timeout: uint64(wait)} },
	} {
		start := time.Now()
		s := early()
		wantEvents(t, pollFor(t, th, &pollPreview1, after(1, time.Hour), s, after(3, -1)), happened{userdata: 2})
		if d := time.Since(start); d < wait {
			t.Errorf("%+v: the wait ended after %v", s, d)
		}
	}
}

// A relative timeout of 0 is over at once, but in wasix_32v1 there is none.
func TestPollTimeoutZero(t *testing.T) {
	th := newTestThread(t)
	r, _ := newPipe(t, th)
	for name, l := range pollLayouts {
		got := pollFor(t, th, l, readOf(1, r), after(2, 0), after(3, 1))
		want := []happened{{userdata: 2}, {userdata: 3}}
		if l == &pollWasix {
			want = want[1:]
		}
		if !slices.Equal(got, want) && !(l != &pollWasix && len(got) == 1 && got[0] == want[0]) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// Each subscription counts, also several of one descriptor.
func TestPollSameDescriptorTwice(t *testing.T) {
	th := newTestThread(t)
	event, err := vfs.NewEvent(7, false)
	if err != nil {
		t.Fatal(err)
	}
	fd := insertFile(t, th, event, ^abi.Rights(0))
	wantEvents(t, pollFor(t, th, &pollPreview1, readOf(1, fd), writeOf(2, fd), readOf(3, fd)),
		happened{userdata: 1, typ: abi.EventtypeFdRead},
		happened{userdata: 2, typ: abi.EventtypeFdWrite},
		happened{userdata: 3, typ: abi.EventtypeFdRead})
}

// A poll holds a descriptor that it names several times once, and lets it go.
func TestPollLetsGoOfDescriptors(t *testing.T) {
	th := newTestThread(t)
	r, w := newPipe(t, th)
	const bad = 77
	wantEvents(t, pollFor(t, th, &pollPreview1, writeOf(1, w), writeOf(2, w), readOf(3, bad), readOf(4, bad), writeOf(5, w)),
		happened{userdata: 1, typ: abi.EventtypeFdWrite},
		happened{userdata: 2, typ: abi.EventtypeFdWrite},
		happened{userdata: 3, typ: abi.EventtypeFdRead, errno: abi.EBADF},
		happened{userdata: 4, typ: abi.EventtypeFdRead, errno: abi.EBADF},
		happened{userdata: 5, typ: abi.EventtypeFdWrite})
	if err := th.proc.fds.Close(w); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, pollFor(t, th, &pollPreview1, readOf(1, r)),
		happened{userdata: 1, typ: abi.EventtypeFdRead, flags: abi.EventrwflagsHangup})
}

func TestPollWakesForAnotherThread(t *testing.T) {
	th := newTestThread(t)
	for i := range 200 {
		r, w := newPipe(t, th)
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			if i%2 == 0 {
				time.Sleep(50 * time.Microsecond)
			}
			writeTo(t, th, w, "x")
		}()
		wantEvents(t, pollFor(t, th, &pollPreview1, readOf(1, r)),
			happened{userdata: 1, typ: abi.EventtypeFdRead, nbytes: 1})
		<-wrote
		for _, fd := range []uint32{r, w} {
			if err := th.proc.fds.Close(fd); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A descriptor that another thread closes is no more: POLLNVAL, not a wait for
// ever. Others are not disturbed.
func TestPollOfClosedDescriptor(t *testing.T) {
	unixSocket := func(t *testing.T) descriptor.File {
		s, err := socket.Open(network.Unix(), abi.AddressFamilyUnix, abi.SockTypeDgram, 0)
		if err != nil {
			t.Fatal(err)
		}
		return s.File()
	}
	pipe := func(*testing.T) descriptor.File {
		r, _ := vfs.NewPipe()
		return r
	}
	for name, open := range map[string]func(*testing.T) descriptor.File{"pipe": pipe, "unix socket": unixSocket} {
		t.Run(name, func(t *testing.T) {
			th := newTestThread(t)
			idle, _ := newPipe(t, th)
			for i := range 100 {
				fd := insertFile(t, th, open(t), ^abi.Rights(0))
				closed := make(chan error)
				go func() {
					if i%2 == 0 {
						time.Sleep(50 * time.Microsecond)
					}
					closed <- th.proc.fds.Close(fd)
				}()
				wantEvents(t, pollFor(t, th, &pollPreview1, readOf(1, idle), readOf(2, fd)),
					happened{userdata: 2, typ: abi.EventtypeFdRead, errno: abi.EBADF})
				if err := <-closed; err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestPollInterrupted(t *testing.T) {
	th := newTestThread(t)
	r, w := newPipe(t, th)
	subscribeAll(th, &pollPreview1, []subscribed{readOf(1, r)})
	time.AfterFunc(time.Millisecond, th.waiter.Interrupt)
	th.want(t, abi.EINTR, poll, pollIn, pollOut, 1, pollCount)
	if !bytes.Equal(th.mem[pollOut:pollOut+32], bytes.Repeat([]byte{mask}, 32)) {
		t.Error("an interrupted poll wrote an event")
	}
	// The interrupted poll holds nothing: the pipe closes.
	if err := th.proc.fds.Close(r); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, pollFor(t, th, &pollPreview1, writeOf(1, w)),
		happened{userdata: 1, typ: abi.EventtypeFdWrite, errno: abi.EIO})
}

func TestPollDoesNotAllocate(t *testing.T) {
	th := newTestThread(t)
	r, w := newPipe(t, th)
	writeTo(t, th, w, "x")
	for name, subs := range map[string][]subscribed{
		"ready":        {readOf(1, r), writeOf(2, w), after(3, time.Hour)},
		"timeout zero": {after(1, 0)},
		"past":         {{clock: abi.ClockidRealtime, timeout: 1, flags: abi.SubclockflagsAbstime}},
		"waiting":      {after(1, time.Microsecond), writeOf(2, 99)},
	} {
		subscribeAll(th, &pollPreview1, subs)
		params := make([]uint64, 4)
		allocs := testing.AllocsPerRun(100, func() {
			copy(params, []uint64{pollIn, pollOut, uint64(len(subs)), pollCount})
			if e := poll(th, params); e != abi.ESUCCESS {
				t.Fatal(e)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

func TestThreadSleep(t *testing.T) {
	th := newTestThread(t)
	th.want(t, abi.ESUCCESS, threadSleep, 0)
	start := time.Now()
	th.want(t, abi.ESUCCESS, threadSleep, uint64(2*time.Millisecond))
	if d := time.Since(start); d < 2*time.Millisecond {
		t.Errorf("slept %v", d)
	}
	time.AfterFunc(time.Millisecond, th.waiter.Interrupt)
	th.want(t, abi.EINTR, threadSleep, ^uint64(0))
}

// FuzzPollOneoff polls for whatever a guest may ask for. The thread is
// interrupted beforehand, so that no poll waits.
func FuzzPollOneoff(f *testing.F) {
	for _, l := range pollLayouts {
		subs := make([]byte, 3*l.size)
		readOf(1, 0).store(l, subs)
		writeOf(2, 1).store(l, subs[l.size:])
		after(3, time.Second).store(l, subs[2*l.size:])
		f.Add(subs, uint32(pollIn), uint32(pollOut), uint32(3), uint32(pollCount))
	}
	f.Add([]byte{}, uint32(0xffffffff), uint32(0), uint32(1), uint32(0))
	f.Add([]byte{}, uint32(0), uint32(0), uint32(0x0fffffff), uint32(0))
	f.Fuzz(func(t *testing.T, subs []byte, in, out, n, ret uint32) {
		th := newTestThread(t)
		newPipe(t, th)
		copy(th.mem[pollIn:], subs)
		for name, l := range pollLayouts {
			th.waiter.Interrupt()
			switch e := pollOneoff(l)(th, []uint64{uint64(in), uint64(out), uint64(n), uint64(ret)}); e {
			case abi.ESUCCESS:
				if got, ok := th.uint32At(ret); ok && got > n {
					t.Fatal(fmt.Sprint(name, ": ", got, " events of ", n))
				}
			case abi.EINVAL, abi.EFAULT, abi.EINTR:
			default:
				t.Fatal(name, e)
			}
		}
	})
}

// A process with more descriptors may poll more of them.
func TestPollLimitGrowsWithDescriptors(t *testing.T) {
	th := newTestThread(t)
	most := maxSubscriptions(descriptor.DefaultLimit)
	th.want(t, abi.EINVAL, poll, pollIn, pollOut, most+1, pollCount)
	th.proc.fds = descriptor.NewTable(2 * descriptor.DefaultLimit)
	th.want(t, abi.EFAULT, poll, pollIn, pollOut, most+1, pollCount)
}
