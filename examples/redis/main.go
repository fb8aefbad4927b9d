// Command redis serves a guest with Redis' protocol, by the server package redcon.
// Both are on a network in memory, and the server is all that the guest may reach.
package main

import (
	"context"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/network/virtual"
	"github.com/gowasix/gowasix/wazero"
	"github.com/tidwall/redcon"
)

func main() {
	wasm, err := os.ReadFile("testdata/guests/redis.wasm")
	check(err)
	engine, err := wazero.NewEngine()
	check(err)
	defer engine.Close()
	vnet := virtual.New()
	defer vnet.Close()
	listener, err := vnet.Listen("tcp", "10.0.0.1:6379")
	check(err)
	server := redcon.NewServer("", (&store{values: map[string]string{}}).handle, nil, nil)
	defer server.Close()
	go server.Serve(listener)
	module, err := engine.Compile(context.Background(), wasm)
	check(err)
	defer module.Close()
	client, err := newClient(module, vnet.Host("guest"), listener.Addr(), "ip:allow=10.0.0.1:6379/out")
	check(err)
	client.Stdin, client.Stdout, client.Stderr = os.Stdin, os.Stdout, os.Stderr
	check(client.Run(context.Background()))
}

// newClient returns a client of the server, on a host of its network, that may do what
// the rules grant. It sends the commands that it reads, and prints the replies.
func newClient(module wasix.Module, host *virtual.Host, server net.Addr, rules string) (*wasix.Cmd, error) {
	policy, err := network.ParseRules(rules)
	if err != nil {
		return nil, err
	}
	addr, port, err := net.SplitHostPort(server.String())
	if err != nil {
		return nil, err
	}
	guest := wasix.Command(module, "redis", addr, port)
	guest.Network = network.WithPolicy(host, policy)
	return guest, nil
}

// store is the values, by their keys.
type store struct {
	mu     sync.Mutex
	values map[string]string
}

// handle answers a command. Connections call it concurrently.
func (s *store) handle(conn redcon.Conn, command redcon.Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.ToUpper(string(command.Args[0]))
	args := command.Args[1:]
	switch {
	case name == "SET" && len(args) == 2:
		s.values[string(args[0])] = string(args[1])
		conn.WriteString("OK")
	case name == "GET" && len(args) == 1:
		if value, ok := s.values[string(args[0])]; ok {
			conn.WriteBulkString(value)
		} else {
			conn.WriteNull()
		}
	case name == "INCR" && len(args) == 1:
		s.increment(conn, string(args[0]))
	default:
		conn.WriteError("ERR unknown command, or another number of arguments")
	}
}

// increment adds one to a value, which is 0 when there is none.
func (s *store) increment(conn redcon.Conn, key string) {
	value, ok := s.values[key]
	if !ok {
		value = "0"
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		conn.WriteError("ERR value is not an integer or out of range")
		return
	}
	s.values[key] = strconv.FormatInt(n+1, 10)
	conn.WriteInt64(n + 1)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
