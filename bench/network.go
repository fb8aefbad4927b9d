//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network/virtual"
	"github.com/gowasix/gowasix/wasmer"
	"github.com/gowasix/gowasix/wazero"
)

// dialer connects to a server.
type dialer func(context.Context) (net.Conn, error)

// serverPair is an echo server and an HTTP server of one kind on one network, in this
// process as the client is.
type serverPair struct {
	name       string
	echo, http dialer
}

func (s serverPair) String() string { return s.name }

// roundTrips are what is measured, of each pair of servers.
var roundTrips = []struct {
	title string
	time  func(serverPair) (time.Duration, error)
}{
	{"echo, 64 B", func(p serverPair) (time.Duration, error) { return echoTime(p.echo, 64) }},
	{"echo, 16 KiB", func(p serverPair) (time.Duration, error) { return echoTime(p.echo, 16<<10) }},
	{"HTTP GET with net/http", func(p serverPair) (time.Duration, error) { return httpTime(p.http) }},
}

// measureNetwork writes network.md: what a round trip costs an embedder whose client
// and servers are in one process, over the kernel's loopback, a virtual network and
// net.Pipe, and what a policy costs.
func measureNetwork(machine, out string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	vnet := virtual.New()
	defer vnet.Close()
	pairs, err := goPairs(vnet)
	if err != nil {
		return err
	}
	for _, newEngine := range []func() (wasix.Engine, error){
		func() (wasix.Engine, error) { return wazero.NewEngine() },
		func() (wasix.Engine, error) { return wasmer.NewEngine() },
	} {
		guests, err := guestPairs(ctx, newEngine, vnet)
		if err != nil {
			return err
		}
		pairs = append(pairs, guests...)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "# Networks\n\nMade by `go run ./bench -only network`. Client and servers are in one process, and the\n"+
		"variants take turns; a figure is the median of %d rounds of %v, a ratio the median of\nown time to that of "+
		"the Go server on the kernel's loopback in the same round.\n\n%s.\n\n| µs of a round trip ", *rounds, *slice, machine)
	for _, p := range pairs {
		fmt.Fprintf(&text, "| %s ", p.name)
	}
	text.WriteString("|\n|---" + strings.Repeat("|--:", len(pairs)) + "|\n")
	for _, r := range roundTrips {
		if err := compare(&text, r.title, pairs, *rounds, r.time); err != nil {
			return err
		}
	}
	if err := measurePolicies(&text); err != nil {
		return err
	}
	fmt.Print(text.String())
	return os.WriteFile(filepath.Join(out, "network.md"), []byte(text.String()), 0o666)
}

// perRoundTrip calls once for a while, and returns what one call takes.
func perRoundTrip(once func() error) (time.Duration, error) {
	begin, measured, n := time.Now(), false, 0
	for {
		if err := once(); err != nil {
			return 0, err
		}
		n++
		switch took := time.Since(begin); {
		case !measured && took > warmup:
			begin, measured, n = time.Now(), true, 0
		case measured && took > *slice:
			return took / time.Duration(n), nil
		}
	}
}

func echoTime(dial dialer, size int) (time.Duration, error) {
	c, err := dial(context.Background())
	if err != nil {
		return 0, err
	}
	defer c.Close()
	message, buf := make([]byte, size), make([]byte, size)
	return perRoundTrip(func() error {
		if _, err := c.Write(message); err != nil {
			return err
		}
		_, err := io.ReadFull(c, buf)
		return err
	})
}

func httpTime(dial dialer) (time.Duration, error) {
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}
	defer t.CloseIdleConnections()
	client := http.Client{Transport: t}
	return perRoundTrip(func() error {
		r, err := client.Get("http://guest/")
		if err != nil {
			return err
		}
		defer r.Body.Close()
		_, err = io.Copy(io.Discard, r.Body)
		return err
	})
}
