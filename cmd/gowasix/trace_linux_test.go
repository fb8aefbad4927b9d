package main

import (
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
)

// Addresses, paths and flags are printed as such.
func TestTraceNames(t *testing.T) {
	dir := t.TempDir()
	eachEngine(t, func(t *testing.T, run ...string) {
		s := serve(t, with(run, "--trace=sock,path,fd", "--net", "--dir", dir+":/www:ro", guests.Path("http"), "127.0.0.1", "0", "/www")...)
		s.expect(`sock_open\(af=INET4, socktype=STREAM, sock_proto=IP, retptr0=0x[0-9a-f]+\) = SUCCESS`)
		s.expect(`sock_bind\(fd=\d+, addr=127\.0\.0\.1:0\) = SUCCESS`)
		at := s.expect(`sock_addr_local\(fd=\d+, retptr0=(127\.0\.0\.1:[1-9]\d*)\) = SUCCESS`)[1]
		c := dial(t, at)
		s.expect(`sock_accept(_v2)?\((fd|sock)=\d+, (flags|fd_flags)=NONBLOCK, (retptr0|ro_fd)=0x[0-9a-f]+, (retptr1|ro_addr)=` +
			regexp.QuoteMeta(c.LocalAddr().String()) + `\) = SUCCESS`)
		if _, err := c.Write([]byte("GET /missing HTTP/1.0\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		s.expect(`path_open2?\(fd=\d+, dirflags=.*, path="[^"]*missing", path_len=\d+, oflags=0, .*\) = NOENT`)
		s.expect(`sock_shutdown\(fd=\d+, how=WR\) = SUCCESS`)
		_ = c.Close()
		s.end(syscall.SIGINT)
	})
}

// A signal that ends the guest from outside is told of once, before the end.
func TestTraceForwardedSignal(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		s := serve(t, with(run, "--trace=thread", "-p", "127.0.0.1:0:80", guests.Path("http"), "80")...)
		s.expect(`^listening on 80$`)
		status := s.end(syscall.SIGTERM)
		if out := s.output(); status != 128+int(syscall.SIGTERM) || strings.Count(out, "---") != 2 ||
			!strings.HasSuffix(out, "\n--- SIGTERM ---\n+++ killed by SIGTERM +++\n") {
			t.Errorf("status %d, trace\n%s", status, out)
		}
	})
}

// What is told within a call, such as where a port is, has a line of its own.
func TestTraceOfPublishedPort(t *testing.T) {
	told := regexp.MustCompile(`(?m)^sock_(bind|listen)\(fd=\d+, .* <unfinished \.\.\.>
gowasix: port 80 of the guest is at 127\.0\.0\.1:\d+
<\.\.\. sock_(bind|listen) resumed>\) = SUCCESS$`)
	eachEngine(t, func(t *testing.T, run ...string) {
		s := serve(t, with(run, "--trace=sock", "-p", "127.0.0.1:0:80", guests.Path("http"), "80")...)
		s.expect(`^listening on 80$`)
		s.end(syscall.SIGINT)
		if !told.MatchString(s.output()) {
			t.Errorf("trace\n%s", s.output())
		}
	})
}
