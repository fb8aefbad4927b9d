package virtual_test

import (
	"net"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/gowasix/gowasix/wasix/network/virtual"
)

// Connections do what package net promises of them, alone and under load.
func TestConnLikeNet(t *testing.T) {
	for _, network := range []string{"tcp4", "tcp6"} {
		t.Run(network, func(t *testing.T) {
			nettest.TestConn(t, func() (client, server net.Conn, stop func(), err error) {
				n := virtual.New()
				l, err := n.Host("server").Listen(network, ":80")
				if err != nil {
					return nil, nil, nil, err
				}
				if client, err = n.Host("client").Dial(network, "server:80"); err != nil {
					return nil, nil, nil, err
				}
				if server, err = l.Accept(); err != nil {
					return nil, nil, nil, err
				}
				return client, server, func() { _, _, _, _ = client.Close(), server.Close(), l.Close(), n.Close() }, nil
			})
		})
	}
}
