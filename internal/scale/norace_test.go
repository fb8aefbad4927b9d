//go:build !race

package scale

// residentTolerance is how many KiB of memory may grow resident while guests
// come and go: noise of the allocators.
const residentTolerance = 2 << 10

// memoryOfGuest is how many KiB a small guest that waits may take.
const memoryOfGuest = 256
