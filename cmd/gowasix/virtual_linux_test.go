package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// A server on a network of its own is reached by the port that is published,
// whatever way it waits by, TCP and UDP alike.
func TestVirtualNetwork(t *testing.T) {
	dir := t.TempDir()
	page := bytes.Repeat([]byte("<p>It runs</p>\n"), 10000)
	if err := os.WriteFile(filepath.Join(dir, "page.html"), page, 0o644); err != nil {
		t.Fatal(err)
	}
	eachEngine(t, func(t *testing.T, run ...string) {
		s := serve(t, with(run, "--net=virtual", "-p", "0:80-81", "--dir", dir+":/www:ro", guests.Path("http"), "80", "/www")...)
		addr := s.expect(`^gowasix: port 80 of the guest is at (127\.0\.0\.1:\d+)$`)[1]
		s.expect(`^listening on 80$`)
		for range 3 {
			if body := fetch(t, addr, "/page.html"); !bytes.Equal(body, page) {
				t.Errorf("the page has %d bytes, want %d", len(body), len(page))
			}
		}
		if status := s.end(syscall.SIGINT); status != 128+int(syscall.SIGINT) {
			t.Errorf("status %d", status)
		}
		for _, guest := range []string{"echo-threads", "echo-poll", "echo-epoll"} {
			s := serve(t, with(run, "--net=virtual", "-p", "0:7", guests.Path(guest), "7")...)
			addr := s.expect(`^gowasix: port 7 of the guest is at (\S+)$`)[1]
			s.expect(`^listening on `)
			exchange(t, dial(t, addr))
			s.end(syscall.SIGINT)
		}
		s = serve(t, with(run, "--net=virtual", "-p", "0:7/udp", guests.Path("udp-echo"), "7")...)
		c, err := net.Dial("udp", s.expect(`^gowasix: port 7 of the guest is at (\S+)$`)[1])
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, c)
		s.end(syscall.SIGINT)
	})
}

// A network in memory has nothing of the host's, and is closed with the guest.
func TestVirtualNetworkIsPrivate(t *testing.T) {
	f, err := parseRunFlags([]string{"--net=virtual", "-p", "0:80", guests.Path("process")})
	if err != nil {
		t.Fatal(err)
	}
	n, err := f.network(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := n.Socket(abi.AddressFamilyInet4, abi.SockTypeStream, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	to := network.Addr{AddrPort: l.Addr().(*net.TCPAddr).AddrPort()}
	for w := ready.NewWaiter(); ; {
		seq := s.Queue().Seq()
		if err = s.Connect(to); err != syscall.EINPROGRESS && err != syscall.EALREADY {
			break
		}
		_ = w.Wait(s, ready.Out, seq, ready.After(uint64(limit)))
	}
	if err != syscall.ECONNREFUSED {
		t.Errorf("a port of the host: %v", err)
	}
	if prefixes, err := network.InterfaceOf(n).Prefixes(); err != nil || len(prefixes) == 0 {
		t.Errorf("the interface has %v, %v", prefixes, err)
	}
	f.closeNetwork()
	if _, err := n.Socket(abi.AddressFamilyInet4, abi.SockTypeStream, 0); err != syscall.ENETDOWN {
		t.Errorf("a socket, afterwards: %v", err)
	}
}
