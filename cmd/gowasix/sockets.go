package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/gowasix/gowasix/wasix/network"
)

// given is a socket for the guest with its name.
type given struct {
	network.Socket
	name string
}

// sockets returns the sockets that the guest gets: those that the command itself
// was given by systemd or its like, then those of --listen. It prints the ports
// that were left to the system.
func (f *runFlags) sockets(stderr io.Writer) (sockets []network.Socket, names []string, err error) {
	all, err := activated()
	if err != nil {
		return nil, nil, err
	}
	for _, text := range f.listen {
		g, err := listenOn(text)
		if err != nil {
			closeGiven(all)
			return nil, nil, fmt.Errorf("--listen %s: %w", text, explain(err))
		}
		all = append(all, g)
		if local, err := g.LocalAddr(); err == nil && local.IsValid() && leftToSystem(text) {
			fmt.Fprintf(stderr, "gowasix: descriptor %d of the guest listens on %s\n", firstSocket+len(all)-1, local.AddrPort)
		}
	}
	for _, g := range all {
		sockets, names = append(sockets, g.Socket), append(names, g.name)
	}
	return sockets, names, nil
}

// firstSocket is the descriptor of the first socket, as systemd has it: the
// guest's, and the command's own.
const firstSocket = 3

// leftToSystem reports whether the port of a --listen is 0.
func leftToSystem(text string) bool {
	return strings.HasSuffix(strings.TrimSuffix(text, "/udp"), ":0")
}

func closeGiven(all []given) {
	for _, g := range all {
		_ = g.Close()
	}
}

// activated returns the sockets that whoever started the command has opened for
// it, by the protocol of sd_listen_fds(3).
func activated() (all []given, err error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > 1<<16 {
		return nil, fmt.Errorf("LISTEN_FDS=%s is no number of sockets", os.Getenv("LISTEN_FDS"))
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for i := range n {
		s, err := network.FromFD(firstSocket + i)
		if err != nil {
			closeGiven(all)
			return nil, fmt.Errorf("descriptor %d of LISTEN_FDS=%d: %w", firstSocket+i, n, err)
		}
		_ = syscall.Close(firstSocket + i)
		g := given{Socket: s}
		if i < len(names) {
			g.name = names[i]
		}
		all = append(all, g)
	}
	return all, nil
}

// listenOn opens what --listen asks for: [NAME=]ADDR:PORT[/udp] or
// [NAME=]unix:PATH.
func listenOn(text string) (g given, err error) {
	name, addr, ok := strings.Cut(text, "=")
	if !ok {
		name, addr = "", text
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		g.Socket, err = listenStream("unix", path)
	} else if udp, ok := strings.CutSuffix(addr, "/udp"); ok {
		g.Socket, err = listenDatagrams(udp)
	} else {
		g.Socket, err = listenStream("tcp", addr)
	}
	g.name = name
	return g, err
}

// removeUnix removes the files that --listen unix:PATH made.
func (f *runFlags) removeUnix() {
	for _, text := range f.listen {
		if _, path, ok := strings.Cut(text, "unix:"); ok {
			_ = os.Remove(path)
		}
	}
}

func listenStream(kind, addr string) (network.Socket, error) {
	l, err := net.Listen(kind, addr)
	if err != nil {
		return nil, err
	}
	return network.FromListener(l)
}

func listenDatagrams(addr string) (network.Socket, error) {
	c, err := net.ListenPacket("udp", addr)
	if err != nil {
		return nil, err
	}
	return network.FromPacketConn(c)
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
