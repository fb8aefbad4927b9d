// Command handler serves two guests, one on each engine, as http.Handlers. They
// listen on a network in memory: only the Go program opens a port.
package main

import (
	"bufio"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network/virtual"
	"github.com/gowasix/gowasix/wasmer"
	"github.com/gowasix/gowasix/wazero"
)

func main() {
	wasm, err := os.ReadFile("testdata/guests/http.wasm")
	check(err)
	fast, err := wasmer.NewEngine()
	check(err)
	defer fast.Close()
	pure, err := wazero.NewEngine()
	check(err)
	defer pure.Close()
	vnet := virtual.New()
	defer vnet.Close()
	for name, engine := range map[string]wasix.Engine{"wasmer": fast, "wazero": pure} {
		handler, err := serve(context.Background(), engine, wasm, vnet, name)
		check(err)
		http.Handle("/"+name+"/", http.StripPrefix("/"+name, handler))
	}
	check(http.ListenAndServe("127.0.0.1:8080", nil))
}

// serve runs an HTTP server on the host of that name, and returns a handler that
// passes requests to it, once it listens. The server ends with ctx.
func serve(ctx context.Context, engine wasix.Engine, wasm []byte, vnet *virtual.Network, name string) (http.Handler, error) {
	module, err := engine.Compile(ctx, wasm)
	if err != nil {
		return nil, err
	}
	stdout, w := io.Pipe()
	guest := wasix.Command(module, "http", "0.0.0.0", "80")
	guest.Network = vnet.Host(name)
	guest.Stdout, guest.Stderr = w, os.Stderr
	if err := guest.Start(ctx); err != nil {
		return nil, err
	}
	go func() { w.CloseWithError(guest.Wait()) }()
	out := bufio.NewReader(stdout)
	if _, err := out.ReadString('\n'); err != nil { // "listening on 80"
		return nil, err
	}
	go io.Copy(os.Stdout, out)
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: name}) },
		Transport: &http.Transport{DialContext: vnet.DialContext},
	}, nil
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
