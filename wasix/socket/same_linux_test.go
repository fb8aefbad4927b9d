package socket_test

import (
	"fmt"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The tests here run one script on the kernel's sockets and on ours.

func TestListen(t *testing.T) {
	t.Run("closed", func(t *testing.T) {
		sameOnBoth(t, func(r *run) { r.say("listen", r.listen(1<<20, 1)) })
	})
	t.Run("datagram", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			fd, _ := r.bound(unix.SOCK_DGRAM)
			r.say("listen", r.listen(fd, 1))
		})
	})
	t.Run("bound", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			fd, addr := r.bound(unix.SOCK_STREAM)
			r.say("bound to", addr)
			r.say("listen", r.listen(fd, 7), r.name(fd))
			r.sayBacklog(fd)
		})
	})
	t.Run("unbound", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			fd := r.open(unix.SOCK_STREAM)
			r.say("before", r.name(fd))
			r.say("listen", r.listen(fd, 1), r.name(fd))
		})
	})
	t.Run("again", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			fd, _ := r.listener(3)
			r.say("listen", r.listen(fd, 5))
			r.sayBacklog(fd)
		})
	})
	t.Run("backlogs", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			for _, n := range []int{0, 1, 1<<31 - 1, -1 << 31, -1} {
				fd, _ := r.bound(unix.SOCK_STREAM)
				r.say("listen", n, r.listen(fd, n))
				r.sayBacklog(fd)
			}
		})
	})
	t.Run("connected", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			c, s := r.pair()
			r.say("listen", r.listen(c, 1), r.listen(s, 1))
			r.say("send", fmt.Sprint(r.send(c, "x", 0)))
		})
	})
	t.Run("connecting", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			fd, _, _ := r.connecting()
			r.say("listen", r.listen(fd, 1))
		})
	})
	t.Run("address taken", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			a, b := r.open(unix.SOCK_STREAM), r.open(unix.SOCK_STREAM)
			for _, fd := range []int{a, b} {
				r.must(r.setsockopt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
			}
			r.say("bind", r.bind(a, loopback), r.bind(b, r.name(a)))
			r.say("listen", r.listen(a, 1), r.listen(b, 1))
		})
	})
	t.Run("after shutdown", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			fd, addr := r.listener(1)
			r.say("shut", r.shutdown(fd, unix.SHUT_RDWR))
			_, _, err := r.accept(fd)
			r.say("accept", err)
			r.say("connect", r.connect(r.open(unix.SOCK_STREAM), addr))
			r.say("listen", r.listen(fd, 1))
			r.say("connect", r.connect(r.open(unix.SOCK_STREAM), r.name(fd)))
			r.accepted(fd)
		})
	})
	t.Run("overflow", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			fd, l, addr := r.connecting()
			r.accepted(l)
			ev, err := r.poll(fd, unix.POLLOUT) // the kernel sends its SYN again
			r.say("poll", ev, err)
			r.say("connect", r.connect(fd, addr), r.connect(fd, addr))
			r.accepted(l)
		})
	})
}

func TestBind(t *testing.T) {
	sameOnBoth(t, func(r *run) {
		fd, addr := r.bound(unix.SOCK_STREAM)
		r.say("again", r.bind(fd, loopback))
		r.say("still", r.name(fd))
		other := r.open(unix.SOCK_STREAM)
		r.say("taken", r.bind(other, addr))
		r.say("elsewhere", r.bind(other, &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 1}}))
		r.say("family", r.bind(other, &unix.SockaddrInet6{}))
		r.say("unbound", r.name(other))
		r.say("usable", r.bind(other, loopback), r.listen(other, 1))
		six, err := r.socket(unix.AF_INET6, unix.SOCK_STREAM)
		r.must(err)
		r.fds = append(r.fds, six)
		r.say("family", r.bind(six, loopback))
		r.say("only", r.setsockopt(six, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1))
		r.say("mapped", r.bind(six, &unix.SockaddrInet6{Addr: [16]byte{10: 0xff, 11: 0xff, 12: 127, 15: 1}}))
		r.say("six", r.bind(six, &unix.SockaddrInet6{Addr: [16]byte{15: 1}}), r.name(six))
		r.say("closed", r.bind(1<<20, loopback))
	})
}

