// Package synctest_test shows how programs that run guests are tested by a clock that
// does not take its time, that of package testing/synctest.
package synctest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasmer"
	"github.com/gowasix/gowasix/wazero"
)

// eachEngine runs a test in a bubble, with a guest's module. Engines and modules are
// made outside, as they may serve several.
func eachEngine(t *testing.T, guest string, test func(*testing.T, wasix.Module)) {
	engines := map[string]func() (wasix.Engine, error){
		"wazero": func() (wasix.Engine, error) { return wazero.NewEngine() },
	}
	if wasmer.Available {
		engines["wasmer"] = func() (wasix.Engine, error) { return wasmer.NewEngine() }
	}
	for name, newEngine := range engines {
		t.Run(name, func(t *testing.T) {
			engine, err := newEngine()
			if err != nil {
				t.Fatal(err)
			}
			defer engine.Close()
			module, err := engine.Compile(t.Context(), guests.Bytes(guest))
			if err != nil {
				t.Fatal(err)
			}
			defer module.Close()
			synctest.Test(t, func(t *testing.T) { test(t, module) })
		})
	}
}

// Guests sleep by the bubble's clock: an hour takes no time.
func TestSleep(t *testing.T) {
	eachEngine(t, "tools", func(t *testing.T, module wasix.Module) {
		start := time.Now()
		if err := wasix.Command(module, "sleeps", "3600000").Run(t.Context()); err != nil {
			t.Error(err)
		}
		if slept := time.Since(start); slept != time.Hour {
			t.Errorf("slept %v", slept)
		}
	})
}

// pipes is a listener in memory, with a dialler that takes a second.
type pipes chan net.Conn

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	time.Sleep(time.Second)
	client, server := net.Pipe()
	select {
	case p <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error { close(p); return nil }
func (pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

// A server waits for connections of a listener that is the test's, and its clients for
// it, by the bubble's clock.
func TestServer(t *testing.T) {
	eachEngine(t, "http", func(t *testing.T, module wasix.Module) {
		listener := make(pipes)
		socket, err := network.FromListener(listener)
		if err != nil {
			t.Fatal(err)
		}
		server := wasix.Command(module, "http", "inherited")
		server.Sockets = []network.Socket{socket}
		start := time.Now()
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		client := http.Client{Transport: &http.Transport{DialContext: listener.dial}}
		answer, err := client.Get("http://guest/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK || len(body) == 0 {
			t.Errorf("%s, body %q, %v", answer.Status, body, err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v", took)
		}
		_ = answer.Body.Close()
		client.CloseIdleConnections()
		server.Process.Kill()
		if err := server.Wait(); err == nil {
			t.Error("the killed server has succeeded")
		}
	})
}
