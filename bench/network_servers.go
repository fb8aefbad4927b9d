//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/network/virtual"
)

// goPairs returns servers written in Go, on the kernel's loopback, on a virtual
// network and on net.Pipe.
func goPairs(vnet *virtual.Network) ([]serverPair, error) {
	server := vnet.Host("go")
	var pairs []serverPair
	for _, kind := range []struct {
		name   string
		listen func() (net.Listener, dialer, error)
	}{
		{"Go, loopback", func() (net.Listener, dialer, error) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return nil, nil, err
			}
			return l, dialTo(new(net.Dialer).DialContext, l.Addr().String()), nil
		}},
		{"Go, virtual", func() (net.Listener, dialer, error) {
			l, err := server.Listen("tcp4", ":0")
			if err != nil {
				return nil, nil, err
			}
			_, port, err := net.SplitHostPort(l.Addr().String())
			return l, dialTo(vnet.DialContext, net.JoinHostPort(server.Name(), port)), err
		}},
		{"Go, net.Pipe", func() (net.Listener, dialer, error) {
			l := make(pipeListener)
			return l, l.dial, nil
		}},
	} {
		pair := serverPair{name: kind.name}
		for _, s := range []struct {
			dial  *dialer
			serve func(net.Listener) error
		}{{&pair.echo, serveEcho}, {&pair.http, servePage}} {
			l, dial, err := kind.listen()
			if err != nil {
				return nil, err
			}
			*s.dial = dial
			go s.serve(l)
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

func dialTo(dial func(ctx context.Context, network, addr string) (net.Conn, error), addr string) dialer {
	return func(ctx context.Context) (net.Conn, error) { return dial(ctx, "tcp", addr) }
}

// servePage serves a page as long as the guest's.
func servePage(l net.Listener) error {
	page := strings.Repeat("x", 64)
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) }))
}

// pipeListener accepts what is dialled, a net.Pipe.
type pipeListener chan net.Conn

func (l pipeListener) Accept() (net.Conn, error) { return <-l, nil }
func (l pipeListener) Close() error              { return nil }
func (l pipeListener) Addr() net.Addr            { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (l pipeListener) dial(context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	l <- server
	return client, nil
}

// guestPairs starts guests on the host's network and on a virtual one, which end
// with ctx.
func guestPairs(ctx context.Context, newEngine func() (wasix.Engine, error), vnet *virtual.Network) ([]serverPair, error) {
	engine, err := newEngine()
	if err != nil {
		return nil, err
	}
	var pairs []serverPair
	for _, where := range []string{"loopback", "virtual"} {
		pair := serverPair{name: engine.Name() + ", " + where}
		for program, dial := range map[string]*dialer{"echo-threads-shared": &pair.echo, "http": &pair.http} {
			n, connect := network.Host(), new(net.Dialer).DialContext
			host := "127.0.0.1"
			if where == "virtual" {
				host = engine.Name() + "-" + program
				n, connect = vnet.Host(host), vnet.DialContext
			}
			port, err := startGuest(ctx, engine, program, n)
			if err != nil {
				return nil, err
			}
			*dial = dialTo(connect, net.JoinHostPort(host, port))
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

// startGuest starts a server that ends with ctx, and returns its port.
func startGuest(ctx context.Context, engine wasix.Engine, program string, n network.Network) (port string, err error) {
	wasm, err := os.ReadFile("testdata/guests/" + program + ".wasm")
	if err != nil {
		return "", err
	}
	module, err := engine.Compile(ctx, wasm)
	if err != nil {
		return "", err
	}
	output, w := io.Pipe()
	cmd := wasix.Command(module, program, "0.0.0.0", "0")
	cmd.Network, cmd.Stdout, cmd.Stderr = n, w, os.Stderr
	if err := cmd.Start(ctx); err != nil {
		return "", err
	}
	go func() { w.CloseWithError(cmd.Wait()) }()
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s: %w", program, err)
	}
	m := listening.FindStringSubmatch(line)
	if m == nil {
		return "", fmt.Errorf("%s: it says %q", program, line)
	}
	return m[1], nil
}
