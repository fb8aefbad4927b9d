package main

import (
	"fmt"
	"io"
	"net/netip"
	"sync"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// network returns the network that --net and -p grant. What they do not is
// refused, and stderr told once which flag would grant it.
func (f *runFlags) network(stderr io.Writer) (network.Network, error) {
	policy := &network.Policy{}
	if f.net.given && f.net.value == "" {
		policy = network.AllowAll()
	} else if f.net.given {
		var err error
		if policy, err = network.ParseRules(f.net.value); err != nil {
			return nil, fmt.Errorf("--net: %w", err)
		}
	}
	policy.OnDeny = newHints(stderr).denied
	n := network.WithPolicy(network.Host(), policy)
	var maps []network.PortMap
	for _, s := range f.publish {
		m, err := network.ParsePortMap(s)
		if err != nil {
			return nil, fmt.Errorf("-p %s: %w", s, err)
		}
		if err := available(m); err != nil {
			return nil, fmt.Errorf("-p %s: %w", s, err)
		}
		maps = append(maps, m)
	}
	if len(maps) == 0 {
		return n, nil
	}
	return network.Publish(n, maps), nil
}

// available tells early what the guest could only call an errno: that the port
// outside cannot be had.
func available(m network.PortMap) error {
	if m.Proto != abi.SockProtoTcp || m.Outside.Port() == 0 {
		return nil
	}
	s, err := listenOn(m.Outside.String())
	if err != nil {
		return explain(err)
	}
	return s.Close()
}

// maxHints bounds what one guest can make the command print.
const maxHints = 20

// hints tells the user, once each, what was refused and how to grant it.
type hints struct {
	mu   sync.Mutex
	out  io.Writer
	told map[network.Denial]bool
}

func newHints(out io.Writer) *hints {
	return &hints{out: out, told: map[network.Denial]bool{}}
}

func (h *hints) denied(d network.Denial) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.told[d] || len(h.told) >= maxHints {
		return
	}
	h.told[d] = true
	what := d.Host
	rule := network.Rule{Domain: d.Host, Ports: network.AllPorts}
	if what == "" {
		what = d.Addr.String()
		port := d.Addr.Port()
		rule = network.Rule{
			Prefix:    netip.PrefixFrom(d.Addr.Addr(), d.Addr.Addr().BitLen()),
			Ports:     network.PortRange{First: port, Last: port},
			Direction: directionOf(d.Use),
		}
	}
	fmt.Fprintf(h.out, "gowasix: denied: the guest may not %s %s; grant it with --net=%s, or everything with --net\n",
		d.Use, what, rule.String())
}

func directionOf(u network.Use) network.Direction {
	switch u {
	case network.UseBind, network.UseListen, network.UseAccept:
		return network.Inbound
	}
	return network.Outbound
}
