package main

import (
	"bytes"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix/network"
)

// Bytes beyond those of the first second take their time, whatever way the guest
// waits by, and all of them come.
func TestNetLimitOfBytes(t *testing.T) {
	const rate, size = 200 << 10, 250 << 10
	eachEngine(t, func(t *testing.T, run ...string) {
		for _, guest := range []string{"echo-threads", "echo-poll", "echo-epoll"} {
			t.Run(guest, func(t *testing.T) {
				t.Parallel()
				s := serve(t, with(run, "-p", "0:7", "--net-limit", "in=200K,out=1M", guests.Path(guest), "7")...)
				addr := s.expect(`^gowasix: port 7 of the guest is at (\S+)$`)[1]
				s.expect(`^listening on `)
				c := dial(t, addr)
				defer c.Close()
				sent := bytes.Repeat([]byte("0123456789abcdef"), size/16)
				start := time.Now()
				go func() { _, _ = c.Write(sent) }()
				got := make([]byte, size)
				if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
					t.Errorf("what came back is not what was sent: %v", err)
				}
				if took, least := time.Since(start), time.Second*(size-rate)/rate; took < least-20*time.Millisecond {
					t.Errorf("it took %v, want %v at least", took, least)
				}
				s.end(syscall.SIGKILL)
			})
		}
	})
}

// A socket that is handed over leads nowhere that was not granted.
func TestListenIsGuarded(t *testing.T) {
	f, err := parseRunFlags([]string{"--listen", "127.0.0.1:0/udp", "--net-limit", "sockets=5", guests.Path("udp-echo")})
	if err != nil {
		t.Fatal(err)
	}
	cmd, err := f.command(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s := cmd.Sockets[0]
	defer s.Close()
	target, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	to := network.Addr{AddrPort: target.LocalAddr().(*net.UDPAddr).AddrPort()}
	if _, err := s.Sendmsg([][]byte{{1}}, &to); err != syscall.EPERM {
		t.Errorf("send: %v", err)
	}
	if err := s.Connect(to); err != syscall.EPERM {
		t.Errorf("connect: %v", err)
	}
	if u := cmd.Network.(*network.Limited).Usage(); u.Sockets != 1 {
		t.Errorf("%d sockets count", u.Sockets)
	}
}
