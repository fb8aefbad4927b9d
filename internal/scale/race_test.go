//go:build race

package scale

// residentTolerance is how many KiB of memory may grow resident while guests
// come and go. The race detector keeps notes on all memory there ever was.
const residentTolerance = 64 << 10
