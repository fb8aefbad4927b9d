package network

import (
	"cmp"
	"slices"
	"sync"
)

// maxDenials is how many different requests a policy remembers to have refused.
const maxDenials = 1024

// denials counts what was refused.
type denials struct {
	mu     sync.Mutex
	counts map[Request]uint64
	total  uint64
}

// add counts r and returns how often it was refused, 0 when that is not known.
func (d *denials) add(r Request) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total++
	n, known := d.counts[r]
	if !known && len(d.counts) >= maxDenials {
		return 0
	}
	if d.counts == nil {
		d.counts = map[Request]uint64{}
	}
	d.counts[r] = n + 1
	return n + 1
}

// DenialCount is how often a request was refused.
type DenialCount struct {
	Request
	Times uint64
}

// Denials returns what the policy has refused, the most frequent first, and how
// many refusals there were in all: of different requests, it remembers the first
// 1,024.
func (p *Policy) Denials() (list []DenialCount, total uint64) {
	p.denials.mu.Lock()
	defer p.denials.mu.Unlock()
	for r, n := range p.denials.counts {
		list = append(list, DenialCount{r, n})
	}
	slices.SortFunc(list, func(a, b DenialCount) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.String(), b.String()))
	})
	return list, p.denials.total
}
