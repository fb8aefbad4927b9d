// Command restart serves with a guest and, on SIGHUP, replaces that by a new one:
// no connection is refused or cut. The old guest finishes its connections.
package main

import (
	"context"
	"log"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wazero"
)

func main() {
	wasm, err := os.ReadFile("testdata/guests/http.wasm")
	check(err)
	engine, err := wazero.NewEngine()
	check(err)
	defer engine.Close()
	module, err := engine.Compile(context.Background(), wasm)
	check(err)
	listener, err := net.Listen("tcp", "127.0.0.1:8080")
	check(err)
	restart := make(chan os.Signal, 1)
	signal.Notify(restart, syscall.SIGHUP)
	check(serve(context.Background(), module, listener, restart))
}

// serve runs guests on the listener, one after the other, until the last one
// ends or ctx is done.
func serve(ctx context.Context, module wasix.Module, listener net.Listener, restart <-chan os.Signal) error {
	socket, err := network.FromListener(listener)
	if err != nil {
		return err
	}
	sockets := []network.Socket{socket}
	var predecessors sync.WaitGroup
	defer predecessors.Wait()
	for {
		guest := wasix.Command(module, "http", "inherited") // serves descriptor 3
		guest.Stdout, guest.Stderr = os.Stdout, os.Stderr
		guest.Sockets = sockets
		if err := guest.Start(ctx); err != nil {
			return err
		}
		ended := make(chan error, 1)
		predecessors.Go(func() { ended <- guest.Wait() })
		select {
		case err := <-ended:
			return err
		case <-restart:
		}
		// From here on the guest accepts nothing, and connections wait for the next.
		if sockets, err = guest.Process.Handover(); err != nil {
			return err
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
