package socket_test

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestStream(t *testing.T) {
	sameOnBoth(t, func(r *run) {
		c, s := r.pair()
		n, err := r.sendto(c, [][]byte{[]byte("ab"), {}, []byte("cdef")}, 0, nil)
		r.say("send", n, err)
		b, err := r.recv(s, 4, unix.MSG_PEEK)
		r.say("peek", b, err)
		x, y := make([]byte, 2), make([]byte, 3)
		n, trunc, from, err := r.recvfrom(s, [][]byte{x, {}, y}, 0)
		r.say("recv", n, trunc, from, err, x, y)
		b, err = r.recv(s, 9, unix.MSG_DONTWAIT)
		r.say("rest", b, err)
		b, err = r.recv(s, 9, unix.MSG_DONTWAIT)
		r.say("nothing", b, err)
		r.must(r.setnonblock(s, true))
		b, err = r.recv(s, 9, unix.MSG_WAITALL)
		r.say("nothing", b, err)
		n, err = r.send(c, "", 0)
		r.say("empty", n, err)
		_, err = r.send(c, "12345", 0)
		r.must(err)
		r.arrives(s)
		b, err = r.recv(s, 9, unix.MSG_WAITALL)
		r.say("partial", b, err)
		_, err = r.send(c, "discarded!kept", 0)
		r.must(err)
		r.arrives(s)
		n, trunc, _, err = r.recvfrom(s, [][]byte{make([]byte, 10)}, unix.MSG_TRUNC)
		r.say("discard", n, trunc, err)
		b, err = r.recv(s, 9, 0)
		r.say("kept", b, err)
		r.say("shut", r.shutdown(c, unix.SHUT_WR))
		_, err = r.send(c, "x", 0)
		r.say("send", err)
		r.must(r.setnonblock(s, false))
		b, err = r.recv(s, 9, 0)
		r.say("end", b, err)
		b, err = r.recv(s, 9, unix.MSG_WAITALL|unix.MSG_PEEK)
		r.say("end", b, err)
		ev, err := r.poll(s, unix.POLLIN|unix.POLLOUT|unix.POLLRDHUP)
		r.say("poll", ev, err)
		n, err = r.sendto(s, [][]byte{[]byte("back")}, 0, loopback)
		r.say("other way", n, err)
		b, err = r.recv(c, 9, 0)
		r.say("other way", b, err)
	})
}

func TestStreamNotConnected(t *testing.T) {
	sameOnBoth(t, func(r *run) {
		l, addr := r.listener(1)
		for _, fd := range []int{r.open(unix.SOCK_STREAM), l} {
			_, err := r.recv(fd, 1, 0)
			r.say("recv", err)
			_, err = r.send(fd, "x", 0)
			r.say("send", err)
			_, err = r.sendto(fd, [][]byte{{1}}, 0, addr)
			r.say("sendto", err)
			_, err = r.getpeername(fd)
			r.say("peer", err)
		}
		r.say("shut", r.shutdown(r.open(unix.SOCK_STREAM), unix.SHUT_RDWR))
		r.say("shut", r.shutdown(r.open(unix.SOCK_DGRAM), unix.SHUT_RDWR))
		r.say("shut", r.shutdown(l, 3), r.shutdown(l, unix.SHUT_WR))
		r.say("usable", r.connect(r.open(unix.SOCK_STREAM), addr))
		r.accepted(l)
	})
}

func TestReset(t *testing.T) {
	reset := func(r *run) (fd int) {
		c, s := r.pair()
		r.must(r.setlinger(c, unix.Linger{Onoff: 1}))
		r.drop(c)
		r.arrives(s)
		return s
	}
	sameOnBoth(t, func(r *run) {
		fd := reset(r)
		ev, err := r.poll(fd, unix.POLLIN|unix.POLLOUT|unix.POLLRDHUP)
		r.say("poll", ev, err)
		_, err = r.recv(fd, 1, 0)
		r.say("recv", err)
		b, err := r.recv(fd, 1, 0)
		r.say("recv", b, err)
		_, err = r.send(fd, "x", 0)
		r.say("send", err)
	})
	sameOnBoth(t, func(r *run) {
		fd := reset(r)
		_, err := r.send(fd, "x", 0)
		r.say("send", err)
		_, err = r.send(fd, "x", 0)
		r.say("send", err)
	})
	sameOnBoth(t, func(r *run) {
		fd := reset(r)
		v, err := r.getsockopt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		r.say("error", syscall.Errno(v), err)
		v, err = r.getsockopt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		r.say("cleared", v, err)
		b, err := r.recv(fd, 1, 0)
		r.say("recv", b, err)
	})
}

