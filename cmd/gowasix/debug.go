package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gowasix/gowasix/wasix/debug"
)

// debugPath is where --debug shows the guest.
const debugPath = "/debug/wasix"

// serveDebug serves the page of --debug until the returned function is called.
func (f *runFlags) serveDebug(guests *debug.Registry, stderr io.Writer) (stop func(), err error) {
	if f.debug == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", f.debug)
	if err != nil {
		return nil, fmt.Errorf("--debug %s: %w", f.debug, explain(err))
	}
	mux := http.NewServeMux()
	mux.Handle(debugPath, guests)
	mux.Handle("/{$}", http.RedirectHandler(debugPath, http.StatusFound))
	server := &http.Server{Handler: localOnly(l.Addr().(*net.TCPAddr), mux), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	fmt.Fprintf(stderr, "gowasix: the guest is shown at http://%s%s\n", l.Addr(), debugPath)
	return func() { _ = server.Close() }, nil
}

// localOnly refuses requests with another host name where the server is on a
// loopback address: a web page elsewhere might point its own name there.
func localOnly(at *net.TCPAddr, h http.Handler) http.Handler {
	if !at.IP.IsLoopback() {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "ask by a loopback address", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}
