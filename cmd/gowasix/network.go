package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/network/virtual"
)

// virtualNet is the value of --net for a network in memory.
const virtualNet = "virtual"

// baseNetwork returns what the guest's network is made of, and what is granted of
// it: the host's, or all of one in memory, which closeNetwork ends.
func (f *runFlags) baseNetwork() (network.Network, *network.Policy, error) {
	switch {
	case f.net.value == virtualNet:
		f.virtual = virtual.New()
		return f.virtual.Host("guest"), network.AllowAll(), nil
	case !f.net.given:
		return network.Host(), &network.Policy{}, nil
	case f.net.value == "":
		return network.Host(), network.AllowAll(), nil
	}
	policy, err := network.ParseRules(f.net.value)
	if err != nil {
		return nil, nil, fmt.Errorf("--net: %w", err)
	}
	return network.Host(), policy, nil
}

func (f *runFlags) closeNetwork() {
	if f.virtual != nil {
		_ = f.virtual.Close()
	}
}

// network returns the network that --net and -p grant. What they do not is
// refused, and stderr told once which flag would grant it.
func (f *runFlags) network(stderr io.Writer) (network.Network, error) {
	base, policy, err := f.baseNetwork()
	if err != nil {
		return nil, err
	}
	policy.OnDeny = (&hints{rules: f.net.value, out: stderr}).denied
	inner, search, err := f.names.names(base)
	if err != nil {
		return nil, err
	}
	n := network.WithPolicy(inner, policy)
	if len(search.Search) > 0 {
		n = network.WithNames(n, search)
	}
	if f.netLimit != "" {
		quota, err := parseQuota(f.netLimit)
		if err != nil {
			return nil, err
		}
		n = network.WithQuota(n, quota)
	}
	maps, err := f.portMaps()
	if err != nil || len(maps) == 0 {
		return n, err
	}
	publisher := network.Publish(n, maps)
	publisher.OnBind = func(bound network.PortMap) { announce(stderr, maps, bound) }
	publisher.OnError = (&failures{out: stderr}).add
	return publisher, nil
}

// failures tells the user of ports that were not published, once each.
type failures struct {
	told sync.Map
	out  io.Writer
}

func (f *failures) add(m network.PortMap, err error) {
	if _, told := f.told.LoadOrStore(m, nil); !told {
		fmt.Fprintf(f.out, "gowasix: -p %s: %v\n", m, err)
	}
}

// portMaps returns the ports of -p, which can be had.
func (f *runFlags) portMaps() ([]network.PortMap, error) {
	var maps []network.PortMap
	for _, s := range f.publish {
		parsed, err := network.ParsePortMaps(s)
		if err != nil {
			return nil, fmt.Errorf("-p: %w", err)
		}
		for _, m := range parsed {
			if err := available(m); err != nil {
				return nil, fmt.Errorf("-p %s: %w", s, err)
			}
		}
		maps = append(maps, parsed...)
	}
	return maps, nil
}

// announce prints where a port is that the system has chosen.
func announce(w io.Writer, maps []network.PortMap, bound network.PortMap) {
	for _, m := range maps {
		if m.Guest == bound.Guest && m.Proto == bound.Proto && m.Outside.Port() == 0 {
			fmt.Fprintf(w, "gowasix: port %d of the guest is at %s\n", bound.Guest, bound.Outside)
			return
		}
	}
}

// available tells early what the guest could only call an errno: that the port
// outside cannot be had.
func available(m network.PortMap) error {
	if m.Proto == abi.SockProtoUdp {
		c, err := net.ListenPacket("udp", m.Outside.String())
		if err != nil {
			return explain(err)
		}
		return c.Close()
	}
	s, err := net.Listen("tcp", m.Outside.String())
	if err != nil {
		return explain(err)
	}
	return s.Close()
}

// maxHints bounds what one guest can make the command print.
const maxHints = 20

// hints tells the user, once each, what was refused and how to grant it.
type hints struct {
	rules string // already given
	mu    sync.Mutex
	out   io.Writer
	told  int
}

func (h *hints) denied(r network.Request, times uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if times != 1 || h.told >= maxHints {
		return
	}
	h.told++
	fmt.Fprintf(h.out, "gowasix: denied: the guest may not %s; grant it with --net=%s%s\n",
		r, h.rulesWith(r.Rule()), alternative(r))
}

// rulesWith returns the rules given and one more, as a shell takes them.
func (h *hints) rulesWith(rule network.Rule) string {
	rules := rule.String()
	if h.rules != "" {
		rules = h.rules + "," + rules
	}
	if strings.ContainsAny(rules, "*[]{} ") {
		return "'" + rules + "'"
	}
	return rules
}

// alternative is what else would do.
func alternative(r network.Request) string {
	if port := r.Addr.Port(); port != 0 && r.Rule().Direction == network.Inbound {
		return fmt.Sprintf(", or publish it with -p 8080:%d", port)
	}
	return ", or everything with --net"
}
