//go:build race

package scale

import "math"

// residentTolerance is without a bound: the race detector keeps notes on all
// threads and memory there ever were.
const residentTolerance = math.MaxInt

// memoryOfGuest is how many KiB a small guest that waits may take.
const memoryOfGuest = 2048
