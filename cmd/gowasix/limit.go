package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
)

// limitTree gives the command the limits of all its processes together.
func (f *runFlags) limitTree(cmd *wasix.Cmd) (err error) {
	if f.treeMemory != "" {
		if cmd.MaxMemory, err = parseSize("--tree-memory-limit", f.treeMemory); err != nil {
			return err
		}
	}
	if cmd.MaxProcesses, err = parseCount("--process-limit", f.processLimit); err != nil {
		return err
	}
	cmd.MaxThreads, err = parseCount("--thread-limit", f.threadLimit)
	return err
}

// parseCount reads a number of things, the value of a flag; 0 when it was not given.
func parseCount(flag, s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%s %s: write a number, 1 at least", flag, s)
	}
	return int(n), nil
}

// parseQuota reads the value of --net-limit: "sockets=100,pending=128,rate=50,in=1M,out=1M".
func parseQuota(s string) (q network.Quota, err error) {
	for part := range strings.SplitSeq(s, ",") {
		name, value, _ := strings.Cut(part, "=")
		limit := map[string]*int{"sockets": &q.Sockets, "pending": &q.Pending, "rate": &q.Rate}[name]
		n, err := strconv.ParseUint(value, 10, 31)
		if name == "in" || name == "out" {
			limit = map[string]*int{"in": &q.BytesIn, "out": &q.BytesOut}[name]
			n, err = parseBytes(value)
		}
		if limit == nil || err != nil || n == 0 || n > math.MaxInt {
			return q, fmt.Errorf("--net-limit %s: write sockets=N, pending=N, rate=N, in=BYTES or out=BYTES, with commas between", s)
		}
		*limit = int(n)
	}
	return q, nil
}
