package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gowasix/gowasix/wasix/network"
)

// parseQuota reads the value of --net-limit: "sockets=100,pending=128,rate=50".
func parseQuota(s string) (q network.Quota, err error) {
	for part := range strings.SplitSeq(s, ",") {
		name, value, _ := strings.Cut(part, "=")
		limit := map[string]*int{"sockets": &q.Sockets, "pending": &q.Pending, "rate": &q.Rate}[name]
		n, err := strconv.Atoi(value)
		if limit == nil || err != nil || n <= 0 {
			return q, fmt.Errorf("--net-limit %s: write sockets=N, pending=N or rate=N, with commas between", s)
		}
		*limit = n
	}
	return q, nil
}