func TestReusePort(t *testing.T) {
	sameOnBoth(t, func(r *run) {
		a, b, c := r.open(unix.SOCK_STREAM), r.open(unix.SOCK_STREAM), r.open(unix.SOCK_STREAM)
		for _, fd := range []int{a, b} {
			r.must(r.setsockopt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
		}
		r.say("bind", r.bind(a, loopback), r.bind(b, r.name(a)), r.bind(c, r.name(a)))
		r.say("listen", r.listen(a, 1), r.listen(b, 1))
	})
}

func TestAccept(t *testing.T) {
	t.Run("not listening", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
				_, _, err := r.accept(r.open(typ))
				r.say("accept", err)
			}
			c, _ := r.pair()
			_, _, err := r.accept(c)
			r.say("accept", err)
			_, _, err = r.accept(1 << 20)
			r.say("accept", err)
		})
	})
	t.Run("inherits", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			l, addr := r.listener(1)
			r.must(r.setsockopt(l, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
			r.must(r.setsockopt(l, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1))
			c := r.open(unix.SOCK_STREAM)
			r.must(r.connect(c, addr))
			r.arrives(l)
			r.must(r.setnonblock(l, true))
			s, from, err := r.accept(l)
			r.must(err)
			r.fds = append(r.fds, s)
			r.say("from", from, fmt.Sprint(from) == fmt.Sprint(r.name(c)))
			r.say("local", r.name(s))
			r.say(fmt.Sprint(r.getsockopt(s, unix.IPPROTO_TCP, unix.TCP_NODELAY)))
			r.say(fmt.Sprint(r.getsockopt(s, unix.SOL_SOCKET, unix.SO_KEEPALIVE)))
			_, _, err = r.accept(l)
			r.say("none", err)
			// The listener's O_NONBLOCK is not inherited: the read waits.
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, err := r.send(c, "late", 0)
				r.must(err)
			}()
			b, err := r.recv(s, 9, 0)
			r.say("recv", b, err)
			<-done
		})
	})
	t.Run("waits", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			l, addr := r.listener(1)
			c := r.open(unix.SOCK_STREAM)
			done := make(chan struct{})
			go func() {
				defer close(done)
				r.must(r.connect(c, addr))
			}()
			r.accepted(l)
			<-done
			r.say("accepted")
		})
	})
	t.Run("reset before", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			l, addr := r.listener(1)
			c := r.open(unix.SOCK_STREAM)
			r.must(r.connect(c, addr))
			r.must(r.setlinger(c, unix.Linger{Onoff: 1}))
			r.drop(c)
			s := r.accepted(l)
			_, err := r.recv(s, 1, 0)
			r.say("recv", err)
			_, err = r.recv(s, 1, 0)
			r.say("again", err)
		})
	})
}

func TestConnect(t *testing.T) {
	t.Run("blocking", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			l, addr := r.listener(1)
			c := r.open(unix.SOCK_STREAM)
			_, err := r.getpeername(c)
			r.say("peer", err)
			r.say("connect", r.connect(c, addr))
			peer, err := r.getpeername(c)
			r.say("peer", peer, err)
			r.say("again", r.connect(c, addr))
			r.say("listener", r.connect(l, addr))
		})
	})
	t.Run("bound", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			l, addr := r.listener(1)
			c, local := r.bound(unix.SOCK_STREAM)
			r.must(r.connect(c, addr))
			r.say("kept", fmt.Sprint(local) == fmt.Sprint(r.name(c)))
			r.accepted(l)
		})
	})
	t.Run("refused", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			addr := r.nobody()
			c := r.open(unix.SOCK_STREAM)
			r.say("connect", r.connect(c, addr))
			v, err := r.getsockopt(c, unix.SOL_SOCKET, unix.SO_ERROR)
			r.say("error", v, err)
			l, addr := r.listener(1)
			r.say("usable", r.connect(c, addr))
			r.accepted(l)
		})
	})
	t.Run("refused later", func(t *testing.T) {
		for _, ask := range []string{"option", "connect", "send", "recv"} {
			sameOnBoth(t, func(r *run) {
				addr := r.nobody()
				c := r.open(unix.SOCK_STREAM)
				r.must(r.setnonblock(c, true))
				r.say("connect", r.connect(c, addr))
				ev, err := r.poll(c, unix.POLLIN|unix.POLLOUT|unix.POLLRDHUP)
				r.say("poll", ev, err)
				switch ask {
				case "option":
					v, err := r.getsockopt(c, unix.SOL_SOCKET, unix.SO_ERROR)
					r.say("error", syscall.Errno(v), err)
				case "connect":
					r.say("connect", r.connect(c, addr))
				case "send":
					_, err := r.send(c, "x", 0)
					r.say("send", err)
				case "recv":
					_, err := r.recv(c, 1, 0)
					r.say("recv", err)
				}
				v, err := r.getsockopt(c, unix.SOL_SOCKET, unix.SO_ERROR)
				r.say("cleared", v, err)
				_, err = r.send(c, "x", 0)
				r.say("send", err)
				b, err := r.recv(c, 1, 0)
				r.say("recv", b, err)
				r.say("connect", r.connect(c, addr) != nil)
			})
		}
	})
	t.Run("in progress", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			c, l, addr := r.connecting()
			r.say("again", r.connect(c, addr))
			_, err := r.getpeername(c)
			r.say("peer", err)
			_, err = r.recv(c, 1, 0)
			r.say("recv", err)
			_, err = r.send(c, "x", 0)
			r.say("send", err)
			r.accepted(l)
			r.must(r.setnonblock(c, false))
			r.say("wait", r.connect(c, addr))
			r.say("after", r.connect(c, addr))
			r.accepted(l)
		})
	})
	t.Run("dissolved", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			a, addr := r.bound(unix.SOCK_DGRAM)
			b := r.open(unix.SOCK_DGRAM)
			_, err := r.send(b, "x", 0)
			r.say("no peer", err)
			r.say("connect", r.connect(b, addr))
			peer, err := r.getpeername(b)
			r.say("peer", peer, err)
			r.say("dissolve", r.connect(b, nil))
			_, err = r.getpeername(b)
			r.say("peer", err)
			r.say("reconnect", r.connect(b, addr), r.connect(b, addr))
			_, err = r.send(b, "x", 0)
			r.say("send", err)
			got, err := r.recv(a, 9, 0)
			r.say("recv", got, err)
			c, _, _ := r.connecting()
			r.say("give up", r.connect(c, nil), r.connect(c, r.nobody()))
		})
	})
	t.Run("families", func(t *testing.T) {
		sameOnBoth(t, func(r *run) {
			for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
				r.say("six from four", r.connect(r.open(typ), &unix.SockaddrInet6{Addr: [16]byte{15: 1}, Port: 1}))
			}
			r.say("closed", r.connect(1<<20, loopback))
		})
	})
}
