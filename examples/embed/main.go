// Command embed runs a WASIX HTTP server inside a Go program.
package main

import (
	"context"
	"log"
	"os"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wazero" // or .../wasmer: nothing else changes
)

func main() {
	wasm, err := os.ReadFile("testdata/guests/http.wasm")
	check(err)
	engine, err := wazero.NewEngine()
	check(err)
	defer engine.Close()
	module, err := engine.Compile(context.Background(), wasm)
	check(err)
	server := wasix.Command(module, "http", "127.0.0.1", "8080")
	server.Stdout, server.Stderr = os.Stdout, os.Stderr
	server.Network = network.Host()
	check(server.Run(context.Background()))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
