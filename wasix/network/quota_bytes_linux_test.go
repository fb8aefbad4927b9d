package network

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// pairOf returns both ends of a connection of n in memory.
func pairOf(t testing.TB, n Network, typ abi.SockType) (a, b Socket) {
	t.Helper()
	a, b, err := pair(n, typ)
	check(t, "pair", err, nil)
	closeLater(t, a)
	closeLater(t, b)
	return a, b
}

// move sends n bytes from a to b, each waiting its turn, and returns how long that
// took.
func move(t *testing.T, a, b Socket, n int) time.Duration {
	start := time.Now()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for left := make([]byte, n); len(left) > 0; {
			var k int
			if err := await(t, a, ready.Out, func() (err error) {
				k, err = a.Sendmsg([][]byte{left[:len(left)/2], left[len(left)/2:]}, nil)
				return err
			}); err != nil {
				t.Errorf("send: %v", err)
				return
			}
			left = left[k:]
		}
	}()
	buf := [][]byte{make([]byte, 7), make([]byte, 1000)}
	for got := 0; got < n; {
		k, _ := recvAll(t, b, buf, nil)
		if got += k; k == 0 {
			t.Fatalf("the end after %d bytes", got)
		}
	}
	<-sent
	if len(buf[0]) != 7 || len(buf[1]) != 1000 {
		t.Errorf("buffers of %d and %d bytes are left", len(buf[0]), len(buf[1]))
	}
	return time.Since(start)
}

// The bytes of the first second come at once, all others in their time, and those
// of a quiet second are not lost. Time is that of a bubble.
func TestQuotaOfBytesPerSecond(t *testing.T) {
	for name, c := range map[string]struct {
		guest, inside Quota
		want          time.Duration // of 5,000 bytes
	}{
		"none":   {},
		"out":    {guest: Quota{BytesOut: 1000}, want: 4 * time.Second},
		"in":     {guest: Quota{BytesIn: 500}, want: 9 * time.Second},
		"both":   {guest: Quota{BytesIn: 500, BytesOut: 1000}, want: 9 * time.Second},
		"nested": {guest: Quota{BytesIn: 1000, BytesOut: 1000}, inside: Quota{BytesIn: 500}, want: 9 * time.Second},
		"few":    {guest: Quota{BytesOut: 50}, want: 99 * time.Second},
		"more":   {guest: Quota{BytesOut: 1 << 40}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := WithQuota(WithQuota(Unix(), c.inside), c.guest)
				a, b := pairOf(t, n, stream)
				for range 2 {
					if took := move(t, a, b, 5000); took < c.want || took > c.want+50*time.Millisecond {
						t.Errorf("it took %v, want %v", took, c.want)
					}
					time.Sleep(time.Hour)
				}
				u := n.Usage()
				if (u.SendsDelayed > 0) != (c.guest.BytesOut > 0 && c.want > 0) || (u.ReceivesDelayed > 0) != (c.guest.BytesIn == 500) {
					t.Errorf("delayed %d and %d", u.SendsDelayed, u.ReceivesDelayed)
				}
				if u.BytesIn != 10000 || u.BytesOut != 10000 {
					t.Errorf("counted %d and %d bytes", u.BytesIn, u.BytesOut)
				}
			})
		})
	}
}

// Datagrams go as a whole, and are paid for afterwards.
func TestQuotaOfBytesInDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pairOf(t, WithQuota(Unix(), Quota{BytesIn: 2000, BytesOut: 1000}), dgram)
		start := time.Now()
		for i := range 4 {
			check(t, "send", await(t, a, ready.Out, func() error {
				k, err := a.Sendmsg([][]byte{make([]byte, 3000)}, nil)
				if err == nil && k != 3000 {
					t.Errorf("sent %d bytes", k)
				}
				return err
			}), nil)
			want := time.Duration(max(3*i-1, 0)) * time.Second
			if took := time.Since(start); i > 0 && (took < want || took > want+50*time.Millisecond) {
				t.Errorf("datagram %d after %v, want %v", i, took, want)
			}
			if k, _ := recvAll(t, b, [][]byte{make([]byte, 4000)}, nil); k != 3000 {
				t.Errorf("received %d bytes", k)
			}
		}
	})
}

