// Package debug shows guest processes, their descriptors and sockets, live, to
// the host's own operators:
//
//	var guests debug.Registry
//	guests.Add(cmd.Process)
//	http.Handle("/debug/wasix", &guests)
//
// Nothing is counted or kept for it while nobody looks.
package debug

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// Registry is a set of running commands, and an http.Handler that shows them. A
// browser gets a page that renews itself; ?format=json, or asking for
// application/json, gets a [Snapshot]. Arguments of programs and addresses of
// peers are shown: keep it from strangers. The zero value is ready to use, and
// all methods may be called concurrently.
type Registry struct {
	mu    sync.Mutex
	roots []*wasix.Process
}

// Add adds a process with all its descendants, until it has ended.
func (r *Registry) Add(p *wasix.Process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
	r.roots = append(r.roots, p)
}

// drop forgets who has ended. r is locked.
func (r *Registry) drop() {
	r.roots = slices.DeleteFunc(r.roots, func(p *wasix.Process) bool {
		select {
		case <-p.Done():
			return true
		default:
			return false
		}
	})
}

// Processes returns the processes that were added and have not ended.
func (r *Registry) Processes() []*wasix.Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
	return slices.Clone(r.roots)
}

// Snapshot is all that there is at one moment, in JSON.
type Snapshot struct {
	Time     time.Time `json:"time"`
	Commands []Command `json:"commands"` // in the order in which they were added
}

// Command is one command: its first process and all below that.
type Command struct {
	Processes []Process `json:"processes"`
}

// Process is one process.
type Process struct {
	PID         int          `json:"pid"`
	Parent      int          `json:"parent"`
	Args        []string     `json:"args"`
	Started     time.Time    `json:"started"`
	Exited      bool         `json:"exited"`
	Threads     int          `json:"threads"`
	Memory      uint64       `json:"memory"` // bytes
	Descriptors []Descriptor `json:"descriptors"`
}

// Descriptor is one open descriptor. Type is WASI's, as "socket_stream".
type Descriptor struct {
	FD       uint32  `json:"fd"`
	Type     string  `json:"type"`
	Nonblock bool    `json:"nonblock"`
	Append   bool    `json:"append"`
	Socket   *Socket `json:"socket,omitempty"`
}

// Socket is one socket, as ss(8) shows it: see [network.Info].
type Socket struct {
	Family    string `json:"family"`
	State     string `json:"state"`
	RecvQueue int    `json:"recv_queue"`
	SendQueue int    `json:"send_queue"`
	Local     string `json:"local"`
	Peer      string `json:"peer"`
	BytesIn   uint64 `json:"bytes_in"`
	BytesOut  uint64 `json:"bytes_out"`
}

// Snapshot returns what there is now.
func (r *Registry) Snapshot() Snapshot {
	s := Snapshot{Time: time.Now(), Commands: []Command{}}
	for _, root := range r.Processes() {
		var c Command
		for _, p := range root.Family() {
			c.Processes = append(c.Processes, newProcess(p.Stats()))
		}
		s.Commands = append(s.Commands, c)
	}
	return s
}

func newProcess(s wasix.Stats) Process {
	p := Process{
		PID: s.PID, Parent: s.Parent, Args: s.Args, Started: s.Started, Exited: s.Exited, Threads: s.Threads, Memory: s.Memory,
		Descriptors: []Descriptor{},
	}
	for _, d := range s.Descriptors {
		p.Descriptors = append(p.Descriptors, Descriptor{
			FD: d.FD, Type: strings.ToLower(d.Type.String()),
			Nonblock: d.Flags&abi.FdflagsNonblock != 0, Append: d.Flags&abi.FdflagsAppend != 0,
			Socket: newSocket(d.Socket),
		})
	}
	return p
}

func newSocket(s *wasix.SocketStats) *Socket {
	if s == nil {
		return nil
	}
	return &Socket{
		Family: strings.ToLower(s.Family.String()), State: s.State,
		RecvQueue: s.RecvQueue, SendQueue: s.SendQueue,
		Local: addrText(s.Local), Peer: addrText(s.Peer),
		BytesIn: s.BytesIn, BytesOut: s.BytesOut,
	}
}

// addrText returns an address as ss has it: "*" where there is none, and an
// abstract name of a Unix socket with "@" first.
func addrText(a network.Addr) string {
	switch {
	case a.Unix && a.Path != "":
		return strings.ReplaceAll(a.Path, "\x00", "@")
	case a.IsValid():
		return a.AddrPort.String()
	}
	return "*"
}

//go:embed page.html
var page []byte

// ServeHTTP serves the page, or a snapshot.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if req.FormValue("format") == "json" || strings.HasPrefix(req.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(r.Snapshot())
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page)
}
