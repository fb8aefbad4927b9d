//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// policyRules is how many rules the policy has that is measured.
const policyRules = 1000

// measurePolicies adds what a decision costs, and what a policy costs on a connected
// socket, with as many bytes sent and received as an echo has.
func measurePolicies(text *strings.Builder) error {
	var rules strings.Builder
	rules.WriteString("ipv4:allow=127.0.0.0/8:*")
	for i := range policyRules - 1 {
		fmt.Fprintf(&rules, ",ipv4:allow=10.%d.%d.0/24:%d/out", i/250, i%250, i+1)
	}
	policy, err := network.ParseRules(rules.String())
	if err != nil {
		return err
	}
	addr := netip.MustParseAddrPort("10.3.7.9:758")
	if !policy.Allows(network.UseConnect, addr) {
		return errors.New("the policy does not grant what it should")
	}
	decision, err := perRoundTrip(func() error {
		for range 1000 {
			policy.Allows(network.UseConnect, addr)
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(text, "\nA decision by %d rules takes %d ns.\n\n| µs | without a policy | with %d rules |\n|---|--:|--:|\n",
		policyRules, decision.Nanoseconds()/1000, policyRules)
	nets := []namedNetwork{{"without", network.Host()}, {"with", network.WithPolicy(network.Host(), policy)}}
	return compare(text, "64 B sent and received on a connected socket", nets, *rounds, func(n namedNetwork) (time.Duration, error) {
		return connectedTime(n.Network)
	})
}

// namedNetwork is a network to compare with others.
type namedNetwork struct {
	name string
	network.Network
}

func (n namedNetwork) String() string { return n.name }

// connectedTime returns what sending 64 bytes on a connected socket of n takes, and
// receiving them at the other end.
func connectedTime(n network.Network) (time.Duration, error) {
	l, err := n.Socket(abi.AddressFamilyInet4, abi.SockTypeStream, abi.SockProtoTcp)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	if err := errors.Join(l.Bind(network.Addr{AddrPort: netip.MustParseAddrPort("127.0.0.1:0")}), l.Listen(1)); err != nil {
		return 0, err
	}
	at, err := l.LocalAddr()
	if err != nil {
		return 0, err
	}
	c, err := n.Socket(abi.AddressFamilyInet4, abi.SockTypeStream, abi.SockProtoTcp)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.Connect(at); err != nil && err != syscall.EINPROGRESS {
		return 0, err
	}
	s, _, err := l.Accept()
	for ; err == syscall.EAGAIN; s, _, err = l.Accept() {
	}
	if err != nil {
		return 0, err
	}
	defer s.Close()
	out, in := [][]byte{make([]byte, 64)}, [][]byte{make([]byte, 64)}
	return perRoundTrip(func() error {
		if _, err := c.Sendmsg(out, nil); err != nil {
			return err
		}
		for {
			if _, _, err := s.Recvmsg(in, 0, nil); err != syscall.EAGAIN {
				return err
			}
		}
	})
}