// A socket waits for its turn by each of the ways to wait, and finds it even when
// another has given back what it took.
func TestQuotaOfBytesWakes(t *testing.T) {
	for name, n := range map[string]*Limited{
		"Unix": WithQuota(Unix(), Quota{BytesIn: 1000}), "kernel": WithQuota(Host(), Quota{BytesIn: 1000}),
	} {
		t.Run(name, func(t *testing.T) {
			var a, b Socket
			if name == "Unix" {
				a, b = pairOf(t, n, stream)
			} else {
				a, b = connected(t, n, inet4)
			}
			sendString(t, a, "hello", nil)
			check(t, "arrival", readable(b), nil)
			bucket := n.quota.in
			bucket.give(-10 << 20) // closed for hours
			if ev := b.Ready(ready.In | ready.Out); ev != ready.Out {
				t.Errorf("ready for %b", ev)
			}
			_, _, err := b.Recvmsg([][]byte{make([]byte, 9)}, 0, nil)
			check(t, "receive", err, syscall.EAGAIN)
			peeked, _, err := b.Recvmsg([][]byte{make([]byte, 9)}, MsgPeek, nil)
			if peeked != 5 || err != nil {
				t.Errorf("peeked %d bytes, %v", peeked, err)
			}
			polled := make(chan error)
			go func() {
				subs := []ready.Subscription{{Source: b, Asked: ready.In}}
				_, err := ready.NewWaiter().Poll(subs, ready.Never)
				if subs[0].Got != ready.In {
					t.Errorf("poll got %b", subs[0].Got)
				}
				polled <- err
			}()
			seen := make(watcher, 1)
			var place ready.Watch
			b.Queue().Watch(&place, ready.In, seen)
			defer place.Unwatch()
			bucket.give(11 << 20)
			check(t, "poll", <-polled, nil)
			<-seen
			if got := recvString(t, b); got != "hello" {
				t.Errorf("received %q", got)
			}
		})
	}
}

// readable waits until something can be received.
func readable(s Socket) error {
	_, err := ready.NewWaiter().Poll([]ready.Subscription{{Source: s, Asked: ready.In}}, ready.After(uint64(time.Minute)))
	return err
}

// watcher is an observer that leaves a token.
type watcher chan struct{}

func (w watcher) Changed(ready.Events) {
	select {
	case w <- struct{}{}:
	default:
	}
}

// What has failed says so at once, and ends come in their turn.
func TestQuotaOfBytesAtTheEnd(t *testing.T) {
	n := WithQuota(Unix(), Quota{BytesIn: 1000})
	a, b := pairOf(t, n, stream)
	n.quota.in.give(-1 << 20)
	_ = closeNow(a)
	if ev := b.Ready(ready.In | ready.RdHup); ev != 0 {
		t.Errorf("ready for %b before its turn", ev)
	}
	n.quota.in.give(2 << 20)
	check(t, "the end", readable(b), nil)
	if k, _, err := b.Recvmsg([][]byte{make([]byte, 1)}, 0, nil); k != 0 || err != nil {
		t.Errorf("received %d bytes, %v", k, err)
	}
	n.quota.in.give(-1 << 20)
	_ = b.Ready(ready.In)
	check(t, "close", closeNow(b), nil)
	if len(n.quota.in.turns) > 0 {
		t.Error("a closed socket still waits")
	}
}

// A transfer within the quota allocates nothing, whether it goes through or waits.
func TestQuotaOfBytesDoesNotAllocate(t *testing.T) {
	for _, q := range []Quota{{}, {BytesIn: 1 << 30, BytesOut: 1 << 30}, {BytesIn: 1, BytesOut: 1}} {
		a, b := pairOf(t, WithQuota(Unix(), q), stream)
		out, in := [][]byte{make([]byte, 64)}, [][]byte{make([]byte, 64)}
		if n := testing.AllocsPerRun(100, func() {
			_, _ = a.Sendmsg(out, nil)
			_, _, _ = b.Recvmsg(in, 0, nil)
			_ = b.Ready(ready.In | ready.Out)
		}); n != 0 {
			t.Errorf("%+v: %v allocations", q, n)
		}
	}
}

// Many connections share the bytes of one network; each gets all of its own.
func TestQuotaOfBytesShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := WithQuota(Unix(), Quota{BytesIn: 10000, BytesOut: 10000})
		const connections, size = 20, 5000
		ends := make(chan time.Duration)
		for range connections {
			a, b := pairOf(t, n, stream)
			go func() { ends <- move(t, a, b, size) }()
		}
		var last time.Duration
		for range connections {
			last = max(last, <-ends)
		}
		if want := 9 * time.Second; last < want || last > want+100*time.Millisecond {
			t.Errorf("it took %v, want %v", last, want)
		}
	})
}
