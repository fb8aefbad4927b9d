package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/gowasix/gowasix/wasix/network"
)

// sockets opens the listening sockets of --listen.
func (f *runFlags) sockets() ([]network.Socket, error) {
	var sockets []network.Socket
	for _, addr := range f.listen {
		s, err := listenOn(addr)
		if err != nil {
			for _, s := range sockets {
				_ = s.Close()
			}
			return nil, fmt.Errorf("--listen %s: %w", addr, explain(err))
		}
		sockets = append(sockets, s)
	}
	return sockets, nil
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
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
