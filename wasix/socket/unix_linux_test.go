package socket_test

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/network"
)

// The scripts here are for AF_UNIX: the kernel's abstract names, and ours.

func sameOnUnix(t *testing.T, script func(*run)) {
	t.Helper()
	sameOnBoth(t, func(r *run) {
		r.family = unix.AF_UNIX
		script(r)
	})
}

func TestUnixStates(t *testing.T) {
	for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET} {
		sameOnUnix(t, func(r *run) {
			r.say("unbound", r.listen(r.open(typ), 1))
			l, addr := r.listenerOf(typ, 1)
			r.say("again", r.listen(l, 5), r.bind(l, r.free()))
			r.say("taken", r.bind(r.open(typ), addr))
			_, _, err := r.accept(r.open(typ))
			r.say("accept", err)
			_, err = r.recv(r.open(typ), 1, 0)
			r.say("recv", err)
			_, err = r.send(r.open(typ), "x", 0)
			r.say("send", err)
			_, err = r.getpeername(r.open(typ))
			r.say("peer", err)
			r.say("shut", r.shutdown(r.open(typ), unix.SHUT_RDWR))

			c := r.open(typ)
			r.say("nobody", r.connect(c, r.free()))
			r.say("family", r.connect(r.open(typ), loopback))
			r.say("connect", r.connect(c, addr), r.connect(c, addr))
			peer, err := r.getpeername(c)
			r.say("peer", peer, err)
			r.say("name", r.name(c))
			r.say("listen", r.listen(c, 1))
			s, from, err := r.accept(l)
			r.must(err)
			r.fds = append(r.fds, s)
			r.say("accepted", from, r.name(s))
			r.say("listener", r.connect(l, addr))
			r.say("shut", r.shutdown(l, unix.SHUT_RD))
			_, _, err = r.accept(l)
			r.say("accept", err)
			r.say("refused", r.connect(r.open(typ), addr))
		})
	}
}

// TestUnixFullBacklog has clients wait for their turn.
func TestUnixFullBacklog(t *testing.T) {
	sameOnUnix(t, func(r *run) {
		l, addr := r.listener(0)
		r.must(r.connect(r.open(unix.SOCK_STREAM), addr))
		c := r.open(unix.SOCK_STREAM)
		r.must(r.setnonblock(c, true))
		r.say("full", r.connect(c, addr))
		r.must(r.setnonblock(c, false))
		done := make(chan error)
		go func() { done <- r.connect(c, addr) }()
		r.accepted(l)
		r.say("connect", <-done)
		r.accepted(l)

		r.must(r.connect(r.open(unix.SOCK_STREAM), addr))
		waiting := r.open(unix.SOCK_STREAM)
		go func() { done <- r.connect(waiting, addr) }()
		r.drop(l)
		r.say("listener closed", <-done)
	})
}

func TestUnixStream(t *testing.T) {
	sameOnUnix(t, func(r *run) {
		c, s := r.pair()
		n, err := r.sendto(c, [][]byte{[]byte("ab"), {}, []byte("cdef")}, 0, nil)
		r.say("send", n, err)
		b, err := r.recv(s, 4, unix.MSG_PEEK)
		r.say("peek", b, err)
		b, err = r.recv(s, 5, 0)
		r.say("recv", b, err)
		r.must(r.setnonblock(s, true))
		b, err = r.recv(s, 9, unix.MSG_WAITALL)
		r.say("partial", b, err)
		_, err = r.recv(s, 9, 0)
		r.say("nothing", err)
		_, err = r.sendto(c, [][]byte{{1}}, 0, r.free())
		r.say("with address", err)
		r.say("shut", r.shutdown(c, unix.SHUT_WR))
		_, err = r.send(c, "x", 0)
		r.say("send", err)
		b, err = r.recv(s, 9, 0)
		r.say("end", b, err)
		ev, err := r.poll(s, unix.POLLIN|unix.POLLOUT|unix.POLLRDHUP)
		r.say("poll", ev, err)
		n, err = r.send(s, "back", 0)
		r.say("other way", n, err)
		r.drop(c)
		_, err = r.send(s, "x", 0)
		r.say("send", err)
		_, err = r.recv(s, 1, 0)
		r.say("recv", err)
	})
}

func TestUnixUnreadIsReset(t *testing.T) {
	sameOnUnix(t, func(r *run) {
		c, s := r.pair()
		_, err := r.send(c, "unread", 0)
		r.must(err)
		r.drop(s)
		ev, err := r.poll(c, unix.POLLIN|unix.POLLOUT|unix.POLLRDHUP)
		r.say("poll", ev, err)
		_, err = r.recv(c, 1, 0)
		r.say("recv", err)
		b, err := r.recv(c, 1, 0)
		r.say("recv", b, err)
		_, err = r.send(c, "x", 0)
		r.say("send", err)
	})
}

