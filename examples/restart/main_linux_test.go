package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasmer"
	"github.com/gowasix/gowasix/wazero"
)

const (
	restarts = 10
	between  = 100 // requests from one restart to the next
	clients  = 8
	// patience is how long an answer may take on a busy machine.
	patience = time.Minute
)

// TestRestarts restarts a server under load: clients with a connection for each
// request, and clients that keep theirs as long as the server does. Not a single
// request may fail.
func TestRestarts(t *testing.T) {
	engines := map[string]func() (wasix.Engine, error){
		"wazero": func() (wasix.Engine, error) { return wazero.NewEngine() },
	}
	if wasmer.Available {
		engines["wasmer"] = func() (wasix.Engine, error) { return wasmer.NewEngine() }
	}
	for name, newEngine := range engines {
		t.Run(name, func(t *testing.T) {
			module := compile(t, newEngine)
			plain, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Run("TCP", func(t *testing.T) {
				load(t, module, plain, new(net.Dialer))
			})
			t.Run("TLS", func(t *testing.T) {
				listener, dialer := listenTLS(t)
				load(t, module, listener, dialer)
			})
		})
	}
}

func compile(t *testing.T, newEngine func() (wasix.Engine, error)) wasix.Module {
	wasm, err := os.ReadFile(guests.Path("http"))
	if err != nil {
		t.Fatal(err)
	}
	engine, err := newEngine()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	module, err := engine.Compile(t.Context(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = module.Close() })
	return module
}

// listenTLS returns a listener that no kernel knows, and what dials it.
func listenTLS(t *testing.T) (net.Listener, dialer) {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS() // for its certificate
	config, trust := server.TLS.Clone(), server.Client().Transport.(*http.Transport).TLSClientConfig
	server.Close()
	config.NextProtos = nil
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	return l, &tls.Dialer{Config: &tls.Config{RootCAs: trust.RootCAs, ServerName: "example.com"}}
}

type dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// load serves on the listener while clients make requests and the guest is
// replaced again and again.
func load(t *testing.T, module wasix.Module, listener net.Listener, d dialer) {
	ctx, cancel := context.WithCancel(t.Context())
	restart, addr := make(chan os.Signal), listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- serve(ctx, module, listener, restart) }()
	var done atomic.Int64 // requests
	var stop atomic.Bool
	var all sync.WaitGroup
	failed := make(chan error, clients)
	for i := range clients {
		all.Go(func() {
			c := &client{dialer: d, addr: addr, keep: i%2 == 0}
			defer c.close()
			for !stop.Load() {
				if err := c.get(t.Context()); err != nil {
					failed <- err
					return
				}
				done.Add(1)
			}
		})
	}
	for n := range restarts + 1 {
		if n > 0 {
			restart <- syscall.SIGHUP
		}
		for done.Load() < int64((n+1)*between) {
			select {
			case err := <-failed:
				t.Fatalf("after %d requests and %d restarts: %v", done.Load(), n, err)
			case err := <-served:
				t.Fatalf("the server ended: %v", err)
			case <-time.After(time.Millisecond):
			}
		}
	}
	stop.Store(true)
	all.Wait()
	cancel()
	// The cause is all that is sure: the last guest may not have started yet.
	if err := <-served; !errors.Is(err, context.Canceled) {
		t.Errorf("the last guest: %v", err)
	}
	select {
	case err := <-failed:
		t.Error(err)
	default:
	}
	t.Logf("%d requests, %d restarts, none failed", done.Load(), restarts)
}

// client makes requests, one after the other.
type client struct {
	dialer dialer
	addr   string
	keep   bool // the connection, until the server ends it
	conn   net.Conn
	in     *bufio.Reader
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// get makes a request, without a second attempt.
func (c *client) get(ctx context.Context) error {
	if c.conn == nil {
		conn, err := c.dialer.DialContext(ctx, "tcp", c.addr)
		if err != nil {
			return err
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
		_ = conn.SetDeadline(time.Now().Add(patience))
	}
	last := ""
	if !c.keep {
		last = "Connection: close\r\n"
	}
	if _, err := fmt.Fprintf(c.conn, "GET / HTTP/1.1\r\nHost: guest\r\n%s\r\n", last); err != nil {
		return err
	}
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK || len(body) == 0 {
		return fmt.Errorf("status %d, %d bytes, %v", r.StatusCode, len(body), err)
	}
	if r.Close || !c.keep {
		c.close()
	}
	return nil
}
