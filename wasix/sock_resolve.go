package wasix

import (
	"context"
	"encoding/binary"
	"net/netip"
	"sync/atomic"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// maxHostName is more than any host name has (RFC 1035: 253 characters).
const maxHostName = 1024

// resolve is resolve(host, host_len, port, addrs, naddrs, ro_naddrs): looks up
// the addresses of a host name, stores up to naddrs of them, 18 bytes each, and how
// many it stored. port has no part in it. The look-up ends with the process.
//
// returns 0 except:
//   - EAGAIN: the name servers do not answer
//   - EFAULT: host, addrs or ro_naddrs lies outside memory
//   - EINTR: interrupted
//   - ENAMETOOLONG: no host has so long a name
//   - ENOENT: there is no such host
//   - EPERM: not granted
func resolve(t *Thread, p []uint64) abi.Errno {
	host, ok1 := t.bytes(uint32(p[0]), uint64(uint32(p[1])))
	addrs, ok2 := t.bytes(uint32(p[3]), uint64(uint32(p[4]))*abi.SizeofAddrIp)
	ro, ok3 := t.bytes(uint32(p[5]), 4)
	switch {
	case !ok1 || !ok2 || !ok3:
		return abi.EFAULT
	case len(host) > maxHostName:
		return abi.ENAMETOOLONG
	}
	found, err := t.lookup(string(host))
	if err != nil {
		return errnoOf(err)
	}
	n := min(len(found), len(addrs)/abi.SizeofAddrIp)
	for i, ip := range found[:n] {
		encodeAddrIP(addrs[i*abi.SizeofAddrIp:][:abi.SizeofAddrIp], ip)
	}
	binary.LittleEndian.PutUint32(ro, uint32(n))
	return abi.ESUCCESS
}

// encodeAddrIP stores ip as an addr_ip, which fills b.
func encodeAddrIP(b []byte, ip netip.Addr) {
	clear(b)
	if ip = ip.Unmap(); ip.Is4() {
		v4 := ip.As4()
		b[0] = byte(abi.AddressFamilyInet4)
		copy(b[abi.OffsetofAddrIpU:], v4[:])
		return
	}
	v6 := ip.As16()
	b[0] = byte(abi.AddressFamilyInet6)
	copy(b[abi.OffsetofAddrIpU:], v6[:])
}

// lookupCall is a look-up in progress, as something a thread can wait for.
type lookupCall struct {
	queue ready.Queue
	done  atomic.Bool // addrs and err are set
	addrs []netip.Addr
	err   error
}

func (c *lookupCall) Queue() *ready.Queue { return &c.queue }

func (c *lookupCall) Ready(asked ready.Events) ready.Events {
	if c.done.Load() {
		return asked & ready.In
	}
	return 0
}

// lookup resolves host, unless the thread is interrupted before the answer.
func (t *Thread) lookup(host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithCancel(t.proc.ctx)
	defer cancel()
	c := &lookupCall{}
	go func() {
		c.addrs, c.err = t.proc.network.Resolve(ctx, host)
		c.done.Store(true)
		c.queue.Notify(ready.In)
	}()
	for {
		seq := c.queue.Seq()
		if c.done.Load() {
			return c.addrs, c.err
		}
		if err := t.waiter.Wait(c, ready.In, seq, ready.Never); err != nil {
			return nil, err
		}
	}
}
