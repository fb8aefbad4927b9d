package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix/debug"
)

// TestDebug looks at a serving guest while a connection is open.
func TestDebug(t *testing.T) {
	eachEngine(t, func(t *testing.T, run ...string) {
		s := serve(t, with(run, "-p", "127.0.0.1:0:80", "--debug", "127.0.0.1:0", guests.Path("http"), "80")...)
		url := s.expect(`^gowasix: the guest is shown at (http://\S+)$`)[1]
		addr := s.expect(`^gowasix: port 80 of the guest is at (\S+)$`)[1]
		s.expect(`^listening on 80$`)
		client := dial(t, addr)
		defer client.Close()
		if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: guest\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if n, err := client.Read(make([]byte, 100)); n == 0 {
			t.Fatal(err)
		}
		p := snapshot(t, url)
		for start := time.Now(); !hasSent(p) && time.Since(start) < limit; p = snapshot(t, url) {
			continue // what the client has read is not counted yet
		}
		if p.PID != 1 || p.Threads != 1 || p.Exited || fmt.Sprint(p.Args) != "[http.wasm 80]" || time.Since(p.Started) < 0 {
			t.Errorf("the process is %+v", p)
		}
		states := map[string]*debug.Socket{}
		for _, d := range p.Descriptors {
			if d.Socket != nil {
				states[d.Socket.State] = d.Socket
				if !d.Nonblock || d.Type != "socket_stream" {
					t.Errorf("%+v", d)
				}
			}
		}
		if l := states["LISTEN"]; l == nil || l.Local != "0.0.0.0:80" || l.Peer != "*" || l.RecvQueue != 0 || l.SendQueue == 0 {
			t.Errorf("the listener is %+v", l)
		}
		if c := states["ESTAB"]; c == nil || c.Local != "127.0.0.1:80" || c.Peer != client.LocalAddr().String() || c.BytesIn == 0 || c.BytesOut == 0 {
			t.Errorf("the connection is %+v", c)
		}
		if status, body := get(t, url, ""); status != http.StatusOK || !strings.Contains(body, "<!DOCTYPE html>") {
			t.Errorf("the page: status %d\n%s", status, body)
		}
		if status, _ := get(t, url, "elsewhere.test"); status != http.StatusForbidden {
			t.Errorf("by another name: status %d", status)
		}
		if status := s.end(syscall.SIGINT); status != 130 {
			t.Errorf("status %d", status)
		}
	})
	command(t, "", "run", "--debug", "nowhere", guests.Path("http"), "80").want(t, 125, "", "--debug nowhere: write an address and a port")
}

func hasSent(p debug.Process) bool {
	return slices.ContainsFunc(p.Descriptors, func(d debug.Descriptor) bool {
		return d.Socket != nil && d.Socket.BytesOut > 0
	})
}

// snapshot returns the only process. A guest may serve a moment before it is shown.
func snapshot(t *testing.T, url string) debug.Process {
	t.Helper()
	var s debug.Snapshot
	for start := time.Now(); len(s.Commands) == 0 && time.Since(start) < limit; {
		_, body := get(t, url+"?format=json", "")
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			t.Fatalf("%v in\n%s", err, body)
		}
	}
	if len(s.Commands) != 1 || len(s.Commands[0].Processes) != 1 {
		t.Fatalf("the snapshot is %+v", s)
	}
	return s.Commands[0].Processes[0]
}

func get(t *testing.T, url, host string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}
