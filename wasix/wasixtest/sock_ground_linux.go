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
	// differences are the cases that are meant not to hold here.
	differences []sockDifference
	// otherwise returns what a case that is not listed may say instead of holding,
	// and why; none for one that is to hold. nil is for none.
	otherwise func(row string, family abi.AddressFamily) (says []string, reason string)
}

// grounds are the networks that there are.
var grounds = []*ground{
	{"Host", func(testing.TB) (network.Network, peers) { return network.Host(), kernelPeers{} }, hostDifferences, nil},
	{"Virtual", openVirtual, nil, nil},
	{"None", func(testing.TB) (network.Network, peers) { return network.None(), kernelPeers{} }, noneDifferences, opensNone},
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

// sockDifference is a case that is meant not to hold on a ground, for some families.
// It fails if it holds all the same or says anything else.
type sockDifference struct {
	row      string
	families []abi.AddressFamily
	says     string
	reason   string
}

const (
	notShown = "the interfaces of the host are not shown, nor the guest's to change"
	none     = "a guest without a network has no interface, and opens no socket but for UNIX"
)

// hostDifferences are those of the host's network.
var hostDifferences = []sockDifference{
	{"the interface has an address and a route to its network", inet, "port_addr_list: ENOTSUP", notShown},
	{"a list without room is OVERFLOW, and tells how many there are", inet[:1], "port_addr_list[24576 24560]: ENOTSUP, want EOVERFLOW", notShown},
	{"addresses come and go", inet, "port_addr_add[24320]: EPERM, want ESUCCESS", notShown},
	{"an address that cannot be is refused", inet[:1], "port_addr_add[24320]: EPERM, want EADDRINUSE", notShown},
	{"an address that was added can be bound to", inet, "port_addr_add[24320]: EPERM, want ESUCCESS", notShown},
	{"a route opens a way until it goes", inet, "port_route_remove[24320]: EPERM, want ESRCH", notShown},
	{"a route that cannot be is refused", inet[:1], "port_route_add[24320 24064 23808 23824]: EPERM, want EINVAL", notShown},
	{"the gateway is a default route", inet, "port_gateway_set[24064]: EPERM, want ENETUNREACH", notShown},
	{"an unplugged interface reaches nobody", inet, "port_unbridge[]: EPERM, want ESUCCESS", notShown},
}

// noneDifferences are those without a network, besides those of [opensNone].
var noneDifferences = []sockDifference{
	{"the interface has an address and a route to its network", inet, "port_addr_list: EPERM", none},
	{"a list without room is OVERFLOW, and tells how many there are", inet[:1], "port_addr_list[24576 24560]: EPERM, want EOVERFLOW", none},
	{"addresses come and go", inet, "port_addr_add[24320]: EPERM, want ESUCCESS", none},
	{"an address that cannot be is refused", inet[:1], "port_addr_add[24320]: EPERM, want EADDRINUSE", none},
	{"a route opens a way until it goes", inet, "port_route_remove[24320]: EPERM, want ESRCH", none},
	{"a route that cannot be is refused", inet[:1], "port_route_add[24320 24064 23808 23824]: EPERM, want EINVAL", none},
	{"the gateway is a default route", inet, "port_gateway_set[24064]: EPERM, want ENETUNREACH", none},
	{"an unplugged interface reaches nobody", inet, "port_unbridge[]: EPERM, want ESUCCESS", none},
	{"a program of preview1 accepts at the socket that it was given", inet, "EPERM", none},
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

// opensNone has all other cases fail at their first socket.
func opensNone(row string, family abi.AddressFamily) (says []string, reason string) {
	if family == local || slices.Contains(heldByNone, row) {
		return nil, ""
	}
	for _, typ := range []abi.SockType{stream, dgram} {
		says = append(says, fmt.Sprintf("sock_open[%d %d 0 %d]: EPERM", family, typ, fdAt))
	}
	return says, none
}

// instead returns what a case may say instead of holding, and why; none for one that
// is to hold.
func (gr *ground) instead(row string, family abi.AddressFamily) (says []string, reason string) {
	for _, d := range gr.differences {
		if d.row == row && slices.Contains(d.families, family) {
			return []string{d.says}, d.reason
		}
	}
	if gr.otherwise == nil {
		return nil, ""
	}
	return gr.otherwise(row, family)
}

// check runs a case on the ground, and has it hold or differ as it is meant to.
func (gr *ground) check(t testing.TB, row sockCase, family abi.AddressFamily, run func(testing.TB)) {
	instead, reason := gr.instead(row.name, family)
	if instead == nil {
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
	if said := strings.Join(a.said, "\n"); !slices.Contains(instead, said) {
		t.Errorf("meant to differ (%s), and to say one of %q; it says %q", reason, instead, said)
	}
	a.over = true
}

// attempt notes what a case says that is meant to fail. Once that is over, what its
// clean-up says is a failure as any.
type attempt struct {
	testing.TB
	said []string
	over bool
}

func (a *attempt) Error(args ...any) { a.Errorf("%s", fmt.Sprint(args...)) }
func (a *attempt) Errorf(format string, args ...any) {
	if a.over {
		a.TB.Errorf(format, args...)
		return
	}
	a.said = append(a.said, fmt.Sprintf(format, args...))
}
func (a *attempt) FailNow()          { runtime.Goexit() }
func (a *attempt) Fatal(args ...any) { a.Error(args...); a.FailNow() }
func (a *attempt) Fatalf(format string, args ...any) {
	a.Errorf(format, args...)
	a.FailNow()
}
