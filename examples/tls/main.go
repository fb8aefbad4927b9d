// Command tls puts a guest behind TLS, which the guest knows nothing of: any
// net.Listener of the Go program can be its listening socket.
package main

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"os"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wazero"
)

func main() {
	certificate, err := tls.LoadX509KeyPair("cert.pem", "key.pem")
	check(err)
	listener, err := tls.Listen("tcp", "127.0.0.1:8443", &tls.Config{Certificates: []tls.Certificate{certificate}})
	check(err)
	engine, err := wazero.NewEngine()
	check(err)
	defer engine.Close()
	check(serve(context.Background(), engine, "testdata/guests/http.wasm", listener))
}

// serve runs a server that gets the listener as descriptor 3, and nothing else of
// a network.
func serve(ctx context.Context, engine wasix.Engine, file string, listener net.Listener) error {
	wasm, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	module, err := engine.Compile(ctx, wasm)
	if err != nil {
		return err
	}
	socket, err := network.FromListener(listener)
	if err != nil {
		return err
	}
	guest := wasix.Command(module, "http", "inherited")
	guest.Stdout, guest.Stderr = os.Stdout, os.Stderr
	guest.Sockets = []network.Socket{socket}
	return guest.Run(ctx)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
