package wasixtest

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/network/virtual"
)

// ground is a network that the socket cases run on.
type ground struct {
	name string
	// open returns, for one case, the guest's network, and that of peers on the
	// guest's host.
	open func(testing.TB) (network.Network, peers)
	// differs returns what a case that is not to hold here says instead, and
	// why; none for one that is to hold.
	differs func(row string, family abi.AddressFamily) (instead, reason string)
}

// grounds are the networks that there are.
var grounds = []*ground{
	{"Host", func(testing.TB) (network.Network, peers) { return network.Host(), kernelPeers{} }, differsFrom(hostDifferences)},
	{"Virtual", openVirtual, differsFrom(virtualDifferences)},
	{"None", func(testing.TB) (network.Network, peers) { return network.None(), kernelPeers{} }, noneDiffers},
}

// peers opens sockets of Go programs on the host that the guest is on.
type peers interface {
	Dial(network, address string) (net.Conn, error)
	Listen(network, address string) (net.Listener, error)
	ListenPacket(network, address string) (net.PacketConn, error)
}

type kernelPeers struct{}

func (kernelPeers) Dial(network, address string) (net.Conn, error) { return net.Dial(network, address) }
func (kernelPeers) Listen(network, address string) (net.Listener, error) {
	return net.Listen(network, address)
}
func (kernelPeers) ListenPacket(network, address string) (net.PacketConn, error) {
	return net.ListenPacket(network, address)
}

func openVirtual(t testing.TB) (network.Network, peers) {
	n := virtual.New(virtual.WithRetransmission(10*time.Millisecond, 2*time.Minute, 15)) // for tests that end soon
	t.Cleanup(func() { _ = n.Close() })
	h := n.Host("guest")
	return h, h
}

// sockDifference is a case that is meant not to hold on a ground.
type sockDifference struct {
	row     string
	instead string // what the case says
	reason  string
}

const notShown = "the interfaces of the host are not shown, nor the guest's to change"

// hostDifferences are those of the host's network; a case that holds all the same
// fails.
var hostDifferences = []sockDifference{
	{"the interface has an address and a route to its network", "ENOTSUP", notShown},
	{"a list without room is OVERFLOW, and tells how many there are", "ENOTSUP", notShown},
	{"addresses come and go", "EPERM", notShown},
	{"an address that cannot be is refused", "EPERM", notShown},
	{"an address that was added can be bound to", "EPERM", notShown},
	{"a route opens a way until it goes", "EPERM", notShown},
	{"a route that cannot be is refused", "EPERM", notShown},
	{"the gateway is a default route", "EPERM", notShown},
	{"an unplugged interface reaches nobody", "EPERM", notShown},
}

// virtualDifferences are those of the virtual network; a case that holds all the
// same fails.
var virtualDifferences = []sockDifference{}

func differsFrom(list []sockDifference) func(string, abi.AddressFamily) (string, string) {
	return func(row string, _ abi.AddressFamily) (instead, reason string) {
		for _, d := range list {
			if d.row == row {
				return d.instead, d.reason
			}
		}
		return "", ""
	}
}

// heldByNone are the cases that open no socket of INET4 or INET6, and so hold
// without a network.
var heldByNone = []string{
	"no network is EPERM",
	"a descriptor that is not open cannot",
	"a directory cannot",
	"standard input cannot",
	"a descriptor that is not open has none",
	"a directory has none",
	"what is no socket cannot be written to or read",
	"what is no socket has no options",
	"what is no socket cannot",
	"what is no socket has no address",
	"each clock that is past is an event",
	"no subscriptions are INVAL",
	"an unknown kind of event is an event of its own",
	"a time that is over ends the wait",
	"the data of a descriptor comes back, and nothing else is stored",
	"what cannot be watched is refused",
	"numbers of events that are none are INVAL",
	"pointers outside memory are FAULT",
	"raw sockets are refused",
	"Unix sockets of the host cannot be reached",
	"what lies outside memory is FAULT",
	"the interface cannot be changed under a policy",
}

func noneDiffers(row string, family abi.AddressFamily) (instead, reason string) {
	if family == local || slices.Contains(heldByNone, row) {
		return "", ""
	}
	return abi.EPERM.Error(), "a guest without a network opens no socket, but for UNIX"
}

// check runs a case on the ground, and has it hold or differ as it is meant to.
func (gr *ground) check(t *testing.T, row sockCase, family abi.AddressFamily, run func(testing.TB)) {
	instead, reason := gr.differs(row.name, family)
	if instead == "" {
		run(t)
		return
	}
	a := &attempt{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(a)
	}()
	<-done
	if said := strings.Join(a.said, "\n"); !strings.Contains(said, instead) {
		t.Errorf("meant to differ (%s), and to say %q; it says %q", reason, instead, said)
	}
}

// attempt notes what a case says that is meant to fail.
type attempt struct {
	testing.TB
	said []string
}

func (a *attempt) Error(args ...any) { a.said = append(a.said, fmt.Sprint(args...)) }
func (a *attempt) Errorf(format string, args ...any) {
	a.said = append(a.said, fmt.Sprintf(format, args...))
}
func (a *attempt) FailNow()          { runtime.Goexit() }
func (a *attempt) Fatal(args ...any) { a.Error(args...); a.FailNow() }
func (a *attempt) Fatalf(format string, args ...any) {
	a.Errorf(format, args...)
	a.FailNow()
}
