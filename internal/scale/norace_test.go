//go:build !race

package scale

// residentTolerance is how many KiB of memory may grow resident while guests
// come and go: noise of the allocators.
const residentTolerance = 2 << 10
