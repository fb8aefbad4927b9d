package main

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network/virtual"
	"github.com/gowasix/gowasix/wasmer"
	"github.com/gowasix/gowasix/wazero"
	"github.com/tidwall/redcon"
)

const commands = `SET greeting hello
GET greeting
GET missing
INCR visits
incr  visits
INCR greeting
FLUSHALL
`

const replies = `OK
"hello"
(nil)
(integer) 1
(integer) 2
(error) ERR value is not an integer or out of range
(error) ERR unknown command, or another number of arguments
`

func TestRedis(t *testing.T) {
	t.Run("wazero", func(t *testing.T) {
		engine, err := wazero.NewEngine()
		talks(t, engine, err)
	})
	if wasmer.Available {
		t.Run("wasmer", func(t *testing.T) {
			engine, err := wasmer.NewEngine()
			talks(t, engine, err)
		})
	}
}

// talks has a guest talk to the server, if it may.
func talks(t *testing.T, engine wasix.Engine, err error) {
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	module, err := engine.Compile(t.Context(), guests.Bytes("redis"))
	if err != nil {
		t.Fatal(err)
	}
	defer module.Close()
	vnet := virtual.New()
	defer vnet.Close()
	listener, err := vnet.Listen("tcp", "10.0.0.1:6379")
	if err != nil {
		t.Fatal(err)
	}
	server := redcon.NewServer("", (&store{values: map[string]string{}}).handle, nil, nil)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	for _, c := range []struct {
		rules, out, errs string
		status           int
	}{
		{"ip:allow=10.0.0.1:6379/out", replies, "", 0},
		{"ip:allow=10.0.0.1:6380/out,ip:allow=10.0.0.2:6379/out", "", "10.0.0.1: EPERM\n", 1},
	} {
		client, err := newClient(module, vnet.Host("guest"), listener.Addr(), c.rules)
		if err != nil {
			t.Fatal(err)
		}
		var out, errs strings.Builder
		client.Stdin, client.Stdout, client.Stderr = strings.NewReader(commands), &out, &errs
		status, exit := 0, (*wasix.ExitError)(nil)
		if err := client.Run(t.Context()); errors.As(err, &exit) {
			status = exit.ExitCode()
		} else if err != nil {
			t.Error(err)
		}
		if status != c.status || out.String() != c.out || errs.String() != c.errs {
			t.Errorf("%s: status %d, replies\n%s%s", c.rules, status, out.String(), errs.String())
		}
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	serving.Wait()
}
