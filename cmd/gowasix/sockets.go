package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/gowasix/gowasix/wasix/network"
)

// sockets opens the listening sockets of --listen, and prints the ports that
// were left to the system.
func (f *runFlags) sockets(stderr io.Writer) ([]network.Socket, error) {
	var sockets []network.Socket
	for i, addr := range f.listen {
		s, err := listenOn(addr)
		if err != nil {
			closeSockets(sockets)
			return nil, fmt.Errorf("--listen %s: %w", addr, explain(err))
		}
		sockets = append(sockets, s)
		if local, err := s.LocalAddr(); err == nil && strings.HasSuffix(addr, ":0") {
			fmt.Fprintf(stderr, "gowasix: descriptor %d of the guest listens on %s\n", firstSocket+i, local.AddrPort)
		}
	}
	return sockets, nil
}

// firstSocket is the guest's descriptor of the first socket, as systemd has it.
const firstSocket = 3

func closeSockets(sockets []network.Socket) {
	for _, s := range sockets {
		_ = s.Close()
	}
}

func listenOn(addr string) (network.Socket, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		return nil, err
	}
	var s network.Socket
	var dupErr error
	if err := raw.Control(func(fd uintptr) { s, dupErr = network.FromFD(int(fd)) }); err != nil {
		return nil, err
	}
	return s, dupErr
}

// explain returns what to do about a failed listen.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return errors.New("the port is in use; stop the other program or choose another port")
	case errors.Is(err, syscall.EACCES):
		return errors.New("this port needs privileges; choose one above 1023")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return errors.New("this machine has no such address")
	}
	var addr *net.AddrError
	if errors.As(err, &addr) {
		return errors.New("write an address and a port, such as 127.0.0.1:8080")
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
