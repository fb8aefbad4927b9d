package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/gowasix/gowasix/wasix/network"
)

// nameFlags say how the guest's names are looked up.
type nameFlags struct {
	hosts   list // NAME:IP
	file    string
	servers list
	search  list
	timeout time.Duration
}

// names returns n with the names that the flags give, and the search list, which
// goes around the policy: each name that is tried is asked about.
func (f *nameFlags) names(n network.Network) (inner network.Network, search network.Names, err error) {
	names := network.Names{Hosts: map[string][]netip.Addr{}, Timeout: f.timeout}
	search.Search = f.search
	if err := f.readHosts(&names); err != nil {
		return nil, search, err
	}
	var servers []netip.AddrPort
	for _, s := range f.servers {
		server, err := parseServer(s)
		if err != nil {
			return nil, search, fmt.Errorf("--dns %s: write an address, or an address and a port", s)
		}
		servers = append(servers, server)
	}
	if len(servers) > 0 {
		names.Resolver = network.NameServers(servers...)
	}
	if len(names.Hosts) == 0 && names.Resolver == nil && names.Timeout <= 0 {
		return n, search, nil
	}
	return network.WithNames(n, names), search, nil
}

func (f *nameFlags) readHosts(names *network.Names) error {
	if f.file != "" {
		file, err := os.Open(f.file)
		if err != nil {
			return fmt.Errorf("--hosts: %w", err)
		}
		defer file.Close()
		if names.Hosts, err = network.ParseHosts(file); err != nil {
			return fmt.Errorf("--hosts %s: %w", f.file, err)
		}
	}
	for _, entry := range f.hosts {
		name, text, _ := strings.Cut(entry, ":")
		ip, err := netip.ParseAddr(strings.Trim(text, "[]"))
		if err != nil || name == "" {
			return fmt.Errorf("--add-host %s: write NAME:ADDRESS", entry)
		}
		name = strings.ToLower(name)
		names.Hosts[name] = append(names.Hosts[name], ip)
	}
	return nil
}

// parseServer parses the address of a name server, whose port is 53 when left out.
func parseServer(s string) (netip.AddrPort, error) {
	if ip, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return netip.AddrPortFrom(ip, 53), nil
	}
	server, err := netip.ParseAddrPort(s)
	if server.Port() == 0 {
		err = errors.Join(err, errors.New("no port"))
	}
	return server, err
}