func TestUnixDatagram(t *testing.T) {
	sameOnUnix(t, func(r *run) {
		a, addrA := r.bound(unix.SOCK_DGRAM)
		b, addrB := r.bound(unix.SOCK_DGRAM)
		n, err := r.sendto(b, [][]byte{[]byte("one"), []byte("-two")}, 0, addrA)
		r.say("sendto", n, err)
		n, err = r.sendto(b, [][]byte{{}}, 0, addrA)
		r.say("empty", n, err)
		n, err = r.sendto(r.open(unix.SOCK_DGRAM), [][]byte{[]byte("nameless")}, 0, addrA)
		r.say("sendto", n, err)
		x, y := make([]byte, 2), make([]byte, 9)
		n, trunc, from, err := r.recvfrom(a, [][]byte{x, y}, 0)
		r.say("recv", n, trunc, from, err, x, y[:5])
		n, trunc, _, err = r.recvfrom(a, [][]byte{y}, 0)
		r.say("empty", n, trunc, err)
		n, trunc, _, err = r.recvfrom(a, [][]byte{x}, unix.MSG_TRUNC|unix.MSG_PEEK)
		r.say("true length", n, trunc, err, x)
		n, trunc, _, err = r.recvfrom(a, [][]byte{x}, 0)
		r.say("cut", n, trunc, err, x)
		_, err = r.recv(a, 9, unix.MSG_DONTWAIT)
		r.say("nothing", err)
		_, err = r.send(a, "x", 0)
		r.say("no address", err)
		_, err = r.sendto(a, [][]byte{{1}}, 0, r.free())
		r.say("nobody", err)

		r.say("connect", r.connect(a, addrB))
		other, _ := r.bound(unix.SOCK_DGRAM)
		_, err = r.sendto(other, [][]byte{{1}}, 0, addrA)
		r.say("not the peer", err)
		r.say("dissolve", r.connect(a, nil))
		r.say("reconnect", r.connect(a, addrB))
		r.drop(b)
		_, err = r.send(a, "x", 0)
		r.say("peer is gone", err)
	})
}

func TestUnixSeqpacket(t *testing.T) {
	sameOnUnix(t, func(r *run) {
		c, s := r.pairOf(unix.SOCK_SEQPACKET)
		for _, m := range []string{"one", "three", ""} {
			n, err := r.send(c, m, 0)
			r.say("send", n, err)
		}
		b := make([]byte, 4)
		for range 2 {
			n, trunc, _, err := r.recvfrom(s, [][]byte{b}, unix.MSG_WAITALL)
			r.say("recv", n, trunc, err, b)
		}
		r.say("shut", r.shutdown(c, unix.SHUT_RDWR))
		_, err := r.send(s, "x", 0)
		r.say("send", err)
	})
}

func TestUnixWaits(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	sameOnUnix(t, func(r *run) {
		c, s := r.pair()
		sent := make(chan string)
		go func() {
			n, err := r.send(c, string(data), 0)
			sent <- fmt.Sprint(n, err)
		}()
		b, err := r.recv(s, len(data), unix.MSG_WAITALL)
		r.say("all", bytes.Equal(b, data), err, <-sent)
		go func() {
			_, err := r.send(c, "late", 0)
			sent <- fmt.Sprint(err)
		}()
		b, err = r.recv(s, 9, 0)
		r.say("late", b, err, <-sent)
	})
	sameOnUnix(t, func(r *run) { // a full receiver lets its senders wait
		a, addr := r.bound(unix.SOCK_DGRAM)
		b := r.open(unix.SOCK_DGRAM)
		r.must(r.connect(b, addr))
		sent := make(chan error)
		go func() {
			for i := range 2000 {
				if _, err := r.send(b, fmt.Sprint(i), 0); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		for i := range 2000 {
			got, err := r.recv(a, 9, 0)
			if string(got) != fmt.Sprint(i) || err != nil {
				t.Fatalf("%T: datagram %d is %q, %v", r.system, i, got, err)
			}
		}
		r.say("sent", <-sent)
	})
}

func TestUnixCloseWhileWaiting(t *testing.T) {
	noLeaks(t)
	r := &run{system: newTable(network.Host()), t: t, family: unix.AF_UNIX}
	l, _ := r.listener(1)
	_, s := r.pair()
	d, _ := r.bound(unix.SOCK_DGRAM)
	full, addr := r.listener(0)
	r.must(r.connect(r.open(unix.SOCK_STREAM), addr))
	waiting := r.open(unix.SOCK_STREAM)
	errs := make(chan error)
	go func() { _, _, err := r.accept(l); errs <- err }()
	go func() { _, err := r.recv(s, 1, 0); errs <- err }()
	go func() { _, err := r.recv(d, 1, 0); errs <- err }()
	go func() { errs <- r.connect(waiting, addr) }()
	for _, fd := range []int{l, s, d, waiting} {
		wantErr(t, "close", r.close(fd), nil)
		wantErr(t, "waiter", <-errs, syscall.EBADF)
	}
	r.accepted(full)
	r.system.(*table).fds.CloseAll()
}