func TestDatagram(t *testing.T) {
	sameOnBoth(t, func(r *run) {
		a, addrA := r.bound(unix.SOCK_DGRAM)
		b, addrB := r.bound(unix.SOCK_DGRAM)
		n, err := r.sendto(b, [][]byte{[]byte("one"), []byte("-two")}, 0, addrA)
		r.say("sendto", n, err)
		n, err = r.sendto(b, [][]byte{{}}, 0, addrA)
		r.say("empty", n, err)
		n, err = r.sendto(b, [][]byte{[]byte("abcdef")}, 0, addrA)
		r.say("sendto", n, err)

		x, y := make([]byte, 2), make([]byte, 9)
		n, trunc, from, err := r.recvfrom(a, [][]byte{x, y}, unix.MSG_WAITALL)
		r.say("recv", n, trunc, fmt.Sprint(from) == fmt.Sprint(addrB), err, x, y[:5])
		n, trunc, from, err = r.recvfrom(a, [][]byte{y}, 0)
		r.say("empty", n, trunc, from, err)
		n, trunc, _, err = r.recvfrom(a, [][]byte{x}, unix.MSG_PEEK)
		r.say("peek", n, trunc, err, x)
		n, trunc, _, err = r.recvfrom(a, [][]byte{x}, unix.MSG_TRUNC|unix.MSG_PEEK)
		r.say("true length", n, trunc, err, x)
		n, trunc, _, err = r.recvfrom(a, [][]byte{x[:1], x[1:]}, 0)
		r.say("cut", n, trunc, err, x)
		_, err = r.recv(a, 9, unix.MSG_DONTWAIT)
		r.say("nothing", err)
		_, err = r.sendto(a, [][]byte{make([]byte, 70000)}, 0, addrB)
		r.say("too long", err)
		_, err = r.send(a, "x", 0)
		r.say("no address", err)
		_, err = r.sendto(a, [][]byte{{1}}, 0, &unix.SockaddrInet6{Addr: [16]byte{15: 1}, Port: 1})
		r.say("family", err)
	})
}

func TestConnectedDatagram(t *testing.T) {
	sameOnBoth(t, func(r *run) {
		a, addrA := r.bound(unix.SOCK_DGRAM)
		b, addrB := r.bound(unix.SOCK_DGRAM)
		other, _ := r.bound(unix.SOCK_DGRAM)
		r.must(r.connect(a, addrB))
		for _, fd := range []int{other, b, other} {
			_, err := r.sendto(fd, [][]byte{[]byte("from"), {byte('0' + map[int]int{other: 1, b: 2}[fd])}}, 0, addrA)
			r.must(err)
		}
		got, err := r.recv(a, 9, 0)
		r.say("recv", got, err)
		_, err = r.recv(a, 9, unix.MSG_DONTWAIT)
		r.say("nothing", err)
		r.drop(b)
		n, err := r.send(a, "lost", 0)
		r.say("send", n, err)
		_, err = r.send(a, "refused", 0)
		r.say("send", err)
		n, err = r.send(a, "lost", 0)
		r.say("send", n, err)
		_, err = r.recv(a, 9, 0)
		r.say("recv", err)
	})
}

func TestShutDatagram(t *testing.T) {
	sameOnBoth(t, func(r *run) {
		a, addrA := r.bound(unix.SOCK_DGRAM)
		r.must(r.connect(a, addrA))
		r.say("shut", r.shutdown(a, unix.SHUT_RDWR))
		b, err := r.recv(a, 9, 0)
		r.say("recv", b, err)
		_, err = r.send(a, "x", 0)
		r.say("send", err)
	})
}

func TestShutdownWhileWaiting(t *testing.T) {
	sameOnBoth(t, func(r *run) {
		l, _ := r.listener(1)
		accepts := make(chan error)
		for range 2 {
			go func() {
				_, _, err := r.accept(l)
				accepts <- err
			}()
		}
		r.say("shut", r.shutdown(l, unix.SHUT_RD))
		r.say("accept", <-accepts, <-accepts)

		c, s := r.pair()
		reads := make(chan []byte)
		go func() {
			b, err := r.recv(s, 1, 0)
			r.must(err)
			reads <- b
		}()
		r.say("shut", r.shutdown(s, unix.SHUT_RD))
		r.say("recv", <-reads)
		n, err := r.send(c, "x", 0)
		r.say("send", n, err)
	})
}

