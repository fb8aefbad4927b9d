//go:build race

package scale

import "math"

// residentTolerance is without a bound: the race detector keeps notes on all
// threads and memory there ever were.
const residentTolerance = math.MaxInt
