package network

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
)

// Resolver looks up the addresses of a name, as *[net.Resolver] does; network is
// "ip". Errors are *[net.DNSError]; others mean that nobody answers. A look-up that
// goes on when ctx is done is waited for no longer.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Names says how a guest's names are looked up. Fields that are not set change
// nothing.
type Names struct {
	// Hosts are the addresses of names, as [ParseHosts] reads them. Others are
	// looked up.
	Hosts map[string][]netip.Addr
	// Resolver looks names up in place of the network.
	Resolver Resolver
	// Search are the domains in which names are looked for, as resolv.conf(5) has
	// it: those with fewer dots than Dots first in the domains and then as they
	// are, others the other way round, and those that end with a dot only so.
	Search []string
	Dots   int // 0 is 1
	// Timeout bounds each look-up; the guest then gets EAGAIN.
	Timeout time.Duration
	// Family, INET4 or INET6, leaves only its addresses in answers.
	Family abi.AddressFamily
}

// WithNames returns n with names looked up as told. Inside a [WithPolicy]
// network, all answers are under the policy by the name that the guest asked
// for; around one, the policy is asked about each name that the search makes.
func WithNames(n Network, names Names) Network {
	hosts := make(map[string][]netip.Addr, len(names.Hosts))
	for name, addrs := range names.Hosts {
		hosts[canonicalName(name)] = addrs
	}
	names.Hosts = hosts
	return &naming{layer: layer{n}, names: names}
}

// naming is a network with names of its own.
type naming struct {
	layer
	names Names
}

func (n *naming) withContext(ctx context.Context) Network {
	own := *n
	own.Network = WithContext(ctx, n.Network)
	return &own
}

// Resolve returns the addresses of the first candidate that has any. Of errors
// other than that there is no such name, it returns the first.
func (n *naming) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	result := error(syscall.ENOENT)
	for _, name := range n.candidates(host) {
		addrs, err := n.lookup(ctx, name)
		if err == nil {
			return addrs, nil
		}
		if ctx.Err() != nil {
			return nil, syscall.ECANCELED
		}
		if result == syscall.ENOENT {
			result = err
		}
	}
	return nil, result
}

// candidates returns the names to look up for host, in order.
func (n *naming) candidates(host string) []string {
	if strings.HasSuffix(host, ".") || host == "" || len(n.names.Search) == 0 {
		return []string{host}
	}
	var list []string
	for _, domain := range n.names.Search {
		list = append(list, host+"."+strings.Trim(domain, "."))
	}
	if strings.Count(host, ".") >= max(n.names.Dots, 1) {
		return append([]string{host}, list...)
	}
	return append(list, host)
}

func (n *naming) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs, known := n.names.Hosts[canonicalName(host)]
	if !known {
		var err error
		if addrs, err = n.ask(ctx, host); err != nil {
			return nil, err
		}
	}
	if n.names.Family == abi.AddressFamilyUnspec {
		return addrs, nil
	}
	var kept []netip.Addr
	for _, ip := range addrs {
		if (Addr{AddrPort: netip.AddrPortFrom(ip.Unmap(), 0)}).Family() == n.names.Family {
			kept = append(kept, ip)
		}
	}
	if len(kept) == 0 {
		return nil, syscall.ENOENT
	}
	return kept, nil
}

// ask asks the resolver, or else the network inside.
func (n *naming) ask(ctx context.Context, host string) ([]netip.Addr, error) {
	limited := ctx
	if n.names.Timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, n.names.Timeout)
		defer cancel()
	}
	var addrs []netip.Addr
	var err error
	if n.names.Resolver == nil {
		addrs, err = within(limited, func() ([]netip.Addr, error) { return n.Network.Resolve(limited, host) })
	} else {
		addrs, err = lookup(ctx, limited, n.names.Resolver, host)
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, syscall.EAGAIN
	}
	return addrs, err
}

// lookup asks r; its errors are those of [Network.Resolve]. limited ends with ctx
// or before.
func lookup(ctx, limited context.Context, r Resolver, host string) ([]netip.Addr, error) {
	if host == "" {
		return nil, syscall.ENOENT
	}
	addrs, err := within(limited, func() ([]netip.Addr, error) { return r.LookupNetIP(limited, "ip", host) })
	if err != nil {
		return fallback(host, resolveErrno(ctx, err))
	}
	list := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		list[i] = a.Unmap()
	}
	return list, nil
}

// within returns what look returns, or ctx's error once that is done: an embedder's
// look-up may not heed it. The goroutine ends with the look-up.
func within(ctx context.Context, look func() ([]netip.Addr, error)) ([]netip.Addr, error) {
	var addrs []netip.Addr
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		addrs, err = look()
	}()
	select {
	case <-done:
		return addrs, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ParseHosts reads a file in the form of hosts(5), for Names.Hosts. Names are not
// told apart by case.
func ParseHosts(r io.Reader) (map[string][]netip.Addr, error) {
	hosts := map[string][]netip.Addr{}
	in := bufio.NewScanner(r)
	for line := 1; in.Scan(); line++ {
		text, _, _ := strings.Cut(in.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		ip, err := netip.ParseAddr(fields[0])
		if err != nil || len(fields) < 2 {
			return nil, fmt.Errorf("line %d: want an address and names, not %q", line, strings.TrimSpace(text))
		}
		for _, name := range fields[1:] {
			name = canonicalName(name)
			hosts[name] = append(hosts[name], ip)
		}
	}
	return hosts, in.Err()
}

// NameServers returns a resolver that asks the given servers, one after the
// other until one answers, in place of the host's. The host's own hosts file and
// search list still count.
func NameServers(servers ...netip.AddrPort) *net.Resolver {
	var next atomic.Uint32
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		server := servers[int(next.Add(1)-1)%len(servers)]
		return new(net.Dialer).DialContext(ctx, network, server.String())
	}
	return &net.Resolver{PreferGo: true, Dial: dial}
}