func TestOptions(t *testing.T) {
	type option struct {
		level, name int
		values      []int
	}
	opts := []option{
		{unix.SOL_SOCKET, unix.SO_REUSEADDR, []int{1, 0}},
		{unix.SOL_SOCKET, unix.SO_REUSEPORT, []int{1, 0}},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, []int{1, 0}},
		{unix.SOL_SOCKET, unix.SO_BROADCAST, []int{1, 0}},
		{unix.SOL_SOCKET, unix.SO_DONTROUTE, []int{1, 0}},
		{unix.SOL_SOCKET, unix.SO_OOBINLINE, []int{1, 0}},
		{unix.SOL_SOCKET, unix.SO_ACCEPTCONN, []int{1}},
		{unix.SOL_SOCKET, unix.SO_ERROR, []int{1}},
		{unix.SOL_SOCKET, unix.SO_TYPE, []int{1}},
		{unix.SOL_SOCKET, unix.SO_PROTOCOL, []int{1}},
		{unix.SOL_SOCKET, unix.SO_RCVBUF, []int{0, 10000, 1<<31 - 1, -1}},
		{unix.SOL_SOCKET, unix.SO_SNDBUF, []int{0, 10000, 1<<31 - 1, -1}},
		{unix.SOL_SOCKET, unix.SO_RCVLOWAT, []int{0, 2, -1}},
		{unix.SOL_SOCKET, unix.SO_SNDLOWAT, []int{2}},
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, []int{1, 0}},
		{unix.IPPROTO_IP, unix.IP_TTL, []int{7, 0, 256, -1}},
		{unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, []int{7, 0, 256, -1}},
		{unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, []int{0, 1}},
		{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, []int{1, 0}},
	}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
			sameOnBoth(t, func(r *run) {
				fd, err := r.socket(family, typ)
				r.must(err)
				r.fds = append(r.fds, fd)
				for _, o := range opts {
					if o.level == unix.IPPROTO_IP && family == unix.AF_INET6 {
						continue // WASIX has one option for both families
					}
					v, err := r.getsockopt(fd, o.level, o.name)
					r.say(fmt.Sprint(o, " default"), v, err)
					for _, set := range o.values {
						err := r.setsockopt(fd, o.level, o.name, set)
						v, _ := r.getsockopt(fd, o.level, o.name)
						r.say(fmt.Sprint(o, " set ", set), err, v)
					}
				}
			})
		}
	}
	sameOnBoth(t, func(r *run) {
		l, _ := r.listener(1)
		v, err := r.getsockopt(l, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		r.say("listening", v, err)
	})
}

// TestWaitAll has the data come in pieces, which the reader must not see.
func TestWaitAll(t *testing.T) {
	for _, flags := range []int{unix.MSG_WAITALL, unix.MSG_WAITALL | unix.MSG_PEEK} {
		sameOnBoth(t, func(r *run) {
			c, s := r.pair()
			r.must(r.setsockopt(c, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
			go func() {
				for i := range 100 {
					_, err := r.send(c, fmt.Sprintf("%02d", i), 0)
					r.must(err)
				}
			}()
			b, err := r.recv(s, 200, flags)
			r.say("all", b, err)
			b, err = r.recv(s, 200, unix.MSG_DONTWAIT)
			r.say("left", b, err)
		})
		sameOnBoth(t, func(r *run) {
			c, s := r.pair()
			go func() {
				_, err := r.send(c, "short", 0)
				r.must(err)
				r.must(r.shutdown(c, unix.SHUT_WR))
			}()
			b, err := r.recv(s, 200, flags)
			r.say("all there is", b, err)
		})
	}
}

// TestBigSend sends more than any buffer holds: nothing may be lost.
func TestBigSend(t *testing.T) {
	sameOnBoth(t, func(r *run) {
		c, s := r.pair()
		data := bytes.Repeat([]byte("0123456789abcdef"), 1<<19)
		sent := make(chan string)
		go func() {
			n, err := r.sendto(c, [][]byte{data[:1], data[1 : 1<<20], data[1<<20:]}, 0, nil)
			r.must(r.shutdown(c, unix.SHUT_WR))
			sent <- fmt.Sprint(n, err)
		}()
		var got []byte
		for {
			b, err := r.recv(s, 1<<16, 0)
			r.must(err)
			if len(b) == 0 {
				break
			}
			got = append(got, b...)
		}
		r.say("sent", <-sent)
		r.say("same", bytes.Equal(got, data))
	})
	sameOnBoth(t, func(r *run) {
		c, _ := r.pair()
		data := make([]byte, 64<<20)
		n, err := r.sendto(c, [][]byte{data}, unix.MSG_DONTWAIT, nil)
		r.say("partial", n > 0 && n < len(data), err)
		n, err = r.sendto(c, [][]byte{data}, unix.MSG_DONTWAIT, nil)
		r.say("full", n < len(data), err == nil || err == syscall.EAGAIN)
	})
}

// TestLowWater has a reader wait for more than a byte.
func TestLowWater(t *testing.T) {
	for _, flags := range []int{0, unix.MSG_PEEK} {
		sameOnBoth(t, func(r *run) {
			l, addr := r.listener(1)
			r.say("set", r.setsockopt(l, unix.SOL_SOCKET, unix.SO_RCVLOWAT, 4))
			c := r.open(unix.SOCK_STREAM)
			r.must(r.connect(c, addr))
			r.must(r.setsockopt(c, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
			s := r.accepted(l)
			v, err := r.getsockopt(s, unix.SOL_SOCKET, unix.SO_RCVLOWAT)
			r.say("inherited", v, err)
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				for _, b := range "abcd" {
					_, err := r.send(c, string(b), 0)
					r.must(err)
				}
			}()
			b, err := r.recv(s, 9, flags)
			r.say("enough", b, err)
			<-sent
			_, err = r.recv(s, 9, unix.MSG_DONTWAIT)
			r.say("rest", err)
			_, err = r.send(c, "ab", 0)
			r.must(err)
			b, err = r.recv(s, 2, 0)
			r.say("no more wanted", b, err)
			r.must(r.shutdown(c, unix.SHUT_WR))
			b, err = r.recv(s, 9, 0)
			r.say("end", b, err)
		})
	}
}
