package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gowasix/gowasix/wasix/network"
)

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
